"""Which questions ask for the same fact in other words. Does not import torch."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from disc_lite.evaluation.grading import is_judged
from disc_lite.qa import Question, normalise
from disc_lite.synthesis.names import names_in


def facts_of(questions: Sequence[Question]) -> list[Hashable]:
    """For each question its fact: the same for those about one text with the same answers, names and digits.

    Yes or no may answer anything, so each such question has a fact of its own.
    """
    return [_fact(question) for question in questions]


def _fact(question: Question) -> Hashable:
    if any(map(is_judged, question.answers)):
        return question.text, question.document, question.passage
    named = names_in(question.text).union(re.findall(r"\d+", question.text))
    answers = frozenset(normalise(answer) or answer for answer in question.answers)
    return answers, frozenset(named), question.document, question.passage
