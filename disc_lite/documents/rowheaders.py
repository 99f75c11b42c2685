"""The header of a table: which rows name its columns, which stand above them, and which column names the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from disc_lite.documents.headerless import NUMBER, YEAR, begins_with_a_row, stand_apart

Row = Sequence[str]

SAMPLE_ROWS = 1000
_FEW_ROWS = 100  # tell whether the first one is like them
_LABEL_CHARS = 60  # longer values name no row
_UNIT_CHARS = 10
_MISSING = frozenset("n/a na nan nil none null free tbd tba yes no x".split())
_DISTINCT = 0.75  # share of the rows that have a value of their own in the column that names them
DIGIT = re.compile(r"\d")
WITH_DIGITS = re.compile(r".*\d.*|[-–—]")
_NUMBER = re.compile(rf"{NUMBER}|[-–—]")
_YEAR = re.compile(YEAR)


def parts_of(rows: Sequence[Row]) -> tuple[Row, Sequence[Row], Sequence[Row]]:
    """The header of a table, the rows above it and those below.

    It begins in the first row with two values; in a table of a single column it is the first row. It is empty where
    that row says facts as those below it do.
    """
    start = next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    start -= start > 0 and _names_values(rows[start - 1], rows[start])
    start = _below_fields(rows, start)
    header: Row = rows[start] if rows else []
    end = start + 1
    if begins_with_a_row(header, rows[end : end + _FEW_ROWS]):
        return [], rows[:start], rows[start:]
    while end < len(rows) and _goes_on(header, rows[end], rows[end + 1 : end + 1 + SAMPLE_ROWS]):
        header = _joined(header, rows[end])
        end += 1
    return header, rows[:start], rows[end:]


def _below_fields(rows: Sequence[Row], start: int) -> int:
    """The row of the header where names and values stand above a table that has more columns: `Customer | Acme`."""
    sizes = [sum(map(bool, row)) for row in rows[start : start + _FEW_ROWS]]
    above = next((n for n, size in enumerate(sizes) if size > 2), 0)
    body = sizes[above + 1 :]
    if not above or 2 * sum(size > 2 for size in body) <= len(body):
        return start
    is_header = all(is_label(name) and not DIGIT.search(name) for name in rows[start + above] if name)
    return start + above if is_header and stand_apart(rows[start : start + above]) else start


def _names_values(above: Row, row: Row) -> bool:
    """Whether a lone cell names the second of two columns, as where a program wrote names of rows without one."""
    values = [column for column, cell in enumerate(row) if cell][1:]
    is_above = [column for column, cell in enumerate(above) if cell] == values
    return is_above and len(values) == 1 and DIGIT.search(row[values[0]]) is not None


def _goes_on(header: Row, row: Row, below: Sequence[Row]) -> bool:
    """Whether a row names columns that a header leaves without a name, and each name is a word or year above numbers.

    In doubt it is a row of the table: a fact among the names would stand in all other rows.

    Region | 2022 |        | 2023 |
           | Won  | Lost   | Won  | Lost
    North  | 10   | 1      | 12   | 2

    A row of units is one too, as `kg` and `mm` below `Weight` and `Length`.
    """
    names = {column: name for column, name in enumerate(row) if name and name != cell_at(header, column)}
    first = next((column for column, name in enumerate(header) if name), 0)
    has_gap = any(column > first and not cell_at(header, column) for column in names)
    years = [int(name) for column, name in names.items() if column > first and _YEAR.fullmatch(name)]
    are_years = len(years) > 2 and years == [*range(years[0], years[0] + len(years))]
    # What names the rows stands in no group. Before years anything may: a currency.
    is_row = first in names and cell_at(header, first + 1) != "" and not are_years
    named = first + 1 if are_years else first
    if first not in names and names and not has_gap:
        return all(_is_unit(name) and are(_NUMBER, values_of(below, column)) for column, name in names.items())
    return (
        has_gap
        and not is_row
        and all(
            column < named or _is_name(name, values_of(below, column), is_sure=first not in names)
            for column, name in names.items()
        )
    )


def _is_unit(name: str) -> bool:
    """Whether a cell below the name of a column may be its unit: `kg`, `[EUR/pc]`."""
    is_short = len(name) <= _UNIT_CHARS and not _NUMBER.fullmatch(name)
    return is_short and name.casefold() not in _MISSING and name[0] not in ".?*"


def _is_name(name: str, values: Sequence[str], is_sure: bool) -> bool:
    """Whether a cell is a word or a year above numbers, and none of them itself.

    Where it is surely in no row with a name, what is below words alone may be `34 %, n = 2` too.
    """
    is_word = any(map(str.isalpha, name)) and not _NUMBER.fullmatch(name)
    kind = WITH_DIGITS if is_sure and not DIGIT.search(name) else _NUMBER
    return (is_word or (_YEAR.fullmatch(name) is not None and not are(_YEAR, values))) and are(kind, values)


def _joined(header: Row, row: Row) -> Row:
    """Two rows of a header as one; what stands above several columns is above each."""
    names = []
    group = ""
    for column in range(max(len(header), len(row))):
        above, name = cell_at(header, column), cell_at(row, column)
        group = (above or group) if name and name != above else ""
        names.append(f"{group} {name}".strip() if group else above or name)
    return names


def values_of(rows: Sequence[Row], column: int) -> list[str]:
    return [row[column] for row in rows if cell_at(row, column)]


def cell_at(row: Row, column: int) -> str:
    return row[column] if column < len(row) else ""


def are(kind: re.Pattern[str], values: Sequence[str]) -> bool:
    """Whether most values are of a kind; a sum without a stored value is no number, nor is `n/a`."""
    return 2 * sum(kind.fullmatch(value) is not None for value in values) > len(values)


def label_column(rows: Sequence[Row]) -> int | None:
    """The first column whose values are short words, and most of which tell the rows apart."""
    sample = rows[:SAMPLE_ROWS]
    for column in range(max(map(len, sample))):
        values = values_of(sample, column)
        if all(map(is_label, values)) and len(set(values)) >= _DISTINCT * len(sample):
            return column
    return None


def is_label(value: str) -> bool:
    return len(value) <= _LABEL_CHARS and any(map(str.isalpha, value))


def is_name_of_column(value: str) -> bool:
    """Whether a value may name a column: a short word, or a year."""
    return is_label(value) or _YEAR.fullmatch(value) is not None


def joined_header(rows: Sequence[Row], top: int, wide: Sequence[range]) -> Row:
    """The header in a row as one with the row below, which has names under a cell merged across columns; else none.

    Args:
        rows: Those of a sheet.
        top: The row.
        wide: The columns of each cell of it that is merged across several.
    """
    block = list(takewhile(any, reversed(rows[:top])))  # what is right above it: titles
    if top + 1 >= len(rows) or any(sum(map(bool, row)) > 1 for row in block) or sum(map(bool, rows[top])) < 2:
        return []
    above = list(rows[top]) + [""] * (len(rows[top + 1]) - len(rows[top]))
    groups = {column: above[columns[0]] for columns in wide for column in columns if columns[0] < len(above)}
    names = dict(enumerate(rows[top + 1]))
    for column, name in names.items():
        is_number = _NUMBER.fullmatch(name) is not None and not _YEAR.fullmatch(name)
        if name and (is_number if column in groups else above[column] not in ("", name)):
            return []  # a row of the table
    if not all(sum(names.get(column, "") != "" for column in columns) > 1 for columns in wide):
        return []
    return [
        f"{groups[column]} {names.get(column, '')}".strip() if column in groups else name or names.get(column, "")
        for column, name in enumerate(above)
    ]
