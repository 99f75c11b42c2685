"""How right an answer is, by every rule. Does not import torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from disc_lite.qa import is_right, normalise


@dataclass(frozen=True)
class Grade:
    """One answer by every rule; the best of the accepted answers counts."""

    exact: bool
    contains: bool
    f1: float  # of the words (Rajpurkar et al., arXiv 1606.05250)


def grade(given: str, answers: Iterable[str]) -> Grade:
    """An answer by every rule."""
    answers = tuple(answers)
    return Grade(is_right(given, answers, "exact"), is_right(given, answers, "contains"), token_f1(given, answers))


def token_f1(given: str, answers: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of the words, against the nearest of `answers`."""
    said = Counter(normalise(given).split())
    return max((_f1(said, Counter(normalise(answer).split())) for answer in answers), default=0.0)


def _f1(said: Counter[str], wanted: Counter[str]) -> float:
    shared = (said & wanted).total()
    return 2 * shared / (said.total() + wanted.total()) if shared else float(said == wanted)
