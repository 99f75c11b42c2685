"""Retrieval by BM25: the passages that would be in the prompt of a model without adaptation (RAG)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS
from disc_lite.qa.numbers import in_thousands, number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Words, also of one letter or digit; numbers with their decimals; runs of Han, kana, Hangul, Thai and the like.
_CHARACTER = re.compile(rf"[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*")
_LETTER = rf"(?:[^\W{UNSPACED}\uac00-\ud7a3]|[{MARKS}])"
_TERM = re.compile(rf"(?P<run>(?:{_CHARACTER.pattern})+)|(?P<number>(?<!\w)\d+(?:[.,]\d+)+(?!{_LETTER}))|{_LETTER}+")


def best_passages(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[str]]:
    """For each question the `number` best passages, best first."""
    return [[passages[place] for place in row] for row in best_places(passages, questions, number)]


def best_places(passages: Sequence[str], questions: Sequence[str], number: int) -> list[list[int]]:
    """For each question which passages are its `number` best, best first; of equally good ones the earlier.

    BM25 as in Lucene, by the library bm25s.
    """
    with _without_jax():
        from bm25s import BM25

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    # bm25s cannot index passages of which none has a term.
    index.index([search_terms(passage) or [""] for passage in passages], show_progress=False)
    asked = [search_terms(question) for question in questions]
    # Nor can it search for nothing.
    return [_best(index.get_scores(terms), number) if terms else list(range(number)) for terms in asked]


def _best(scores: NDArray[Any], number: int) -> list[int]:
    """The places of the `number` highest scores, highest first; of equal ones the first."""
    import numpy as np

    limit = np.partition(scores, -number)[-number]
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: number - len(above)]
    places = np.concatenate([above, equal])
    return [int(place) for place in places[np.argsort(-scores[places], kind="stable")]]


def search_terms(text: str) -> list[str]:
    """Words in lower case, and numbers in one form: 1,000 and 1.000 are 1000, and 3,5 is 3.5.

    In scripts without spaces, and in Korean, single characters and pairs of neighbours, as Lucene indexes them
    (CJKAnalyzer).
    """
    terms: list[str] = []
    for match in _TERM.finditer(text.lower()):
        if match["run"]:
            characters = _CHARACTER.findall(match[0])
            terms += [*characters, *map("".join, pairwise(characters))]
        elif match["number"]:
            number = number_of(match[0])[0]
            terms.append(in_thousands(number) or number)
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
