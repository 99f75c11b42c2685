"""How right an answer is, by every rule. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from disc_lite.qa import Comparison, compare


@dataclass(frozen=True)
class Grade:
    """One answer by every rule; the best of the accepted answers counts."""

    exact: bool
    contains: bool
    f1: float  # of the words (Rajpurkar et al., arXiv 1606.05250)


def grade(given: str, answers: Iterable[str]) -> Grade:
    """An answer by every rule."""
    found = [compare(given, answer) for answer in answers]
    return Grade(any(c.exact for c in found), any(c.contains for c in found), max(map(_f1, found), default=0.0))


def token_f1(given: str, answers: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of the words, against the nearest of `answers`.

    Words are characters where a script puts no spaces between words.
    """
    return grade(given, answers).f1


def _f1(found: Comparison) -> float:
    if not found.wanted:
        return float(found.exact)  # of marks only, such as "#"
    return 2 * found.shared / (found.given + found.wanted)
