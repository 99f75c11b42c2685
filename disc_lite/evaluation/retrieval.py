"""The passages nearest to a question by BM25: what a model without adaptation would be given."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS

# Words of two letters and more, as bm25s takes them; Han, kana, Hangul, Thai and their like by runs.
_TERM = re.compile(
    rf"(?P<run>(?:[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*)+)|(?:[^\W{UNSPACED}\uac00-\ud7a3]|[{MARKS}]){{2,}}"
)
_CHARACTER = re.compile(rf"[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*")


def best_passages(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[str]]:
    """For each question the `number` best passages, best first (BM25 as in Lucene; the library bm25s)."""
    with _without_jax():
        from bm25s import BM25

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    index.index([search_terms(passage) for passage in passages], show_progress=False)
    found, _ = index.retrieve(
        [search_terms(question) for question in questions], k=number, show_progress=False, n_threads=0,
        backend_selection="numpy",
    )  # fmt: skip
    return [[passages[int(i)] for i in row] for row in found]


def search_terms(text: str) -> list[str]:
    """Words in lower case; of scripts without spaces, and of Korean, every character and every two neighbours.

    Pairs of characters are what Lucene searches by in these scripts (its CJKAnalyzer).
    """
    terms: list[str] = []
    for found in _TERM.finditer(text.lower()):
        if found["run"]:
            characters = _CHARACTER.findall(found[0])
            terms += [*characters, *map("".join, pairwise(characters))]
        else:
            terms.append(found[0])
    return terms


@contextmanager
def _without_jax() -> Iterator[None]:
    """As if JAX were not installed: bm25s calls it on import, and it takes three quarters of the card at once."""
    there = sys.modules.get("jax")
    sys.modules["jax"] = None  # type: ignore[assignment]  # Python's own sign for a module that is not to be found
    try:
        yield
    finally:
        del sys.modules["jax"]
        if there is not None:
            sys.modules["jax"] = there
