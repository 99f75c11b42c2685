"""Removes the tables of contents from the rows of printed pages, since their entries only repeat the headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from disc_lite.documents.pieces import LEADERS, Row, text_of

HEADING = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|table des matières|sommaire|índice(?: general)?|indice|sommario"
    r"|inhoud(?:sopgave)?|innehåll|spis treści|оглавление|содержание|目次|目录|目錄",
    re.IGNORECASE,
)
_PAGE_NUMBER = re.compile(r"(?:[A-Z\d]{1,3}[-.–])?\d{1,4}|[ivxlc]+")
_SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?\s+")
_SENTENCE = re.compile(r".*[.!?]", re.DOTALL)
_MAX_LINES = 3  # of a heading, of an entry above its last row, and between two entries that lead to a heading
_MIN_PAGES = 3  # different pages that the entries must lead to


@dataclass(frozen=True)
class _Entry:
    """A row that ends like an entry of a table of contents.

    Attributes:
        row: Its index among the rows below the heading of the table.
        titles: Its possible titles: that of the row alone, and those with rows above it.
        page: The number of its page, if that is in digits.
        has_leaders: Whether dots lead to the number; such a row is an entry even if its title is not found again.
    """

    row: int
    titles: tuple[str, ...]
    page: int | None
    has_leaders: bool


def without_contents(pages: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """The pages without their tables of contents: a heading of one row, and the entries right below it.

    A list of the things in a box looks the same. So the titles of the entries must stand on the pages that they name,
    unless dots lead to the numbers.
    """
    rows = [(number, row) for number, page in enumerate(pages) for row in page]
    starts = [place for place, (_, row) in enumerate(rows) if len(row) == 1 and HEADING.fullmatch(row[0].text)]
    tables = [
        (start, _entries([text_of(row) for _, row in rows[start + 1 : end]]))
        for start, end in pairwise([*starts, len(rows)])
    ]
    places = _places(rows, {title for _, entries in tables for entry in entries for title in entry.titles})
    dropped: set[int] = set()
    for start, entries in tables:
        if end := _end(entries, places):
            dropped.update(range(start, start + 1 + end))
    kept: list[list[Row]] = [[] for _ in pages]
    for place, (number, row) in enumerate(rows):
        if place not in dropped:
            kept[number].append(row)
    return kept


def _title(texts: Iterable[str]) -> str:
    """The letters and digits of a title, without its section number, which a heading may have in a row above."""
    return re.sub(r"[\W_]+", "", _SECTION.sub("", " ".join(texts), count=1)).casefold()


def _entries(texts: Sequence[str]) -> list[_Entry]:
    """The entries up to the first row of text: a sentence, the heading of an entry, or too many numberless rows."""
    entries: list[_Entry] = []
    seen: set[str] = set()
    begin = 0  # the first row of the entry
    for place, text in enumerate(texts):
        leaders = LEADERS.search(text)
        title, _, number = text.rpartition(" ")
        if leaders:
            title, number = text[: leaders.start()], text[leaders.start() :].lstrip(" .…")
        if leaders or (title and _PAGE_NUMBER.fullmatch(number)):
            above = [[*texts[first:place], title] for first in range(begin, place + 1)]
            titles = tuple(filter(None, map(_title, above)))
            entries.append(_Entry(place, titles, int(number) if number.isdecimal() else None, leaders is not None))
            seen.update(titles)
            begin = place + 1
        elif _SENTENCE.fullmatch(text) or _title([text]) in seen or place - begin == _MAX_LINES:
            break
    return entries


def _places(rows: Sequence[tuple[int, Row]], titles: set[str]) -> dict[str, set[int]]:
    """A mapping of title -> the pages on which it stands in rows of its own."""
    places: dict[str, set[int]] = {title: set() for title in titles}
    for first in range(len(rows) if titles else 0):
        page = rows[first][0]
        lines = [text_of(row) for number, row in rows[first : first + _MAX_LINES] if number == page]
        for count in range(1, len(lines) + 1):
            if (title := _title(lines[:count])) in places:
                places[title].add(page)
    return places


def _end(entries: Sequence[_Entry], places: Mapping[str, set[int]]) -> int:
    """The number of rows that a table of contents has below its heading; 0 if the entries are no such table."""
    lone = [
        next(iter(places[title])) - entry.page
        for entry in entries
        for title in entry.titles
        if entry.page is not None and len(places[title]) == 1
    ]
    # Page numbers often do not count the first pages of a book.
    uncounted = Counter(lone).most_common(1)[0][0] if lone else 0
    end = 0
    pages: set[int | None] = set()
    for entry in entries:
        is_found = entry.page is not None and any(entry.page + uncounted in places[title] for title in entry.titles)
        if entry.row - end > _MAX_LINES:
            break
        if entry.has_leaders or is_found:
            end = entry.row + 1
            pages.add(entry.page)
    return end if len(pages - {None}) >= _MIN_PAGES else 0
