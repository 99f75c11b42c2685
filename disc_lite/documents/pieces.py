"""Pieces, which are runs of characters on a page of a PDF with their positions, and rows of them.

`characters` and `scans` make pieces, and the modules that find columns, tables and running lines work on rows of
pieces. Lengths are in points.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

# Leaders with or without a page number, as in a table of contents.
LEADERS = re.compile(r"(?:\.{4,}|(?:\. ?){4,}|…{2,})\s*(?:\d+|[ivxlc]+)?$")

# In font sizes.
HEADING_SIZE = 1.1  # of the running text
GAP_OF_PIECES = 0.9  # the least gap between two pieces of a line
_ROW_RISE = 0.35


class Char(NamedTuple):
    """A character drawn from `left` to `right`, in points; `start` is its origin, which includes the room before it."""

    place: int  # on the page
    text: str
    has_space: bool  # before it
    start: float
    left: float
    right: float
    baseline: float
    size: float


@dataclass
class Piece:
    """A run of characters on one baseline; `size` is that of its font, in points."""

    left: float
    right: float
    baseline: float
    size: float
    text: str
    is_bold: bool = False
    is_code: bool = False  # in a font of fixed width
    in_script: bool = False  # whether its last character is raised
    in_note: bool = False  # whether its last character belongs to the mark of a note


Row = list[Piece]
Part = TypeVar("Part", Char, Piece)
# Characters of Chinese and Japanese, which have no spaces between words.
_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


def blank_between(before: str, after: str) -> str:
    """The separator between two lines of a paragraph or a title."""
    return "" if _UNSPACED.match(before[-1:]) and _UNSPACED.match(after) else " "


def width_of(text: str) -> int:
    """The width of a line in Latin letters; a Chinese or Japanese character is as wide as two."""
    return len(text) + (0 if text.isascii() else len(_UNSPACED.findall(text)))


def text_of(row: Row) -> str:
    """The text of a row, with a space between its pieces."""
    return " ".join(piece.text for piece in row)


def rows_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Characters or pieces grouped into rows by baseline, from top to bottom, each row from left to right."""
    rows: list[list[Part]] = []
    for part in sorted(parts, key=lambda one: -one.baseline):
        if rows and abs(rows[-1][0].baseline - part.baseline) <= _ROW_RISE * max(part.size, rows[-1][0].size):
            rows[-1].append(part)
        else:
            rows.append([part])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def parts_of(row: Iterable[Part]) -> Iterator[list[Part]]:
    """Yield the parts of a row, from left to right, that lie between gaps as wide as those of columns."""
    part: list[Part] = []
    edge = 0.0
    for one in sorted(row, key=lambda one: one.left):
        if part and one.left - edge > GAP_OF_PIECES * one.size:
            yield part
            part = []
        edge = max(edge, one.right) if part else one.right
        part.append(one)
    if part:
        yield part


def usual_size(pieces: Iterable[Piece]) -> float:
    """The font size of most letters, in points."""
    chars: Counter[float] = Counter()
    for piece in pieces:
        chars[round(2 * piece.size) / 2] += len(piece.text)
    return chars.most_common(1)[0][0] if chars else 0.0


def distance(rows: Sequence[Row], index: int) -> float:
    """The distance between a row and the row above it."""
    return rows[index - 1][0].baseline - rows[index][0].baseline


def distance_at(quantile: float, rows: Sequence[Row]) -> float:
    """A quantile of the distances between neighbouring rows; 0 if there are none."""
    distances = sorted(distance(rows, index) for index in range(1, len(rows)))
    return distances[int(quantile * len(distances))] if distances else 0.0
