"""Exact match, containment and word F1 of an answer. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from disc_lite.qa import Comparison, Question, compare, is_right, normalise
from disc_lite.qa.matching import opening_yes_no
from disc_lite.qa.vocabulary import TRUE_FALSE, YES_NO


@dataclass(frozen=True)
class Grade:
    """One prediction by every rule, against the accepted answer that fits best."""

    exact: bool
    contains: bool
    f1: float  # of the words (Rajpurkar et al., arXiv 1606.05250)

    def right(self, grading: str) -> bool:
        """By `exact` or `contains`."""
        return self.exact if grading == "exact" else self.contains


def grade(prediction: str, answers: Iterable[str], choices: Sequence[str] = ()) -> Grade:
    """A prediction by every rule. One of `choices` is right only as a whole: "the head" is not in "the deputy head"."""
    answers = tuple(answers)
    results = [compare(prediction, answer) for answer in answers]
    found = Grade(any(r.exact for r in results), any(r.contains for r in results), max(map(_f1, results), default=0.0))
    if not choices:
        return found
    chosen = _as_choice(prediction) in map(_as_choice, answers)
    return replace(found, exact=chosen, contains=chosen)


def grade_all(questions: Iterable[Question], predictions: Iterable[str]) -> list[Grade]:
    """The prediction to each question by every rule."""
    return [grade(p, q.answers, q.choices) for q, p in zip(questions, predictions, strict=True)]


def is_stated(question: Question, text: str) -> bool:
    """Whether a text states an accepted answer, as far as words can say.

    No text states a choice, or an answer that begins with yes or no, or is true or false.

    "Not on Friday" does, where a question asks which day it is not.
    """
    if question.choices or any(map(is_judged, question.answers)):
        return True
    words = f" {normalise(text)} "
    return any(f" {normalise(answer)} " in words for answer in question.answers) or is_right(
        text, question.answers, "contains"
    )


def is_judged(answer: str) -> bool:
    """Whether an answer begins with yes or no, or is true or false."""
    first = normalise(answer.partition(",")[0])
    return first in YES_NO | TRUE_FALSE or opening_yes_no(answer)[0] != ""


def _as_choice(text: str) -> str:
    return normalise(text) or text.strip()


def _f1(result: Comparison) -> float:
    """Harmonic mean of precision and recall of the words; single characters in scripts without spaces between words."""
    if not result.answer_words:
        return float(result.exact)  # of marks only, such as "#"
    return 2 * result.shared_words / (result.predicted_words + result.answer_words)
