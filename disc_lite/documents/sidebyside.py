"""Rows of a sheet -> the tables that are side by side in them, separated by an empty column.

A column inside a table can be empty too, for looks. So each table must have names of rows in its first column, and the
two must begin or end at different rows, have a title each, or give that column the same name:

    Item   | Price |  | Staff | Phone
    Dunden | 12    |  | Ada   | 33
    Loaf   | 9     |  | Berg  | 34
    Roll   | 1     |  | Cole  | 35
    Salt   | 2     |
    Milk   | 3     |
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from disc_lite.documents.rowheaders import Row, is_name_of_column, label_column, parts_of

_LEAST_ROWS = 3  # of a table that ends before the other one; fewer can be remarks
_LEAST_REST = 2  # rows that the other one has in addition; a single one can be the total


class _Table(NamedTuple):
    """A part of a sheet that can be a table of its own.

    Attributes:
        title: The names of its columns, for a message.
        name: The name of its first column, in lower case.
        header: The index of its header row.
        rows: The number of rows below the header.
        has_title: Whether there is a row above the header.
    """

    title: str
    name: str
    header: int
    rows: int
    has_title: bool


def side_by_side(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """The tables that are side by side in rows, from left to right, each in its columns; only one if that is unsure."""
    starts = [0]
    strips = _strips(rows)
    left = _table_in(rows, *strips[0]) if strips[1:] else None
    for first, end in strips[1:]:
        right = _table_in(rows, first, end)
        if left is not None and right is not None and _are_two(left, right):
            starts.append(first)
            left = right
        else:
            left = _table_in(rows, starts[-1], end)
    if not starts[1:]:
        return [rows]
    ends = [*starts[1:], strips[-1][1]]
    return [[_cut_to_columns(row, first, end) for row in rows] for first, end in zip(starts, ends, strict=True)]


def doubt_about(rows: Sequence[Row]) -> str:
    """The ledger's warning about rows that may be two tables side by side; empty if they are surely one."""
    strips = _strips(rows)
    left = _table_in(rows, *strips[0]) if strips[1:] else None
    right = _table_in(rows, strips[1][0], strips[-1][1]) if left else None
    if left is None or right is None:
        return ""
    return f"{left.title} and {right.title} may be two tables, read as one: put one below the other"


def _strips(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """(first column, column after the last) of each run of columns that are not empty."""
    width = max(map(len, rows), default=0)
    empty = set(range(width))
    for row in rows:
        empty = {column for column in empty if column >= len(row) or not row[column]}
        if not empty:
            return [(0, width)]
    edges = [-1, *sorted(empty), width]
    return [(a + 1, b) for a, b in pairwise(edges) if b - a > 1] or [(0, width)]


def _cut_to_columns(row: Row, first: int, end: int) -> Row:
    """A row with only the cells of the columns from `first` to `end`, in their places."""
    return [*[""] * first, *row[first:end]]


def _table_in(rows: Sequence[Row], first: int, end: int) -> _Table | None:
    """The table in the columns from `first` to `end` if its first column names its rows; else None."""
    cut = [row[first:end] for row in rows]
    filled = [number for number, row in enumerate(cut) if any(row)]
    header, above, body = parts_of(cut[filled[0] : filled[-1] + 1])
    names = [name for name in header if name]
    body = [row for row in body if any(row)]
    if len(names) < 2 or not all(map(is_name_of_column, names)) or not body or label_column(body) != 0:
        return None
    at = filled[0] + len(above)
    return _Table(f"“{', '.join(names)}”", header[0].casefold(), at, filled[-1] - at, bool(above))


def _are_two(left: _Table, right: _Table) -> bool:
    if left.header != right.header or (left.has_title and right.has_title):
        return True
    shorter, longer = sorted((left.rows, right.rows))
    ends_before = shorter >= _LEAST_ROWS and longer - shorter >= _LEAST_REST
    return ends_before or bool(left.name and left.name == right.name)
