"""The training loop, a generator of steps.

For batch n: a forward pass of the student, the divergence from the cached teacher hidden states at the shared
positions, a step of the optimiser; a checkpoint when due; an end when a stop is requested.
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
from disc_lite.distillation.methods import LESSON_KINDS
from disc_lite.distillation.schedule import MicroBatch, last_step, learning_rate, plan
from disc_lite.distillation.teacher import TeacherStates
from disc_lite.errors import NonFiniteError
from disc_lite.losses import RETENTION_KL, Divergence, Labels, cross_entropy, divergence
from disc_lite.models import Base
from disc_lite.packing import gather
from disc_lite.recipe import Recipe

PATIENCE = 3  # steps in a row with a loss or gradient that is not finite, after which training fails


@dataclass(frozen=True)
class Task:
    """Examples with the teacher hidden states of their compared positions (None: their own tokens are the targets)."""

    examples: tuple[Example, ...]
    states: TeacherStates | None


@dataclass(frozen=True)
class Step:
    """One line of `metrics.jsonl`; in a skipped step, values that are not finite are None."""

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
    base: Base, task: Task, retention: Task, recipe: Recipe, seed: int, folder: Path,
    should_stop: Callable[[], bool] = lambda: False, learned_at: Callable[[int], int | None] = lambda n: None,
) -> Iterator[Step]:  # fmt: skip
    """Train the adapter from the newest checkpoint of `folder`; yields every step.

    `learned_at` is called before the first step and after every step; it returns the step after which enough was
    learned, or None. Then the learning rate falls and training ends early.
    Saves a checkpoint when due, at the end, and when `should_stop` returns True, and then returns; a step that is
    stopped between its micro-batches is not applied. Raises NonFiniteError after three steps in a row without a
    finite loss and gradient.
    """
    batches = plan(task.examples, retention.examples, recipe, seed)
    parameters = base.adapter_parameters()
    optimizer = _optimizer(list(parameters.values()), recipe)
    newest = checkpoint.newest(folder)
    first = checkpoint.load(newest, parameters, optimizer) if newest else 0
    saved, unhealthy = time.monotonic(), 0
    n = first
    while n < (last := last_step(len(batches), learned_at(n), recipe)):
        if should_stop():  # during that measurement, which is then repeated
            if n:
                checkpoint.save(folder, n, parameters, optimizer)
            return
        begin = time.monotonic()
        rate = learning_rate(n, len(batches), recipe, last)
        step = _step(base, task, retention, recipe, batches[n], list(parameters.values()), optimizer, rate, should_stop)
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
    base: Base, task: Task, retention: Task, recipe: Recipe, micro_batches: Sequence[MicroBatch],
    parameters: list[Any], optimizer: torch.optim.Optimizer, rate: float,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:  # fmt: skip
    """Accumulate the gradient of all micro-batches (a mean over target tokens), apply it if finite; None: stopped."""
    how = Divergence(recipe.loss.divergence, recipe.loss.temperature, recipe.loss.temperature_squared, recipe.loss.beta)
    counts = [sum(len(task.examples[i].compared) for m in micro_batches for i in m.task),
              sum(len(retention.examples[i].compared) for m in micro_batches for i in m.retention)]  # fmt: skip
    sums, tokens = [0.0, 0.0], 0
    for k, micro in enumerate(micro_batches):
        if k and should_stop():
            optimizer.zero_grad(set_to_none=True)
            return None
        task_sum, retention_sum, read = _sums(base, task, retention, micro, how, recipe.loss.label_share)
        loss = task_sum / counts[0] + recipe.retention.weight * retention_sum / max(1, counts[1])
        loss.backward()
        sums = [sums[0] + float(task_sum.detach()), sums[1] + float(retention_sum.detach())]
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


def _sums(
    base: Base, task: Task, retention: Task, micro: MicroBatch, how: Divergence, label_share: float
) -> tuple[Tensor, Tensor, int]:
    """One packed forward pass over both kinds of examples: the sums of their divergences, and tokens read."""
    examples = [task.examples[i] for i in micro.task] + [retention.examples[i] for i in micro.retention]
    # Most begin with the same system turn of the chat template: it is computed once a row, not once an example.
    gathered = gather([e.input_ids for e in examples], [min(e.compared) for e in examples])
    places = [
        (sequence, segment, p - shared)
        for example, (sequence, segment, shared) in zip(examples, gathered.places, strict=True)
        for p in example.compared
    ]
    with base.autocast():
        student = base.hidden_at(gathered.sequences, places)  # [S, H]
    labels = _labels([task.examples[i] for i in micro.task], label_share, base.device)
    border = len(labels.ids)
    if task.states is None:
        task_sum = cross_entropy(student[:border], labels.ids, base.head)
    else:
        teacher = task.states.rows(micro.task).to(base.device)
        task_sum = divergence(student[:border], teacher, base.head, how, labels=labels if label_share else None)
    retention_sum = student.new_zeros((), dtype=torch.float32)
    if micro.retention and retention.states is not None:
        teacher = retention.states.rows(micro.retention).to(base.device)
        retention_sum = divergence(student[border:], teacher, base.head, RETENTION_KL)
    return task_sum, retention_sum, sum(len(e.input_ids) for e in examples)


def _labels(examples: Sequence[Example], share: float, device: torch.device) -> Labels:
    """The tokens after all compared positions; of answers to questions they have a share in what is learned."""
    ids = [token for example in examples for token in example.target_ids]
    shares = [share * LESSON_KINDS[e.method].labelled for e in examples for _ in e.compared]
    return Labels(torch.tensor(ids, device=device), torch.tensor(shares, dtype=torch.float32, device=device))


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
