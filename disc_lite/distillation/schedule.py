"""The order of the examples, the batches and the learning rate: pure functions of examples and recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from disc_lite.distillation.examples import Example
from disc_lite.distillation.methods import LESSON_KINDS
from disc_lite.packing import filled, first_fit
from disc_lite.planning.amounts import disc_examples, retention_share, task_tokens_per_batch
from disc_lite.recipe import Recipe

FALL = 0.2  # the last part of all steps, in which the rate of `trapezoid` falls to zero


@dataclass(frozen=True)
class Batch:
    """Indices of the task examples and the retention examples of a step, or of a part of one."""

    task: tuple[int, ...]
    retention: tuple[int, ...]


def batches(
    examples: Sequence[Example], retention: Sequence[Example], recipe: Recipe, shards: Sequence[Sequence[int]] = ()
) -> tuple[Batch, ...]:
    """The batches of all steps: a pure function of the examples and the recipe, whose seed orders them.

    `shards` are indices of examples that an epoch takes together; all of them are one shard where there are none.
    """
    rng = Random(f"{recipe.seed} order")
    stream = [i for epoch in range(recipe.train.epochs) for i in _epoch(examples, recipe, rng, epoch, shards)]
    sizes = [len(e.input_ids) for e in examples]
    cycle = _cycle(len(retention), Random(f"{recipe.seed} retention order"))
    found: list[Batch] = []
    owed = 0.0
    tokens_per_prompt = sum(len(example.input_ids) for example in retention) / max(1, len(retention))
    share = retention_share(task_tokens(examples, recipe), tokens_per_prompt, recipe.retention) if retention else 0.0
    largest = task_tokens_per_batch(_tokens(examples, recipe, 0), recipe, share)
    for task in filled(stream, sizes, largest):
        chosen: list[int] = []
        if retention:
            owed += share * sum(sizes[i] for i in task)
            while owed > 0 or not chosen:  # without one a step would have no retention term
                chosen.append(next(cycle))
                owed -= len(retention[chosen[-1]].input_ids)
        found.append(Batch(tuple(task), tuple(chosen)))
    return tuple(found)


def micro_batches(batch: Batch, sizes: Sequence[int], max_tokens: int) -> list[Batch]:
    """A batch in parts of at most `max_tokens`, or of one longer example; `sizes` are its tokens, the task's first.

    How it is cut changes no gradient: the sums of all parts are divided by the counts of the whole batch. Each part is
    filled up with what still fits, or every second step would have a small part more, for which 4-bit weights are
    dequantised as for a large one.
    """
    border = len(batch.task)
    return [
        Batch(
            tuple(batch.task[i] for i in part if i < border),
            tuple(batch.retention[i - border] for i in part if i >= border),
        )
        for part in first_fit(range(len(sizes)), sizes, max_tokens)
    ]


def task_tokens(examples: Sequence[Example], recipe: Recipe) -> int:
    """Tokens of task examples that the student reads in all epochs, whatever the seed."""
    return sum(_tokens(examples, recipe, epoch) for epoch in range(recipe.train.epochs))


def _tokens(examples: Sequence[Example], recipe: Recipe, epoch: int) -> int:
    return sum(len(examples[i].input_ids) for i in _epoch(examples, recipe, Random(0), epoch))


def rehearsals(examples: Sequence[Example], recipe: Recipe) -> int:
    """How many examples are rehearsed beside these, which are taught, in the whole training."""
    return recipe.train.epochs * round(recipe.update.rehearse * len(_epoch(examples, recipe, Random(0), 0)))


def _epoch(
    examples: Sequence[Example], recipe: Recipe, rng: Random, epoch: int, shards: Sequence[Sequence[int]] = ()
) -> list[int]:
    """One epoch: all pairs, and DiSC examples in the share `disc.share`, more where pairs are few.

    Shards come in shuffled order, and so do the examples of each. Successive epochs continue through the list of DiSC
    examples, so that every sentence is covered over the epochs even where one epoch takes only a part of them. So do
    those that are rehearsed: `update.rehearse` for each other.
    """
    taught = [i for i, e in enumerate(examples) if not e.rehearsed]
    shared = [i for i in taught if LESSON_KINDS[examples[i].kind].by_share]
    rest = [i for i in taught if not LESSON_KINDS[examples[i].kind].by_share]
    if shared and rest:
        shared = _turn(shared, disc_examples(len(shared), len(rest), recipe.disc.share), epoch)
    order = shared + rest
    rehearsed = [i for i, e in enumerate(examples) if e.rehearsed]
    Random("rehearsed").shuffle(rehearsed)  # of all passages in every epoch; the same ones whatever the seed
    order += _turn(rehearsed, min(len(rehearsed), round(recipe.update.rehearse * len(order))), epoch)
    return _shuffled(order, rng, shards)


def _shuffled(chosen: list[int], rng: Random, shards: Sequence[Sequence[int]]) -> list[int]:
    shard_of = {i: number for number, shard in enumerate(shards) for i in shard}
    parts: dict[int, list[int]] = {}
    for i in chosen:
        parts.setdefault(shard_of.get(i, 0), []).append(i)
    order = sorted(parts)
    if len(order) > 1:  # with a single shard no random number is drawn for it
        rng.shuffle(order)
    for part in order:
        rng.shuffle(parts[part])
    return [i for part in order for i in parts[part]]


def _turn(indices: Sequence[int], number: int, epoch: int) -> list[int]:
    """The next `number` of these, which are taken in turn from epoch to epoch."""
    return [indices[(epoch * number + k) % len(indices)] for k in range(number)]


def _cycle(number: int, rng: Random) -> Iterator[int]:
    while number:
        order = list(range(number))
        rng.shuffle(order)
        yield from order


def last_step(steps: int, learned_at: int | None, recipe: Recipe) -> int:
    """The number of steps to make: all that are planned, or, once enough is learned, those in which the rate falls.

    Only the schedule `trapezoid` can end early.
    """
    if learned_at is None or recipe.train.schedule != "trapezoid":
        return steps
    return min(steps, math.ceil(learned_at / (1 - FALL)))


def learning_rate(n: int, steps: int, last: int, recipe: Recipe) -> float:
    """Linear warm-up, then constant, a cosine to zero, or constant and a line to zero over the last fifth; n from 0.

    `steps` are planned, `last` of them are made: see `last_step`.
    """
    peak, warm = recipe.train.learning_rate, max(1, round(recipe.train.warmup_fraction * steps))
    rise = (n + 1) / warm
    if recipe.train.schedule == "trapezoid":  # it may end within the warm-up
        return peak * min(1.0, rise, (last - n) / max(1, round(FALL * last)))
    if n < warm:
        return peak * rise
    if recipe.train.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (n - warm) / max(1, steps - warm)))
