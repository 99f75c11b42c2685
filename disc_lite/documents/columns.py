"""The pieces of lines on a page -> lines in reading order: columns one after the other, tables row by row.

A gutter is a place that no piece crosses over some lines, with lines of prose on both sides; what has such places
and no prose is a table. Lengths are in points, y grows upwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from disc_lite.documents.pieces import HEADING_SIZE, LEADERS, Piece, Row, text_of, usual_size

_OPENS_CODE = re.compile(r":$|(?:^|\s)(?!www\.|https?:)\S*[.!?]$")
_ENDS_TEXT = re.compile(r"[.!?:;)\]]$")
_SECTION = re.compile(r"(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.?")
_MARKER = re.compile(r"(?:[•◦▪●‣·∗*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])")
# In sizes of the font.
_MIN_GUTTER = 0.6
_MIN_CELL_GAP = 0.5
_MAX_NUMBER_GAP = 3
_CELL_LINE_GAP = 0.7  # of the usual distance of rows
_LEADING, _ONE_LINE = 1 / 3, 3 / 4  # quantiles of the distances of lines, and of rows in a table, some of several lines
_PARAGRAPH_GAP = 1.5  # of the usual distance of lines
_MIN_COLUMN_LINES = 3
_MIN_FILL = 0.55
_MIN_PROSE_CHARS = 16
_MAX_LONE_ROWS = 2
_MAX_CODE_COLUMNS = 200


@dataclass(frozen=True)
class Line:
    """A line as it is read: empty for a gap between paragraphs.

    Attributes:
        size: Of its letters, in points.
        is_row: It is the row of a table, with ` | ` between the cells and ends of lines in them.
        is_code: All of it is in letters of one width; it is indented by spaces.
    """

    text: str
    size: float = 0.0
    is_bold: bool = False
    is_row: bool = False
    is_code: bool = False


def lines_of_page(rows: Sequence[Row]) -> list[list[Line]]:
    """The columns of a page in reading order, each with its lines."""
    size = usual_size(piece for row in rows for piece in row)
    return [list(_lines(column, size)) for column in _columns(rows) if column]


# --- columns ----------------------------------------------------------------------------------------------


def _columns(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows of a region, cut at its gutters: what is above, the columns from the left, what is below."""
    for gutter in _gutters(rows):
        for first, last in _uncrossed(rows, gutter):
            sides = _sides(rows[first:last], gutter)
            if all(map(_is_prose, sides)):
                yield from _columns(rows[:first])
                for side in sides:
                    yield from _columns(side)
                yield from _columns(rows[last:])
                return
    yield list(rows)


def _gutters(rows: Sequence[Row]) -> list[float]:
    """Where a column may begin: places at which many pieces begin, the likeliest first."""
    starts: dict[int, list[Piece]] = {}
    for row in rows:
        for piece in row:
            starts.setdefault(round(piece.left / 3), []).append(piece)
    left = min((row[0].left for row in rows), default=0.0)
    found = []
    for place, pieces in starts.items():
        together = pieces + starts.get(place + 1, [])
        edge = min(piece.left for piece in together)
        if len(together) >= _MIN_COLUMN_LINES and edge - left > 5 * together[0].size:
            found.append((len(together), edge - 1.0))
    return [edge for _, edge in sorted(found, reverse=True)[:6]]


def _uncrossed(rows: Sequence[Row], gutter: float) -> list[tuple[int, int]]:
    """Runs of rows that nothing crosses at a gutter, the longest first."""
    crossed = [-1]
    for index, row in enumerate(rows):
        if any(piece.left < gutter and piece.right > gutter + 1 - _MIN_GUTTER * piece.size for piece in row):
            crossed.append(index)
    runs = [(before + 1, after) for before, after in pairwise([*crossed, len(rows)])]
    runs = [run for run in runs if run[1] - run[0] >= _MIN_COLUMN_LINES]
    return sorted(runs, key=lambda run: run[0] - run[1])


def _sides(rows: Sequence[Row], gutter: float) -> tuple[list[Row], list[Row]]:
    left = [[piece for piece in row if piece.left < gutter] for row in rows]
    right = [[piece for piece in row if piece.left >= gutter] for row in rows]
    return [row for row in left if row], [row for row in right if row]


def _is_prose(rows: Sequence[Row]) -> bool:
    """Whether rows are lines of running text: most are nearly as wide as their column, and have words."""
    if len(rows) < _MIN_COLUMN_LINES:
        return False
    left, right = min(row[0].left for row in rows), max(row[-1].right for row in rows)
    fills = [(row[-1].right - row[0].left) / max(right - left, 1) for row in rows]
    # A gap inside a line of prose is rare; in a table there is one in most rows.
    whole = sum(len(_without_marker(row)) == 1 for row in rows)
    chars = median(sum(len(piece.text) for piece in row) for row in rows)
    return median(fills) >= _MIN_FILL and chars >= _MIN_PROSE_CHARS and whole >= 0.7 * len(rows)


# --- lines and tables -------------------------------------------------------------------------------------


def _lines(rows: Sequence[Row], size: float) -> Iterator[Line]:
    rows = [_without_marker(row, size) for row in rows if not LEADERS.search(text_of(row))]
    left = min((row[0].left for row in rows), default=0.0)
    letter = _letter_width(rows)
    leading = _distance_at(_LEADING, rows)
    index = 0
    while index < len(rows):
        if index and (_distance(rows, index) > _PARAGRAPH_GAP * leading or _is_hung(rows, index)):
            yield Line("")
        if all(piece.is_code for piece in rows[index]) and not _ends_sentence(rows, index, letter, leading):
            yield Line(_code(rows[index], left, letter), rows[index][0].size, is_code=True)
            index += 1
            continue
        end = _table_end(rows, index, leading)
        if end > index:
            yield from _table(rows[index:end])
            index = end
            continue
        largest = max(rows[index], key=lambda piece: len(piece.text))
        yield Line(text_of(rows[index]), largest.size, all(piece.is_bold for piece in rows[index]))
        index += 1


def _is_hung(rows: Sequence[Row], index: int) -> bool:
    """Whether a bold row begins left of the text above it: a heading or a term of a manual page, without a gap."""
    above, row = rows[index - 1], rows[index]
    is_bold = all(piece.is_bold for piece in row) and not any(piece.is_bold for piece in above)
    return is_bold and row[0].left < above[0].left - row[0].size and _ENDS_TEXT.search(text_of(above)) is not None


def _letter_width(rows: Sequence[Row]) -> float:
    """The width of a letter of code, in points; the longest piece tells it best."""
    pieces = [piece for row in rows for piece in row if piece.is_code]
    longest = max(pieces, key=lambda piece: len(piece.text), default=None)
    # Beside the first and the last letter there is room that their boxes do not have.
    return max((longest.right - longest.left) / (len(longest.text) - 0.2), 1.0) if longest else 1.0


def _code(row: Row, left: float, letter: float) -> str:
    """The row with as many spaces before each piece as letters have room there."""
    text = ""
    for piece in row:
        column = min(round((piece.left - left) / letter), _MAX_CODE_COLUMNS)
        text += " " * max(column - len(text), 1 if text else 0) + piece.text
    return text


def _ends_sentence(rows: Sequence[Row], index: int, letter: float, leading: float) -> bool:
    """Whether a row of code is the end of a sentence: right below a line that had no room for its first word."""
    if not index or all(piece.is_code for piece in rows[index - 1]):
        return False
    above, row = rows[index - 1], rows[index]
    is_near = _distance(rows, index) <= 1.1 * leading and abs(above[0].left - row[0].left) < row[0].size
    room = max(one[-1].right for one in rows) - above[-1].right - letter * len(row[0].text.split()[0])
    return is_near and room < letter and not _OPENS_CODE.search(text_of(above))


def _without_marker(row: Row, size: float = math.inf) -> Row:
    """The row with the marker of a list item as part of its text, or the number of a larger or bold heading."""
    if len(row) < 2:
        return row
    first, second = row[:2]
    is_heading = (
        len(row) == 2
        and _SECTION.fullmatch(first.text)
        and second.text[0].isalpha()
        and second.left - first.right < _MAX_NUMBER_GAP * second.size
        and (second.size >= HEADING_SIZE * size or (first.is_bold and second.is_bold))
    )
    if is_heading or _MARKER.fullmatch(first.text):
        is_code, text = first.is_code and second.is_code, f"{first.text} {second.text}"
        return [replace(second, left=first.left, baseline=first.baseline, is_code=is_code, text=text), *row[2:]]
    return row


def _distance(rows: Sequence[Row], index: int) -> float:
    return rows[index - 1][0].baseline - rows[index][0].baseline


def _table_end(rows: Sequence[Row], start: int, leading: float) -> int:
    """The end of the table that starts at a row; the row itself if none does."""
    if len(rows[start]) < 2 or all(piece.is_code for piece in rows[start]):
        return start
    end, multiple = start + 1, 1
    lone = 0  # rows that may not belong to it, since the last row of several pieces
    for index in range(start + 1, len(rows)):
        is_near = _distance(rows, index) <= 3 * max(leading, rows[index][0].size)
        if not is_near or len(_stripes(rows[start : index + 1])) < 2:
            break
        if len(rows[index]) > 1:
            multiple, lone, end = multiple + 1, 0, index + 1
        elif multiple > 1 and (
            rows[index][0].left > rows[start][0].left + rows[index][0].size
            or _distance(rows, index) < _CELL_LINE_GAP * _distance_at(_ONE_LINE, rows[start:index])
        ):
            end = index + 1  # a further line of a cell
        else:
            lone += 1
            if lone > _MAX_LONE_ROWS:
                break
    return end if multiple > 1 else start


def _distance_at(quantile: float, rows: Sequence[Row]) -> float:
    """The distance of neighbouring rows that so many of them do not exceed; 0 where there are none."""
    distances = sorted(_distance(rows, index) for index in range(1, len(rows)))
    return distances[int(quantile * len(distances))] if distances else 0.0


def _stripes(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """The columns of a table: stretches of x that its pieces cover together."""
    stripes: list[tuple[float, float]] = []
    for piece in sorted((piece for row in rows for piece in row), key=lambda one: one.left):
        if stripes and piece.left - stripes[-1][1] < _MIN_CELL_GAP * piece.size:
            stripes[-1] = (stripes[-1][0], max(stripes[-1][1], piece.right))
        else:
            stripes.append((piece.left, piece.right))
    return stripes


def _table(rows: Sequence[Row]) -> Iterator[Line]:
    stripes = _stripes(rows)
    usual = _distance_at(_ONE_LINE, rows)
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
            yield Line(re.sub(" +", " ", " | ".join(cells)).strip(), rows[0][0].size, is_row=True)


def _belongs_above(rows: Sequence[Row], place: int, cells: Sequence[str], above: Sequence[str], usual: float) -> bool:
    """Whether a row is a further line of the cells above it."""
    if all(piece.is_bold for piece in rows[place - 1]) and not any(piece.is_bold for piece in rows[place]):
        return False  # the header
    if _distance(rows, place) < _CELL_LINE_GAP * usual:
        return True  # lines of one cell, or of cells that are centred on one another
    filled = [index for index, cell in enumerate(cells) if cell]
    only_words = len(filled) == 1 and not re.fullmatch(r"[\d\W]+", cells[filled[0]])
    is_tight = _distance(rows, place) <= 1.35 * rows[place][0].size
    return only_words and filled[0] > 0 and bool(above[filled[0]]) and is_tight
