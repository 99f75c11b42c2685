"""OpenDocument tables with split cells -> plain tables, in which rows of sub-tables are rows of the table.

A cell that was split holds a sub-table. `odt` needs one grid of rows and columns, which `without_sub_tables` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from xml.etree.ElementTree import Element, SubElement

from disc_lite.documents.archive import attribute, local_name, number_of

HEADER = "table-header-rows"
MAX_REPEATED = 200  # cells; the most that a cell can span in the HTML reader
_GROUPS = (HEADER, "table-rows", "table-row-group")
_HEIGHT, _WIDTH = "number-rows-spanned", "number-columns-spanned"


@dataclass(frozen=True)
class _Cell:
    """A cell, the first of its columns, and how many columns and rows it spans."""

    element: Element
    column: int
    width: int = 1
    height: int = 1


def without_sub_tables(table: Element) -> Element:
    """The table with rows of sub-tables as rows of its own, which the cells next to a sub-table span."""
    if all(_sub_table(part) is None for part in table.iter()):
        return table
    flat = Element("table")
    head = SubElement(flat, HEADER)
    for is_head, row in _flat_rows(table):
        written = SubElement(head if is_head else flat, "table-row")
        for cell in row:
            spans = {_HEIGHT: str(cell.height), _WIDTH: str(cell.width)}
            SubElement(written, "table-cell", spans).extend(cell.element)
    return flat


def _sub_table(cell: Element) -> Element | None:
    """The sub-table into which a cell was split; None if the cell has other text, which no part of it could hold."""
    sub_table = next((one for one in cell if attribute(one, "is-sub-table") == "true"), None)
    others = (one for one in cell if one is not sub_table)
    return None if sub_table is not None and any("".join(one.itertext()).strip() for one in others) else sub_table


def _flat_rows(table: Element) -> list[tuple[bool, list[_Cell]]]:
    """The rows of a table and of its sub-tables, each as (whether it is in the header, its cells)."""
    elements = list(_rows(table))
    rows = [[(cell, _parts(cell)) for cell in _cells(row)] for _, row in elements]
    left = [0, *accumulate(_widths([pair for row in rows for pair in row]))]
    top = [0, *accumulate(max((len(parts) for _, parts in row), default=1) for row in rows)]
    flat: list[list[_Cell]] = [[] for _ in range(top[-1])]
    for number, row in enumerate(rows):
        for cell, parts in row:
            right, bottom = left[cell.column + cell.width], top[min(number + cell.height, len(rows))]
            # The last row and the last column of a sub-table extend to the end of its cell.
            for place, part_row in enumerate(parts, start=top[number]):
                for part in part_row:
                    column = left[cell.column] + part.column
                    width = right - column if part.column + part.width == _width(parts) else part.width
                    is_last = place - top[number] + part.height == len(parts)
                    height = bottom - place if is_last else part.height
                    flat[place].append(_Cell(part.element, column, width, height))
    return [
        (is_head, sorted(flat[place], key=lambda one: one.column))
        for (is_head, _), (start, end) in zip(elements, pairwise(top), strict=True)
        for place in range(start, end)
    ]


def _rows(table: Element, is_head: bool = False) -> Iterator[tuple[bool, Element]]:
    """Yield the rows of a table, but not of tables within it, each as (whether it is in the header, row)."""
    for part in table:
        name = local_name(part.tag)
        if name == "table-row":
            yield is_head, part
        elif name in _GROUPS:
            yield from _rows(part, is_head or name == HEADER)


def _cells(row: Element) -> Iterator[_Cell]:
    column = 0
    for element in row:
        for _ in range(_number(element, "number-columns-repeated")):
            if local_name(element.tag) == "table-cell":
                yield _Cell(element, column, _number(element, _WIDTH), _number(element, _HEIGHT))
            column += 1


def _parts(cell: _Cell) -> list[list[_Cell]]:
    """The rows of a cell's sub-table; for a cell without a sub-table, one row with the cell itself."""
    sub_table = _sub_table(cell.element)
    return [[_Cell(cell.element, 0)]] if sub_table is None else [row for _, row in _flat_rows(sub_table)]


def _widths(cells: Sequence[tuple[_Cell, list[list[_Cell]]]]) -> list[int]:
    """For each column of a table, the number of columns that it needs for the sub-tables in it."""
    widths = [1] * max((cell.column + cell.width for cell, _ in cells), default=0)
    for cell, parts in cells:
        last = cell.column + cell.width - 1
        widths[last] = max(widths[last], _width(parts) - sum(widths[cell.column : last]))
    return widths


def _width(rows: Sequence[Sequence[_Cell]]) -> int:
    return max((cell.column + cell.width for row in rows for cell in row), default=1)


def _number(cell: Element, name: str) -> int:
    return min(max(number_of(cell, name, 1), 1), MAX_REPEATED)
