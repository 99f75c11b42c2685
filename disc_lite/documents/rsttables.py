"""Drawn tables of reStructuredText -> rows: grids of `+---+`, and simple tables between lines of `=== ===`.

A table that docutils would reject as malformed is not read as a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import pairwise, takewhile
from typing import NamedTuple
from unicodedata import east_asian_width

from disc_lite.documents.tables import lines_of

_GRID_TOP = re.compile(r"\+-[-+]*-\+")
_GRID_HEAD = re.compile(r"\+=[=+]*=\+")
_BORDER = re.compile(r"=+(?: +=+)+")
_UNDERLINE = re.compile(r"-[- ]*|=[= ]*")
_ITEM = re.compile(r"\n\s*[-*•]\s+(?=\S)")
_FILL = "\0"  # follows a Chinese or Japanese letter, which is two columns wide; no text has it

Seen = Callable[[list[str]], Iterable[str]]  # lines of a cell -> the lines that a reader sees


class _Cell(NamedTuple):
    """A cell: the rows and columns that it covers, half-open, and its lines."""

    top: int
    left: int
    bottom: int
    right: int
    lines: Sequence[str]


def drawn_table(lines: Sequence[str], start: int, seen: Seen) -> tuple[list[str], int]:
    """The rows of the table that begins at a line, and the number of the line after it; no rows if no table does.

    Args:
        lines: The lines of a text.
        start: The number of a line outside code.
        seen: Turns the lines of a cell into those that a reader sees.
    """
    first = lines[start].expandtabs()
    top = first.strip()
    indent = len(first) - len(first.lstrip())
    shown = (lines[number].expandtabs() for number in range(start, len(lines)))
    within = (line[indent:].rstrip() for line in takewhile(lambda line: not line[:indent].strip(), shown))
    if _GRID_TOP.fullmatch(top):
        drawn = [_widened(line) for line in takewhile(lambda line: line.startswith(("+", "|")), within)]
        cells, head = _grid(drawn)
    elif _BORDER.fullmatch(top):
        drawn = [_widened(line) for line in _to_last_border(within)]
        cells, head = _simple(drawn)
    else:
        return [], start
    return list(_rows(cells, head, seen)), start + len(drawn)


def _rows(cells: Sequence[_Cell], head: int, seen: Seen) -> Iterator[str]:
    """Yield the rows as for HTML: a cell that spans rows is in each, one that spans columns in the first only."""
    height, width = max((cell.bottom for cell in cells), default=0), max((cell.right for cell in cells), default=0)
    rows = [[""] * width for _ in range(height)]
    for cell in cells:
        text = _in_a_line(seen([line.replace(_FILL, "").rstrip() for line in cell.lines]))
        for row in range(cell.top, cell.bottom):
            for column in range(cell.left, cell.right if row < head > 1 else cell.left + 1):
                rows[row][column] = text
    lone = {cell.top for cell in cells if cell.right - cell.left == width and cell.bottom - cell.top == 1}
    return lines_of([(row, number in lone) for number, row in enumerate(rows)], head)


def _widened(line: str) -> str:
    """A line with `_FILL` after wide characters, so that characters are counted as columns of a screen."""
    return line if line.isascii() else "".join(c + _FILL if east_asian_width(c) in "WF" else c for c in line)


def _in_a_line(seen: Iterable[str]) -> str:
    """The text of a cell on one line, with `;` between the items of a list."""
    text = _ITEM.sub("; ", "\n" + "\n".join(seen)).removeprefix("; ").replace(":;", ":")
    return "" if text.strip() == "\\" else " ".join(text.split())


# --- grids: docutils.parsers.rst.tableparser.GridTableParser finds the same boxes -----------------------------------


def _grid(drawn: list[str]) -> tuple[list[_Cell], int]:
    """The cells of a grid, and how many rows are its header; no cells if the grid is not closed."""
    if len({*map(len, drawn)}) > 1 or not _GRID_TOP.fullmatch(drawn[-1]):
        return [], 0
    head = next((number for number, line in enumerate(drawn) if _GRID_HEAD.fullmatch(line)), 0)
    drawn = [line.replace("=", "-") if number == head else line for number, line in enumerate(drawn)]
    boxes = _boxes(drawn)
    rows = _numbered(edge for top, _, bottom, _ in boxes for edge in (top, bottom))
    columns = _numbered(edge for _, left, _, right in boxes for edge in (left, right))
    cells = []
    for top, left, bottom, right in boxes:
        lines = [line[left + 1 : right] for line in drawn[top + 1 : bottom]]
        cells.append(_Cell(rows[top], columns[left], rows[bottom], columns[right], lines))
    return cells, rows.get(head, 0)


def _numbered(edges: Iterable[int]) -> dict[int, int]:
    return {edge: number for number, edge in enumerate(sorted(set(edges)))}


def _boxes(drawn: Sequence[str]) -> Sequence[tuple[int, int, int, int]]:
    """The (top, left, bottom, right) edges of the cells, row by row; empty if they do not fill the grid."""
    height, width = len(drawn) - 1, len(drawn[0]) - 1
    filled = [0] * width  # for each column, down to which line
    corners, boxes = [(0, 0)], []
    while corners:
        top, left = heappop(corners)
        if top == height or left == width or filled[left] > top:
            continue
        bottom, right = _opposite_corner(drawn, top, left)
        if not bottom or any(depth != top for depth in filled[left:right]):
            return []
        filled[left:right] = [bottom] * (right - left)
        boxes.append((top, left, bottom, right))
        heappush(corners, (top, right))
        heappush(corners, (bottom, left))
    return boxes if all(depth == height for depth in filled) else []


def _opposite_corner(drawn: Sequence[str], top: int, left: int) -> tuple[int, int]:
    """The line and column in which the smallest box with this top left corner ends; (0, 0) if there is none."""
    for right in range(left + 1, len(drawn[top])):
        if drawn[top][right] not in "-+":
            break
        for bottom in range(top + 1, len(drawn) if drawn[top][right] == "+" else 0):
            if drawn[bottom][right] not in "|+":
                break
            is_closed = drawn[bottom][right] == drawn[bottom][left] == "+"
            if is_closed and not drawn[bottom][left:right].strip("-+") and _is_side(drawn[top:bottom], left):
                return bottom, right
    return 0, 0


def _is_side(drawn: Sequence[str], column: int) -> bool:
    return all(line[column] in "|+" for line in drawn)


# --- simple tables ---------------------------------------------------------------------------------------------------


def _to_last_border(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a simple table, whose last border is the third, or the second with a blank line below it."""
    borders, is_border = 0, False
    for line in lines:
        if borders == 3 or (is_border and borders == 2 and not line):
            return
        yield line
        is_border = _BORDER.fullmatch(line) is not None
        borders += is_border


def _simple(drawn: Sequence[str]) -> tuple[list[_Cell], int]:
    """The cells of a simple table, and how many rows are its header; no cells if text is between its columns."""
    if len(drawn) < 3 or not _BORDER.fullmatch(drawn[-1]):
        return [], 0
    columns = [found.span() for found in re.finditer("=+", drawn[0])]
    cells: list[_Cell] = []
    row: list[str] = []  # its lines so far
    number = head = 0
    for place, line in enumerate(drawn[1:], start=1):
        spans = [found.span() for found in re.finditer("-+|=+", line)] if _UNDERLINE.fullmatch(line) else []
        # Text in the first column begins a row; an underline shows which columns the cells of the row above span.
        if row and (spans or line[: columns[0][1]].strip()):
            if not (found := _cells_of(row, number, spans or columns, columns)):
                return [], 0
            cells += found
            row, number = [], number + 1
        if not spans:
            row += [line] if row or line else []
        elif line[0] == "=" and place < len(drawn) - 1:
            head = number
    return cells, head


Spans = Sequence[tuple[int, int]]  # of characters


def _cells_of(row: Sequence[str], number: int, spans: Spans, columns: Spans) -> list[_Cell]:
    """The cells of a row; empty if text is between them, or a cell does not begin where a column does."""
    numbers = {start: column for column, (start, _) in enumerate(columns)}
    gaps = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    if not numbers.keys() >= {start for start, _ in spans} or any(line[a:b].strip() for line in row for a, b in gaps):
        return []
    lefts = [numbers[start] for start, _ in spans]
    ends = [*(end for _, end in spans[:-1]), None]  # the last cell goes on to the end of the line
    return [
        _Cell(number, left, number + 1, right, [line[start:end] for line in row])
        for (start, _), end, left, right in zip(spans, ends, lefts, [*lefts[1:], len(columns)], strict=True)
    ]
