"""Batches that are halved where CUDA runs out of memory: the same results, in more passes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from disc_lite.errors import WillNotFit, memory_ran_out
from disc_lite.packing import filled

T = TypeVar("T")


def unless_full(compute: Callable[[], T]) -> T | WillNotFit:
    """What `compute` returns; an error to raise or drop where CUDA ran out of memory, whose tensors are freed then."""
    try:
        return compute()
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        # Only its words: the exception's traceback holds the frames, and they the tensors.
        full = WillNotFit.out_of_memory(error, "")
    gc.collect()
    torch.cuda.empty_cache()
    return full


def halved_if_full(
    indices: Sequence[int], sizes: Sequence[int], max_size: int, compute: Callable[[list[int]], T],
    name: Callable[[int], str],
) -> Iterator[tuple[list[int], T]]:  # fmt: skip
    """Consecutive batches with what `compute` returns for each; after an out-of-memory error they are half as large.

    Sizes are in tokens. Raises WillNotFit where a single one does not fit; `name` says which it is.
    """
    done = 0
    while done < len(indices):
        batch = next(filled(indices[done:], sizes, max_size))
        result = unless_full(lambda batch=batch: compute(batch))  # type: ignore[misc]
        if not isinstance(result, WillNotFit):
            done += len(batch)
            yield batch, result
        elif len(batch) == 1:
            raise too_long(result, name(batch[0]), sizes[batch[0]])
        else:
            max_size = sum(sizes[i] for i in batch) // 2


def too_long(full: WillNotFit, name: str, tokens: int) -> WillNotFit:
    """The error of one example that does not fit even alone."""
    return WillNotFit(
        f"CUDA out of memory at a single example: {name}, {tokens:,} tokens.", full.why,
        "Close other programs that use the GPU, or cut shorter: disc.teacher_tokens, documents.passage_tokens.",
    )  # fmt: skip
