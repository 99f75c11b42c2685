"""Files of questions or question-answer pairs -> checked records (`Question`, `Pair`).

`shapes` reads the rows of every file format. This file checks each row, and says what is wrong with an invalid one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.qa.records import UNKNOWN_PASSAGE, Pair, Question
from disc_lite.qa.shapes import EXAMPLE, Contents, Row, rows_of
from disc_lite.qa.words import has_words, normalise

# Keys of common training formats -> what a row with these keys is.
_FOREIGN = {
    ("messages",): "a chat (`messages`)",
    ("conversations",): "a chat (`conversations`)",
    ("instruction", "output"): "an instruction with its output (Alpaca)",
    ("prompt", "completion"): "a prompt with its completion, to train on",
    ("prompt", "response"): "a prompt with its response",
    ("input", "output"): "an input with its output",
}
_REWRITE = f"Give each question short answers to grade against. {EXAMPLE}"
PAIR_EXAMPLE = 'Write lines like {"question": "Who …?", "answer": "…", "document": "guide.md"}.'
_KNOWN = ("source", "passage_sha256")  # keys of a pair that a run has written


def read_questions(path: Path, tell: Callable[[str], None] = lambda text: None) -> tuple[Question, ...]:
    """The questions of a file: JSON lines, a JSON array, SQuAD, CSV with a header, or a run's `questions.jsonl`.

    A row has `question` or `completion`, `answers` or `answer`, and perhaps `document` and `choices`. A question that
    occurs several times is returned once. `tell` is called with a sentence about such repetitions, and with one about
    questions that ask the same as another but accept other answers.
    Raises UsageError with the place of the first invalid row.
    """
    rows = [_question(path, row) for row in rows_of(path, "questions")]
    if not rows:
        raise UsageError(f"The questions file {path} has no question.", "", EXAMPLE)
    records: dict[tuple[object, ...], Question] = {}
    for row in rows:
        answers = frozenset(normalise(answer) or answer for answer in row.answers)
        records.setdefault((*_identity(row), answers, row.choices), row)
    if repeated := len(rows) - len(records):
        tell(f"{repeated:,} of the {len(rows):,} questions in {path} repeat another: each counts once.")
    if unlike := len(records) - len({_identity(row) for row in rows}):
        tell(f"{unlike:,} of the questions in {path} ask the same as another but accept other answers.")
    return tuple(records.values())


def _identity(question: Question) -> tuple[object, ...]:
    return normalise(question.text) or question.text, question.document, question.kind


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """The pairs of a run's `pairs.jsonl`, perhaps edited, or of a user's own file in any format of questions.

    A row can leave out its `passage`, and its `document` if there is only one. Raises UsageError with the place of the
    first invalid row.
    """
    return tuple(_pair(path, row) for row in rows_of(path, "pairs"))


def rows_about(path: Path, what: Contents, documents: Collection[str]) -> str:
    """The places of the rows that name one of `documents` but no digest: `Lines 3, 7 to 9 of FILE`, or "" if none."""
    rows = [row for row in rows_of(path, what) if isinstance(row.value, dict) and not row.value.get("passage_sha256")]
    places = [row.place.split() for row in rows if _document_of(row.value) in documents]  # "Line 3"
    spans: list[list[int]] = []
    for number in (int(place[1]) for place in places):
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    numbers = ", ".join(" to ".join(map(str, span)) for span in spans)
    return f"{places[0][0]}{'s' * (len(places) > 1)} {numbers} of {path}" if places else ""


def _pair(path: Path, row: Row) -> Pair:
    """The pair of a row. Raises UsageError with what is wrong with the row."""
    value = row.value if isinstance(row.value, dict) else {}
    question, answers = value.get("question"), _answers_of(value)
    document, passage = _document_of(value), _number(value.get("passage"))
    fault = row.fault or _fault_of_pair(row.value, question, answers, document, passage)
    if fault:
        raise UsageError(f"{row.place} of {path} is not a pair.", f"{fault.rstrip('.')}.", PAIR_EXAMPLE)
    source, digest = (text if isinstance(text := value.get(key), str) else "" for key in _KNOWN)
    place = UNKNOWN_PASSAGE if passage is None else passage
    question, answer, source = map(_composed, (str(question), answers[0], source))
    return Pair(document or "", place, question, answer, source, digest)


def _composed(text: str) -> str:
    """The text in NFC (each letter and its accents are one character), as documents are."""
    return unicodedata.normalize("NFC", text)


def _fault_of_pair(row: Any, question: Any, answers: tuple[str, ...], document: str | None, passage: Any) -> str:
    """What is wrong with a row, or ""."""
    if not isinstance(row, dict):
        return "It needs to be an object"
    asks = isinstance(question, str) and has_words(question)
    if not (asks and answers) and (foreign := _foreign(row)):
        return f"It is {foreign}"
    lacking = [
        key for key, is_there in (("question", asks), ("answer", answers and has_words(answers[0]))) if not is_there
    ]
    if lacking:
        return f"It needs {', '.join(f'`{key}`' for key in lacking)}, a text with a letter or digit{_keys_of(row)}"
    if len(answers) > 1:
        return f"It accepts {len(answers)} answers, as questions to measure with do; a pair has one"
    if document is None:
        return "`document` has to be the name of a document"
    if passage is not None and type(passage) is not int:
        return "`passage` has to be the number of a passage; it may be left out"
    return ""


def _number(value: Any) -> Any:
    """The number in a CSV cell as an int; any other value as it is."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _question(path: Path, row: Row) -> Question:
    """The question of a row. Raises UsageError with what is wrong with the row."""
    value = row.value if isinstance(row.value, dict) else {}
    (text, kind), answers, document = _text_of(value), _answers_of(value), _document_of(value)
    choices = value.get("choices") or []
    fault, remedy = (row.fault, EXAMPLE) if row.fault else _fault(row.value, text, answers, document, choices)
    if fault:
        raise UsageError(f"{row.place} of {path} is not a question.", f"{fault.rstrip('.')}.", remedy)
    answers, choices = tuple(map(_composed, answers)), tuple(map(_composed, choices))
    return Question(_composed(text.strip()), answers, document or "", kind, choices=choices)


def _fault(row: Any, text: str, answers: tuple[str, ...], document: str | None, choices: Any) -> tuple[str, str]:
    """What is wrong with a row, and the remedy; or ("", "")."""
    if not isinstance(row, dict):
        return "It needs to be an object with `question` and `answers`", EXAMPLE
    if not (text and answers) and (foreign := _foreign(row)):
        return f"It is {foreign}", _REWRITE
    if not text:
        return f"It needs `question` or `completion`, a text{_keys_of(row)}", EXAMPLE
    if row.get("is_impossible") is True or row.get("answers") == []:
        return "It has no answer, as questions of SQuAD 2.0 may", "Remove the questions that have no answer."
    if not answers:
        return f"It needs `answers`, a list of texts, or `answer`, a text; none may be blank{_keys_of(row)}", EXAMPLE
    if document is None:
        return "`document` has to be the name of a document", EXAMPLE
    if choices and not _is_choice(answers, choices, row):
        return "`choices` has to be a list of texts that includes the answers and others", EXAMPLE
    return "", ""


def _foreign(row: Mapping[str, Any]) -> str:
    """What a row is that belongs to a training format, such as "a chat (`messages`)"; "" for any other row."""
    return next((what for keys, what in _FOREIGN.items() if all(key in row for key in keys)), "")


def _keys_of(row: Mapping[str, Any]) -> str:
    keys = ", ".join(f"`{key}`" for key in list(row)[:6])
    return f"; it has {keys}" if keys else "; it is empty"


def _text_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a question or completion ("" if it has none), and which of the two it is."""
    kind = "completion" if "completion" in row else "question"
    text = row.get(kind)
    return (text, kind) if isinstance(text, str) and text.strip() else ("", kind)


def _answers_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The right answers; none if one of them is blank or not a text."""
    answers = _texts(row["answers"] if row.get("answers") is not None else row.get("answer"))
    return tuple(dict.fromkeys(answers)) if all(answer.strip() for answer in answers) else ()


def _texts(value: Any) -> list[str]:
    """The texts in a text, a number, `{"text": …}` as in SQuAD, or a list of these; "" for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, dict) and "text" in value:
        return _texts(value["text"])
    if isinstance(value, list) and value:
        return [text for part in value for text in _texts(part)]
    return [""]


def _document_of(row: Mapping[str, Any]) -> str | None:
    """The row's document as the ledger names it, "" if the row has none; None if the name is not a text."""
    document = row.get("document")
    if document is None:
        return ""
    if not isinstance(document, str):
        return None
    return unicodedata.normalize("NFC", document).replace("\\", "/").removeprefix("./")


def _is_choice(answers: tuple[str, ...], choices: Any, row: Mapping[str, Any]) -> bool:
    """Whether the choices are texts that include the answers and others."""
    if "completion" in row or not isinstance(choices, list):
        return False
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        return False
    offered = {normalise(choice) or choice for choice in choices}
    return {normalise(answer) or answer for answer in answers} < offered
