"""Retrieval by BM25: the passages that answer questions, and those in the prompt of a base with retrieval (RAG)."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from disc_lite.qa import Question, is_right
from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS
from disc_lite.qa.numbers import in_thousands, number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Passages = Sequence[tuple[str, str]]  # (document, text as a prompt shows it), in order
Place = tuple[str, int]  # a document, and the number of a passage in it

SEARCHED = 50  # passages that are looked through for an answer to a question

# Words, also of one letter or digit; numbers with their decimals; runs of Han, kana, Hangul, Thai and the like.
_CHARACTER = re.compile(rf"[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*")
_LETTER = rf"(?:[^\W{UNSPACED}\uac00-\ud7a3]|[{MARKS}])"
_TERM = re.compile(rf"(?P<run>(?:{_CHARACTER.pattern})+)|(?P<number>(?<!\w)\d+(?:[.,]\d+)+(?!{_LETTER}))|{_LETTER}+")


def right_places(questions: Sequence[Question], passages: Passages) -> list[int | None]:
    """Which passage answers each question: its own where that is known, else the best by BM25 that gives an answer.

    `passages` are (document, text). Question and answers are searched for together, in the question's document where
    it names one. Where none of the SEARCHED best gives an answer it is the best of all; None if there is none.
    """
    known = {place: at for at, place in enumerate(places_of(passages))}
    chosen = [known.get((question.document, question.passage_index)) for question in questions]
    unknown: dict[str, list[int]] = {}  # document -> questions
    for i, question in enumerate(questions):
        if chosen[i] is None:
            unknown.setdefault(question.document, []).append(i)
    within: dict[str, list[int]] = {}  # document -> passages
    for at, (document, _) in enumerate(passages):
        within.setdefault(document, []).append(at)
    within[""] = list(range(len(passages)))
    for document, asked in unknown.items():
        places = within.get(document, [])
        texts = [passages[i][1] for i in places]
        searched = [" ".join((questions[i].text, *questions[i].answers)) for i in asked]
        for i, ranked in zip(asked, best_places(texts, searched, SEARCHED), strict=True):
            giving = (n for n in ranked if is_right(texts[n], questions[i].answers, "contains"))
            best = next(giving, ranked[0] if ranked else None)
            chosen[i] = None if best is None else places[best]
    return chosen


def places_of(passages: Passages) -> list[Place]:
    """Each passage's document and number in it."""
    seen: Counter[str] = Counter()
    places = []
    for document, _ in passages:
        places.append((document, seen[document]))
        seen[document] += 1
    return places


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
