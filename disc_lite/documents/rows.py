"""Tables -> a section for each row: its name is the heading, and the header stands before every value.

Of CSV and of spreadsheets. A row named Dunden is this under the headings `prices` and `Dunden`:

    - Name: Dunden
    - Price: 12 Mark
    - Open: Mondays
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from disc_lite.documents.headings import Heading
from disc_lite.documents.rowheaders import (
    DIGIT,
    SAMPLE_ROWS,
    WITH_DIGITS,
    Row,
    are,
    cell_at,
    is_label,
    label_column,
    parts_of,
    values_of,
)
from disc_lite.documents.sidebyside import side_by_side
from disc_lite.documents.source import Converted, RefusedFile

NamedRow = tuple[str, str]

_NOTE = re.compile(r"(?=(?:\S+\s+){3}).*[.!?。]\W*|[*†‡].*|[^:]{1,30}:\s.*|(?:\S+\s+){9}.*", re.DOTALL)


def tables_of(rows: Iterable[Row]) -> list[list[NamedRow]]:
    """The tables of a sheet, each with a header of its own: names and texts of their rows.

    Behind an empty row a table begins where a row of words alone stands above numbers; `sidebyside` says which stand
    behind an empty column.

    Raises:
        RefusedFile: Not one has rows below its header.
    """
    return [_named_rows(table) for table in _tables([[" ".join(cell.split()) for cell in row] for row in rows])]


def _tables(rows: Sequence[Row]) -> list[list[Row]]:
    """The tables, which stand side by side or below one another."""
    beside = side_by_side(rows)
    if len(beside) > 1:
        return [table for part in beside for table in _tables(part)]
    blocks: list[list[Row]] = [[*block] for is_filled, block in groupby(rows, key=any) if is_filled] or [[]]
    tables: list[list[Row]] = []
    for block, below in zip(blocks, [*blocks[1:], []], strict=True):
        if blocks[1:] and len(side_by_side(block)) > 1:
            tables += _tables(block)
        elif tables and not (_has_header(tables[-1]) and (_has_header(block) or _has_header(block, below))):
            tables[-1] += block
        else:
            tables.append(block)
    return tables


def _has_header(rows: Sequence[Row], below: Sequence[Row] = ()) -> bool:
    """Whether the header is words alone, capitalised alike, with numbers in a column below; or of several rows.

    Only one of several rows may have an empty row below it, and its numbers are `below` that.
    """
    sample = [*rows[:SAMPLE_ROWS], *below[:SAMPLE_ROWS]]
    header, above, body = parts_of(sample)
    if len(above) + 1 + len(body) < len(sample):
        return True
    names = {column: name for column, name in enumerate(header) if name}
    if below or len(names) < 2 or not all(is_label(name) and not DIGIT.search(name) for name in names.values()):
        return False
    is_above_numbers = any(are(WITH_DIGITS, values_of(body, column)) for column in names)
    return is_above_numbers and len({name[0].isupper() for name in names.values()}) == 1


def _named_rows(rows: Sequence[Row]) -> list[NamedRow]:
    """The name of each row and its text; those with a single value above the header have no name."""
    header, above, body = parts_of(rows)
    if not body:
        raise RefusedFile("no table: no row below a header")
    width = max(map(len, [header, *body]))
    names = [cell_at(header, column) or f"Column {column + 1}" for column in range(width)] if header else [""] * width
    first = next((column for column in range(width) if values_of(body, column)), 0)
    may_be_note = width > 1 and not are(_NOTE, values_of(body, first))
    is_note = [may_be_note and _is_note(cells, first) for cells in body]
    named_by = label_column([cells for cells, note in zip(body, is_note, strict=True) if not note] or body)
    titles = [("", " ".join(filter(None, cells))) for cells in above]
    return titles + [
        ("", "".join(cells)) if note else (_name_of(cells, named_by), _text_of(names, cells))
        for cells, note in zip(body, is_note, strict=True)
    ]


def _is_note(cells: Row, first: int) -> bool:
    """Whether a row is a sentence about the table and no row of it: `All prices are net.` below a list of prices."""
    text = cell_at(cells, first)
    return text != "" and sum(map(bool, cells)) == 1 and _NOTE.fullmatch(text) is not None


def text_of_tables(tables: Iterable[tuple[str, list[NamedRow]]], title: str = "") -> Converted:
    """Tables one after the other: the name of a table, if it has one, is above the names of its rows."""
    parts: list[str] = []
    headings: list[Heading] = []
    at = 0
    for table, rows in tables:
        if table:
            headings.append(Heading(at, 1, table))
        for name, text in rows:
            headings.append(Heading(at, 2 if table else 1, name))
            parts.append(f"{text}\n\n")
            at += len(parts[-1])
    return Converted("".join(parts).removesuffix("\n"), title=title, headings=tuple(headings), alone=True)


def _name_of(cells: Row, named_by: int | None) -> str:
    """Empty where no value names the row; a number would be another one as soon as a row is put in."""
    name = "" if named_by is None else cell_at(cells, named_by)
    return name if is_label(name) else ""


def _text_of(header: Row, cells: Row) -> str:
    values = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell]
    if len(header) == 1:
        return values[0][1]
    return "\n".join(f"- {name}: {cell}" if name else f"- {cell}" for name, cell in values)
