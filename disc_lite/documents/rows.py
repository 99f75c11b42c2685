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
from disc_lite.documents.source import Converted, RefusedFile

Row = Sequence[str]
NamedRow = tuple[str, str]

SAMPLE_ROWS = 1000
_LABEL_CHARS = 60  # longer values name no row
_DISTINCT = 0.75  # share of the rows that have a value of their own in the column that names them
_DIGIT = re.compile(r"\d")
_WITH_DIGITS = re.compile(r".*\d.*|[-–—]")
# At most a currency or a unit beside it: no code of a room, no date.
_NUMBER = re.compile(r"[-+−–(]?(?:[^\w\s]|[A-Z]{3})?\s?\d[\d.,'’\s]*(?:[^\w\s]|[^\W\d_]{1,3})?\)?|[-–—]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_FACT = re.compile(r"\S+@\S+\.\S+|https?://\S+|(?=.{61}).*[^.][.。]", re.DOTALL)  # an address or a long sentence


def tables_of(rows: Iterable[Row]) -> list[list[NamedRow]]:
    """The tables that stand below one another in a sheet, each with a header of its own: names and texts of their rows.

    Behind an empty row a table begins where a row of words alone stands above numbers.

    Raises:
        RefusedFile: Not one has rows below its header.
    """
    folded = ([" ".join(cell.split()) for cell in row] for row in rows)
    blocks: list[list[Row]] = [[*block] for is_filled, block in groupby(folded, key=any) if is_filled] or [[]]
    tables: list[list[Row]] = []
    for block, below in zip(blocks, [*blocks[1:], []], strict=True):
        if tables and not (_has_header(tables[-1]) and (_has_header(block) or _has_header(block, below))):
            tables[-1] += block
        else:
            tables.append(block)
    return [_named_rows(table) for table in tables]


def _has_header(rows: Sequence[Row], below: Sequence[Row] = ()) -> bool:
    """Whether the header is words alone, capitalised alike, with numbers in a column below; or of several rows.

    Only one of several rows may have an empty row below it, and its numbers are `below` that.
    """
    sample = [*rows[:SAMPLE_ROWS], *below[:SAMPLE_ROWS]]
    header, above, body = _parts(sample)
    if len(above) + 1 + len(body) < len(sample):
        return True
    names = {column: name for column, name in enumerate(header) if name}
    if below or len(names) < 2 or not all(_is_label(name) and not _DIGIT.search(name) for name in names.values()):
        return False
    is_above_numbers = any(_are(_WITH_DIGITS, _values(body, column)) for column in names)
    return is_above_numbers and len({name[0].isupper() for name in names.values()}) == 1


def _named_rows(rows: Sequence[Row]) -> list[NamedRow]:
    """The name of each row and its text; those with a single value above the header have no name."""
    header, above, body = _parts(rows)
    if not body:
        raise RefusedFile("no table: no row below a header")
    width = max(map(len, [header, *body]))
    names = [_at(header, column) or f"Column {column + 1}" for column in range(width)] if header else [""] * width
    named_by = _label_column(body)
    titles = [("", " ".join(filter(None, cells))) for cells in above]
    return titles + [(_name_of(cells, named_by), _text_of(names, cells)) for cells in body]


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


def _parts(rows: Sequence[Row]) -> tuple[Row, Sequence[Row], Sequence[Row]]:
    """The header of a table, the rows above it and those below.

    It begins in the first row with two values; in a table of a single column it is the first row. It is empty where
    that row says facts as those below it do.
    """
    start = next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    header: Row = rows[start] if rows else []
    end = start + 1
    if any(_FACT.fullmatch(name) and _are(_FACT, _values(rows[end:], n)) for n, name in enumerate(header)):
        return [], rows[:start], rows[start:]
    while end < len(rows) and _goes_on(header, rows[end], rows[end + 1 : end + 1 + SAMPLE_ROWS]):
        header = _joined(header, rows[end])
        end += 1
    return header, rows[:start], rows[end:]


def _goes_on(header: Row, row: Row, below: Sequence[Row]) -> bool:
    """Whether a row names columns that a header leaves without a name, and each name is a word or year above numbers.

    In doubt it is a row of the table: a fact among the names would stand in all other rows.

    Region | 2022 |        | 2023 |
           | Won  | Lost   | Won  | Lost
    North  | 10   | 1      | 12   | 2
    """
    names = {column: name for column, name in enumerate(row) if name and name != _at(header, column)}
    first = next((column for column, name in enumerate(header) if name), 0)
    has_gap = any(column > first and not _at(header, column) for column in names)
    years = [int(name) for column, name in names.items() if column > first and _YEAR.fullmatch(name)]
    are_years = len(years) > 2 and years == [*range(years[0], years[0] + len(years))]
    # What names the rows stands in no group. Before years anything may: a currency.
    is_row = first in names and _at(header, first + 1) != "" and not are_years
    named = first + 1 if are_years else first
    return (
        has_gap
        and not is_row
        and all(
            column < named or _is_name(name, _values(below, column), is_sure=first not in names)
            for column, name in names.items()
        )
    )


def _is_name(name: str, values: Sequence[str], is_sure: bool) -> bool:
    """Whether a cell is a word or a year above numbers, and none of them itself.

    Where it is surely in no row with a name, what is below words alone may be `34 %, n = 2` too.
    """
    is_word = any(map(str.isalpha, name)) and not _NUMBER.fullmatch(name)
    kind = _WITH_DIGITS if is_sure and not _DIGIT.search(name) else _NUMBER
    return (is_word or (_YEAR.fullmatch(name) is not None and not _are(_YEAR, values))) and _are(kind, values)


def _joined(header: Row, row: Row) -> Row:
    """Two rows of a header as one; what stands above several columns is above each."""
    names = []
    group = ""
    for column in range(max(len(header), len(row))):
        above, name = _at(header, column), _at(row, column)
        group = (above or group) if name and name != above else ""
        names.append(f"{group} {name}".strip() if group else above or name)
    return names


def _values(rows: Sequence[Row], column: int) -> list[str]:
    return [row[column] for row in rows if _at(row, column)]


def _at(row: Row, column: int) -> str:
    return row[column] if column < len(row) else ""


def _are(kind: re.Pattern[str], values: Sequence[str]) -> bool:
    """Whether most values are of a kind; a sum without a stored value is no number, nor is `n/a`."""
    return 2 * sum(kind.fullmatch(value) is not None for value in values) > len(values)


def _label_column(rows: Sequence[Row]) -> int | None:
    """The first column whose values are short words, and most of which tell the rows apart."""
    sample = rows[:SAMPLE_ROWS]
    for column in range(max(map(len, sample))):
        values = _values(sample, column)
        if all(map(_is_label, values)) and len(set(values)) >= _DISTINCT * len(sample):
            return column
    return None


def _is_label(value: str) -> bool:
    return len(value) <= _LABEL_CHARS and any(map(str.isalpha, value))


def _name_of(cells: Row, named_by: int | None) -> str:
    """Empty where no value names the row; a number would be another one as soon as a row is put in."""
    name = "" if named_by is None else _at(cells, named_by)
    return name if _is_label(name) else ""


def _text_of(header: Row, cells: Row) -> str:
    values = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell]
    if len(header) == 1:
        return values[0][1]
    return "\n".join(f"- {name}: {cell}" if name else f"- {cell}" for name, cell in values)
