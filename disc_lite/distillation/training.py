"""The loop, a generator of events.

Take batch n, let the student read, compare with what the teacher thought on the shared positions,
step, save when due, stop when asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from disc_lite.distillation import checkpoint
from disc_lite.distillation.examples import Example
from disc_lite.distillation.schedule import MicroBatch, last_step, learning_rate, plan
from disc_lite.distillation.teacher import TeacherStates
from disc_lite.errors import NonFiniteError
from disc_lite.losses import KEEP, Divergence, cross_entropy, divergence
from disc_lite.models import Base
from disc_lite.packing import gather, pack
from disc_lite.recipe import Recipe

PATIENCE = 3  # steps in a row that may be skipped because something was not finite


@dataclass(frozen=True)
class Task:
    """What is learned: examples, and the teacher's states for them (None: their own tokens)."""

    examples: tuple[Example, ...]
    states: TeacherStates | None


@dataclass(frozen=True)
class Step:
    """One line of `metrics.jsonl`; what was not finite, in a skipped step, is None."""

    step: int
    steps: int
    loss: float | None  # nats per target token
    retention: float | None  # nats per token of the base's own answers, unweighted
    gradient_norm: float | None
    learning_rate: float
    tokens: int  # read by the student
    target_tokens: int
    seconds: float
    skipped: bool = False


def train(
    base: Base, task: Task, keep: Task, recipe: Recipe, seed: int, folder: Path,
    should_stop: Callable[[], bool] = lambda: False, learned_at: Callable[[int], int | None] = lambda n: None,
) -> Iterator[Step]:  # fmt: skip
    """Adapt the student, from the newest checkpoint of `folder` on; yields every step.

    `learned_at` is asked after every step, and before the first one, after which step enough was learned, if so: then
    the rate falls and training ends early.
    Saves when due, at the end, and when `should_stop` says so, and then returns; a step that is stopped between its
    micro-batches is made whole another time. Raises NonFiniteError after three steps in a row without a finite loss
    and gradient.
    """
    batches = plan(task.examples, keep.examples, recipe, seed)
    parameters = base.adapter_parameters()
    optimizer = _optimizer(list(parameters.values()), recipe)
    found = checkpoint.newest(folder)
    first = checkpoint.load(found, parameters, optimizer) if found else 0
    saved, unhealthy = time.monotonic(), 0
    n = first
    while n < (last := last_step(len(batches), learned_at(n), recipe)):
        if should_stop():  # while that was measured: it is measured again
            if n:
                checkpoint.save(folder, n, parameters, optimizer)
            return
        begin = time.monotonic()
        rate = learning_rate(n, len(batches), recipe, last)
        step = _step(base, task, keep, recipe, batches[n], list(parameters.values()), optimizer, rate, should_stop)
        if step is None:
            if n:
                checkpoint.save(folder, n, parameters, optimizer)
            return
        unhealthy = unhealthy + 1 if step["skipped"] else 0
        if unhealthy >= PATIENCE:
            raise _not_finite(n, batches[n], task)
        n += 1
        yield Step(step=n, steps=last, seconds=time.monotonic() - begin, learning_rate=rate, **step)
        due = time.monotonic() - saved > 60 * recipe.train.checkpoint_minutes
        if due or should_stop() or n == last:
            checkpoint.save(folder, n, parameters, optimizer)
            saved = time.monotonic()
        if should_stop():
            return


def _step(
    base: Base, task: Task, keep: Task, recipe: Recipe, micro_batches: Sequence[MicroBatch],
    parameters: list[Any], optimizer: torch.optim.Optimizer, rate: float,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:  # fmt: skip
    """Accumulate the gradient of all micro-batches, normalised by their tokens, apply it if finite; None: stopped."""
    how = Divergence(recipe.loss.divergence, recipe.loss.temperature, recipe.loss.temperature_squared, recipe.loss.beta)
    counts = [sum(len(task.examples[i].compared) for m in micro_batches for i in m.task),
              sum(len(keep.examples[i].compared) for m in micro_batches for i in m.keep)]  # fmt: skip
    sums, tokens = [0.0, 0.0], 0
    for k, micro in enumerate(micro_batches):
        if k and should_stop():
            optimizer.zero_grad(set_to_none=True)
            return None
        learned, kept, read = _read(base, task, keep, micro, how)
        loss = learned / counts[0] + recipe.retention.weight * kept / max(1, counts[1])
        loss.backward()
        sums = [sums[0] + float(learned.detach()), sums[1] + float(kept.detach())]
        tokens += read
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, recipe.train.clip_norm))
    healthy = math.isfinite(norm) and all(map(math.isfinite, sums))
    if healthy:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    measured = {"loss": sums[0] / counts[0], "retention": sums[1] / max(1, counts[1]), "gradient_norm": norm}
    return {
        **{key: value if math.isfinite(value) else None for key, value in measured.items()},
        "tokens": tokens, "target_tokens": counts[0], "skipped": not healthy,
    }  # fmt: skip


def _read(base: Base, task: Task, keep: Task, micro: MicroBatch, how: Divergence) -> tuple[Tensor, Tensor, int]:
    """The student reads both kinds of examples in one packed pass; sums of their divergences."""
    examples = [task.examples[i] for i in micro.task] + [keep.examples[i] for i in micro.keep]
    # A chat template's system turn stands in front of most of them: it is read once a row, not once an example.
    gathered = gather([e.input_ids for e in examples], [min(e.compared) for e in examples])
    packed = pack(gathered.sequences)
    at = [
        packed.starts[sequence][segment] + p - shared
        for example, (sequence, segment, shared) in zip(examples, gathered.places, strict=True)
        for p in example.compared
    ]
    with base.autocast():
        student = base.hidden(packed)[torch.tensor(at, device=base.device)]  # [S, H]
    border = sum(len(task.examples[i].compared) for i in micro.task)
    if task.states is None:
        ids = [t for i in micro.task for t in task.examples[i].target_ids]
        learned = cross_entropy(student[:border], torch.tensor(ids, device=base.device), base.head)
    else:
        teacher = task.states.rows(micro.task).to(base.device)
        learned = divergence(student[:border], teacher, base.head, how)
    kept = student.new_zeros((), dtype=torch.float32)
    if micro.keep and keep.states is not None:
        teacher = keep.states.rows(micro.keep).to(base.device)
        kept = divergence(student[border:], teacher, base.head, KEEP)
    return learned, kept, sum(len(e.input_ids) for e in examples)


def _optimizer(parameters: list[Any], recipe: Recipe) -> torch.optim.Optimizer:
    settings = recipe.train
    options: dict[str, Any] = {
        "lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2),
        "weight_decay": settings.weight_decay,
    }  # fmt: skip
    if settings.optimizer_bits == 8:
        from bitsandbytes.optim.adamw import AdamW8bit

        optimizer: torch.optim.Optimizer = AdamW8bit(parameters, **options)
        return optimizer
    return torch.optim.AdamW(parameters, **options)


def _not_finite(n: int, micro_batches: Sequence[MicroBatch], task: Task) -> NonFiniteError:
    names = sorted({task.examples[i].document for m in micro_batches for i in m.task})
    return NonFiniteError(
        f"The loss or its gradient was not finite in {PATIENCE} steps in a row, the last one step {n + 1}.",
        f"Documents in it: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}.",
        "Nothing of these steps was learned. Lower train.learning_rate and start again.",
    )
