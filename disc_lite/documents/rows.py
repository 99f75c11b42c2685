"""Tables of CSV and spreadsheets -> a section for each row, headed by its name, with the header before every value.

A row named Dunden in the table `prices` becomes this, under the headings `prices` and `Dunden`:

    - Name: Dunden
    - Price: 12 Mark
    - Open: Mondays
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from disc_lite.documents.cells import SheetCell, in_a_line, note_of, standing_out, stands_out, with_note
from disc_lite.documents.headerless import are_fields, doubt_about_header, stand_apart
from disc_lite.documents.headings import Heading
from disc_lite.documents.rowgroups import groups_of
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
from disc_lite.documents.sidebyside import doubt_about, side_by_side
from disc_lite.documents.source import QUESTION_MARKS, Converted, Part, RefusedFile, joined


class NamedRow(NamedTuple):
    """The text of a row, with its name and that of its group, each of which can be empty."""

    name: str
    text: str
    group: str = ""


_NOTE = re.compile(r"(?=(?:\S+\s+){3}).*[.!?。]\W*|[*†‡].*|[^:]{1,30}:\s.*|(?:\S+\s+){9}.*", re.DOTALL)


def tables_of(rows: Iterable[Row]) -> tuple[list[list[NamedRow]], str]:
    """The rows of each table of a sheet, and a warning about the tables for the ledger, which can be empty.

    After an empty row a new table begins if a row of words is above numbers; after an empty column, if `sidebyside`
    finds two tables.

    Raises:
        RefusedFile: A table has no row below its header.
    """
    tables = _tables([[*map(in_a_line, row)] for row in rows])
    doubts = [doubt for table in tables for doubt in (doubt_about(table), _doubt_about_header(table))]
    return [*map(_named_rows, tables)], "; ".join(filter(None, doubts))


def _doubt_about_header(rows: Sequence[Row]) -> str:
    header, _, body = parts_of(rows[:SAMPLE_ROWS])
    return doubt_about_header(header, body)


def _tables(rows: Sequence[Row]) -> list[list[Row]]:
    """The tables in the rows of a sheet, which can be side by side or below one another."""
    beside = side_by_side(rows)
    if len(beside) > 1:
        return [table for part in beside for table in _tables(part)]
    blocks: list[list[Row]] = [[*block] for is_filled, block in groupby(rows, key=any) if is_filled] or [[]]
    tables: list[list[Row]] = []
    for block, below in zip(blocks, [*blocks[1:], []], strict=True):
        if blocks[1:] and len(side_by_side(block)) > 1:
            tables += _tables(block)
        elif tables and not (_is_table(tables[-1], block) and (_has_header(block) or _has_header(block, below))):
            tables[-1] += [_after_empty_row(block[0]), *block[1:]]
        else:
            tables.append(block)
    return tables


def _after_empty_row(row: Row) -> Row:
    """The row after an empty row; if it is a lone cell, the cell stands out, since it can be a title."""
    return [*map(standing_out, row)] if sum(map(bool, row)) == 1 else row


def _is_table(rows: Sequence[Row], below: Sequence[Row]) -> bool:
    """Whether rows are a table apart from the rows `below`: they have a header, or are names and values."""
    if all(sum(map(bool, row)) < 3 for row in rows) and any(sum(map(bool, row)) > 2 for row in below[:SAMPLE_ROWS]):
        return not stand_apart(rows) and _has_header(rows)
    return _has_header(rows) or are_fields(rows)


def _has_header(rows: Sequence[Row], below: Sequence[Row] = ()) -> bool:
    """Whether rows surely begin with a header: several rows, or words, capitalised alike, above a column of numbers.

    Only a header of several rows can have an empty row under it; then `below` has the rows after the empty one.
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
    """The rows of a table with their names and groups; rows above the header and notes have no name."""
    if _is_single_column(rows):
        return _named_lines([_line_of(row) for row in rows if any(row)])
    header, above, body = parts_of(rows)
    if not body:
        raise RefusedFile("no table: no row below a header")
    width = max(map(len, [header, *body]))
    names = [cell_at(header, column) or f"Column {column + 1}" for column in range(width)] if header else []
    first = next((column for column in range(width) if values_of(body, column)), 0)
    may_be_note = width > 1 and not are(_NOTE, values_of(body, first))
    is_note = [may_be_note and _is_note(cells, first) for cells in body]
    groups = groups_of(body, first, is_note)
    members = [
        cells for cells, note, group in zip(body, is_note, groups, strict=True) if not note and group is not None
    ]
    named_by = label_column(members or body)
    named = [NamedRow("", _title_of(_filled(cells))) for cells in above]
    named += [row for cells in rows[len(above) : len(rows) - len(body)] for row in _notes_on(cells)]
    for number, (cells, note, group) in enumerate(zip(body, is_note, groups, strict=True)):
        if group is None:
            named += _notes_on(cells, next((name for name in groups[number:] if name is not None), ""))
        elif note:
            named.append(NamedRow("", " ".join(filter(None, map(with_note, cells)))))
        else:
            shown = _with_group(cells, first, group)
            named.append(NamedRow(_name_of(shown, named_by), _text_of(names, shown), group))
    return named


def _notes_on(names: Row, group: str = "") -> list[NamedRow]:
    """The notes on a row of names, each in a line with its name: `Price: In crowns.`"""
    return [NamedRow("", ": ".join(filter(None, (name, note_of(name)))), group) for name in names if note_of(name)]


def _filled(cells: Row) -> list[str]:
    """The cells of a row that have a text or a note."""
    return [cell for cell in cells if with_note(cell)]


def _with_group(cells: Row, first: int, group: str) -> Row:
    """The row with the name of its group in its first cell, if that is empty."""
    return [*cells[:first], group, *cells[first + 1 :]] if group and not cell_at(cells, first) else cells


def _is_single_column(rows: Sequence[Row]) -> bool:
    if any(sum(map(bool, row)) > 1 for row in rows):
        return False
    return len({column for row in rows for column, cell in enumerate(row) if cell}) == 1


def _line_of(row: Row) -> SheetCell:
    """The only text in a row, with the notes of the row, which can also be on its empty cells."""
    (text,) = filter(None, row)
    return SheetCell(text, stands_out=stands_out(text), note=" ".join(filter(None, map(note_of, row))))


def _named_lines(cells: Row) -> list[NamedRow]:
    """The rows of a single column; the first is their title, unless it is a sentence like the others."""
    is_title = not _NOTE.fullmatch(cells[0]) or (cells[1:] and not are(_NOTE, cells[1:]))
    title, lines = (cells[0], cells[1:]) if is_title else ("", cells)
    if not lines:
        raise RefusedFile("no table: no row below a header")
    named_by = label_column([[line] for line in lines])
    named = [NamedRow(_name_of([line], named_by), with_note(line), title) for line in lines]
    return [*_notes_on([title], title), *named]


def _title_of(cells: Row) -> str:
    """The text of a row above a header: a title, a name with its value, or a question with its answer."""
    first, *others = map(with_note, cells)
    is_name = len(others) == 1 and not first.endswith(QUESTION_MARKS)
    return f"{first.removesuffix(':')}: {others[0]}" if is_name else " ".join([first, *others])


def _is_note(cells: Row, first: int) -> bool:
    """Whether a row is a sentence about the table instead of data: `All prices are net.` below a list of prices."""
    text = cell_at(cells, first)
    return text != "" and sum(map(bool, cells)) == 1 and _NOTE.fullmatch(text) is not None


def text_of_tables(tables: Iterable[tuple[str, list[NamedRow]]], title: str = "") -> Converted:
    """The text of (name, rows) tables, with headings from the names of tables, groups and rows."""
    return joined(_parts(tables), title=title)


def _parts(tables: Iterable[tuple[str, list[NamedRow]]]) -> Iterator[Part]:
    for table, rows in tables:
        if table:
            yield "", [Heading(0, 1, table)]
        level, last = 1 + (table != ""), ""
        for name, text, group in rows:
            above = [Heading(0, level, group)] if group and group != last else []
            yield f"{text}\n\n", [*above, Heading(0, level + (group != ""), name)]
            last = group


def _name_of(cells: Row, named_by: int | None) -> str:
    """The name of a row; empty if no column names the rows, since numbers would change when a row is inserted."""
    name = "" if named_by is None else cell_at(cells, named_by)
    return name.removesuffix(":") if is_label(name) else ""


def _text_of(header: Row, cells: Row) -> str:
    """A list of a row's values with the names of their columns; without a header, the first of two names the other."""
    if header:
        noted = zip(header, map(with_note, cells), strict=False)
        return "\n".join([f"- {name}: {cell}" for name, cell in noted if cell])
    values = _filled(cells)
    return "\n".join(f"- {value}" for value in ([_title_of(values)] if len(values) == 2 else map(with_note, values)))
