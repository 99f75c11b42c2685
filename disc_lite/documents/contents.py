"""Tables of contents of printed pages: their entries say nothing that the headings do not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from disc_lite.documents.columns import LEADERS, Piece, rows_of

_HEADING = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|table des matières|sommaire|índice(?: general)?|indice|sommario"
    r"|inhoud(?:sopgave)?|innehåll|spis treści|оглавление|содержание|目次|目录|目錄",
    re.IGNORECASE,
)
_PAGE_NUMBER = re.compile(r"(?:[A-Z\d]{1,3}[-.–])?\d{1,4}|[ivxlc]+")
_MAX_LINES = 3  # of an entry
_MIN_ENTRIES = 3
_RAGGED = 3.0  # points


def without_contents(pages: Sequence[Sequence[Piece]]) -> list[list[Piece]]:
    """The pages without their tables of contents: a heading, and rows that end in numbers at the right edge."""
    dropped: set[int] = set()
    for first, page in enumerate(pages):
        if any(_HEADING.fullmatch(piece.text) for piece in page):
            dropped.update(map(id, _contents(pages[first:], len(pages))))
    return [[piece for piece in page if id(piece) not in dropped] for page in pages]


def _contents(pages: Sequence[Sequence[Piece]], last_page: int) -> list[Piece]:
    """The table of contents that begins on the first page, up to its last number; empty if there is none.

    Its numbers grow, and there are pages for them: it is no list of what is in a box.
    """
    found: list[Piece] = []
    waiting: list[Piece] = []  # the first lines of an entry
    lines, entries, number = 0, 0, 0
    for page in pages:
        edge = max((piece.right for piece in page), default=0.0)
        for row in rows_of(page):
            last = row[-1]
            if not found:
                found = row if len(row) == 1 and _HEADING.fullmatch(last.text) else []
                continue
            waiting, lines = waiting + row, lines + 1
            is_aligned = len(row) > 1 and last.right > edge - _RAGGED and _PAGE_NUMBER.fullmatch(last.text)
            following = int(last.text) if last.text.isdecimal() else number
            if LEADERS.search(" ".join(piece.text for piece in row)) or (
                is_aligned and number <= following <= last_page
            ):
                found, waiting, lines, entries, number = found + waiting, [], 0, entries + 1, following
            elif lines == _MAX_LINES:
                return found if entries >= _MIN_ENTRIES else []
    return found if entries >= _MIN_ENTRIES else []
