"""Times one training step at the shapes of real models: teacher pass, student, loss, optimiser.

The functions timed are those of a run: `read_lessons` for the teacher, `accumulate` and `apply` for the rest. The
teacher reads one window of a document; the student reads its sentences, each behind an anchor, packed.
"""

from __future__ import annotations

import gc
import math
import statistics
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random

import torch

from bench.gpu.budget import Budget
from bench.gpu.machine import synchronize
from bench.gpu.shapes import FAMILIES, build, linear_parameters, tiny
from disc_lite.distillation.accumulation import accumulate, apply
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.examples import Example, Lesson
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.teacher import read_lessons
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.models import Base
from disc_lite.packing import lone, pack
from disc_lite.recipe import Recipe
from disc_lite.run.context import peak_bytes

RANKS = (16, 64)
TIMED = 3  # steps, after one to warm up
FIRST_GUESS_S = 25.0  # assumed until a case has been measured


@dataclass(frozen=True)
class Reading:
    """Tokens that teacher and student read in a step."""

    teacher: int
    student: int
    anchor: int
    shortest: int  # tokens of a sentence
    longest: int


# The default recipe's step has 4,096 student tokens, those of the retention term included.
READINGS = tuple(Reading(*tokens, 12, 16, 64) for tokens in ((4096, 2048), (8192, 4096), (8192, 8192)))
TINY_READINGS = tuple(Reading(*tokens, 2, 4, 8) for tokens in ((64, 32), (128, 64), (128, 128)))


@dataclass(frozen=True)
class Case:
    """One row of the table; sizes in bytes, times in seconds."""

    model: str
    rank: int
    teacher_tokens: int
    student_tokens: int
    status: str  # "measured", or why not
    target_tokens: int = 0
    base_bytes: int = 0  # only the frozen base
    peak_bytes: int = 0
    pack_s: float = 0.0  # the part of the step that lays out the batches on the host
    teacher_s: float = 0.0
    student_s: float = 0.0
    step_s: float = 0.0
    steps_s: tuple[float, ...] = ()
    student_tokens_per_s: float = 0.0
    tokens_per_s: float = 0.0  # teacher's and student's together
    tflop: float = 0.0
    tflops: float = 0.0
    share_of_matrix_rate: float = 0.0
    teacher_tflops: float = 0.0  # of the teacher's pass alone
    student_tflops: float = 0.0


def window_lesson(reading: Reading, vocabulary: int, seed: int) -> Lesson:
    """Return a window of random tokens whose first sentences are examples, as many as the student has tokens for."""
    rng = Random(seed)
    window = [rng.randrange(vocabulary) for _ in range(reading.teacher)]
    examples: list[Example] = []
    places: list[tuple[int, int]] = []
    start, left = 1, reading.student
    while left > reading.anchor:
        size, room = rng.randint(reading.shortest, reading.longest), left - reading.anchor
        size = room if room - size < reading.anchor + reading.shortest else size  # the last sentence takes the rest
        anchor = [rng.randrange(vocabulary) for _ in range(reading.anchor)]
        input_ids = (*anchor, *window[start : start + size])
        examples.append(Example("disc", "random", input_ids, tuple(range(len(anchor) - 1, len(input_ids) - 1))))
        places += [(0, p) for p in range(start - 1, start + size - 1)]
        start, left = start + size, left - len(input_ids)
    return Lesson(lone(window), tuple(examples), tuple(places))


def measure(device: torch.device, matrix_tflops: float, budget: Budget, dry_run: bool) -> Iterator[Case]:
    """Yield all cases, model by model; those for which no time is left are reported as skipped."""
    readings = TINY_READINGS if dry_run else READINGS
    longest, measured = (0.0 if dry_run else FIRST_GUESS_S), False
    for name in FAMILIES:
        shape, base = tiny(name) if dry_run else ALIASES[name], None
        _release()  # the memory of the previous model
        for rank, reading in product(RANKS, readings):
            named = (name, rank, reading.teacher, reading.student)
            if budget.left < longest * 1.2:
                yield Case(*named, "skipped: no time left")
                continue
            begin = time.monotonic()
            try:
                base = base or build(shape, device)
                case = _case(base, shape, rank, reading, matrix_tflops)
            except torch.OutOfMemoryError:
                base, case = None, Case(*named, "skipped: not enough GPU memory")
            except Exception as error:
                traceback.print_exc()
                base, case = None, Case(*named, f"failed: {type(error).__name__}: {error}".split("\n")[0])
            _release()
            yield case
            taken = time.monotonic() - begin
            longest, measured = (max(longest, taken) if measured else taken), True


def _case(bare: Base, shape: Alias, rank: int, reading: Reading, matrix_tflops: float) -> Case:
    """Attach an adapter, time some steps after one of warm-up, and remove the adapter."""
    base, on_card = Base(bare.model, bare.tokens, bare.folder, bare.quantize), bare.device.type == "cuda"
    held = torch.cuda.memory_allocated(bare.device) if on_card else 0
    if on_card:
        torch.cuda.reset_peak_memory_stats(bare.device)
    base.attach(rank, 2 * rank, seed=0)
    lesson = window_lesson(reading, shape.vocab, seed=0)
    laps, healthy = _laps(base, lesson)
    peak = peak_bytes(base)
    base.model.unload()
    teacher_s, student_s, step_s = (statistics.median(column) for column in zip(*laps, strict=True))
    teacher, student = _tflop(shape, reading, len(lesson.teacher_at))
    rate = (teacher + student) / step_s
    return Case(
        model=shape.name, rank=rank, teacher_tokens=reading.teacher, student_tokens=reading.student,
        status="measured" if healthy else "failed: not finite", target_tokens=len(lesson.teacher_at),
        base_bytes=held, peak_bytes=peak, pack_s=_pack_seconds(lesson),
        teacher_s=teacher_s, student_s=student_s, step_s=step_s, steps_s=tuple(lap[2] for lap in laps),
        student_tokens_per_s=reading.student / step_s, tokens_per_s=(reading.teacher + reading.student) / step_s,
        tflop=teacher + student, tflops=rate, share_of_matrix_rate=rate / matrix_tflops,
        teacher_tflops=teacher / teacher_s, student_tflops=student / student_s,
    )  # fmt: skip


def _laps(base: Base, lesson: Lesson) -> tuple[list[tuple[float, float, float]], bool]:
    """Return (teacher, student, both) seconds of the timed steps, and whether every step was finite."""
    recipe = Recipe()
    parameters = list(base.adapter_parameters().values())
    optimizer = adamw(parameters, recipe)
    batch = Batch(tuple(range(len(lesson.examples))), ())
    laps, healthy = [], True
    with tempfile.TemporaryDirectory() as scratch:
        for lap in range(1 + TIMED):
            times = [_now(base)]
            states = read_lessons(base, [lesson], Path(scratch, str(lap)))
            times.append(_now(base))
            data = TrainingData(Task.of(states))
            gradient = accumulate(base, data, recipe, batch)
            assert gradient is not None
            norm = apply(gradient, parameters, optimizer, recipe.train.learning_rate, recipe.train.clip_norm)
            times.append(_now(base))
            healthy = healthy and gradient.finite and math.isfinite(norm) and norm > 0
            if lap:
                laps.append((times[1] - times[0], times[2] - times[1], times[2] - times[0]))
    return laps, healthy


def _now(base: Base) -> float:
    synchronize(base.device)
    return time.perf_counter()


def _pack_seconds(lesson: Lesson) -> float:
    begin = time.perf_counter()
    pack([lesson.sequence])
    pack([lone(example.input_ids) for example in lesson.examples])
    return time.perf_counter() - begin


def _tflop(shape: Alias, reading: Reading, targets: int) -> tuple[float, float]:
    """Return the TFLOP of teacher (2N per token) and student (6N per token, with recomputing, and 6VH per target)."""
    linear, head = linear_parameters(shape), 6 * shape.vocab * shape.hidden * targets
    return 2 * linear * reading.teacher / 1e12, (6 * linear * reading.student + head) / 1e12


def _release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
