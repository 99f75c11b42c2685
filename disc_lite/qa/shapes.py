"""A file of questions or pairs -> rows: JSON lines, a JSON array, SQuAD, or CSV with a header."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from disc_lite.errors import UsageError

EXAMPLE = 'Write lines like {"question": "Who …?", "answers": ["…"], "document": "guide.md"}.'
_TABLE = "Save it as CSV in UTF-8 whose first line is: question,answer,document"
# First bytes -> what such a file is, and the remedy.
_BINARY = {
    b"PK\x03\x04": ("It is a zip file, as Excel and Word write them.", _TABLE),
    b"\xd0\xcf\x11\xe0": ("It is a workbook or document of old Office.", _TABLE),
    b"PAR1": ("It is a Parquet file.", "Export it as JSON lines or as CSV."),
    b"\x1f\x8b": ("It is a gzip file.", "Unpack it first."),
    b"%PDF": ("It is a PDF file.", EXAMPLE),
}
_TEXTS, _ANSWERS = ("question", "completion"), ("answer", "answers")
_SEPARATORS = (",", ";", "\t")
_LISTS = ("data", "questions", "pairs")  # keys of a JSON object that can hold the list
Contents = Literal["questions", "pairs"]  # of a file
# The name of an entry that has no line of its own.
PLACES: dict[Contents, str] = {"questions": "Question", "pairs": "Pair"}


@dataclass(frozen=True)
class Row:
    """One entry of a file: its place, its JSON value, and why it could not be parsed."""

    place: str
    value: Any
    fault: str = ""


def rows_of(path: Path, what: Contents) -> list[Row]:
    """All entries of a file. Raises UsageError if it is not text, invalid JSON or CSV, or CSV without a header.

    A line that is not valid JSON, in a file of JSON lines, becomes a row with a `fault`.
    """
    text = _read_text(path, what)
    start = text.lstrip()[:1]
    separator = _separator(text)
    if separator or path.suffix.lower() in (".csv", ".tsv"):
        return _csv_rows(path, text, separator, what)
    if start == "[":
        return _array_rows(_whole(path, text, what), what)
    if start == "{":
        first = next(line for line in text.split("\n") if line.strip())
        result = _object(text)
        if isinstance(result, dict):
            return _object_rows(result, what)
        if _object(first) is None and path.suffix.lower() == ".json":
            _whole(path, text, what)  # raises with the place of the error
    return _line_rows(text)


def _line_rows(text: str) -> list[Row]:
    """Every line that is not blank, as JSON."""
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(Row(f"Line {number}", _parsed(line)))
            except ValueError as error:
                rows.append(Row(f"Line {number}", None, f"It is not JSON: {error}"))
    return rows


def _read_text(path: Path, what: Contents) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark. Raises UsageError if it is not text."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"The {what} file {path} cannot be read.", why, "Check its path.") from error
    for start, (why, remedy) in _BINARY.items():
        if raw.startswith(start):
            raise UsageError(f"The {what} file {path} is not text.", why, remedy)
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"The {what} file {path} cannot be read.", str(error), "Save it as UTF-8.") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(text: str) -> Any:
    """The value of a JSON text; None if it is invalid."""
    try:
        return _parsed(text)
    except ValueError:
        return None


def _whole(path: Path, text: str, what: Contents) -> Any:
    try:
        return _parsed(text)
    except ValueError as error:
        raise UsageError(
            f"The {what} file {path} is invalid JSON.", f"{error}.", "Correct it, or write one JSON object a line."
        ) from error


def _array_rows(values: Sequence[Any], what: Contents) -> list[Row]:
    return [Row(f"{PLACES[what]} {number}{_named(value)}", value) for number, value in enumerate(values, 1)]


def _object_rows(whole: Mapping[str, Any], what: Contents) -> list[Row]:
    """The rows of a file that is one JSON object: SQuAD, a list under one of `_LISTS`, or a single question or pair."""
    entries = next((whole[key] for key in _LISTS if isinstance(whole.get(key), list)), None)
    if entries is None:
        return [Row("Line 1", dict(whole))]
    if any(isinstance(entry, dict) and "paragraphs" in entry for entry in entries):
        entries = list(_squad_questions(entries))
    return _array_rows(entries, what)


def _squad_questions(articles: Sequence[Any]) -> Iterator[Any]:
    """The questions of {"data": [{"paragraphs": [{"qas": [{"question": …, "answers": [{"text": …}]}]}]}]}."""
    for article in articles:
        for paragraph in _list_in(article, "paragraphs"):
            yield from _list_in(paragraph, "qas")


def _list_in(value: Any, key: str) -> list[Any]:
    result = value.get(key) if isinstance(value, dict) else None
    return result if isinstance(result, list) else []


def _named(value: Any) -> str:
    name = value.get("id") if isinstance(value, dict) else None
    return f" (id {name})" if isinstance(name, str) else ""


def _separator(text: str) -> str:
    """The separator of a CSV file whose first line is a header with the columns of questions; "" if there is none."""
    line = text.lstrip().partition("\n")[0]
    for separator in _SEPARATORS:
        try:
            header = _header(next(csv.reader([line], delimiter=separator), []))
        except csv.Error:  # longer than a cell can be: JSON without line breaks
            continue
        if set(header) & set(_TEXTS) and set(header) & set(_ANSWERS):
            return separator
    return ""


def _header(cells: Sequence[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _csv_rows(path: Path, text: str, separator: str, what: Contents) -> list[Row]:
    """The rows of a CSV file. Raises UsageError if it has no header or is invalid."""
    if not separator:
        raise UsageError(
            f"The {what} file {path} has no header with `question` and `answer`.",
            f"Its first line is: {text.strip().partition(chr(10))[0][:80]}",
            "Begin it with the line: question,answer,document",
        )
    reader = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator, strict=True)
    header, rows = _header(next(reader)), []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_csv_row(f"Line {reader.line_num}", header, cells))
    except csv.Error as error:
        raise UsageError(
            f"Line {reader.line_num} of {path} is invalid CSV.", f"{error}.", "Look for a quote that is not closed."
        ) from error
    return rows


def _csv_row(place: str, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) > len(header):
        return Row(place, None, "It has more cells than the header: put text that has a separator in it in quotes")
    row: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
    for name in ("answers", "choices"):
        if name in row:
            mark = "|" if "|" in row[name] else ";"
            row[name] = [part.strip() for part in row[name].split(mark) if part.strip()]
    return Row(place, row)
