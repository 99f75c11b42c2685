"""Exact match, containment and word F1 of an answer. Does not import torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from disc_lite.qa import is_right, normalise


@dataclass(frozen=True)
class Grade:
    """One prediction by every rule, against the accepted answer that fits best."""

    exact: bool
    contains: bool
    f1: float  # of the words (Rajpurkar et al., arXiv 1606.05250)


def grade(prediction: str, answers: Iterable[str]) -> Grade:
    """A prediction by every rule."""
    answers = tuple(answers)
    return Grade(
        is_right(prediction, answers, "exact"), is_right(prediction, answers, "contains"), token_f1(prediction, answers)
    )


def token_f1(prediction: str, answers: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of the words, against the best of `answers`."""
    words = Counter(normalise(prediction).split())
    return max((_f1(words, Counter(normalise(answer).split())) for answer in answers), default=0.0)


def _f1(prediction: Counter[str], answer: Counter[str]) -> float:
    shared = (prediction & answer).total()
    return 2 * shared / (prediction.total() + answer.total()) if shared else float(prediction == answer)
