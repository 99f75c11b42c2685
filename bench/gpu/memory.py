"""Compares the plan's estimate of memory with the measured peak, for training steps and the teacher at real shapes."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.gpu.budget import Budget
from bench.gpu.machine import synchronize
from bench.gpu.shapes import FAMILIES, build, linear_parameters, tiny
from bench.gpu.steps import Reading, window_lesson
from disc_lite.distillation.accumulation import accumulate, apply
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.teacher import read_lessons
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.models import Base
from disc_lite.models.embedding import embedding_on_host
from disc_lite.planning.memory import ALL_LAYERS, CPU, CUDA, Footprint, TrainingSetup
from disc_lite.planning.shapes import shape_of_alias
from disc_lite.recipe import Recipe
from disc_lite.run.context import peak_bytes, reset_peak

# Rank, the teacher's tokens, and the student's setup: tokens of a pass, recomputed layers, bits of AdamW, whether layer
# inputs and embedding are on the host, passes. The first must fit into 5.3, 5.8 and 6.0 GiB; then the default recipe
# with all layers recomputed, and as planned for Mistral's shape on GPUs of 8, 12 and 24 GB.
WAYS = (
    (16, 8192, TrainingSetup(4096, ALL_LAYERS, 8, True, True)), (64, 4096, TrainingSetup(4096, ALL_LAYERS, 32)),
    (64, 4096, TrainingSetup(2048, 31, 32, True, True, 2)), (64, 4096, TrainingSetup(1024, 5, 32, False, True, 4)),
    (64, 4096, TrainingSetup(2048, 0, 32, passes=2)), (64, 4096, TrainingSetup(4096, ALL_LAYERS, 8, True)),
)  # fmt: skip
TINY_WAYS = ((16, 512, TrainingSetup(256, ALL_LAYERS, 8, True, True)), (64, 256, TrainingSetup(128, 1, 32, passes=2)),
             (64, 128, TrainingSetup(128, 0, 8)))  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row; `tokens` are the student's, or the teacher's where nothing is trained."""

    model: str
    rank: int
    stage: str
    tokens: int  # of a pass
    passes: int  # of a step
    recomputed: int  # layers
    optimizer_bits: int
    on_host: str  # parts that are on the host
    planned_bytes: int
    measured_bytes: int
    seconds: float  # of the second step
    tflops: float  # 4N per token, 6N in recomputed layers, 2N for the teacher

    @property
    def ratio(self) -> float:
        return self.planned_bytes / self.measured_bytes


def measure(device: torch.device, budget: Budget, dry_run: bool) -> Iterator[Case]:
    """Measure two steps of every setup on every model, as long as there is time."""
    longest = 0.0
    for name in FAMILIES:
        if budget.left < 1.3 * longest:
            return
        begin = time.monotonic()
        yield from _model(tiny(name) if dry_run else ALIASES[name], device, TINY_WAYS if dry_run else WAYS)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        longest = max(longest, time.monotonic() - begin)


def _model(shape: Alias, device: torch.device, ways: tuple[tuple[int, int, TrainingSetup], ...]) -> Iterator[Case]:
    bare = build(shape, device)
    for rank, teacher_tokens, way in ways:
        footprint = Footprint(shape_of_alias(shape), "nf4", rank, CUDA if device.type == "cuda" else CPU)
        base = Base(bare.model, bare.tokens, bare.folder, bare.quantize)
        base.attach(rank, 2 * rank, 0, way.recomputed, way.host_checkpoints)
        try:
            with embedding_on_host(base.causal, way.host_embedding):
                yield from _way(base, shape, footprint, teacher_tokens, way)
        finally:
            for layer in bare.model.get_decoder().layers:
                layer.gradient_checkpointing = False
            base.model.unload()


def _way(base: Base, shape: Alias, footprint: Footprint, teacher_tokens: int, way: TrainingSetup) -> Iterator[Case]:
    tokens, n = way.micro_batch_tokens, linear_parameters(shape)
    recipe = Recipe.model_validate({"execution": {"optimizer_bits": way.optimizer_bits}})
    lesson = window_lesson(Reading(teacher_tokens, tokens, 12, 16, 64), shape.vocab, seed=0)
    parts = {"embedding": way.host_embedding, "inputs of layers": way.host_checkpoints}
    on_host = ", ".join(name for name, there in parts.items() if there)
    parameters = list(base.adapter_parameters().values())
    optimizer = adamw(parameters, recipe)
    batch = Batch(tuple(range(len(lesson.examples))) * way.passes, ())  # every pass reads all of them
    reset_peak(base.device)
    with tempfile.TemporaryDirectory() as scratch:
        begin = _now(base)
        states = read_lessons(base, [lesson], Path(scratch))
        seconds, peak = _now(base) - begin, peak_bytes(base)
        if way.recomputed:
            planned = footprint.reading(teacher_tokens, 0, way.host_embedding).peak
            tflops = 2 * n * teacher_tokens / seconds / 1e12
            named = (shape.name, footprint.rank, "teacher", teacher_tokens, 1, 0, 0, on_host)
            yield Case(*named, planned, peak, seconds, tflops)
        data = TrainingData(Task.of(states))
        reset_peak(base.device)
        for _ in range(2):
            begin = _now(base)
            gradient = accumulate(base, data, recipe, batch, tokens)
            assert gradient is not None
            assert gradient.finite
            assert gradient.max_tokens >= tokens, "out of memory"
            apply(gradient, parameters, optimizer, recipe.train.learning_rate, recipe.train.clip_norm)
            seconds = _now(base) - begin
    again = min(way.recomputed, footprint.shape.layers)
    operations = (4 + 2 * again / footprint.shape.layers) * n * tokens * way.passes
    yield Case(
        shape.name, footprint.rank, "training", tokens, way.passes, again, way.optimizer_bits, on_host,
        footprint.training(way).peak, peak_bytes(base), seconds, operations / seconds / 1e12,
    )  # fmt: skip


def _now(base: Base) -> float:
    synchronize(base.device)
    return time.perf_counter()
