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
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch, last_step, learning_rate, micro_batches, plan
from disc_lite.distillation.teacher import TeacherStates
from disc_lite.errors import NonFiniteError, WillNotFit
from disc_lite.losses import RETENTION_KL, Divergence, Labels, cross_entropy, divergence
from disc_lite.models import Base
from disc_lite.models.halving import too_long, unless_full
from disc_lite.packing import gather
from disc_lite.recipe import Recipe
from disc_lite.recipe.schema import LONGEST

PATIENCE = 3  # steps in a row with a loss or gradient that is not finite, after which training fails


@dataclass(frozen=True)
class Task:
    """Examples with the teacher hidden states of their compared positions (None: their own tokens are the targets)."""

    examples: tuple[Example, ...]
    states: TeacherStates | None
    shards: tuple[tuple[int, ...], ...] = ()  # indices of examples that an epoch takes together

    @classmethod
    def of(cls, states: TeacherStates) -> Task:
        return cls(tuple(states.examples), states, states.shards.examples)

    def ready(self, indices: Sequence[int], should_stop: Callable[[], bool]) -> bool:
        """Have the teacher's states of these examples, which it may have to read again; False: stopped meanwhile."""
        return self.states is None or self.states.load(indices, should_stop)


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
    on_halved: Callable[[int, int], None] = lambda n, tokens: None,
) -> Iterator[Step]:  # fmt: skip
    """Train the adapter from the newest checkpoint of `folder`; yields every step.

    `learned_at` is called before the first step and after every step; it returns the step after which enough was
    learned, or None. Then the learning rate falls and training ends early.
    Saves a checkpoint when due, at the end, and when `should_stop` returns True, and then returns; a step that is
    stopped between its micro-batches is not applied. Where CUDA runs out of memory, this step and those after it are
    made in smaller micro-batches; `on_halved` is called with the number of steps made and the new size.
    Raises NonFiniteError after three steps in a row without a finite loss and gradient, WillNotFit where a single
    example needs more memory than there is.
    """
    batches = plan(task.examples, retention.examples, recipe, seed, task.shards)
    parameters = base.adapter_parameters()
    optimizer = adamw(list(parameters.values()), recipe)
    newest = checkpoint.newest(folder)
    first = checkpoint.load(newest, parameters, optimizer) if newest else 0
    checkpoint.remove_old(folder)
    saved, unhealthy = time.monotonic(), 0
    n, max_tokens = first, recipe.execution.micro_batch_tokens or LONGEST
    while n < (last := last_step(len(batches), learned_at(n), recipe)):
        begin = time.monotonic()
        # A stop in the measurement above, which is then repeated, in the teacher's reading, or between micro-batches.
        is_stopped = should_stop() or not task.ready(batches[n].task, should_stop)
        gradient = None if is_stopped else accumulate(
            base, task, retention, recipe, batches[n], max_tokens, should_stop
        )  # fmt: skip
        if gradient is None:
            if n:
                checkpoint.save(folder, n, parameters, optimizer)
            return
        if gradient.max_tokens < max_tokens:
            max_tokens = gradient.max_tokens
            on_halved(n, max_tokens)
        rate = learning_rate(n, len(batches), recipe, last)
        norm = apply(gradient, list(parameters.values()), optimizer, rate, recipe.train.clip_norm)
        n += 1
        step = _measured(n, last, gradient, norm, rate, time.monotonic() - begin)
        unhealthy = unhealthy + 1 if step.skipped else 0
        if unhealthy >= PATIENCE:
            raise _not_finite(n, batches[n - 1], task)
        yield step
        due = time.monotonic() - saved > 60 * recipe.execution.checkpoint_minutes
        if due or should_stop() or n == last:
            checkpoint.save(folder, n, parameters, optimizer)
            saved = time.monotonic()
        if should_stop():
            return


@dataclass(frozen=True)
class Gradient:
    """What was measured while the gradient of a step was added up in the parameters."""

    loss: float  # nats per target token; both are means over the whole step
    retention: float
    tokens: int
    target_tokens: int
    max_tokens: int  # of a micro-batch

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss) and math.isfinite(self.retention)


def accumulate(
    base: Base, task: Task, retention: Task, recipe: Recipe, batch: Batch, max_tokens: int = LONGEST,
    should_stop: Callable[[], bool] = lambda: False,
) -> Gradient | None:  # fmt: skip
    """The gradient of a step, a mean over its target tokens, from micro-batches that fit; None: stopped between them.

    CUDA may run out of memory in the middle of a backward pass, when a part of a gradient is already added. So the
    whole step is made again, in micro-batches of half the size of the one that failed.
    """
    examples = [task.examples[i] for i in batch.task], [retention.examples[i] for i in batch.retention]
    counts = [sum(len(e.compared) for e in each) for each in examples]
    sizes = [len(e.input_ids) for each in examples for e in each]
    while True:
        sums, full = [0.0, 0.0], None
        for k, part in enumerate(micro_batches(batch, sizes, max_tokens)):
            if k and should_stop():
                _clear(base)
                return None
            added = unless_full(lambda part=part: _backward(base, task, retention, recipe, part, counts))  # type: ignore[misc]
            if isinstance(added, WillNotFit):
                full, max_tokens = added, _half(task, retention, part, added)
                break
            sums = [sums[0] + added[0], sums[1] + added[1]]
        if full is None:
            return Gradient(sums[0] / counts[0], sums[1] / max(1, counts[1]), sum(sizes), counts[0], max_tokens)
        _clear(base)


def _backward(
    base: Base, task: Task, retention: Task, recipe: Recipe, part: Batch, counts: Sequence[int]
) -> tuple[float, float]:
    """Add the gradient of one micro-batch; returns the sums of the divergences of its two kinds of examples."""
    how = Divergence(recipe.loss.divergence, recipe.loss.temperature, recipe.loss.temperature_squared, recipe.loss.beta)
    task_sum, retention_sum = _sums(base, task, retention, part, how, recipe.loss.label_share)
    loss = task_sum / counts[0] + recipe.retention.weight * retention_sum / max(1, counts[1])
    loss.backward()
    return float(task_sum.detach()), float(retention_sum.detach())


def _half(task: Task, retention: Task, part: Batch, full: WillNotFit) -> int:
    """Half the tokens of a micro-batch that did not fit. Raises WillNotFit where it is a single example."""
    examples = [task.examples[i] for i in part.task] + [retention.examples[i] for i in part.retention]
    tokens = sum(len(e.input_ids) for e in examples)
    if len(examples) == 1:
        raise too_long(full, examples[0].name, tokens)
    return tokens // 2


def _clear(base: Base) -> None:
    for parameter in base.adapter_parameters().values():
        parameter.grad = None


def apply(
    gradient: Gradient, parameters: list[Any], optimizer: torch.optim.Optimizer, rate: float, clip_norm: float
) -> float:
    """Clip the gradient and apply it if it is finite; returns its norm. Raises WillNotFit where AdamW does not fit."""
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip_norm))
    if math.isfinite(norm) and gradient.finite:
        for group in optimizer.param_groups:
            group["lr"] = rate
        if full := unless_full(optimizer.step):
            raise WillNotFit(
                "CUDA out of memory in the step of AdamW.", full.why,
                "Repeat the command with --set execution.optimizer_bits=8, or lower lora.rank in another --output.",
            )  # fmt: skip
    optimizer.zero_grad(set_to_none=True)
    return norm


def _measured(n: int, last: int, gradient: Gradient, norm: float, rate: float, seconds: float) -> Step:
    """Step `n`, which is skipped where something was not finite."""
    loss, retention, size = (
        value if math.isfinite(value) else None for value in (gradient.loss, gradient.retention, norm)
    )
    return Step(
        step=n, steps=last, loss=loss, retention=retention, gradient_norm=size, learning_rate=rate,
        tokens=gradient.tokens, target_tokens=gradient.target_tokens, seconds=seconds,
        skipped=None in (loss, retention, size),
    )  # fmt: skip


def _sums(
    base: Base, task: Task, retention: Task, micro: Batch, how: Divergence, label_share: float
) -> tuple[Tensor, Tensor]:
    """One packed forward pass over both kinds of examples: the sums of their divergences."""
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
    return task_sum, retention_sum


def _labels(examples: Sequence[Example], share: float, device: torch.device) -> Labels:
    """The tokens after all compared positions; of answers to questions they have a share in what is learned."""
    ids = [token for example in examples for token in example.target_ids]
    shares = [share * LESSON_KINDS[e.method].labelled for e in examples for _ in e.compared]
    return Labels(
        torch.tensor(ids, dtype=torch.long, device=device), torch.tensor(shares, dtype=torch.float32, device=device)
    )


def _not_finite(n: int, batch: Batch, task: Task) -> NonFiniteError:
    names = sorted({task.examples[i].document for i in batch.task})
    return NonFiniteError(
        f"The loss or its gradient was not finite in {PATIENCE} steps in a row, the last one step {n}.",
        f"Documents in it: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}.",
        "Nothing of these steps was learned. Lower train.learning_rate and start again.",
    )
