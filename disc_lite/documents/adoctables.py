"""AsciiDoc tables -> one line of cells per row; a cell that spans columns or rows is placed as it is rendered."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from disc_lite.documents.tables import MAX_SPAN, Cell, as_value, line_of, lines_of, spread

_CELL = re.compile(
    r"(?:(?:^|\s)(?:(?P<columns>\d+)?(?:\.(?P<rows>\d+))?\+|(?P<times>\d+)\*)?[<^>]?(?:\.[<^>])?[aehlmsdv]?)?(?<!\\)\|"
)
_SPECIFIED = re.compile(r"[+*<^>aehlmsdv\\]\|")  # without it every `|` is the beginning of a plain cell
_COLUMNS = re.compile(r"\bcols\s*=\s*(?:\"([^\"]*)\"|([^,\]]*))")
_CSV = re.compile(r"\bformat\s*=\s*\"?csv")
_NESTED = re.compile(r"!={3,}\s*$")
_ATTRIBUTES = re.compile(r"\s*\[.*\]\s*$")


def adoc_rows(lines: Sequence[str], attributes: str, delimiter: str) -> list[str]:
    """The rows of a table, each as a line of cells with ` | ` between them.

    Args:
        lines: The lines between its delimiters.
        attributes: The attribute lines above it, such as `[cols="1,2"]`.
        delimiter: The first character of its delimiter; `,` means CSV.
    """
    if delimiter == "," or _CSV.search(attributes):
        return [line_of(row) for row in csv.reader(lines) if any(row)]
    named = _COLUMNS.search(attributes)
    widths = re.split("[,;]", named[1] or named[2]) if named else []
    columns = sum(int(one.partition("*")[0]) if re.match(r"\s*\d{1,3}\*", one) else 1 for one in widths)
    return _table_rows(list(_without_nested(lines)), columns)


def _without_nested(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines, with each table inside a cell replaced by its text: `day, 84 crowns; night, 90 crowns`."""
    nested: list[str] | None = None
    attributes = ""
    for line in lines:
        if _NESTED.match(line):
            if nested is not None:
                yield as_value(adoc_rows([one.replace("!", "|") for one in nested], attributes, "|"))
            nested, attributes = ([], attributes) if nested is None else (None, "")
        elif nested is not None:
            nested.append(line)
        elif _ATTRIBUTES.match(line) and _COLUMNS.search(line):
            attributes = line
        else:
            yield line


def _table_rows(lines: list[str], columns: int) -> list[str]:
    """One line of cells per row: the cells fill rows of `columns` if they come out even, else a source line is a row.

    In that case several lines with one cell each, between blank lines, are one row.
    """
    groups: list[list[list[Cell]]] = [[]]
    for line in lines:
        if not line.strip():
            groups.append([])
        elif cells := list(_cells_of(line)):
            groups[-1].append(cells)
        elif groups[-1]:
            last = groups[-1][-1][-1]
            groups[-1][-1][-1] = last._replace(text=f"{last.text} {line.strip()}".strip())
    cells = [cell for group in groups for row in group for cell in row]
    first = next((row for group in groups for row in group), [])
    columns = columns or sum(cell.columns for cell in first)
    if columns > 1 and sum(cell.columns * cell.rows for cell in cells) % columns == 0:
        return list(lines_of(spread(_full_rows(cells, columns), top=0), top=0))
    rows: list[list[Cell]] = []
    for group in groups:
        has_cells_alone = len(group) > 1 and all(len(row) == 1 for row in group)
        rows += [[cell for row in group for cell in row]] if has_cells_alone else group
    return list(lines_of(spread(rows, top=0), top=0))


def _cells_of(line: str) -> Iterator[Cell]:
    """Yield the cells that begin in a line: `2+|` spans two columns, `.2+|` two rows, `3*|` stands for three cells."""
    if not _SPECIFIED.search(line):
        yield from (Cell(text.strip()) for text in line.split("|")[1:])
        return
    found = list(_CELL.finditer(line))
    for cell, end in zip(found, [*(one.start() for one in found[1:]), len(line)], strict=False):
        columns, rows, times = (min(int(number or 1), MAX_SPAN) for number in cell.group("columns", "rows", "times"))
        yield from [Cell(line[cell.end() : end].strip(), columns, rows)] * times


def _full_rows(cells: Iterable[Cell], columns: int) -> Iterator[list[Cell]]:
    """Yield the rows that the cells fill, leaving room for cells that span rows from above."""
    row: list[Cell] = []
    covered: Counter[int] = Counter()  # row number -> columns that cells from above cover
    number, room = 0, columns
    for cell in cells:
        row.append(cell)
        room -= cell.columns
        for below in range(1, cell.rows):
            covered[number + below] += cell.columns
        while room <= 0:
            yield row
            row, number = [], number + 1
            room = columns - covered.pop(number, 0)
    if row:
        yield row
