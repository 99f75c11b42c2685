"""Chooses how to compute a run in the memory there is: micro-batches, recomputed layers, AdamW, rows of generation.

None of it changes what is learned. AdamW has 32 bits if that fits with micro-batches of 1,024 tokens; otherwise it
gets 8 bits before micro-batches get smaller. Of the setups that fit, the one with the least computation per token is
taken: a layer costs half as much again if it is recomputed, and small micro-batches dequantise NF4 more often.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from disc_lite.planning.memory import APART_PADDING, Footprint, Stage, TrainingSetup
from disc_lite.planning.sizes import PREFIX_ROWS, READING_TOKENS, TREE_TOKENS
from disc_lite.planning.workload import Workload
from disc_lite.recipe import Recipe

SMALL_TOKENS = 1024  # tokens of a micro-batch; smaller ones are tried last
DEQUANTISED_TOKENS = 170  # tokens for which a product takes as long as dequantising its matrix: bench/notes/cuda.md
ON_HOST = 1.02  # factor on the time with a part on the host: a guess, since the card computes during the copy
LONGER = 1.5  # factor on the tokens of a step: questions and answers may be longer than was assumed


@dataclass(frozen=True)
class Choice:
    """How a run is computed, and its stages with their peak memory."""

    setup: TrainingSetup
    reading_tokens: int
    generation_rows: int
    stages: tuple[Stage, ...]

    @property
    def peak(self) -> int:
        return max(stage.peak for stage in self.stages)


def choose(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None, on_host: int | None = None,
    reads_again: bool = False,
) -> Choice | None:  # fmt: skip
    """Return the cheapest setup in which no stage needs more than `available` bytes; None if there is none.

    `on_host` is the number of host bytes that a run on a card may use; None means no limit. With `reads_again` the
    teacher reads in every epoch, so its memory is needed during training.
    """
    generation = _generation(footprint, workload, recipe, available)
    if generation is None:
        return None
    row_tokens = max(TREE_TOKENS, workload.longest_student)
    if footprint.shape.apart:  # one text per row; a row is as wide as the longest of texts of similar length
        row_tokens = max(1, round(APART_PADDING * workload.example_tokens))

    def made(setup: TrainingSetup) -> Choice | None:
        setup = _fewest_again(setup, footprint.shape.layers, recipe.execution.recomputed_layers, fits)
        reading = _reading(footprint, workload, recipe, available, setup, setup.optimizer_bits if reads_again else None)
        if reading is None or not fits(setup) or (on_host is not None and footprint.on_host(setup) > on_host):
            return None
        return Choice(setup, reading[0], generation[0], (generation[1], reading[1], training(setup)))

    def fits(setup: TrainingSetup) -> bool:
        return available is None or training(setup).peak <= available

    def training(setup: TrainingSetup) -> Stage:
        """Memory of the longest pass: a micro-batch set smaller than the longest example holds that example alone."""
        tokens = max(setup.micro_batch_tokens, workload.longest_student)
        return footprint.training(replace(setup, micro_batch_tokens=tokens), row_tokens=row_tokens)

    for alike in _setups(footprint, workload, recipe):
        found = [choice for setup in alike if (choice := made(setup))]
        if found:
            return min(found, key=lambda choice: _cost(choice.setup, footprint))  # the first of several
    return None


def _fewest_again(
    setup: TrainingSetup, layers: int, named: int, fits: Callable[[TrainingSetup], bool]
) -> TrainingSetup:
    """Return the setup with `named` layers recomputed; if `named` is 0, with the fewest that fit, or else with all."""
    again = min(named, layers)
    if not named and not fits(setup):
        again = 1 + bisect_left(range(1, layers), True, key=lambda n: fits(replace(setup, recomputed=n)))
    return replace(setup, recomputed=again, host_checkpoints=setup.host_checkpoints and again > 0)


def _cost(setup: TrainingSetup, footprint: Footprint) -> float:
    """Training cost of a token, in forward passes of large micro-batches: forward, backward, recomputation."""
    passes = 2 + setup.recomputed / footprint.shape.layers
    return passes * dequantising(setup, footprint) * ON_HOST ** (setup.host_checkpoints + setup.host_embedding)


def dequantising(setup: TrainingSetup, footprint: Footprint) -> float:
    """Factor on the time of a micro-batch because its matrices are in 4 bits; 1 without NF4."""
    return 1 + DEQUANTISED_TOKENS / setup.micro_batch_tokens if footprint.quantize == "nf4" else 1.0


def _setups(footprint: Footprint, workload: Workload, recipe: Recipe) -> Iterator[list[TrainingSetup]]:
    """Yield groups of setups, without recomputed layers; the first group in which one fits is used."""
    execution = recipe.execution
    most = min(recipe.train.tokens_per_batch, round(LONGER * workload.step_tokens))
    whole = max(most, workload.longest_student)
    named, longest = execution.micro_batch_tokens, max(1, workload.longest_student)
    sizes = [min(named, whole)] if named else [-(-whole // n) for n in range(1, whole // longest + 1)]
    bits = [bits for bits in footprint.costs.optimizer_bits if execution.optimizer_bits in (0, bits)]
    large = [size for size in sizes if size >= min(SMALL_TOKENS, whole)] or sizes[:1]
    small = [size for size in sizes if size not in large]
    apart = footprint.costs.host_apart
    inputs = _on_host(execution.layer_checkpoints, apart)
    embeddings = _on_host(execution.embedding, footprint.embedding > 0 and apart)
    for b, some in [*((b, large) for b in bits), *((b, [size]) for b in bits[-1:] for size in small)]:
        yield [
            TrainingSetup(size, 0, b, i, e, -(-workload.step_tokens // size))
            for size in some for i in inputs for e in embeddings
        ]  # fmt: skip


def _on_host(setting: str, possible: bool) -> list[bool]:
    """Values of "is on the host" in the order in which to try them; `possible` only beside a card."""
    auto = [False, True] if possible else [False]
    return {"auto": auto, "device": [False], "host": [possible]}[setting]


def _reading(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None, setup: TrainingSetup,
    optimizer_bits: int | None = None,
) -> tuple[int, Stage] | None:  # fmt: skip
    """Return the tokens of the teacher's pass and its stage, or None; a longer lesson is read in parts."""
    size = max(recipe.execution.reading_tokens or READING_TOKENS, workload.longest_path)
    while True:
        stage = footprint.reading(size, min(size, workload.longest_lesson), setup.host_embedding, optimizer_bits)
        if available is None or stage.peak <= available:
            return size, stage
        if size <= workload.longest_path:
            return None
        size = max(size // 2, workload.longest_path)


def _generation(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None
) -> tuple[int, Stage] | None:
    """Return the rows of generation and its stage, or None if not even one row fits.

    Each row has a position for every token of its own and for its part of the prefix, if that is shared. Rows get a
    share of the free memory; while that does not fit, their number is halved.
    """
    places: float = workload.row_tokens + recipe.prompt.answer_tokens
    if not footprint.shape.apart:
        places += workload.prompt_tokens / (PREFIX_ROWS // 2)
    rows = footprint.costs.most_rows if available is None else footprint.rows(places, available)
    while rows:
        stage = footprint.generation(rows, places)
        if available is None or stage.peak <= available:
            return rows, stage
        rows //= 2
    return None
