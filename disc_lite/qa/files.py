"""Files of questions and of pairs -> what they hold, each entry checked; a broken one is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.qa.records import Pair, Question
from disc_lite.qa.shapes import EXAMPLE, Row, line_rows, question_rows, read_text
from disc_lite.qa.words import normalise

# Keys of files that other programs read -> what they are.
_FOREIGN = {
    ("messages",): "a chat (`messages`)",
    ("conversations",): "a chat (`conversations`)",
    ("instruction", "output"): "an instruction with its output (Alpaca)",
    ("prompt", "completion"): "a prompt with its completion, to train on",
    ("prompt", "response"): "a prompt with its response",
    ("input", "output"): "an input with its output",
}
_REWRITE = f"Give each question short answers to grade against. {EXAMPLE}"
_PAIR = {"document": str, "passage": int, "question": str, "answer": str}


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of a file: JSON lines, a JSON array, SQuAD, CSV with a header, or a run's `questions.jsonl`.

    A row has `question` (or `completion`, or `text` and `kind` as a run writes it), `answers` or `answer`, and perhaps
    `document` and `choices`. Raises UsageError with the place of the first row that is no question.
    """
    found = tuple(_question(path, row) for row in question_rows(path))
    if not found:
        raise UsageError(f"The questions file {path} holds no question.", "", EXAMPLE)
    return found


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Lines of a run's `pairs.jsonl`, perhaps edited. Raises UsageError with the number of a broken line."""
    found = []
    for row in line_rows(read_text(path, "pairs")):
        value = row.value
        if not isinstance(value, dict) or not all(_is_a(value.get(key), kind) for key, kind in _PAIR.items()):
            raise UsageError(
                f"{row.place} of {path} is not a pair.", row.fault or f"It needs {', '.join(_PAIR)}.",
                "Mend or delete the line.",
            )  # fmt: skip
        source = value.get("source", "")
        found.append(replace(Pair(*(value[key] for key in _PAIR)), source=source if isinstance(source, str) else ""))
    return tuple(found)


def _is_a(value: Any, kind: type) -> bool:
    if type(value) is not kind:
        return False
    return kind is not str or normalise(str(value)) != ""


def _question(path: Path, row: Row) -> Question:
    """Raises UsageError that says what the row is instead."""
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
    """What is wrong with a row and what to do, or nothing."""
    foreign = next((what for keys, what in _FOREIGN.items() if all(key in row for key in keys)), "")
    if foreign and not (text and answers):
        return f"It is {foreign}", _REWRITE
    if not text:
        return f"It needs `question` or `completion`, a text{_found(row)}", EXAMPLE
    if row.get("is_impossible") is True or row.get("answers") == []:
        return "It has no answer, as questions of SQuAD 2.0 may", "Take out the questions that have no answer."
    if not answers:
        return f"It needs `answers`, a list of texts, or `answer`, a text; none may be blank{_found(row)}", EXAMPLE
    if document is None:
        return "`document` is the name of a document, a text", EXAMPLE
    if choices and not _is_choice(text, answers, choices, row):
        return "`choices` is a list of texts, the answers are among them, and others too", EXAMPLE
    return "", ""


def _found(row: Mapping[str, Any]) -> str:
    keys = ", ".join(f"`{key}`" for key in list(row)[:6])
    return f"; it has {keys}" if keys else "; it is empty"


def _text_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """What is asked, and whether it is a question or a completion; "" where it is no text."""
    kind = "completion" if "completion" in row else "question"
    text = row.get(kind)
    if text is None and row.get("kind", "question") in ("question", "completion"):
        text, kind = row.get("text"), str(row.get("kind", "question"))
    return (text, kind) if isinstance(text, str) and text.strip() else ("", kind)


def _answers_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The accepted answers; none where one of them is no text or blank."""
    answers = _texts(row["answers"] if row.get("answers") is not None else row.get("answer"))
    return tuple(dict.fromkeys(answers)) if all(answer.strip() for answer in answers) else ()


def _texts(value: Any) -> list[str]:
    """A text, a number, `{"text": …}` as in SQuAD, or a list of these, as texts; what is none of them is blank."""
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
    """The name of a document as reading documents gives it; None where it is no text."""
    document = row.get("document")
    if document is None:
        return ""
    return document.replace("\\", "/").removeprefix("./") if isinstance(document, str) else None


def _is_choice(text: str, answers: tuple[str, ...], choices: Any, row: Mapping[str, Any]) -> bool:
    """Whether the choices are texts, with the answers among them and others too."""
    if "completion" in row or not isinstance(choices, list):
        return False
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        return False
    offered = {normalise(choice) or choice for choice in choices}
    return {normalise(answer) or answer for answer in answers} < offered
