"""Files of questions and of pairs -> checked records."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.qa.records import UNKNOWN_PASSAGE, Pair, Question
from disc_lite.qa.shapes import EXAMPLE, Row, line_rows, question_rows, read_text
from disc_lite.qa.words import normalise

# Keys of common training formats -> what the row is.
_FOREIGN = {
    ("messages",): "a chat (`messages`)",
    ("conversations",): "a chat (`conversations`)",
    ("instruction", "output"): "an instruction with its output (Alpaca)",
    ("prompt", "completion"): "a prompt with its completion, to train on",
    ("prompt", "response"): "a prompt with its response",
    ("input", "output"): "an input with its output",
}
_REWRITE = f"Give each question short answers to grade against. {EXAMPLE}"
_PAIR = ("document", "question", "answer")
PAIR_EXAMPLE = 'Write lines like {"question": "Who …?", "answer": "…", "document": "guide.md"}.'
_KNOWN = ("source", "passage_sha256")  # of a pair that a run has written


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of a file: JSON lines, a JSON array, SQuAD, CSV with a header, or a run's `questions.jsonl`.

    A row has `question` (or `completion`, or `text` and `kind` as a run writes it), `answers` or `answer`, and perhaps
    `document` and `choices`. Raises UsageError with the place of the first invalid row.
    """
    records = tuple(_question(path, row) for row in question_rows(path))
    if not records:
        raise UsageError(f"The questions file {path} has no question.", "", EXAMPLE)
    return records


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Lines of a run's `pairs.jsonl`, perhaps edited, or of a file by hand, which need not say the `passage`.

    Raises UsageError with the number of a broken line.
    """
    records = []
    for row in line_rows(read_text(path, "pairs")):
        value = row.value
        fault = row.fault or _fault_of_pair(value)
        if fault:
            raise UsageError(f"{row.place} of {path} is not a pair.", fault, PAIR_EXAMPLE)
        source, digest = (text if isinstance(text := value.get(key), str) else "" for key in _KNOWN)
        place = UNKNOWN_PASSAGE if value.get("passage") is None else value["passage"]
        document = _document_of(value) or ""
        records.append(Pair(document, place, value["question"], value["answer"], source, digest))
    return tuple(records)


def _fault_of_pair(value: Any) -> str:
    """What is wrong with a line, or ""."""
    if not isinstance(value, dict):
        return "It needs to be an object."
    lacking = [key for key in _PAIR if not isinstance(value.get(key), str) or not normalise(value[key])]
    if lacking:
        return f"It needs {', '.join(f'`{key}`' for key in lacking)}, a text with a letter or digit{_keys_of(value)}."
    if value.get("passage") is not None and type(value["passage"]) is not int:
        return "`passage` has to be the number of a passage; it may be left out."
    return ""


def _question(path: Path, row: Row) -> Question:
    """Raises UsageError, which says what the row is instead."""
    fault, remedy = row.fault, EXAMPLE
    if not fault and not isinstance(row.value, dict):
        fault = "It needs to be an object with `question` and `answers`"
    if not fault:
        text, kind = _text_of(row.value)
        answers, document, choices = _answers_of(row.value), _document_of(row.value), row.value.get("choices") or []
        fault, remedy = _fault(row.value, text, answers, document, choices)
        if not fault:
            return Question(text.strip(), answers, document or "", kind, choices=tuple(choices))
    raise UsageError(f"{row.place} of {path} is not a question.", f"{fault.rstrip('.')}.", remedy)


def _fault(
    row: Mapping[str, Any], text: str, answers: tuple[str, ...], document: str | None, choices: Any
) -> tuple[str, str]:
    """What is wrong with a row, and the remedy; or ("", "")."""
    foreign = next((what for keys, what in _FOREIGN.items() if all(key in row for key in keys)), "")
    if foreign and not (text and answers):
        return f"It is {foreign}", _REWRITE
    if not text:
        return f"It needs `question` or `completion`, a text{_keys_of(row)}", EXAMPLE
    if row.get("is_impossible") is True or row.get("answers") == []:
        return "It has no answer, as questions of SQuAD 2.0 may", "Take out the questions that have no answer."
    if not answers:
        return f"It needs `answers`, a list of texts, or `answer`, a text; none may be blank{_keys_of(row)}", EXAMPLE
    if document is None:
        return "`document` has to be the name of a document", EXAMPLE
    if choices and not _is_choice(text, answers, choices, row):
        return "`choices` has to be a list of texts that includes the answers and others", EXAMPLE
    return "", ""


def _keys_of(row: Mapping[str, Any]) -> str:
    keys = ", ".join(f"`{key}`" for key in list(row)[:6])
    return f"; it has {keys}" if keys else "; it is empty"


def _text_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a question or completion ("" if it has none), and which of the two it is."""
    kind = "completion" if "completion" in row else "question"
    text = row.get(kind)
    if text is None and row.get("kind", "question") in ("question", "completion"):
        text, kind = row.get("text"), str(row.get("kind", "question"))
    return (text, kind) if isinstance(text, str) and text.strip() else ("", kind)


def _answers_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The right answers; none if one of them is blank or not a text."""
    answers = _texts(row["answers"] if row.get("answers") is not None else row.get("answer"))
    return tuple(dict.fromkeys(answers)) if all(answer.strip() for answer in answers) else ()


def _texts(value: Any) -> list[str]:
    """A text, a number, `{"text": …}` as in SQuAD, or a list of these, as texts; "" for anything else."""
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
    """The name of a document as in the ledger; None if it is not a text."""
    document = row.get("document")
    if document is None:
        return ""
    return document.replace("\\", "/").removeprefix("./") if isinstance(document, str) else None


def _is_choice(text: str, answers: tuple[str, ...], choices: Any, row: Mapping[str, Any]) -> bool:
    """Whether the choices are texts that include the answers and others."""
    if "completion" in row or not isinstance(choices, list):
        return False
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        return False
    offered = {normalise(choice) or choice for choice in choices}
    return {normalise(answer) or answer for answer in answers} < offered
