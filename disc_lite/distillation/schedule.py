"""Order of the examples, batches and learning rate: pure functions of the examples and the recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from disc_lite.distillation.examples import Example
from disc_lite.packing import filled, first_fit
from disc_lite.planning.amounts import disc_examples, retention_share, task_tokens_per_batch
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import DISC

FALL = 0.2  # share of the steps, at the end, in which the rate of `trapezoid` falls to zero


@dataclass(frozen=True)
class Batch:
    """Indices of the task and the retention examples of a step, or of a part of one."""

    task: tuple[int, ...]
    retention: tuple[int, ...]


def batches(
    examples: Sequence[Example], retention: Sequence[Example], recipe: Recipe, shards: Sequence[Sequence[int]] = ()
) -> tuple[Batch, ...]:
    """Return the batches of all steps: a pure function of the examples and the recipe, whose seed orders them.

    `shards` are indices of examples that an epoch takes together; without any, all examples are one shard.
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
            while owed > 0 or not chosen:  # at least one, so that every step has a retention term
                chosen.append(next(cycle))
                owed -= len(retention[chosen[-1]].input_ids)
        found.append(Batch(tuple(task), tuple(chosen)))
    return tuple(found)


def micro_batches(batch: Batch, sizes: Sequence[int], max_tokens: int) -> list[Batch]:
    """Split a batch into parts of at most `max_tokens`, or of one longer example.

    `sizes` are the tokens of the batch's examples, the task's first. The split changes no gradient: the sums of all
    parts are divided by the counts of the whole batch. Each part is filled up with what still fits; otherwise every
    second step would have an extra small part, for which 4-bit weights are dequantised as for a large one.
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
    """Number of task tokens that the student reads in all epochs; the same for every seed."""
    return sum(_tokens(examples, recipe, epoch) for epoch in range(recipe.train.epochs))


def _tokens(examples: Sequence[Example], recipe: Recipe, epoch: int) -> int:
    return sum(len(examples[i].input_ids) for i in _epoch(examples, recipe, Random(0), epoch))


def rehearsals(examples: Sequence[Example], recipe: Recipe) -> int:
    """Number of examples that are rehearsed in the whole training, next to these, which are taught."""
    return recipe.train.epochs * round(recipe.update.rehearse * len(_epoch(examples, recipe, Random(0), 0)))


def _epoch(
    examples: Sequence[Example], recipe: Recipe, rng: Random, epoch: int, shards: Sequence[Sequence[int]] = ()
) -> list[int]:
    """Return one epoch: all pairs, and DiSC examples in the share `disc.share`, or more if pairs are few.

    Shards come in shuffled order, and so do the examples in each. Successive epochs continue through the list of DiSC
    examples, so that the epochs together cover every sentence even if each takes only a part of them. The same holds
    for rehearsed examples, of which there are `update.rehearse` for each other example.
    """
    taught = [i for i, e in enumerate(examples) if not e.rehearsed]
    disc = [i for i in taught if examples[i].kind == DISC]
    rest = [i for i in taught if examples[i].kind != DISC]
    if disc and rest:
        disc = _turn(disc, disc_examples(len(disc), len(rest), recipe.disc.share), epoch)
    order = disc + rest
    rehearsed = [i for i, e in enumerate(examples) if e.rehearsed]
    Random("rehearsed").shuffle(rehearsed)  # so that every epoch has some of all passages; the same for every seed
    order += _turn(rehearsed, min(len(rehearsed), round(recipe.update.rehearse * len(order))), epoch)
    return _shuffled(order, rng, shards)


def _shuffled(chosen: list[int], rng: Random, shards: Sequence[Sequence[int]]) -> list[int]:
    shard_of = {i: number for number, shard in enumerate(shards) for i in shard}
    parts: dict[int, list[int]] = {}
    for i in chosen:
        parts.setdefault(shard_of.get(i, 0), []).append(i)
    order = sorted(parts)
    if len(order) > 1:  # for a single shard no random number is drawn
        rng.shuffle(order)
    for part in order:
        rng.shuffle(parts[part])
    return [i for part in order for i in parts[part]]


def _turn(indices: Sequence[int], number: int, epoch: int) -> list[int]:
    """Return the next `number` of the indices, which are taken in turn from epoch to epoch."""
    return [indices[(epoch * number + k) % len(indices)] for k in range(number)]


def _cycle(number: int, rng: Random) -> Iterator[int]:
    while number:
        order = list(range(number))
        rng.shuffle(order)
        yield from order


def last_step(steps: int, learned_at: int | None, recipe: Recipe) -> int:
    """Return the number of steps to make: all planned ones, or fewer once enough is learned.

    After `learned_at` only those steps follow in which the rate falls. Only the schedule `trapezoid` can end early.
    """
    if learned_at is None or recipe.train.schedule != "trapezoid":
        return steps
    return min(steps, math.ceil(learned_at / (1 - FALL)))


def learning_rate(n: int, steps: int, last: int, recipe: Recipe) -> float:
    """Learning rate of step n, from 0: linear warm-up, then the recipe's schedule.

    That is constant, a cosine to zero, or constant with a linear decay to zero over the last fifth. `steps` are
    planned, `last` of them are made: see `last_step`.
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
