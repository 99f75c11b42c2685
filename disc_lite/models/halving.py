"""Halves batches, and single items too, if CUDA runs out of memory: the same results in more passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from disc_lite.errors import WillNotFit, memory_ran_out
from disc_lite.models.device import free_memory
from disc_lite.packing import filled

T = TypeVar("T")
Item = TypeVar("Item")


def unless_full(compute: Callable[[], T]) -> T | WillNotFit:
    """Return what `compute` returns, or, if CUDA ran out of memory, free its tensors and return the error."""
    try:
        return compute()
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        # Only the message is taken: the exception's traceback holds the frames, and they hold the tensors.
        full = WillNotFit.out_of_memory(error, "")
    free_memory()
    return full


def halved_if_full(
    items: Iterable[Item], size: Callable[[Item], int], max_size: int, compute: Callable[[list[Item]], T],
    name: Callable[[Item], str], halves: Callable[[Item], Sequence[Item]] = lambda item: (),
) -> Iterator[tuple[list[Item], T]]:  # fmt: skip
    """Yield consecutive batches with what `compute` returns for each; an out-of-memory error halves their size.

    Sizes are in tokens. A single item that does not fit is replaced by its `halves`, which together give its results.
    Raises WillNotFit if it has none; `name` names it in the error.
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
    """Return the error for a single example that does not fit on its own."""
    return WillNotFit(
        f"{full.what.removesuffix('.')} with a single example: {name}, {tokens:,} tokens.", full.why,
        "Close other programs, or lower disc.teacher_tokens and documents.passage_tokens.",
    )  # fmt: skip
