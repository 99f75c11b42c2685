"""Rows of a table, in HTML or of another format -> lines such as `a | b | c`, with each cell in its column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

from disc_lite.documents.blocks import cells_of
from disc_lite.documents.cells import standing_out
from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import around, children, within
from disc_lite.documents.rowgroups import groups_of

# A hostile page can ask for more; no real table does.
MAX_SPAN = 200
_CELLS = ("td", "th")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("blockquote", "dl", "ol", "p", "pre", "ul")
_FEW = 50  # rows by which the shape of all is judged
_STOPS = tuple(".!?。")
_MAX_INNER_CHARS, _MAX_INNER_NODES = 300, 1000


class Cell(NamedTuple):
    """A cell of a table, and how many columns and rows it spans."""

    text: str
    columns: int = 1
    rows: int = 1


def is_layout(table: Tag) -> bool:
    """Whether a table only lays out the page: it has headings, tables, one box or one row of code with line numbers."""
    # The contents of inner tables are examined last, or deeply nested ones would be read once for each level.
    is_outer = any(within(table, ("table",)))
    if table.get("role") in ("presentation", "none") or (is_outer and not _has_values(table)):
        return True
    if is_outer or any(within(table, _HEADINGS)):
        return any(within(table, _HEADINGS))
    if any(within(table, _BLOCKS)) and len(list(islice(within(table, _CELLS), 2))) == 1:
        return True
    return any(within(table, ("pre",))) and not any(within(table, ("th",))) and len(list(within(table, ("tr",)))) == 1


def _has_values(table: Tag) -> bool:
    """Whether the tables in a table are values in its cells: short, without `|`, and in less than half of its rows."""
    holders = set()
    for inner in within(table, ("table",)):
        is_small = len(list(islice(inner.descendants, _MAX_INNER_NODES + 1))) <= _MAX_INNER_NODES
        text = inner.get_text() if is_small else "|"
        if len(text) > _MAX_INNER_CHARS or "|" in text:
            return False
        holders.add(id(around(inner, ("tr",))))
    rows = [row for row in within(table, ("tr",)) if around(row, ("table",)) is table]
    plain = sum(id(row) not in holders and len(children(row, _CELLS)) > 1 for row in rows)
    return plain > len(holders)


def rows_of(table: Tag, text_of: Callable[[Tag], str]) -> Iterator[str]:
    """Yield each row as `a | b | c`; a cell that spans rows is in each of them, one that spans columns in the first.

    The rows of a header become one row, in which each column has all names above it. A row that is one cell across the
    table is its text alone; a row without text is left out.
    """
    rows = [row for row in within(table, ("tr",)) if around(row, ("table",)) is table]
    cells = [
        [Cell(text_of(tag), _span(tag, "colspan"), _span(tag, "rowspan")) for tag in children(row, _CELLS)]
        for row in rows
    ]
    top = _height_of_header(rows, cells)
    return lines_of(spread(cells, top), top)


def lines_of_cells(rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of a table whose header, if any, is not marked as one but shows in its spans."""
    top = _height_by_spans(rows)
    return lines_of(spread(rows, top), top)


def spread(rows: Iterable[Sequence[Cell]], top: int) -> list[tuple[list[str], bool]]:
    """The rows of a table in the form for `lines_of`: each cell in its column, and in all rows that it spans."""
    grid: list[tuple[list[str], bool]] = []
    held: dict[int, tuple[int, str]] = {}  # column -> (rows that a cell above still covers, its text)
    for number, row in enumerate(rows):
        reached = bool(held)
        cells, held = _filled(held, row, everywhere=number < top > 1)
        grid.append((cells, len(row) == 1 and not reached))
    return grid


def lines_of(grid: Sequence[tuple[list[str], bool]], top: int) -> Iterator[str]:
    """Yield the lines of a table from rows of (cells, whether it is a single cell); the first `top` are its header.

    A lone cell that names a group of rows is written before each of them: `Pumps: P-1 | 120`.
    """
    grid = [*_header(grid[:top]), *grid[top:]]
    width = max((len(cells) for cells, _ in grid), default=0)
    # A column without text, such as one of pictures, is left out.
    used = [column for column in range(width) if any(column < len(cells) and cells[column] for cells, _ in grid)]
    for cells, is_lone in _grouped(grid, width):
        if is_lone and len(cells) == width and cells[0]:
            yield cells[0]
        elif any(cells):
            yield line_of([cells[column] for column in used if column < len(cells)])


def _grouped(grid: Sequence[tuple[list[str], bool]], width: int) -> Iterator[tuple[list[str], bool]]:
    """Yield the rows, each with the name of its group in front, and without the rows that only name a group."""
    start = next((number for number, (_, is_lone) in enumerate(grid) if not is_lone), len(grid)) + 1
    yield from grid[:start]
    rest = [row for row in grid[start:] if any(row[0])]
    body = [[*map(standing_out, cells)] if is_lone and len(cells) == width else cells for cells, is_lone in rest]
    notes = [cells[0].endswith(_STOPS) for cells in body]
    for (cells, is_lone), group in zip(rest, groups_of(body, 0, notes), strict=True):
        if group:
            yield [": ".join(filter(None, [group.removesuffix(":"), cells[0]])), *cells[1:]], False
        elif group is not None:
            yield cells, is_lone


def line_of(cells: Sequence[str]) -> str:
    """A row of cells as one line; an empty cell keeps its place."""
    return " ".join(" | ".join(cells).split())


def as_value(rows: Iterable[str]) -> str:
    """A table as the value of a cell in another table: `day, 84 crowns; night, 90 crowns`."""
    return "; ".join(", ".join(filter(None, cells_of(row))) for row in rows)


def _height_of_header(rows: Sequence[Tag], cells: Sequence[Sequence[Cell]]) -> int:
    """The number of rows at the top that name the columns; 0 if no row is below them."""
    is_group = has_head = False
    for number, row in enumerate(rows):
        tags = children(row, _CELLS)
        is_in_head = around(row, ("thead",)) is not None
        # Without a `thead`, a further header row must be below a cell that spans columns; a lone cell names a group.
        may_name = number == 0 or (is_group and len(tags) > 1 and not has_head)
        if not is_in_head and not (may_name and all(tag.name == "th" for tag in tags)):
            return number or _height_by_spans(cells)
        has_head = has_head or is_in_head
        is_group = any(_span(tag, "colspan") > 1 for tag in tags)
    return 0


def _height_by_spans(rows: Sequence[Sequence[Cell]]) -> int:
    """The height of a header that is not marked as one: groups of columns above their names, next to taller cells.

    Country | Allowance            | Remark
            | Full day | Half day  |
    """
    first = rows[0] if rows else ()
    height = max((cell.rows for cell in first), default=0)
    groups = [cell.columns for cell in first if cell.columns > 1]
    if not groups or len(first) == 1 or len(rows) <= max(height, 2):
        return 0
    if any(cell.columns > 1 for row in rows[max(height, 2) : _FEW] for cell in row[1:]):
        return 0  # other rows look the same
    below = [cell.text for cell in rows[1]]
    if height == 1:  # the cells next to the groups are not taller, but have nothing below them
        seen = [cell.columns > 1 for cell in first for _ in range(cell.columns)]
        return 2 if [text != "" for text in below] == seen else 0
    is_whole = all(cell.rows == height for cell in first if cell.columns == 1)
    return height if is_whole and height == 2 and len(below) == sum(groups) and all(below) else 0


def _header(rows: Sequence[tuple[list[str], bool]]) -> Iterator[tuple[list[str], bool]]:
    """Yield the rows of a header that are a single cell, then the others joined into one row."""
    names = [cells for cells, is_lone in rows if not is_lone]
    yield from (row for row in rows if row[1])
    if names:
        yield [" ".join(dict.fromkeys(filter(None, column))) for column in zip_longest(*names, fillvalue="")], False


def _filled(
    held: dict[int, tuple[int, str]], row: Sequence[Cell], everywhere: bool
) -> tuple[list[str], dict[int, tuple[int, str]]]:
    """The cells of a row, with those that reach into it from above, and the cells that reach into the next row."""
    cells: list[str] = []
    reaching = {column: (rows - 1, text) for column, (rows, text) in held.items() if rows > 1}
    for text, columns, rows in row:
        while len(cells) in held:
            cells.append(held[len(cells)][1])
        for offset in range(columns):
            value = "" if offset and not everywhere else text
            if rows > 1:
                reaching[len(cells)] = (rows - 1, value)
            cells.append(value)
    while len(cells) in held:
        cells.append(held[len(cells)][1])
    return cells, reaching


def _span(cell: Tag, name: str) -> int:
    span = (cell.get(name) or "1").strip()
    return min(max(int(span), 1), MAX_SPAN) if span.isdecimal() and len(span) < 6 else 1
