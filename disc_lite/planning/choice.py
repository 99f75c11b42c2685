"""How to compute a run with the memory there is: the size of micro-batches, the precision of AdamW, rows of generation.

None of it changes what is learned. The first way that fits is taken: 32 bits before 8, then large micro-batches before
small ones, each with everything on the card before the embedding and the inputs of layers go to the host, which costs
less time than smaller ones do; but 8 bits before micro-batches of less than 1,024 tokens, in which NF4 is dequantised
too often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from disc_lite.planning.memory import APART_PADDING, Footprint, Stage, Way
from disc_lite.planning.sizes import PREFIX_ROWS, READING_TOKENS, TREE_TOKENS
from disc_lite.planning.workload import Workload
from disc_lite.recipe import Recipe

SMALL_TOKENS = 1024  # of a micro-batch
LONGER = 1.5  # times the tokens of a small step: questions and answers may be longer than was assumed


@dataclass(frozen=True)
class Choice:
    """How a run is computed, and the stages with their peaks."""

    way: Way
    reading_tokens: int
    generation_rows: int
    stages: tuple[Stage, ...]

    @property
    def peak(self) -> int:
        return max(stage.peak for stage in self.stages)


def choose(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None, on_host: int | None = None
) -> Choice | None:
    """The first way of which no stage needs more than `available` bytes; None where there is none.

    `on_host` are the bytes that may wait in the memory of the host beside a card; None: as many as there are.
    """
    generation = _generation(footprint, workload, recipe, available)
    if generation is None:
        return None
    row_tokens = max(TREE_TOKENS, workload.longest_student)
    if footprint.shape.apart:  # a text is a row, as wide as the longest of texts that are alike
        row_tokens = max(1, round(APART_PADDING * workload.example_tokens))
    for way in _ways(footprint, workload, recipe):
        if on_host is not None and footprint.on_host(way) > on_host:
            continue
        training = footprint.training(way, row_tokens=row_tokens)
        reading = _reading(footprint, workload, recipe, available, way)
        if reading is not None and (available is None or training.peak <= available):
            return Choice(way, reading[0], generation[0], (generation[1], reading[1], training))
    return None


def _ways(footprint: Footprint, workload: Workload, recipe: Recipe) -> Iterator[Way]:
    execution = recipe.execution
    most = min(recipe.train.tokens_per_batch, round(LONGER * workload.step_tokens))
    whole = max(most, workload.longest_student)
    named, halves = execution.micro_batch_tokens, (whole >> n for n in range(whole.bit_length()))
    sizes = [min(named, whole)] if named else [size for size in halves if size >= workload.longest_student]
    bits = [bits for bits in footprint.numbers.optimizer_bits if execution.optimizer_bits in (0, bits)]
    large = [size for size in sizes if size >= min(SMALL_TOKENS, whole)] or sizes[:1]
    small = [size for size in sizes if size not in large]
    ordered = [(b, size) for b in bits for size in large] + [(b, size) for b in bits[-1:] for size in small]
    again, apart = execution.gradient_checkpointing, footprint.numbers.host_apart
    inputs = _on_host(execution.layer_checkpoints, again and apart)
    embeddings = _on_host(execution.embedding, footprint.embedding > 0 and apart)
    return (
        Way(size, again, b, i, e, -(-workload.step_tokens // size))
        for b, size in ordered for i in inputs for e in embeddings
    )  # fmt: skip


def _on_host(setting: str, possible: bool) -> list[bool]:
    """Whether something is on the host, in the order in which it is tried; there it can only be beside a card."""
    auto = [False, True] if possible else [False]
    return {"auto": auto, "device": [False], "host": [possible]}[setting]


def _reading(
    footprint: Footprint, workload: Workload, recipe: Recipe, available: int | None, way: Way
) -> tuple[int, Stage] | None:
    """Tokens of a pass and its stage: a longer lesson is read in parts."""
    size = max(recipe.execution.reading_tokens or READING_TOKENS, workload.longest_path)
    while True:
        stage = footprint.reading(size, min(size, workload.longest_lesson), way.host_embedding)
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
    rows = footprint.numbers.most_rows if available is None else footprint.rows(places, available)
    while rows:
        stage = footprint.generation(rows, places)
        if available is None or stage.peak <= available:
            return rows, stage
        rows //= 2
    return None
