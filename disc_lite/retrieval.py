"""The passages nearest to a question by BM25: what a model without adaptation would be given."""

from __future__ import annotations

import os
from collections.abc import Sequence


def best_passages(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[str]]:
    """For each question the `number` best passages, best first (BM25 as in Lucene; the library bm25s)."""
    # Where JAX is installed, bm25s wakes it on import, and JAX takes three quarters of the card at once.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from bm25s import BM25
    from bm25s.tokenization import tokenize

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    index.index(tokenize(list(passages), stopwords=[], show_progress=False), show_progress=False)
    found, _ = index.retrieve(
        tokenize(list(questions), stopwords=[], show_progress=False), k=number, show_progress=False, n_threads=0,
        backend_selection="numpy",
    )  # fmt: skip
    return [[passages[int(i)] for i in row] for row in found]
