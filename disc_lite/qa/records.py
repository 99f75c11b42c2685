"""The frozen shapes of this package: a question, a question-answer pair, and a word as grading compares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """Something to ask (or a statement to finish), and what counts as a right answer."""

    text: str
    answers: tuple[str, ...]
    document: str = ""  # where the answer stands, if known
    kind: str = "question"  # or "completion"
    passage: str = ""  # shown with the question, in open-book probes
    passage_index: int = -1  # of the document, where the answer stands in a passage of it that is known
    choices: tuple[str, ...] = ()  # multiple choice: the likeliest of these is the answer given


@dataclass(frozen=True)
class Pair:
    """A question about a passage and an answer to it: what prompt distillation teaches with."""

    document: str
    passage: int  # its number in the document
    question: str
    answer: str
    source: str = ""  # the sentence of the passage that it was asked about, where known


@dataclass(frozen=True)
class Word:
    """A word, number or symbol of a text, and all that it may be compared by."""

    text: str  # lower case, no accents, numbers in one form
    written: str  # as it stands in the text
    names: frozenset[str]  # `text` and what else says the same: "five" and "5"; keys like "u:km" are of units
    parts: tuple[str, ...] = ()  # of a compound: "self", "employed"
    opens: bool = False  # a comma, a full stop or another mark that ends a clause stands before it
    number: bool = False
    counted: bool = False  # stands after a number
    skipped: bool = False  # an article, or "to" where a dash may stand: not compared
