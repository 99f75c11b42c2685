"""Rows of a table -> its header, the rows above and below it, and the column that names the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from disc_lite.documents.headerless import NUMBER, YEAR, begins_with_a_row, stand_apart

Row = Sequence[str]

SAMPLE_ROWS = 1000
_FEW_ROWS = 100  # as many are compared with the first one
_LABEL_CHARS = 60  # a longer value is not the name of a row
_UNIT_CHARS = 10
_MISSING = frozenset("n/a na nan nil none null free tbd tba yes no x".split())
_DISTINCT = 0.75  # the least share of different values in the column that names the rows
DIGIT = re.compile(r"\d")
WITH_DIGITS = re.compile(r".*\d.*|[-–—]")
_NUMBER = re.compile(rf"{NUMBER}|[-–—]")
_YEAR = re.compile(YEAR)


def parts_of(rows: Sequence[Row]) -> tuple[Row, Sequence[Row], Sequence[Row]]:
    """The header of a table, the rows above it and the rows below it.

    The header begins in the first row with two values; in a table of a single column it is the first row. It is empty
    if that row holds data, as the rows below it do.
    """
    start = next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    start -= start > 0 and _names_second_column(rows[start - 1], rows[start])
    start = _header_below_fields(rows, start)
    header: Row = rows[start] if rows else []
    end = start + 1
    if begins_with_a_row(header, rows[end : end + _FEW_ROWS]):
        return [], rows[:start], rows[start:]
    while end < len(rows) and _continues_header(header, rows[end], rows[end + 1 : end + 1 + SAMPLE_ROWS]):
        header = _joined(header, rows[end])
        end += 1
    return header, rows[:start], rows[end:]


def _header_below_fields(rows: Sequence[Row], start: int) -> int:
    """The index of the header below fields such as `Customer | Acme` above a wider table; `start` if there are none."""
    sizes = [sum(map(bool, row)) for row in rows[start : start + _FEW_ROWS]]
    above = next((n for n, size in enumerate(sizes) if size > 2), 0)
    body = sizes[above + 1 :]
    if not above or 2 * sum(size > 2 for size in body) <= len(body):
        return start
    is_header = all(is_label(name) and not DIGIT.search(name) for name in rows[start + above] if name)
    return start + above if is_header and stand_apart(rows[start : start + above]) else start


def _names_second_column(above: Row, row: Row) -> bool:
    """Whether a lone cell names the second of two columns, as in exports in which the column of names has no header."""
    values = [column for column, cell in enumerate(row) if cell][1:]
    is_above = [column for column, cell in enumerate(above) if cell] == values
    return is_above and len(values) == 1 and DIGIT.search(row[values[0]]) is not None


def _continues_header(header: Row, row: Row, below: Sequence[Row]) -> bool:
    """Whether a row continues the header: it names columns without a name, by words or years above numbers.

    In doubt it is a row of data, since data in the header would be repeated in the text of every row.

    Region | 2022 |        | 2023 |
           | Won  | Lost   | Won  | Lost
    North  | 10   | 1      | 12   | 2

    A row of units continues the header too, such as `kg` and `mm` below `Weight` and `Length`.
    """
    names = {column: name for column, name in enumerate(row) if name and name != cell_at(header, column)}
    first = next((column for column, name in enumerate(header) if name), 0)
    has_gap = any(column > first and not cell_at(header, column) for column in names)
    years = [int(name) for column, name in names.items() if column > first and _YEAR.fullmatch(name)]
    are_years = len(years) > 2 and years == [*range(years[0], years[0] + len(years))]
    # The column that names the rows is in no group. In front of years there can be anything, such as a currency.
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
    """Whether a cell below the name of a column can be its unit: `kg`, `[EUR/pc]`."""
    is_short = len(name) <= _UNIT_CHARS and not _NUMBER.fullmatch(name)
    return is_short and name.casefold() not in _MISSING and name[0] not in ".?*"


def _is_name(name: str, values: Sequence[str], is_sure: bool) -> bool:
    """Whether a cell is a word above numbers, or a year above numbers that are not years.

    If `is_sure`, its row has no name of its own; then the values below a word can also be like `34 %, n = 2`.
    """
    is_word = any(map(str.isalpha, name)) and not _NUMBER.fullmatch(name)
    kind = WITH_DIGITS if is_sure and not DIGIT.search(name) else _NUMBER
    return (is_word or (_YEAR.fullmatch(name) is not None and not are(_YEAR, values))) and are(kind, values)


def _joined(header: Row, row: Row) -> Row:
    """Two rows of a header as one; a name above several columns is repeated for each of them."""
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
    """Whether most values match a pattern: not all have to, since `n/a` or a formula without a value is no number."""
    return 2 * sum(kind.fullmatch(value) is not None for value in values) > len(values)


def label_column(rows: Sequence[Row]) -> int | None:
    """The first column whose values are all short texts and mostly different; None if there is none."""
    sample = rows[:SAMPLE_ROWS]
    for column in range(max(map(len, sample))):
        values = values_of(sample, column)
        if all(map(is_label, values)) and len(set(values)) >= _DISTINCT * len(sample):
            return column
    return None


def is_label(value: str) -> bool:
    return len(value) <= _LABEL_CHARS and any(map(str.isalpha, value))


def is_name_of_column(value: str) -> bool:
    """Whether a value can name a column: a short text with letters, or a year."""
    return is_label(value) or _YEAR.fullmatch(value) is not None


def joined_header(rows: Sequence[Row], top: int, wide: Sequence[range]) -> Row:
    """The header row joined with the row below, which names the columns under merged cells; empty if it does not.

    Args:
        rows: The rows of a sheet.
        top: The index of the header row.
        wide: The columns of each cell of the header row that is merged across several.
    """
    if top + 1 >= len(rows) or sum(map(bool, rows[top])) < 2:
        return []
    right_above = takewhile(any, (rows[number] for number in range(top - 1, -1, -1)))
    if any(sum(map(bool, row)) > 1 for row in right_above):  # more than titles
        return []
    above = list(rows[top]) + [""] * (len(rows[top + 1]) - len(rows[top]))
    groups = {column: above[columns[0]] for columns in wide for column in columns if columns[0] < len(above)}
    names = dict(enumerate(rows[top + 1]))
    for column, name in names.items():
        is_number = _NUMBER.fullmatch(name) is not None and not _YEAR.fullmatch(name)
        if name and (is_number if column in groups else above[column] not in ("", name)):
            return []  # the row below is data
    if not all(sum(names.get(column, "") != "" for column in columns) > 1 for columns in wide):
        return []
    return [
        f"{groups[column]} {names.get(column, '')}".strip() if column in groups else name or names.get(column, "")
        for column, name in enumerate(above)
    ]
