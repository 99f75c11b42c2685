"""Rows of pieces on a printed page -> the extent of a table, and its rows as lines of cells.

Successive rows of several pieces are a table if the pieces are in columns (stripes). Lengths are in points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from disc_lite.documents.pieces import Row, distance, distance_at

# The caption of a table or a figure, which is below it or above the next one.
CAPTION = re.compile(
    r"(?:Table|Tabelle|Tableau|Tabla|Tabella|Tabela|Tabel|Таблица|表|Figure|Fig\.|Abbildung|Abb\.|図|图)\s?"
    r"(?:\d+|[A-Z])(?:[.-]\d+)*\s?[:.–—-]"
)
_MIN_CELL_GAP = 0.5  # in font sizes
_CELL_LINE_GAP = 0.7  # of the usual distance between rows
_ONE_LINE = 3 / 4  # quantile that is the usual distance: lines within one row are closer
_MAX_LONE_ROWS = 2


def table_end(rows: Sequence[Row], start: int, leading: float) -> int:
    """The index after the last row of the table that starts at a row; `start` itself if no table does."""
    if len(rows[start]) < 2 or all(piece.is_code for piece in rows[start]):
        return start
    end, multiple = start + 1, 1
    lone = 0  # rows, since the last one of several pieces, that may not belong to the table
    for index in range(start + 1, len(rows)):
        if len(rows[index]) == 1 and CAPTION.match(rows[index][0].text):
            break
        is_near = distance(rows, index) <= 3 * max(leading, rows[index][0].size)
        if not is_near or len(_stripes(rows[start : index + 1])) < 2:
            break
        if len(rows[index]) > 1:
            multiple, lone, end = multiple + 1, 0, index + 1
        elif multiple > 1 and (
            rows[index][0].left > rows[start][0].left + rows[index][0].size
            or distance(rows, index) < _CELL_LINE_GAP * distance_at(_ONE_LINE, rows[start:index])
        ):
            end = index + 1  # a further line of a cell
        else:
            lone += 1
            if lone > _MAX_LONE_ROWS:
                break
    return end if multiple > 1 else start


def table_rows(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows of a table with ` | ` between the cells; cells keep their printed line breaks."""
    stripes = _stripes(rows)
    usual = distance_at(_ONE_LINE, rows)
    grid: list[list[str]] = []
    for place, row in enumerate(rows):
        cells = [""] * len(stripes)
        for piece in row:
            column = next(number for number, stripe in enumerate(stripes) if piece.left <= stripe[1] + 0.1)
            cells[column] = f"{cells[column]} {piece.text}".strip()
        if grid and _belongs_above(rows, place, cells, grid[-1], usual):
            grid[-1] = [f"{above}\n{below}".strip() for above, below in zip(grid[-1], cells, strict=True)]
        else:
            grid.append(cells)
    for cells in grid:
        if any(re.search(r"\w", cell) for cell in cells):
            yield re.sub(" +", " ", " | ".join(cells)).strip()


def _belongs_above(rows: Sequence[Row], place: int, cells: Sequence[str], above: Sequence[str], usual: float) -> bool:
    """Whether a row is a further line of the cells above it."""
    if all(piece.is_bold for piece in rows[place - 1]) and not any(piece.is_bold for piece in rows[place]):
        return False  # the row above is the header
    if distance(rows, place) < _CELL_LINE_GAP * usual:
        return True  # lines of one cell, or of cells that are centred vertically
    filled = [index for index, cell in enumerate(cells) if cell]
    only_words = len(filled) == 1 and not re.fullmatch(r"[\d\W]+", cells[filled[0]])
    is_tight = distance(rows, place) <= 1.35 * rows[place][0].size
    return only_words and filled[0] > 0 and bool(above[filled[0]]) and is_tight


def _stripes(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """The columns of a table, from left to right, as the ranges of x that its pieces cover."""
    stripes: list[tuple[float, float]] = []
    for piece in sorted((piece for row in rows for piece in row), key=lambda one: one.left):
        if stripes and piece.left - stripes[-1][1] < _MIN_CELL_GAP * piece.size:
            stripes[-1] = (stripes[-1][0], max(stripes[-1][1], piece.right))
        else:
            stripes.append((piece.left, piece.right))
    return stripes
