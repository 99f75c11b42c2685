"""Named checks of the arithmetic, each with the figure that decides.

Errors are ||out - reference|| / ||reference||. Reference and limit are chosen so that a wrong kernel, mask or dtype
fails and rounding in the compute dtype passes.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit
from torch import Tensor

from bench.gpu import card
from bench.gpu.shapes import build, compute_dtype, nf4_linear, tiny
from bench.gpu.steps import Reading, window_lesson
from disc_lite.distillation import checkpoint
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.teacher import read_lessons
from disc_lite.distillation.training import Callbacks, train
from disc_lite.losses import Divergence, Head, divergence
from disc_lite.models import Base
from disc_lite.models.embedding import embedding_on_host
from disc_lite.models.mlp import GatedMlp
from disc_lite.packing import Packed, Segment, Tree, lone, pack
from disc_lite.planning.sizes import LOSS_ROWS
from disc_lite.recipe import Recipe


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    check: str
    status: str  # "pass", "fail", or "note": a figure without a limit
    figure: str
    seconds: float = 0.0


Found = Iterator[tuple[str, bool | None, str]]  # name, whether it passed (None: a note), figure


def run(device: torch.device, dry_run: bool) -> Iterator[Row]:
    """Yield a row for every check; a check that raises is a failed row, and the others still run."""
    checks: list[Callable[[torch.device, bool], Found]] = [
        nf4, packing, losses, teacher, projection, host, card.generation, card.autocast, card.full, resume,
    ]  # fmt: skip
    for check in checks:
        begin = time.monotonic()
        try:
            for name, right, figure in check(device, dry_run):
                status = "note" if right is None else "pass" if right else "fail"
                yield Row(name, status, figure, round(time.monotonic() - begin, 2))
                begin = time.monotonic()
        except Exception as error:
            traceback.print_exc()
            yield Row(check.__name__, "fail", f"{type(error).__name__}: {error}".split("\n")[0])


def _error(out: Tensor, reference: Tensor) -> float:
    exact = reference.detach().double()
    return float((out.detach().double() - exact).norm() / exact.norm())


def _below(name: str, error: float, limit: float) -> tuple[str, bool, str]:
    return name, error <= limit, f"relative error {error:.1e} (limit {limit:.0e})"


# -- NF4 -----------------------------------------------------------------------------------------------


def nf4(device: torch.device, dry_run: bool) -> Found:
    """Compare a 4-bit projection with its own dequantised weight in fp64.

    bitsandbytes chooses its kernel by the number of rows: one, some, or more than about 1,500.
    """
    (few, many), (wide, high) = ((8, 96), (128, 192)) if dry_run else ((256, 4096), (4096, 14336))
    dtype = compute_dtype(device)
    limit = 1e-2 if dtype == torch.bfloat16 else 1e-5
    rng = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, device=device, generator=rng).to(dtype)

    given = draw(high, wide)
    layer = nf4_linear(given.clone()).train()
    packed: Any = layer.weight
    weight = dequantize_4bit(packed.data, packed.quant_state)
    # NF4's error on normal values is known: 0.092 of their size, a little more with double quantisation.
    error = _error(weight, given)
    yield "NF4: size of the rounding", 0.08 < error < 0.11, f"relative error {error:.3f} (0.08 to 0.11)"
    for rows in (1, few, many):
        x, slope = draw(rows, wide).requires_grad_(), draw(rows, high)
        y = layer(x)
        y.backward(slope)
        assert x.grad is not None
        exact, name = x.double() @ weight.double().T, f"NF4 linear, {rows} row{'s' * (rows > 1)}"
        yield _below(f"{name}: forward", _error(y, exact), limit)
        yield _below(f"{name}: backward", _error(x.grad, slope.double() @ weight.double()), limit)
        with torch.no_grad():
            yield _below(f"{name}: forward without gradient", _error(layer(x), exact), limit)


# -- packing -------------------------------------------------------------------------------------------


def packing(device: torch.device, dry_run: bool) -> Found:
    """Compare the hidden states of packed segments with those of each path alone."""
    rng = torch.Generator().manual_seed(0)

    def ids(size: int) -> tuple[int, ...]:
        return tuple(torch.randint(512, (size,), generator=rng).tolist())

    tree: Tree = (Segment(ids(40)), Segment(ids(9), 0), Segment(ids(17), 0), Segment(ids(5), 2))
    sequences = [tree, lone(ids(23)), lone(ids(30)), lone(ids(7))]
    packed = pack(sequences)
    precise = build(tiny("llama-3.1-8b"), device, dtype=torch.float32)
    with torch.no_grad():
        alone, together = _alone(precise, sequences), precise.hidden(packed)
        yield _below("packed = unpacked, fp32", _segment_error(together, packed, alone), 1e-4)
        mixed = precise.hidden(replace(packed, plain=True))
        wrong = _segment_error(mixed, packed, alone)
        yield "packed with a plain causal mask differs", wrong > 0.05, f"relative error {wrong:.2f} (above 0.05)"
    if device.type == "cuda":
        base = build(tiny("llama-3.1-8b"), device)
        with base.frozen(adapter=False):
            alone, together = _alone(base, sequences), base.hidden(packed)
        yield _below("packed = unpacked, bf16", _segment_error(together, packed, alone), 3e-2)


def _alone(base: Base, sequences: list[Tree]) -> list[list[Tensor]]:
    """Return, by sequence and segment, the hidden states after only its ancestors."""
    found = []
    for sequence in sequences:
        paths: list[tuple[int, ...]] = []
        for segment in sequence:
            paths.append((*(paths[segment.parent] if segment.parent >= 0 else ()), *segment.input_ids))
        found.append([
            base.hidden(pack([lone(path)]))[-len(segment.input_ids) :]
            for path, segment in zip(paths, sequence, strict=True)
        ])  # fmt: skip
    return found


def _segment_error(hidden: Tensor, packed: Packed, alone: list[list[Tensor]]) -> float:
    """Return the largest error of a segment."""
    return max(
        _error(hidden[start : start + len(reference)], reference)
        for starts, references in zip(packed.starts, alone, strict=True)
        for start, reference in zip(starts, references, strict=True)
    )


# -- the loss ------------------------------------------------------------------------------------------


def losses(device: torch.device, dry_run: bool) -> Found:
    """Compare value and gradient from bf16 hidden states with autograd through fp64 logits."""
    rows, vocabulary, width = (40, 300, 64) if dry_run else (1024, 32768, 2048)
    rng = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, device=device, generator=rng)

    head = Head((draw(vocabulary, width) * 3 * width**-0.5).bfloat16())
    teacher = draw(rows, width)
    for kind in ("forward_kl", "reverse_kl", "jsd"):
        for distance, noise, limit in (("far", 0.5, 1e-4), ("near", 0.02, 1e-3)):
            student = (teacher + noise * draw(rows, width)).bfloat16().requires_grad_()
            how = Divergence(kind, temperature=2.0, temperature_squared=True)
            value = divergence(student, teacher.bfloat16(), head, how)
            value.backward()  # type: ignore[no-untyped-call]
            assert student.grad is not None
            exact, slope = _fp64(student, teacher.bfloat16(), head, how)
            name, right, figure = _below(f"{kind}, {distance}: value", _error(value, exact), limit)
            yield name, right, f"{figure}, at {float(exact) / rows:.0e} nat a token"
            cosine = float(torch.cosine_similarity(student.grad.double().flatten(), slope.flatten(), dim=0))
            name, right, figure = _below(f"{kind}, {distance}: gradient", _error(student.grad, slope), 1e-2)
            yield name, right and cosine > 0.9999, f"{figure}, cosine {cosine:.6f}"
    if device.type == "cuda":
        yield _chunk_memory(device)


def _chunk_memory(device: torch.device) -> tuple[str, bool, str]:
    """Check that the loss allocates a few times a chunk of logits beyond its arguments, never all logits."""
    rows, vocabulary, width = 1024, 32768, 256
    head = Head(torch.randn(vocabulary, width, device=device).bfloat16())
    student = torch.randn(rows, width, device=device).bfloat16().requires_grad_()
    teacher = student.detach() + 0.02
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    divergence(student, teacher, head, Divergence("forward_kl", 2.0, True)).backward()  # type: ignore[no-untyped-call]
    peak = torch.cuda.max_memory_allocated(device) - before
    limit = 11 * LOSS_ROWS * vocabulary + 4 * student.nbytes + 2**24
    return "memory of the loss", peak <= limit, f"{peak / 2**20:.0f} MiB (limit {limit / 2**20:.0f})"


def _fp64(student: Tensor, teacher: Tensor, head: Head, how: Divergence) -> tuple[Tensor, Tensor]:
    hidden, weight = student.detach().double().requires_grad_(), head.weight.double()
    log_q = (hidden @ weight.T / how.temperature).log_softmax(-1)
    log_p = (teacher.double() @ weight.T / how.temperature).log_softmax(-1)
    p, q = log_p.exp(), log_q.exp()
    log_m = (how.beta * p + (1 - how.beta) * q).log()
    each = {
        "forward_kl": p * (log_p - log_q), "reverse_kl": q * (log_q - log_p),
        "jsd": how.beta * p * (log_p - log_m) + (1 - how.beta) * q * (log_q - log_m),
    }[how.kind]  # fmt: skip
    value = each.sum() * how.temperature**2
    (slope,) = torch.autograd.grad(value, hidden)
    return value.detach(), slope


# -- the teacher ---------------------------------------------------------------------------------------


def teacher(device: torch.device, dry_run: bool) -> Found:
    """Check that the model with the adapter off is the plain base, bit for bit."""
    packed = pack([lone(range(n)) for n in (50, 20, 33)])
    base = build(tiny("mistral-7b"), device)
    with base.frozen(adapter=False):
        plain = base.hidden(packed)
    base.attach(8, 16, seed=0)
    for parameter in base.adapter_parameters().values():
        parameter.data += 0.1 * torch.ones_like(parameter)
    with base.frozen(adapter=False):
        off = base.hidden(packed)
    with base.frozen(adapter=True):
        on = base.hidden(packed)
    differing = int((off != plain).sum())
    yield "teacher = plain base, bitwise", differing == 0, f"{differing} of {plain.numel()} values differ"
    change = _error(on, plain)
    yield "student differs from the base", change > 1e-2, f"relative change {change:.2f} (above 0.01)"


# -- the adapter's layers --------------------------------------------------------------------------------


def projection(device: torch.device, dry_run: bool) -> Found:
    """Compare hidden states and gradients of our adapter layers and MLPs with PEFT's and transformers' own."""
    base = _student(device)
    modules = [vars(layer.mlp).get("forward") for layer in base.causal.get_decoder().layers]
    own = sum(isinstance(module, GatedMlp) for module in modules)
    yield "MLPs are our own", own == len(modules), f"{own} of {len(modules)}"
    ours, gradient = _gradient(base)
    for module in base.model.modules():
        module.__dict__.pop("forward", None)
    theirs, expected = _gradient(base)
    limit = 1e-5 if device.type == "cpu" else 3e-2  # bf16 rounds after every operation, and theirs have more operations
    yield _below("hidden states = PEFT's", _error(ours, theirs), limit)
    yield _below("gradient = PEFT's", _error(gradient, expected), limit)


def host(device: torch.device, dry_run: bool) -> Found:
    """Check that layer inputs and embedding in host memory change no bit, twice, since memory is then reused."""
    plain = _student(device)
    expected, again = _gradient(plain)[1], _gradient(plain)[1]
    base = _student(device, host_checkpoints=True)
    with embedding_on_host(base.causal):
        gradients = [_gradient(base)[1] for _ in range(2)]
    differing = [int((gradient != expected).sum()) for gradient in gradients]
    figure = f"{differing[0]} and {differing[1]} of {expected.numel()} values differ"
    name = "gradient with parts on the host"
    if torch.equal(again, expected) or differing == [0, 0]:
        yield f"{name}, bitwise", differing == [0, 0], figure
    else:  # CUDA's attention with a mask adds parts of its gradient in no fixed order
        yield f"{name}, bitwise", None, f"{figure}, without the host {int((again != expected).sum())}"
        yield _below(name, max(_error(gradient, expected) for gradient in gradients), 1e-2)


def _student(device: torch.device, host_checkpoints: bool = False) -> Base:
    base = build(replace(tiny("mistral-7b"), layers=6), device)
    base.attach(8, 16, 0, host_checkpoints=host_checkpoints)
    rng = torch.Generator().manual_seed(1)
    for parameter in base.adapter_parameters().values():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=rng).to(device)
    return base


def _gradient(base: Base) -> tuple[Tensor, Tensor]:
    base.model.zero_grad()
    with base.autocast():
        states = base.hidden(pack([lone(range(n)) for n in (50, 20, 33)] * 20))
    states.float().square().mean().backward()
    return states, torch.cat([p.grad.flatten() for p in base.adapter_parameters().values() if p.grad is not None])


# -- resume --------------------------------------------------------------------------------------------


def resume(device: torch.device, dry_run: bool) -> Found:
    """Check that a training stopped after two steps and continued in a new model ends with the same bytes."""
    for bits in (32, 8):
        with tempfile.TemporaryDirectory() as scratch:
            folders = [Path(scratch) / name for name in ("whole", "again", "cut")]
            for folder in folders:
                folder.mkdir()
            _train(device, bits, folders[0])
            _train(device, bits, folders[1])
            _train(device, bits, folders[2], stop_after=2)
            _train(device, bits, folders[2])
            contents = [_state(folder) for folder in folders]
        equal = [contents[0] == other for other in contents[1:]]
        name = f"resume = uninterrupted, {bits}-bit AdamW"
        if all(equal) or device.type == "cpu":
            yield name, all(equal), f"adapter and optimiser bytes equal: resumed {equal[1]}, repeated {equal[0]}"
        else:  # kernels that add in varying order are no fault of the checkpoint
            yield name, None, f"bytes equal: resumed {equal[1]}, repeated without interruption {equal[0]}"


def _train(device: torch.device, bits: int, folder: Path, stop_after: int = 0) -> None:
    base = build(tiny("llama-3.1-8b"), device)
    execution = {"micro_batch_tokens": 64, "optimizer_bits": bits}
    recipe = Recipe.model_validate({"train": {"epochs": 4, "tokens_per_batch": 128}, "execution": execution})
    base.attach(64, 128, seed=0)
    lessons = [window_lesson(Reading(64, 48, 2, 4, 8), 512, seed) for seed in range(2)]
    states = read_lessons(base, lessons, folder / "states")
    callbacks = Callbacks(should_stop=lambda: stop_after > 0 and done >= stop_after)
    steps = train(base, TrainingData(Task.of(states)), recipe, folder, callbacks)
    done = 0
    for step in steps:
        done += 1
        assert not step.skipped
    assert done == stop_after or not stop_after


def _state(folder: Path) -> list[bytes]:
    newest = checkpoint.newest(folder)
    assert newest is not None
    return [(newest / name).read_bytes() for name in ("adapter.safetensors", "optimizer.safetensors")]
