"""How to compute a run with the memory there is: micro-batches, layers computed again, AdamW, rows of generation.

None of it changes what is learned. AdamW has 32 bits where that fits with micro-batches of 1,024 tokens, then 8 bits
before smaller ones. Of the setups that fit then, the one is taken that computes least for a token: a layer that is
computed again costs a third of what it costs at all, and in small micro-batches NF4 is dequantised often.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from disc_lite.planning.memory import APART_PADDING, Footprint, Stage, TrainingSetup
from disc_lite.planning.sizes import PREFIX_ROWS, READING_TOKENS, TREE_TOKENS
from disc_lite.planning.workload import Workload
from disc_lite.recipe import Recipe

SMALL_TOKENS = 1024  # of a micro-batch
DEQUANTISED_TOKENS = 170  # with which a product takes as long as dequantising its matrix: bench/notes/cuda.md, NF4
ON_HOST = 1.02  # times as long with a part on the host: a guess, as the card computes while it is copied
LONGER = 1.5  # times the tokens of a small step: questions and answers may be longer than was assumed


@dataclass(frozen=True)
class Choice:
    """How a run is computed, and the stages with their peaks."""

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
    """The cheapest setup of which no stage needs more than `available` bytes; None where there is none.

    `on_host` are the bytes that may wait in the memory of the host beside a card; None: as many as there are.
    `reads_again`: the teacher reads in every epoch, in the midst of training.
    """
    generation = _generation(footprint, workload, recipe, available)
    if generation is None:
        return None
    row_tokens = max(TREE_TOKENS, workload.longest_student)
    if footprint.shape.apart:  # a text is a row, as wide as the longest of texts that are alike
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
        """Of the longest pass: a micro-batch that is named smaller than an example has that one alone."""
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
    """With as many layers computed again as are `named`, or as few as fit; all where that does not fit."""
    again = min(named, layers)
    if not named and not fits(setup):
        again = 1 + bisect_left(range(1, layers), True, key=lambda n: fits(replace(setup, recomputed=n)))
    return replace(setup, recomputed=again, host_checkpoints=setup.host_checkpoints and again > 0)


def _cost(setup: TrainingSetup, footprint: Footprint) -> float:
    """What a token takes in training, in forward passes of large micro-batches: forward, backward, forward again."""
    passes = 2 + setup.recomputed / footprint.shape.layers
    return passes * dequantising(setup, footprint) * ON_HOST ** (setup.host_checkpoints + setup.host_embedding)


def dequantising(setup: TrainingSetup, footprint: Footprint) -> float:
    """How many times as long a micro-batch takes with its matrices in 4 bits."""
    return 1 + DEQUANTISED_TOKENS / setup.micro_batch_tokens if footprint.quantize == "nf4" else 1.0


def _setups(footprint: Footprint, workload: Workload, recipe: Recipe) -> Iterator[list[TrainingSetup]]:
    """Setups in groups, the first of which has one that fits is taken; without layers that are computed again."""
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
    """Whether something is on the host, in the order in which it is tried; there it can only be beside a card."""
    auto = [False, True] if possible else [False]
    return {"auto": auto, "device": [False], "host": [possible]}[setting]


def _reading(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None, setup: TrainingSetup,
    optimizer_bits: int | None = None,
) -> tuple[int, Stage] | None:  # fmt: skip
    """Tokens of a pass and its stage: a longer lesson is read in parts."""
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
    """Rows of generation, each with a place for every token of its own and its part of a prefix, where that is shared.

    Generation takes a share of the free memory for rows, and half of them where that does not fit.
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
