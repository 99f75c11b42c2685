"""Retrieval by BM25: the passages that would be in the prompt of a model without adaptation (RAG)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS

# Words of two letters and more, as bm25s takes them; runs of Han, kana, Hangul, Thai and the like.
_CHARACTER = re.compile(rf"[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*")
_TERM = re.compile(rf"(?P<run>(?:{_CHARACTER.pattern})+)|(?:[^\W{UNSPACED}\uac00-\ud7a3]|[{MARKS}]){{2,}}")


def best_passages(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[str]]:
    """For each question the `number` best passages, best first."""
    return [[passages[place] for place in row] for row in best_places(passages, questions, number)]


def best_places(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[int]]:
    """For each question which passages are its `number` best, best first (BM25 as in Lucene; the library bm25s)."""
    with _without_jax():
        from bm25s import BM25

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    # bm25s cannot index passages of which none has a term.
    index.index([search_terms(passage) or [""] for passage in passages], show_progress=False)
    indices, _ = index.retrieve(
        [search_terms(question) for question in questions], k=number, show_progress=False, n_threads=0,
        backend_selection="numpy",
    )  # fmt: skip
    return [list(map(int, row)) for row in indices]


def search_terms(text: str) -> list[str]:
    """Words in lower case; in scripts without spaces, and in Korean, single characters and pairs of neighbours.

    Pairs are what Lucene indexes in these scripts (CJKAnalyzer).
    """
    terms: list[str] = []
    for match in _TERM.finditer(text.lower()):
        if match["run"]:
            characters = _CHARACTER.findall(match[0])
            terms += [*characters, *map("".join, pairwise(characters))]
        else:
            terms.append(match[0])
    return terms


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
