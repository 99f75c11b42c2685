"""BM25 retrieval: finds the right passage of each question, and the passages for prompts with retrieval (RAG)."""

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

Passages = Sequence[tuple[str, str]]  # (document, text as in a prompt), in order
Place = tuple[str, int]  # (document, number of a passage in it)

SEARCHED = 50  # best passages that are searched for an answer to a question

# Words, also of a single letter or digit; numbers with decimals; runs of Han, kana, Hangul, Thai and the like.
_CHARACTER = re.compile(rf"[{UNSPACED}\uac00-\ud7a3][{UNSPACED_MARKS}]*")
_LETTER = rf"(?:[^\W{UNSPACED}\uac00-\ud7a3]|[{MARKS}])"
_TERM = re.compile(rf"(?P<run>(?:{_CHARACTER.pattern})+)|(?P<number>(?<!\w)\d+(?:[.,]\d+)+(?!{_LETTER}))|{_LETTER}+")


def right_places(questions: Sequence[Question], passages: Passages) -> list[int | None]:
    """The index of the passage that answers each question: its own if known, else the best by BM25 with an answer.

    Question and answers are one search, in the question's document if it names one. If none of the SEARCHED best
    passages gives an answer, the best of them is taken; None if there is no passage.
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
    for document, indices in unknown.items():
        places = within.get(document, [])
        texts = [passages[i][1] for i in places]
        searched = [" ".join((questions[i].text, *questions[i].answers)) for i in indices]
        for i, ranked in zip(indices, best_places(texts, searched, SEARCHED), strict=True):
            giving = (n for n in ranked if is_right(texts[n], questions[i].answers, "contains"))
            best = next(giving, ranked[0] if ranked else None)
            chosen[i] = None if best is None else places[best]
    return chosen


def places_of(passages: Passages) -> list[Place]:
    """The document of each passage and its number in that document."""
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
    """For each question the indices of its `number` best passages, best first; of equal ones, the earlier comes first.

    BM25 as in Lucene, by the library bm25s.
    """
    with _without_jax():
        from bm25s import BM25

    number = min(number, len(passages))
    if not number or not questions:
        return [[] for _ in questions]
    index = BM25(method="lucene")
    # bm25s cannot index passages if none of them has a term.
    index.index([search_terms(passage) or [""] for passage in passages], show_progress=False)
    queries = [search_terms(question) for question in questions]
    # Nor can it search without a term.
    return [_best(index.get_scores(terms), number) if terms else list(range(number)) for terms in queries]


def _best(scores: NDArray[Any], number: int) -> list[int]:
    """The indices of the `number` highest scores, highest first; of equal ones, the earlier comes first."""
    import numpy as np

    limit = np.partition(scores, -number)[-number]
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: number - len(above)]
    places = np.concatenate([above, equal])
    return [int(place) for place in places[np.argsort(-scores[places], kind="stable")]]


def search_terms(text: str) -> list[str]:
    """The terms to search for: words in lower case, and numbers in one form (1,000 and 1.000 are 1000, 3,5 is 3.5).

    In Korean and scripts without spaces, terms are single characters and pairs of neighbours, as in Lucene's
    CJKAnalyzer.
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
    module = sys.modules.get("jax")
    sys.modules["jax"] = None  # type: ignore[assignment]  # makes the import fail
    try:
        yield
    finally:
        del sys.modules["jax"]
        if module is not None:
            sys.modules["jax"] = module
