"""The lines of printed pages -> paragraphs, list items and headings.

A page has lines, not paragraphs. What is certain is undone (hyphens at line ends, hard wraps);
the rest is read off the shape of the lines, with care: a heading missed costs little, a
sentence taken for a heading costs a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "\u00ad": "-"})
_BULLET = re.compile(r"[•◦▪●‣·*–-]\s+(?=\S)")
_ITEM = re.compile(rf"{_BULLET.pattern}|\d{{1,3}}[.)]\s+(?=\S)")
_PAGE_NUMBER = re.compile(r"(?:page )?[-– ]*(\d+)[-– ]*(?:(?:of|/) ?\d+)?", re.IGNORECASE)
_SENTENCE_END = re.compile(r".*[.!?…:][\"'”’»)\]]*")
_TITLE = re.compile(r"(?:\d+(?:\.\d+)*\.?\s)?[\"'“‘«(]?[^\W\d_].*[^\s.,;:!?…]")

_TITLE_MAX_WORDS = 12
_TITLE_MAX_SHARE = 0.7  # of the usual width of a line
_PROSE_MIN_SHARE = 0.6
# Fonts are proportional and margins ragged: a line this full may have had no room for a word.
_FULL_SHARE = 0.8


def text_of_pages(pages: Sequence[str]) -> str:
    """Text with a blank line between paragraphs, `- ` before items, `#` before headings.

    A heading that opens the first page is the title (`# `), every other one is `## `.
    """
    lines = list(_body_lines(pages))
    widths = sorted(len(line) for line in lines if line)
    # Not the widest: one table or footer that sticks out must not make all lines look short.
    width = widths[round(0.9 * (len(widths) - 1))] if widths else 0
    parts: list[str] = []
    before = ""
    for index, line in enumerate(lines):
        ends = not before or _ends_paragraph(before, line, width)
        if line and ends and _is_heading(lines, index, width):
            parts.append(("\n\n## " if parts else "# ") + line)
            before = ""
            continue
        if line:
            _append(parts, before, line, ends, width)
        before = line
    return "".join(parts) + "\n" if parts else ""


def _body_lines(pages: Sequence[str]) -> Iterator[str]:
    """All lines, stripped; a page break is a blank line unless a sentence runs across it."""
    last = ""
    for number, page in enumerate(pages, start=1):
        lines = [" ".join(line.split()) for line in page.translate(_LIGATURES).split("\n")]
        lines = _without_page_number("\n".join(lines).strip("\n").split("\n"), number)
        runs_on = lines[:1] and lines[0][:1].islower() and not _SENTENCE_END.fullmatch(last)
        if last and not runs_on:
            yield ""
        yield from lines
        last = lines[-1] if lines else last


def _without_page_number(lines: list[str], number: int) -> list[str]:
    # Only the number of this very page; a lone number may as well be the end of a table.
    def is_number(line: str) -> bool:
        match = _PAGE_NUMBER.fullmatch(line)
        return match is not None and match[1] == str(number)

    first = 1 if len(lines) > 1 and is_number(lines[0]) else 0
    last = len(lines) - (1 if len(lines) > 1 and is_number(lines[-1]) else 0)
    return lines[first:last]


def _append(parts: list[str], before: str, line: str, ends: bool, width: int) -> None:
    if item := _ITEM.match(line):
        follows_item = bool(parts) and _ITEM.match(parts[-1].lstrip("\n")) is not None
        separator = "\n" if follows_item and before else "\n\n"
        line = "- " + line[item.end() :] if _BULLET.match(line) else line
    elif ends:
        separator = "\n\n"
    elif re.search(r"\w-$", before) and line[0].isalpha():
        if line[0].islower():
            parts[-1] = parts[-1][:-1]
        separator = ""
    else:
        # A line break before a capital that the margin did not force is the author's: it stays.
        is_break_meant = _stops_early(before, line, width) and not line[0].islower()
        separator = "\n" if is_break_meant else " "
    if separator.strip("\n") or not separator:
        parts[-1] += separator + line
    else:
        parts.append((separator if parts else "") + line)


def _stops_early(line: str, following: str, width: int) -> bool:
    """Whether the first word of the following line would have fitted into the line."""
    first_word = following.split(" ", 1)[0]
    return len(line) + 1 + len(first_word) < _FULL_SHARE * width


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    # Items often end without a stop.
    done = _SENTENCE_END.fullmatch(line) or _ITEM.match(line)
    return not following or (done is not None and _stops_early(line, following, width))


def _is_heading(lines: Sequence[str], index: int, width: int) -> bool:
    if not _may_be_title(lines[index], width):
        return False
    below = [line for line in lines[index + 1 : index + 5] if line][:2]
    if below and _is_prose(below[0], width):
        return True
    # Only a title at the very start may have a heading right below it.
    is_first = not any(lines[:index])
    return is_first and len(below) > 1 and _may_be_title(below[0], width) and _is_prose(below[1], width)


def _may_be_title(line: str, width: int) -> bool:
    short = len(line) <= _TITLE_MAX_SHARE * width and len(line.split()) <= _TITLE_MAX_WORDS
    first_letter = next((char for char in line if char.isalpha()), "a")
    is_title = _TITLE.fullmatch(line) is not None and not first_letter.islower()
    return short and is_title and not _BULLET.match(line)


def _is_prose(line: str, width: int) -> bool:
    long_or_done = len(line) >= _PROSE_MIN_SHARE * width or _SENTENCE_END.fullmatch(line)
    return bool(long_or_done) and not line[0].islower() and not _ITEM.match(line)
