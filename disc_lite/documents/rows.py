"""Tables -> a section for each row: its name is the heading, and the header stands before every value.

CSV (with `,` `;` `|` or a tab between, whichever fits) by Python's own reader; `xlsx` uses the same text. A row named
Dunden is this under the headings `prices` and `Dunden`:

    - Name: Dunden
    - Price: 12 Mark
    - Open: Mondays
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from disc_lite.documents.decoding import decode
from disc_lite.documents.headings import Heading
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, Source

Row = Sequence[str]
NamedRow = tuple[str, str]

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 1 << 16
_SAMPLE_ROWS = 1000
_LABEL_CHARS = 60  # longer values name no row
_DISTINCT = 0.9  # share of the values of a column that name their rows
_QUESTIONS = {"question", "questions"}


def csv_text(source: Source) -> Converted:
    """The text of a CSV file.

    Raises:
        RefusedFile: No table, no rows below its header, or a file of questions.
    """
    text = decode(source.raw)
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # never lower: it is that of the whole process
    lines = io.StringIO(text, newline="")
    return text_of_tables([("", rows_of_table(csv.reader(lines, delimiter=_delimiter(text))))])


def rows_of_table(rows: Iterable[Row]) -> list[NamedRow]:
    """The name of each row and its text; those with a single value above the header have no name.

    Raises:
        RefusedFile: It has no rows below its header, or holds questions.
    """
    filled = [cells for cells in ([_folded(cell) for cell in row] for row in rows) if any(cells)]
    start = _header_at(filled)
    above = [("", " ".join(filter(None, cells))) for cells in filled[:start]]
    body = filled[start + 1 :]
    if not body:
        raise RefusedFile("no table: no row below a header")
    header = _header(filled[start], max(map(len, body)))
    if _QUESTIONS & {name.lower() for name in header}:
        raise RefusedFile("a file of questions, not of text; measure with it: --questions")
    named_by = _label_column(body)
    return above + [(_name_of(cells, named_by, n), _text_of(header, cells)) for n, cells in enumerate(body, 1)]


def text_of_tables(tables: Iterable[tuple[str, list[NamedRow]]], title: str = "") -> Converted:
    """Tables one after the other: the name of a table, if it has one, is above the names of its rows."""
    parts: list[str] = []
    headings: list[Heading] = []
    at = 0
    for table, rows in tables:
        if table:
            headings.append(Heading(at, 1, table))
        for name, text in rows:
            if name:
                headings.append(Heading(at, 2 if table else 1, name))
            parts.append(f"{text}\n\n")
            at += len(parts[-1])
    return Converted("".join(parts).removesuffix("\n"), title=title, headings=tuple(headings), alone=True)


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first rows into the most columns, and into as many in each."""
    sample = text[:_SAMPLE_CHARS]
    if len(text) > _SAMPLE_CHARS:
        sample = sample[: sample.rfind("\n") + 1] or sample

    def columns(delimiter: str) -> tuple[float, int]:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if any(row)]
        widths = Counter(map(len, islice(rows, _SAMPLE_ROWS)))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return (count / max(1, len(rows)) if width > 1 else 0, width)

    return max(_DELIMITERS, key=columns)


def _folded(cell: str) -> str:
    return " ".join(cell.split())


def _header_at(rows: Sequence[Row]) -> int:
    """The first row with two values; in a table of a single column the first row."""
    return next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)


def _header(first: Row, width: int) -> list[str]:
    padded = [*first, *[""] * (width - len(first))]
    return [name or f"Column {number}" for number, name in enumerate(padded, 1)]


def _label_column(rows: Sequence[Row]) -> int | None:
    """The first column whose values are short words and tell the rows apart."""
    sample = rows[:_SAMPLE_ROWS]
    for column in range(max(map(len, sample))):
        values = [row[column] for row in sample if column < len(row)]
        are_names = all(_is_label(value) for value in values)
        if are_names and len(set(values)) >= _DISTINCT * len(sample):
            return column
    return None


def _is_label(value: str) -> bool:
    return len(value) <= _LABEL_CHARS and any(map(str.isalpha, value))


def _name_of(cells: Row, named_by: int | None, number: int) -> str:
    name = cells[named_by] if named_by is not None and named_by < len(cells) else ""
    return name if name and _is_label(name) else f"Row {number}"


def _text_of(header: Row, cells: Row) -> str:
    values = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell]
    if len(header) == 1:
        return values[0][1]
    return "\n".join(f"- {name}: {cell}" for name, cell in values)
