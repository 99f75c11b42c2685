"""Exact match, containment and word F1 of an answer. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from disc_lite.documents import sentence_spans
from disc_lite.qa import Grade, Question, compare, is_right, normalise
from disc_lite.qa.matching import opening_yes_no
from disc_lite.qa.vocabulary import TRUE_FALSE, YES_NO


def grade(prediction: str, answers: Iterable[str], choices: Sequence[str] = ()) -> Grade:
    """Grade a prediction by every rule. One of `choices` must match as a whole: "the head" is not "the deputy head"."""
    answers = tuple(answers)
    results = [compare(prediction, answer) for answer in answers]
    f1 = max((result.f1 for result in results), default=0.0)
    if choices:
        chosen = _as_choice(prediction) in map(_as_choice, answers)
        return Grade(chosen, chosen, f1)
    return Grade(any(result.exact for result in results), any(result.contains for result in results), f1)


def grade_all(questions: Iterable[Question], predictions: Iterable[str]) -> list[Grade]:
    """Grade the prediction for each question by every rule."""
    return [grade(p, q.answers, q.choices) for q, p in zip(questions, predictions, strict=True)]


def is_stated(question: Question, text: str) -> bool:
    """Whether a text states an accepted answer, compared by words; a negated one counts ("not on Friday").

    Always true for multiple choice and for answers that begin with yes or no, or are true or false: no text states
    these.
    """
    if question.choices or any(map(is_judged, question.answers)):
        return True
    words = f" {normalise(text)} "
    return any(f" {normalise(answer)} " in words for answer in question.answers) or is_right(
        text, question.answers, "contains"
    )


def answer_begins(text: str, answers: Sequence[str]) -> int:
    """The position at which the first sentence that gives one of the answers begins; 0 if no sentence does."""
    spans = sentence_spans(text, 0, len(text))
    return next((start for start, end in spans if is_right(text[start:end], answers, "contains")), 0)


def is_judged(answer: str) -> bool:
    """Whether an answer begins with yes or no, or is "true" or "false"."""
    first = normalise(answer.partition(",")[0])
    return first in YES_NO | TRUE_FALSE or opening_yes_no(answer)[0] != ""


def _as_choice(text: str) -> str:
    return normalise(text) or text.strip()
