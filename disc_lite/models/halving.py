"""Batches that are halved where CUDA runs out of memory, and single items too: the same results, in more passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from disc_lite.errors import WillNotFit, memory_ran_out
from disc_lite.models.device import free_memory
from disc_lite.packing import filled

T = TypeVar("T")
Item = TypeVar("Item")


def unless_full(compute: Callable[[], T]) -> T | WillNotFit:
    """What `compute` returns; an error to raise or drop where CUDA ran out of memory, whose tensors are freed then."""
    try:
        return compute()
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        # Only its words: the exception's traceback holds the frames, and they the tensors.
        full = WillNotFit.out_of_memory(error, "")
    free_memory()
    return full


def halved_if_full(
    items: Iterable[Item], size: Callable[[Item], int], max_size: int, compute: Callable[[list[Item]], T],
    name: Callable[[Item], str], halves: Callable[[Item], Sequence[Item]] = lambda item: (),
) -> Iterator[tuple[list[Item], T]]:  # fmt: skip
    """Consecutive batches with what `compute` returns for each; after an out-of-memory error they are half as large.

    Sizes are in tokens. A single item that does not fit is replaced by its `halves`, which are its results together.
    Raises WillNotFit where it has none; `name` says which it is.
    """
    left, done = list(items), 0
    sizes = [size(item) for item in left]
    while done < len(left):
        numbers = next(filled(range(done, len(left)), sizes, max_size))
        batch, tokens = [left[n] for n in numbers], sum(sizes[n] for n in numbers)
        result = unless_full(lambda batch=batch: compute(batch))  # type: ignore[misc]
        if not isinstance(result, WillNotFit):
            done += len(batch)
            yield batch, result
            continue
        max_size = tokens // 2
        if len(batch) == 1:
            parts = halves(batch[0])
            if not parts:
                raise too_long(result, name(batch[0]), tokens)
            left[done : done + 1], sizes[done : done + 1] = parts, [size(part) for part in parts]


def too_long(full: WillNotFit, name: str, tokens: int) -> WillNotFit:
    """The error of one example that does not fit even alone."""
    return WillNotFit(
        f"{full.what.removesuffix('.')} at a single example: {name}, {tokens:,} tokens.", full.why,
        "Close other programs, or cut shorter: disc.teacher_tokens, documents.passage_tokens.",
    )  # fmt: skip
