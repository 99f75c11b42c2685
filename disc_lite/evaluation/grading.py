"""Exact match, containment and word F1 of an answer. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from disc_lite.qa import Comparison, compare


@dataclass(frozen=True)
class Grade:
    """One prediction by every rule, against the accepted answer that fits best."""

    exact: bool
    contains: bool
    f1: float  # of the words (Rajpurkar et al., arXiv 1606.05250)


def grade(prediction: str, answers: Iterable[str]) -> Grade:
    """A prediction by every rule."""
    results = [compare(prediction, answer) for answer in answers]
    return Grade(any(r.exact for r in results), any(r.contains for r in results), max(map(_f1, results), default=0.0))


def _f1(result: Comparison) -> float:
    """Harmonic mean of precision and recall of the words; single characters in scripts without spaces between words."""
    if not result.answer_words:
        return float(result.exact)  # of marks only, such as "#"
    return 2 * result.shared_words / (result.predicted_words + result.answer_words)
