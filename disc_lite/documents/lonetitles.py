"""Titles without markup -> headings: a short line alone above a text, as in plain text, or in bold.

Taught as a sentence, such a line is asked for what it does not say. Of a "Who approves" that ended a passage
Qwen2.5-Coder-1.5B made 25 pairs, all of them wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from disc_lite.documents.headings import FENCE, end_of_fence, find_headings
from disc_lite.documents.records import Markup

_NO_FENCE = f"(?!{FENCE.replace('?P<fence>', '?:')})"
_BLOCK = re.compile(rf"^(?:{FENCE}|(?:{_NO_FENCE}.*\S.*(?:\n|\Z))+)", re.MULTILINE)
_TITLE = re.compile(
    r"(?P<bold>\*\*|__)?(?P<title>[^\W_](?:[^\n|@:\\]*[^\s.!?;:,…。！？；：，、*_>])?)(?(bold)(?P=bold))"
)
# A list, a table, or sentences.
_TEXT = re.compile(r"[-*+•|]\s|\d{1,3}[.)]\s|.*[.!?:…。！？][\"'”’“»)\]*_]*\s*\Z", re.DOTALL)
_MAX_TITLE_CHARS, _MAX_TITLE_WORDS = 60, 8
_FEWEST = 2  # without bold: a line alone may be anything, several are how the author wrote titles


def with_headings(text: str, markup: Markup) -> str:
    """The text with `#` before its lone titles.

    A line in bold is one below any heading; plain lines are where there are several, and no headings but one.
    """
    blocks = list(_blocks(text))
    levels = {heading.start: heading.level for heading in find_headings(text, markup)}
    titles = _above_text(blocks)
    plain = [start for start, title in titles.items() if not title["bold"] and start != blocks[0][0]]
    if len(levels) > 1 or len(plain) < _FEWEST:
        titles = {start: title for start, title in titles.items() if title["bold"]}
    if not titles:
        return text
    first, opening = blocks[0]
    own = None if levels else _title(opening)  # of the document
    if own:
        titles[first] = own
    parts, end, level = [], 0, 1
    for start in sorted({*titles, *levels}):
        level = levels.get(start, level)
        if start in titles:
            marks = "#" if own and start == first else "#" * min(level + 1, 6)
            parts += [text[end:start], f"{marks} {titles[start]['title']}"]
            end = start + len(titles[start].group())
    return "".join([*parts, text[end:]])


def _above_text(blocks: Sequence[tuple[int, str]]) -> dict[int, re.Match[str]]:
    """Place -> title, of those that have a text right below them, and not the next title."""
    found = {}
    for (start, block), (_, below) in pairwise(blocks):
        title = _title(block)
        if title and not _title(below) and _TEXT.match(below):
            found[start] = title
    return found


def _title(block: str) -> re.Match[str] | None:
    """The title that a block of one line is, as far as one can see from it alone."""
    found = _TITLE.fullmatch(block.rstrip())
    if not found or found["title"][0].islower() or len(found["title"].split()) > _MAX_TITLE_WORDS:
        return None
    return found if len(found["title"]) <= _MAX_TITLE_CHARS else None


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The blocks between blank lines, each with its position; a block of code counts as one."""
    position = 0
    while block := _BLOCK.search(text, position):
        position = (end_of_fence(text, block, len(text)) or len(text)) if block["fence"] else block.end()
        yield block.start(), text[block.start() : position]
