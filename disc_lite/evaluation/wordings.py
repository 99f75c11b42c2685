"""Finds questions that ask for the same fact in other words. Does not import torch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from disc_lite.evaluation.grading import is_judged
from disc_lite.qa import Question, language_of, normalise
from disc_lite.qa.words import read_words
from disc_lite.synthesis.names import names_in
from disc_lite.synthesis.terms import terms_of

SHARED = 0.5  # two wordings must share more than this part of the content words of either
SHARED_BESIDE_NAME = 0.25  # at least this part is enough if both have a name that few questions have
FEW, SHARE_OF_FEW = 8, 0.1  # "few" is this many questions, or this share of all if that is more


@dataclass(frozen=True)
class _Wording:
    number: int
    named: frozenset[str]  # names and digits
    is_telling: bool  # whether few questions have one of these names
    words: tuple[str, ...]
    terms: tuple[frozenset[str], ...]  # for each content word, its forms
    forms: frozenset[str]


def facts_of(questions: Sequence[Question]) -> list[int]:
    """For each question the index of the first question that asks for the same fact.

    Questions ask for the same fact if they are about the same text, have the same answers, names and digits, and share
    most of their content words (fewer are enough if both have a name that few questions have). Questions that differ in
    only one place ask about different things ("who handles visas", "who handles taxes"), and equal answers of yes or no
    show nothing. In doubt, a question counts as asking for a fact of its own.
    """
    known: dict[Hashable, list[_Wording]] = {}
    facts = []
    for question, wording in zip(questions, _wordings(questions), strict=True):
        answers = frozenset(normalise(answer) or answer for answer in question.answers)
        text = question.text if any(map(is_judged, question.answers)) else ""
        same = known.setdefault((text, answers, wording.named, question.document, question.passage), [])
        first = next((other for other in same if _are_wordings(other, wording)), wording)
        if first is wording:
            same.append(wording)
        facts.append(first.number)
    return facts


def _wordings(questions: Sequence[Question]) -> list[_Wording]:
    language = language_of("\n".join(question.text for question in questions))
    named = [frozenset(names_in(q.text).union(re.findall(r"\d+", q.text))) for q in questions]
    counts = Counter(name for names in named for name in names)
    few = max(FEW, SHARE_OF_FEW * len(questions))
    wordings = []
    for number, (question, names) in enumerate(zip(questions, named, strict=True)):
        words = tuple(word.text for word in read_words(question.text) if not word.skipped)
        terms = tuple(term.forms for term in terms_of(question.text, language_of(question.text) or language))
        is_telling = any(counts[name] <= few for name in names)
        wordings.append(_Wording(number, names, is_telling, words, terms, frozenset().union(*terms)))
    return wordings


def _are_wordings(first: _Wording, second: _Wording) -> bool:
    if first.words == second.words:
        return True
    if first.forms.isdisjoint(second.forms):  # a quick test, as thousands of questions may have the answer "none"
        return False
    shared = min(_share(first, second), _share(second, first))
    is_enough = shared > SHARED or (first.is_telling and shared >= SHARED_BESIDE_NAME)
    return is_enough and not _differ_in_one_place(first.words, second.words)


def _share(wording: _Wording, other: _Wording) -> float:
    return sum(not other.forms.isdisjoint(forms) for forms in wording.terms) / len(wording.terms)


def _differ_in_one_place(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the common beginning and end of two questions are together at least half of the longer one."""
    begin = _shared(first, second)
    end = _shared(first[begin:][::-1], second[begin:][::-1])
    return 2 * (begin + end) >= max(len(first), len(second))


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
