"""The frozen dataclasses of this package: questions, question-answer pairs, and words as grading compares them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question (or a statement to finish), and its right answers."""

    text: str
    answers: tuple[str, ...]
    document: str = ""  # the document that has the answer, if known
    kind: str = "question"  # or "completion"
    passage: str = ""  # the passage in the prompt of an open-book probe
    passage_index: int = -1  # number of the passage of the document that has the answer, if known
    choices: tuple[str, ...] = ()  # multiple choice: the likeliest of these is the prediction


UNKNOWN_PASSAGE = -1  # the `passage` of a pair whose row has none; `synthesis.places` finds it by the pair's words


@dataclass(frozen=True)
class Pair:
    """A question about a passage and its answer, to train on."""

    document: str
    passage: int  # its number in the document
    question: str
    answer: str
    source: str = ""  # the sentence of the passage that the question is about, if known
    passage_sha256: str = ""  # SHA-256 of the passage's text, if known: `Text.passage_sha256`


@dataclass(frozen=True)
class Word:
    """A word, number or symbol of a text, with everything by which it is compared."""

    text: str  # lower case, no accents, numbers in one form
    written: str  # as in the text
    names: frozenset[str]  # `text` and its synonyms: "five" and "5"; keys such as "u:km" (unit) or "o:5" (ordinal)
    parts: tuple[str, ...] = ()  # of a compound: "self", "employed"
    opens: bool = False  # begins a clause: a comma, a full stop or the like precedes it
    number: bool = False
    counted: bool = False  # follows a number
    operator: str = ""  # the operator of code that precedes it: "==", "!"
    behind: str = ""  # marks of code that directly follow it: "[]", or "/" where a path goes on
    after_ne: bool = False  # French n' precedes it
    skipped: bool = False  # not compared: an article, or "to" in place of a dash

    @property
    def option(self) -> str:
        """An option of one letter, as written since -v is not -V; "" for any other word."""
        return f"-{self.written}" if self.operator == "-" and len(self.written) == 1 else ""
