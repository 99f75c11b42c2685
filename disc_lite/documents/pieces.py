"""Runs of characters on a printed page, with their places, and the rows that they stand in. Lengths are in points."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

# Leaders with or without a page number, as in a table of contents.
LEADERS = re.compile(r"(?:\.{4,}|(?:\. ?){4,}|…{2,})\s*(?:\d+|[ivxlc]+)?$")

# In sizes of the font.
HEADING_SIZE = 1.1  # of that of the running text
GAP_OF_PIECES = 0.9  # the least between two pieces of a line
_ROW_RISE = 0.35


class Char(NamedTuple):
    """A character as it is drawn, from `left` to `right`; it starts with the room before it. Lengths are in points."""

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
    """A run of characters on one baseline; `size` of its font in points."""

    left: float
    right: float
    baseline: float
    size: float
    text: str
    is_bold: bool = False
    is_code: bool = False  # in letters of one width
    in_script: bool = False  # whether its last character is raised
    in_note: bool = False  # whether that is the mark of a note


Row = list[Piece]
Part = TypeVar("Part", Char, Piece)
# Characters of Chinese and Japanese, which have no spaces between words.
_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


def blank_between(before: str, after: str) -> str:
    """The separator between two lines of a paragraph or a title."""
    return "" if _UNSPACED.match(before[-1:]) and _UNSPACED.match(after) else " "


def width_of(text: str) -> int:
    """The room that a line takes, in Latin letters: one of Chinese takes that of two."""
    return len(text) + (0 if text.isascii() else len(_UNSPACED.findall(text)))


def text_of(row: Row) -> str:
    """The pieces of a row with a space between."""
    return " ".join(piece.text for piece in row)


def rows_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Characters or pieces on one baseline together, from the top down, each row from the left."""
    rows: list[list[Part]] = []
    for part in sorted(parts, key=lambda one: -one.baseline):
        if rows and abs(rows[-1][0].baseline - part.baseline) <= _ROW_RISE * max(part.size, rows[-1][0].size):
            rows[-1].append(part)
        else:
            rows.append([part])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def parts_of(row: Iterable[Part]) -> Iterator[list[Part]]:
    """The characters or pieces of a row, from the left, between the gaps of columns."""
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
    """The size of most letters, in points."""
    chars: Counter[float] = Counter()
    for piece in pieces:
        chars[round(2 * piece.size) / 2] += len(piece.text)
    return chars.most_common(1)[0][0] if chars else 0.0


def distance(rows: Sequence[Row], index: int) -> float:
    """The distance of a row from the one above it."""
    return rows[index - 1][0].baseline - rows[index][0].baseline


def distance_at(quantile: float, rows: Sequence[Row]) -> float:
    """The quantile of the distances of neighbouring rows; 0 if there are none."""
    distances = sorted(distance(rows, index) for index in range(1, len(rows)))
    return distances[int(quantile * len(distances))] if distances else 0.0
