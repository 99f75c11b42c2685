"""The pieces of lines on a page -> lines in reading order: columns one after the other, tables row by row.

A gutter is an x position that no piece crosses for some rows, with prose on both sides; rows with such gaps but without
prose are a table (`printedtables`). Lengths are in points, and y grows upwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from disc_lite.documents.pieces import HEADING_SIZE, LEADERS, Piece, Row, distance, distance_at, text_of, usual_size
from disc_lite.documents.printedtables import table_end, table_rows

_OPENS_CODE = re.compile(r":$|(?:^|\s)(?!www\.|https?:)\S*[.!?]$")
_ENDS_TEXT = re.compile(r"[.!?:;)\]]$")
_IN_CODE = re.compile(r"[\\{}=;_<>]")
_SECTION = re.compile(r"(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.?")
_MARKER = re.compile(r"(?:[•◦▪●‣·∗*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])")
_OPENS_ITEM = re.compile(rf"{_MARKER.pattern}(?:\s|$)")
# In multiples of the font size.
_MAX_LINE_NUMBER = 0.8
_RAISED = 0.15
_MIN_GUTTER = 0.6
_MAX_GUTTER = 5
_MAX_NUMBER_GAP = 3
_LEADING = 1 / 3  # the quantile of the distances between lines that is taken for the usual one
_PARAGRAPH_GAP = 1.5  # in usual distances between lines
_MIN_COLUMN_LINES = 3
_MIN_FILL = 0.55
_MIN_CODE = 0.3  # share of the numbered lines that must look like code in a listing
_MIN_PROSE_CHARS = 16
_MAX_CODE_COLUMNS = 200


@dataclass(frozen=True)
class Line:
    """A line in reading order; an empty one stands for a gap between paragraphs.

    Attributes:
        size: The font size, in points.
        is_row: Whether it is a table row, with ` | ` between the cells and line breaks inside them.
        is_code: Whether all of it is monospaced; its indent is then written as spaces.
    """

    text: str
    size: float = 0.0
    is_bold: bool = False
    is_row: bool = False
    is_code: bool = False


def lines_of_page(rows: Sequence[Row]) -> list[list[Line]]:
    """The columns of a page in reading order, each as a list of its lines."""
    size = usual_size(piece for row in rows for piece in row)
    return [list(_lines(column, size)) for column in _columns(_without_line_numbers(rows, size)) if column]


def _without_line_numbers(rows: Sequence[Row], size: float) -> list[Row]:
    """The rows without printed line numbers at their left: small numbers that count up from row to row."""
    numbers = {place: number for place, row in enumerate(rows) if (number := _line_number(row, size)) is not None}
    places = list(numbers)
    starts = [index for index in range(1, len(places)) if numbers[places[index]] != numbers[places[index - 1]] + 1]
    series = [places[start:end] for start, end in pairwise([0, *starts, len(places)])]
    counted = {place for one in series if _are_code_or_prose(rows, one) for place in one}
    return [row for place, whole in enumerate(rows) if (row := whole[place in counted :])]


def _line_number(row: Row, size: float) -> int | None:
    """The number that opens a row, if it may be a printed line number (small and not raised), else None."""
    first, beside = row[0], row[1] if len(row) > 1 else replace(row[0], size=size)
    # A raised number counts verses, paragraphs or notes.
    is_small = first.size <= _MAX_LINE_NUMBER * beside.size and first.baseline - beside.baseline < _RAISED * beside.size
    return int(first.text) if re.fullmatch(r"\d{1,6}", first.text) and is_small else None


def _are_code_or_prose(rows: Sequence[Row], places: Sequence[int]) -> bool:
    """Whether numbered rows are lines of code or of running text, not entries of a list or a table."""
    texts = {place: rows[place][1] for place in places if len(rows[place]) > 1}
    code = [piece for piece in texts.values() if piece.is_code or _IN_CODE.search(piece.text)]
    if len(places) > 1 and code and len(code) >= _MIN_CODE * len(texts):
        return True
    goes_on = any(
        place + 1 in texts and piece.text[-1].isalpha() and texts[place + 1].text[0].islower()
        for place, piece in texts.items()
    )
    return goes_on and _is_prose([[piece] for piece in texts.values()])


# --- columns ----------------------------------------------------------------------------------------------


def _columns(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the parts of a region, cut at its gutters: what is above, the columns from the left, what is below."""
    for gutter in _gutters(rows):
        for first, last in _uncrossed(rows, gutter):
            sides = _sides(rows[first:last], gutter)
            if all(map(_is_prose, sides)) and not _are_terms(rows[first:last], gutter):
                yield from _columns(rows[:first])
                for side in sides:
                    yield from _columns(side)
                yield from _columns(rows[last:])
                return
    yield list(rows)


def _gutters(rows: Sequence[Row]) -> list[float]:
    """The x positions at which a column may begin because many pieces begin there, the likeliest first."""
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
    """The runs of rows, as (start, end), in which no piece crosses a gutter; the longest first."""
    crossed = [-1]
    for index, row in enumerate(rows):
        if any(piece.left < gutter and piece.right > gutter + 1 - _MIN_GUTTER * piece.size for piece in row):
            crossed.append(index)
    runs = [(before + 1, after) for before, after in pairwise([*crossed, len(rows)])]
    runs = [run for run in runs if run[1] - run[0] >= _MIN_COLUMN_LINES]
    return sorted(runs, key=lambda run: run[0] - run[1])


def _sides(rows: Sequence[Row], gutter: float) -> tuple[list[Row], list[Row]]:
    """The rows of pieces left of a gutter, and those right of it."""
    left = [[piece for piece in row if piece.left < gutter] for row in rows]
    right = [[piece for piece in row if piece.left >= gutter] for row in rows]
    return [row for row in left if row], [row for row in right if row]


def _are_terms(rows: Sequence[Row], gutter: float) -> bool:
    """Whether each row left of a gutter is a term with its meaning to the right, so that none continues in the next."""
    left = [row for row in rows if row[0].left < gutter]
    ends = [max(piece.right for piece in row if piece.left < gutter) for row in left]
    return (
        gutter - max(ends) > _MAX_GUTTER * left[0][0].size
        and all(row[-1].left >= gutter for row in left)
        and len({row[0].text[0].islower() for row in left}) == 1
        and not any(_OPENS_ITEM.match(row[0].text) for row in left)
    )


def _is_prose(rows: Sequence[Row]) -> bool:
    """Whether rows are lines of running text: most fill over half of their column, in one piece of some length."""
    if len(rows) < _MIN_COLUMN_LINES:
        return False
    left, right = min(row[0].left for row in rows), max(row[-1].right for row in rows)
    fills = [(row[-1].right - row[0].left) / max(right - left, 1) for row in rows]
    # A gap inside a line of prose is rare; in a table there is one in most rows.
    whole = sum(len(_without_marker(row)) == 1 for row in rows)
    chars = median(sum(len(piece.text) for piece in row) for row in rows)
    return median(fills) >= _MIN_FILL and chars >= _MIN_PROSE_CHARS and whole >= 0.7 * len(rows)


# --- lines ------------------------------------------------------------------------------------------------


def _lines(rows: Sequence[Row], size: float) -> Iterator[Line]:
    """Yield the lines of a column: code, the rows of tables, text, and gaps between paragraphs."""
    rows = [_without_marker(row, size) for row in rows if not LEADERS.search(text_of(row))]
    left = min((row[0].left for row in rows), default=0.0)
    letter = _letter_width(rows)
    leading = distance_at(_LEADING, rows)
    index = 0
    while index < len(rows):
        if index and (distance(rows, index) > _PARAGRAPH_GAP * leading or _is_outdented(rows, index)):
            yield Line("")
        if all(piece.is_code for piece in rows[index]) and not _ends_sentence(rows, index, letter, leading):
            yield Line(_code(rows[index], left, letter), rows[index][0].size, is_code=True)
            index += 1
            continue
        end = table_end(rows, index, leading)
        if end > index:
            yield from (Line(text, rows[index][0].size, is_row=True) for text in table_rows(rows[index:end]))
            index = end
            continue
        largest = max(rows[index], key=lambda piece: len(piece.text))
        yield Line(text_of(rows[index]), largest.size, all(piece.is_bold for piece in rows[index]))
        index += 1


def _is_outdented(rows: Sequence[Row], index: int) -> bool:
    """Whether a bold row begins left of the text above it, like a heading or term of a manual page without a gap."""
    above, row = rows[index - 1], rows[index]
    is_bold = all(piece.is_bold for piece in row) and not any(piece.is_bold for piece in above)
    return is_bold and row[0].left < above[0].left - row[0].size and _ENDS_TEXT.search(text_of(above)) is not None


def _letter_width(rows: Sequence[Row]) -> float:
    """The width of a letter of code in points, measured on the longest piece."""
    pieces = [piece for row in rows for piece in row if piece.is_code]
    longest = max(pieces, key=lambda piece: len(piece.text), default=None)
    # The boxes of the first and the last letter are narrower than the room that a letter takes.
    return max((longest.right - longest.left) / (len(longest.text) - 0.2), 1.0) if longest else 1.0


def _code(row: Row, left: float, letter: float) -> str:
    """The text of a row of code, with spaces that put each piece in its place on the page."""
    text = ""
    for piece in row:
        column = min(round((piece.left - left) / letter), _MAX_CODE_COLUMNS)
        text += " " * max(column - len(text), 1 if text else 0) + piece.text
    return text


def _ends_sentence(rows: Sequence[Row], index: int, letter: float, leading: float) -> bool:
    """Whether a row in code is the end of a sentence: right below a line that had no room for its first word."""
    if not index or all(piece.is_code for piece in rows[index - 1]):
        return False
    above, row = rows[index - 1], rows[index]
    is_near = distance(rows, index) <= 1.1 * leading and abs(above[0].left - row[0].left) < row[0].size
    room = max(one[-1].right for one in rows) - above[-1].right - letter * len(row[0].text.split()[0])
    return is_near and room < letter and not _OPENS_CODE.search(text_of(above))


def _without_marker(row: Row, size: float = math.inf) -> Row:
    """The row with the marker of a list item, or the number of a larger or bold heading, joined to its text."""
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
