"""Removes tables of contents from plain text, since their entries only repeat the headings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from disc_lite.documents.contents import HEADING

_NAMED = r"(?:(?:chapter|part|appendix|annex|section|kapitel|teil|anhang|chapitre|annexe)\s+)?"
_LEADERS = r"\s*(?:(?:\.\s?){2,}.*|\s{3,}\d+)?"
_ENTRY = re.compile(
    rf"\s*{_NAMED}(?P<number>\d{{1,3}}(?:\.\d{{1,3}})*[.:)]?|[A-Z](?:\.\d{{1,3}})*[.:])\s+(?P<title>\S.*?){_LEADERS}",
    re.IGNORECASE,
)
_COMPARED = 40  # entries

_Number = tuple[tuple[bool, int], ...]


def without_contents(lines: Sequence[str]) -> list[str]:
    """The lines without tables of contents.

    A table is below a line such as `Contents`. Its entries have numbers that count up, so that the first section ends
    it, and most of their titles are repeated below it.
    """
    blocks = [[*group] for _, group in groupby(lines, key=lambda line: line.strip() != "")]
    kept: list[str] = []
    start = 0
    while start < len(blocks):
        end = _table_end(blocks, start) if HEADING.fullmatch(blocks[start][0].strip()) else start
        if end > start and _is_repeated([line for block in blocks[start:end] for line in block], blocks[end:]):
            start = end
        else:
            kept += blocks[start]
            start += 1
    return kept


def _table_end(blocks: Sequence[Sequence[str]], start: int) -> int:
    """The index after the last block of the table whose heading begins a block; `start` if there are no entries."""
    heading = blocks[start][1:]
    entries = [line for line in heading if any(map(str.isalnum, line))]  # without the line under a heading
    if entries and not _numbers(entries):
        return start
    last = max(_numbers(entries), default=())
    end = start + 1 if entries else start
    for place in range(start + 1, len(blocks)):
        numbers = _numbers(blocks[place])
        if any(map(str.strip, blocks[place])):
            if not _ENTRY.fullmatch(blocks[place][0]) or numbers[0] <= last:
                break
            last, end = max(numbers), place + 1
    return end


def _numbers(lines: Sequence[str]) -> list[_Number]:
    """The numbers of entries, in a form that can be compared; letters come after numbers."""
    entries = filter(None, map(_ENTRY.fullmatch, lines))
    parts = (re.findall(r"\w+", entry["number"]) for entry in entries)
    return [
        tuple((not part.isdigit(), int(part) if part.isdigit() else ord(part)) for part in number) for number in parts
    ]


def _is_repeated(table: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether most titles of the entries are in the text below the table."""
    text = " ".join(" ".join(line for block in below for line in block).casefold().split())
    titles = [" ".join(entry["title"].casefold().split()) for entry in filter(None, map(_ENTRY.fullmatch, table))]
    titles = titles[:_COMPARED]
    return 2 * sum(title in text for title in titles) > len(titles)
