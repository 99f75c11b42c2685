"""Titles without markup -> headings: short lines that stand alone above a text, plain or in bold.

If such a line is taught as a sentence, the model asks about what it does not say: from "Who approves" at the end of a
passage Qwen2.5-Coder-1.5B made 25 pairs, all of them wrong.
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
# What counts as a text below a title: a list, a table, or sentences.
_TEXT = re.compile(r"[-*+•|]\s|\d{1,3}[.)]\s|.*[.!?:…。！？][\"'”’“»)\]*_]*\s*\Z", re.DOTALL)
_MAX_TITLE_CHARS, _MAX_TITLE_WORDS = 60, 8
_FEWEST = 2  # plain titles: one line alone can be anything, but several are the author's way of writing titles


def with_headings(text: str, markup: Markup) -> str:
    """The text with `#` marks before its titles without markup.

    A lone bold line is a title, one level below the heading above it; lone plain lines are titles if there are several
    and the text has at most one heading. If it has titles but no heading, a lone first line is the document's title.
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
    own = None if levels else _title(opening)  # the title of the document
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
    """A mapping of place -> title, for each title that has a text right below it, and not another title."""
    found = {}
    for (start, block), (_, below) in pairwise(blocks):
        title = _title(block)
        if title and not _title(below) and _TEXT.match(below):
            found[start] = title
    return found


def _title(block: str) -> re.Match[str] | None:
    """A match if a block is one line that looks like a title, else None."""
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
