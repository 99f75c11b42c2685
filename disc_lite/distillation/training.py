"""The training loop, a generator of steps: gradient, update, checkpoint when due, measurement.

The method itself, the loss and its gradient, is in `step`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from disc_lite.distillation import checkpoint
from disc_lite.distillation.accumulation import Gradient, accumulate, apply
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch, last_step, learning_rate
from disc_lite.errors import NonFiniteError
from disc_lite.models import Base
from disc_lite.recipe import Recipe
from disc_lite.recipe.fields import LONGEST

PATIENCE = 3  # consecutive steps with a non-finite loss or gradient, after which training fails


@dataclass(frozen=True)
class Step:
    """One line of `metrics.jsonl`; in a skipped step, non-finite values are None."""

    step: int
    steps: int
    # Mean over the target tokens of T^2 * D(p' || q), or of the cross-entropy, see `step`. T^2 and p' follow the
    # recipe, so only steps and runs with the same `loss` can be compared.
    loss: float | None
    retention: float | None  # nats per token of the base's own answers, unweighted
    gradient_norm: float | None
    learning_rate: float
    tokens: int  # read by the student
    target_tokens: int
    seconds: float
    skipped: bool = False


@dataclass(frozen=True)
class Callbacks:
    """Functions that the loop calls; numbers count the steps made."""

    should_stop: Callable[[], bool] = lambda: False
    # Measures what is due; returns the step after which enough was learned, or None.
    measure: Callable[[int], int | None] = lambda steps: None
    on_halved: Callable[[int, int], None] = lambda steps, tokens: None  # CUDA ran out of memory; tokens per micro-batch
    on_step: Callable[[Step], None] = lambda step: None  # records a step before it is yielded


def train(
    base: Base, data: TrainingData, recipe: Recipe, folder: Path, callbacks: Callbacks = Callbacks()
) -> Generator[Step, None, None]:
    """Train the adapter from the newest checkpoint of `folder`; yields every step.

    Measures before the first step and after every one; once enough is learned, the learning rate falls and training
    ends early. Saves a checkpoint when due, at the end, and when it is stopped or closed; a step that is stopped
    between its micro-batches is not applied. If CUDA runs out of memory, micro-batches are smaller from then on.
    Raises NonFiniteError after three consecutive steps without a finite loss and gradient, WillNotFit if a single
    example needs more memory than there is.
    """
    planned = data.batches(recipe)
    stopped, trained = callbacks.should_stop, _Trained(base, recipe, folder)
    unhealthy, max_tokens = 0, recipe.execution.micro_batch_tokens or LONGEST
    last = last_step(len(planned), callbacks.measure(trained.steps), recipe)
    while trained.steps < last:
        begin, batch = time.monotonic(), planned[trained.steps]
        # It may stop in a measurement, which is then repeated, while the teacher reads, or between micro-batches.
        is_ready = not stopped() and data.task.ready(batch.task, stopped)
        gradient = accumulate(base, data, recipe, batch, max_tokens, stopped) if is_ready else None
        if gradient is None:
            trained.save()
            return
        if gradient.max_tokens < max_tokens:
            max_tokens = gradient.max_tokens
            callbacks.on_halved(trained.steps, max_tokens)
        rate = learning_rate(trained.steps, len(planned), last, recipe)
        norm = trained.update(gradient, rate)
        made = _measured(trained.steps, last, gradient, norm, rate, time.monotonic() - begin)
        unhealthy = unhealthy + 1 if made.skipped else 0
        if unhealthy >= PATIENCE:
            raise _not_finite(trained.steps, batch, data.task)
        callbacks.on_step(made)
        try:
            yield made
        except GeneratorExit:  # a listener that raises closes the generator
            trained.save()
            raise
        if trained.is_due or stopped() or trained.steps == last:
            trained.save()
        if stopped():
            return
        last = last_step(len(planned), callbacks.measure(trained.steps), recipe)


class _Trained:
    """The adapter, its optimiser and the number of steps made: the contents of a checkpoint."""

    def __init__(self, base: Base, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.parameters = base.adapter_parameters()
        self.optimizer = adamw(list(self.parameters.values()), recipe)
        newest = checkpoint.newest(folder)
        self.steps = checkpoint.load(newest, self.parameters, self.optimizer) if newest else 0
        checkpoint.remove_old(folder)
        self.saved_at = time.monotonic()

    def update(self, gradient: Gradient, rate: float) -> float:
        """Make a step; returns the norm of its gradient."""
        norm = apply(gradient, list(self.parameters.values()), self.optimizer, rate, self.recipe.train.clip_norm)
        self.steps += 1
        return norm

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self.saved_at > 60 * self.recipe.execution.checkpoint_minutes

    def save(self) -> None:
        """Write a checkpoint, unless this step has one, or no step was made."""
        if self.steps:
            checkpoint.save(self.folder, self.steps, self.parameters, self.optimizer)
            self.saved_at = time.monotonic()


def _measured(n: int, last: int, gradient: Gradient, norm: float, rate: float, seconds: float) -> Step:
    """Return step `n`, marked as skipped if something was not finite."""
    loss, retention, size = (
        value if math.isfinite(value) else None for value in (gradient.loss, gradient.retention, norm)
    )
    return Step(
        step=n, steps=last, loss=loss, retention=retention, gradient_norm=size, learning_rate=rate,
        tokens=gradient.tokens, target_tokens=gradient.target_tokens, seconds=seconds,
        skipped=None in (loss, retention, size),
    )  # fmt: skip


def _not_finite(n: int, batch: Batch, task: Task) -> NonFiniteError:
    names = sorted({task.examples[i].document for i in batch.task})
    return NonFiniteError(
        f"The loss or its gradient was not finite in {PATIENCE} steps in a row, the last one step {n}.",
        f"Documents in it: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}.",
        "Nothing was learned in these steps. Lower train.learning_rate and start again.",
    )
