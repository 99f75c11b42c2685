"""Rows of the pages of a PDF -> the rows without running headers, running footers and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from disc_lite.documents.pieces import HEADING_SIZE, Row, distance, distance_at, text_of, usual_size

# How many rows at the top and at the bottom of a page can be running lines.
_EDGE_ROWS = 3
_MIN_PAGES = 2
_MIN_CHAPTER_PAGES = 6
_GAP = 1.3  # between running lines and the text, in usual distances of rows
_LEADING = 1 / 3  # quantile of the distances between rows that is the usual one
# The least share of pages with a running line: left and right pages differ, and chapters begin without one.
_MIN_SHARE = 0.3
_PAGE_NUMBER = re.compile(r"(?:page|seite|p\.)?[-–—\s]*(\d+)[-–—\s]*(?:(?:of|/|von) ?\d+)?|[ivxlc]+", re.IGNORECASE)


def without_running_lines(pages: Sequence[Sequence[Row]]) -> list[Sequence[Row]]:
    """The pages without rows that are repeated at their edges, except for digits, and without page numbers."""
    # For each page, the rows at its top, from the top, and at its bottom, from the bottom, with one row more each.
    edges = [(rows[: _EDGE_ROWS + 1], rows[::-1][: _EDGE_ROWS + 1]) for rows in pages]
    seen = _Seen.of(edges, usual_size(piece for rows in pages for row in rows for piece in row))
    kept = []
    for number, (rows, (top, bottom)) in enumerate(zip(pages, edges, strict=True), start=1):
        running = partial(seen.is_running, number=number)
        first = _running_rows(top, rows, running)
        last = len(rows) - _running_rows(bottom, rows, running)
        kept.append(rows[first : max(last, first)])
    return kept


@dataclass(frozen=True)
class _Seen:
    """Counts of the rows at the edges of all pages.

    Attributes:
        pages: The number of pages.
        size: The usual size of letters, in points.
        places: On how many pages a text is at a height.
        numbers: By `_offset`, how many outermost rows are a number with this distance to the page's position.
        counted: The same for outermost rows that only begin or end with a number, by distance and height.
        heights: How many outermost rows are at a height.
        repeated: How many of those rows have the same text as another outermost row.
    """

    pages: int
    size: float
    places: Counter[tuple[str, int]]
    numbers: Counter[int | None]
    counted: Counter[tuple[int, int]]
    heights: Counter[int]
    repeated: Counter[int]

    @classmethod
    def of(cls, edges: Sequence[Sequence[Sequence[Row]]], size: float) -> _Seen:
        outermost = [(row, number) for number, page in enumerate(edges, start=1) for edge in page for row in edge[:1]]
        texts = Counter(_key(row)[0] for row, _ in outermost)
        return cls(
            len(edges),
            size,
            Counter(key for page in edges for key in {_key(row) for edge in page for row in edge[:-1]}),
            Counter(_offset(row, number) for row, number in outermost),
            Counter(key for row, number in outermost for key in _offsets_at_ends(row, number)),
            Counter(_key(row)[1] for row, _ in outermost),
            Counter(_key(row)[1] for row, _ in outermost if texts[_key(row)[0]] > 1),
        )

    def is_running(self, row: Row, number: int) -> bool:
        """Whether a row at the edge of the page with this number is a running line or a page number."""
        needed = max(_MIN_PAGES, _MIN_SHARE * self.pages)
        if self.places[_key(row)] >= needed or _is_number(row, number, self.numbers):
            return True
        # A heading such as `1 Scope` does not have a page number: it is larger, or at another height.
        is_small = row[0].size < HEADING_SIZE * self.size
        if is_small and any(self.counted[key] >= needed for key in _offsets_at_ends(row, number)):
            return True
        # A header that changes with the chapter: always at the same height, and mostly like that of another page.
        height = _key(row)[1]
        return (
            self.heights[height] >= max(_MIN_CHAPTER_PAGES, 2 * needed)
            and 2 * self.repeated[height] > self.heights[height]
        )


def _running_rows(edge: Sequence[Row], rows: Sequence[Row], is_running: Callable[[Row], bool]) -> int:
    """How many rows, counted from the edge, are running lines: a gap must separate the last of them from the text."""
    count = next((index for index, row in enumerate(edge[:-1]) if not is_running(row)), len(edge) - 1)
    if len(rows) < 2 or not count:
        return 0
    usual = distance_at(_LEADING, rows)
    for depth in range(count, 0, -1):
        if abs(distance(edge, depth)) > _GAP * usual:
            return depth
    return 1 if text_of(edge[0]).isdecimal() else 0


def _key(row: Row) -> tuple[str, int]:
    """(text with `#` for numbers, height in units of two points); body text rarely repeats a line at one height."""
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", text_of(row)), round(row[0].baseline / 2)


def _offset(row: Row, number: int) -> int | None:
    """The number that a row consists of, minus the position of its page; None if the row is not a number."""
    found = _PAGE_NUMBER.fullmatch(text_of(row))
    return int(found[1]) - number if found and found[1] else None


def _offsets_at_ends(row: Row, number: int) -> set[tuple[int, int]]:
    """The same for the numbers at both ends of a row, each with the height of the row."""
    words = text_of(row).split()
    if words[-1].endswith((".", "!", "?")) and not words[-1][:-1].isdecimal():
        return set()  # a sentence, such as a footnote with its number
    height = round(row[0].baseline / 2)
    return {(int(word) - number, height) for word in (words[0], words[-1]) if word.isdecimal() and len(word) < 5}


def _is_number(row: Row, number: int, offsets: Counter[int | None]) -> bool:
    # A lone number can also be the end of a table; a page number is the page's position or counts on with the pages.
    offset = _offset(row, number)
    if offset is None:
        return len(offsets) > 1 and re.fullmatch("[ivxlc]+", text_of(row)) is not None
    return offset == 0 or offsets[offset] > 1
