"""Retrieval by BM25: the passages that would be in the prompt of a model without adaptation (RAG)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def best_passages(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[str]]:
    """For each question the `number` best passages, best first (BM25 as in Lucene; the library bm25s)."""
    with _without_jax():
        from bm25s import BM25
        from bm25s.tokenization import tokenize

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    index.index(tokenize(list(passages), stopwords=[], show_progress=False), show_progress=False)
    indices, _ = index.retrieve(
        tokenize(list(questions), stopwords=[], show_progress=False), k=number, show_progress=False, n_threads=0,
        backend_selection="numpy",
    )  # fmt: skip
    return [[passages[int(i)] for i in row] for row in indices]


@contextmanager
def _without_jax() -> Iterator[None]:
    """Hides JAX: bm25s imports it, and it allocates three quarters of the GPU memory at once."""
    there = sys.modules.get("jax")
    sys.modules["jax"] = None  # type: ignore[assignment]  # makes the import fail
    try:
        yield
    finally:
        del sys.modules["jax"]
        if there is not None:
            sys.modules["jax"] = there
