"""Checks of what only a GPU has: CUDA graphs, autocast's rules, memory that runs out.

On a CPU they run too, without the graphs and without running out of memory.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.gpu.shapes import build, nf4_linear, tiny
from bench.gpu.steps import Reading, window_lesson
from disc_lite.distillation.accumulation import Gradient, accumulate
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.teacher import read_lessons
from disc_lite.models import Base
from disc_lite.models.autocast import keep_half
from disc_lite.models.device import free_memory, limited_memory
from disc_lite.models.generation import Continuation, generate, graphs
from disc_lite.recipe import Recipe

NEW_TOKENS = 48
BELOW_BEST = 0.4  # nats; that of the check at loading, in bf16
MIDDLE = {
    "hidden": 1024, "layers": 4, "heads": 16, "kv_heads": 4, "head_dim": 64, "intermediate": 4096, "vocab": 4096,
}  # fmt: skip

Found = Iterator[tuple[str, bool | None, str]]  # as in `checks`


# -- generation ----------------------------------------------------------------------------------------


def generation(device: torch.device, dry_run: bool) -> Found:
    """Check that passes are CUDA graphs, and that every greedy token is the best one if its text is read alone."""
    base, rng = build(tiny("qwen3-8b"), device), torch.Generator().manual_seed(0)
    prefix, *ends = (torch.randint(512, (size,), generator=rng).tolist() for size in (40, *range(3, 15)))
    prompts = [[*prefix, *end] if number < 8 else end for number, end in enumerate(ends)]
    with base.frozen(adapter=False) as model, _passes() as by_graph, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = generate(
            model, prompts, stop_ids=frozenset(), max_new_tokens=NEW_TOKENS, groups=[0] * 8 + [*range(1, 5)]
        )
        worst = max(_below_the_best(model, *text) for text in zip(prompts, found, strict=True))
    if device.type == "cuda":
        said = "; ".join(str(each.message) for each in told if "CUDA graph" in str(each.message))
        yield "passes are CUDA graphs", sum(by_graph) > NEW_TOKENS // 2 and not said, said or f"{sum(by_graph)} passes"
    figure = f"at most {worst:.2g} nats below the best token (limit {BELOW_BEST})"
    yield "generated tokens are those of each text alone", worst <= BELOW_BEST, figure


def _below_the_best(model: Any, prompt: Sequence[int], written: Continuation) -> float:
    ids = torch.tensor([[*prompt, *written.ids]], device=model.device)
    best = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
    return float((best.max(-1).values - best.gather(-1, ids[0, len(prompt) :, None])[:, 0]).max())


@contextmanager
def _passes() -> Iterator[list[bool]]:
    """Yield a list to which every decoding pass on a GPU adds whether a graph computed it."""
    replay, found = graphs.DecodingGraph.replay, list[bool]()

    def noted(graph: Any, *arguments: Any) -> Tensor | None:
        logits = replay(graph, *arguments)
        found.append(logits is not None)
        return logits

    graphs.DecodingGraph.replay = noted  # type: ignore[method-assign]
    try:
        yield found
    finally:
        graphs.DecodingGraph.replay = replay  # type: ignore[method-assign]


# -- autocast ------------------------------------------------------------------------------------------


def autocast(device: torch.device, dry_run: bool) -> Found:
    """Check that LayerNorm returns bf16 under autocast, and a 4-bit layer after an activation with a power too."""
    weight, x = torch.randn(64, 64, device=device).bfloat16(), torch.randn(8, 64, device=device).bfloat16()
    layers = nn.Sequential(nn.LayerNorm(64, device=device, dtype=torch.bfloat16), nf4_linear(weight))
    keep_half(layers)
    with torch.autocast(device.type, torch.bfloat16), torch.no_grad():
        normed = layers[0](x)
        powered = torch.square(normed)
        found = [normed.dtype, layers[1](powered).dtype]
    figure = f"{found[0]} and {found[1]}, where the power itself is {powered.dtype}".replace("torch.", "")
    yield "LayerNorm and 4-bit layers return bf16", found == [torch.bfloat16] * 2, figure


# -- memory that runs out --------------------------------------------------------------------------------


def full(device: torch.device, dry_run: bool) -> Found:
    """Check that a step that runs out of memory is repeated in smaller micro-batches, with the same gradient."""
    shape = replace(tiny("llama-3.1-8b"), **({} if dry_run else MIDDLE))
    reading = Reading(128, 128, 2, 4, 8) if dry_run else Reading(8192, 8192, 12, 16, 64)
    base = build(shape, device)
    base.attach(8, 16, 0, recomputed=0)
    for parameter in base.adapter_parameters().values():
        parameter.data += 0.02
    lesson = window_lesson(reading, shape.vocab, 0)
    with tempfile.TemporaryDirectory() as scratch:
        data = TrainingData(Task.of(read_lessons(base, [lesson], Path(scratch))))
        batch = Batch(tuple(range(len(lesson.examples))), ())
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        whole, first = _gradient(base, lambda: accumulate(base, data, Recipe(), batch))
        limit, most = _half_of_peak(device), first.tokens if device.type == "cuda" else first.tokens // 2
        with limited_memory(device, limit):
            again, second = _gradient(base, lambda: accumulate(base, data, Recipe(), batch, most))
    error = float((again - whole).norm() / whole.norm())
    figure = f"{first.tokens:,} -> {second.max_tokens:,} tokens a pass, relative error {error:.1e} (limit 3e-02)"
    yield "out of memory: smaller passes, the same gradient", second.max_tokens < first.tokens and error <= 3e-2, figure


def _gradient(base: Base, compute: Callable[[], Gradient | None]) -> tuple[Tensor, Gradient]:
    found = compute()
    assert found is not None
    parameters: Sequence[Any] = list(base.adapter_parameters().values())
    gradient = torch.cat([parameter.grad.flatten() for parameter in parameters]).double().cpu()
    for parameter in parameters:
        parameter.grad = None
    return gradient, found


def _half_of_peak(device: torch.device) -> int | None:
    """Return the bytes that are reserved now and half of those that the peak took in addition; None on a CPU."""
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(device)
    free_memory()
    held = torch.cuda.memory_reserved(device)
    return held + (peak - held) // 2
