"""The lines of printed pages -> Markdown: paragraphs, list items and headings.

A page has lines, not paragraphs. Hyphens and line breaks inside paragraphs are undone. Headings
are recognised by size, bold letters or the shape of the lines, and cautiously: a heading missed
costs little, a sentence taken for a heading costs a sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from disc_lite.documents.columns import Line
from disc_lite.documents.flow import MAX_TITLE_CHARS, SENTENCE_END, Sizes, is_large, lines_in_order
from disc_lite.documents.headings import escaped
from disc_lite.documents.hyphens import is_broken_word, is_hyphenated, joined_lines, whole_words
from disc_lite.documents.pieces import HEADING_SIZE, blank_between, width_of
from disc_lite.documents.printedtables import CAPTION

_BULLET = re.compile(r"[•◦▪●‣·*–—-]\s+(?=\S)")
_ITEM = re.compile(rf"{_BULLET.pattern}|\d{{1,3}}[.)]\s+(?=\S)")
# The continuation of an address that a line end breaks, but not a word of the text: `and/or`, `e.g.`, `i.e.,`, `z.B.`
_GOES_ON = (
    r"\n(?!https?:|www\.|(?:and/or|either/or|s?/?he/s?he|his/her|und/oder|et/ou|y/o|e/o|en/of)\b"
    r"|(?i:(?:[a-z]\.)+[a-z]?\.?(?:[\s,:;)]|$)))[a-z]"
)
# After `/` a word can follow that is not part of the address, after `.` or `?` the rest of the sentence.
_BROKEN_ADDRESS = re.compile(
    rf"(?<![A-Za-z./])(?:https?://|www\.)\S*(?:[\-_=&]{_GOES_ON}|[./]-?{_GOES_ON}\S*(?:[.=_]\w|/)|\?{_GOES_ON}\S*="
    r"|\w\.\n(?:org|com|net|html?|php|pdf)\b)"
)
_TITLE = re.compile(r"(?:\d+(?:\.\d+)*\.?\s)?[\"'“‘«(]?[^\W\d_].*[^\s.,;:!?…]")
_NUMBERED_TITLE = re.compile(r"\d+(?:\.\d+)+\.?\s[^\W\d_][^.]{0,80}\.")  # `2.1.1 Startup.` of plain TeX

_TITLE_MAX_WORDS = 12
_TITLE_MAX_SHARE = 0.7  # of the usual width of a line
_PROSE_MIN_SHARE = 0.6
# Fonts are proportional and margins ragged: a line this full may have had no room for a word.
_FULL_SHARE = 0.8
_MAX_LEVEL = 6
_MAX_STOPPED_WORDS = 6


def text_of_columns(columns: Sequence[Sequence[Line]]) -> str:
    """The text of all pages, with a blank line between paragraphs, `- ` before items and `#` before headings.

    If font sizes differ, headings are lines in larger or bold letters, and the size gives the level. In a text of one
    size they are recognised by their shape: a heading that opens the text is the title (`# `), every other is `## `.

    Args:
        columns: The lines of each column, all columns of all pages in reading order.
    """
    lines, sizes = lines_in_order(columns)
    widths = sorted(width_of(line.text) for line in lines if line.text and not line.is_row)
    # Not the widest: one table or footer that sticks out must not make all lines look short.
    width = widths[round(0.9 * (len(widths) - 1))] if widths else 0
    words = whole_words(part for line in lines for part in line.text.split("\n"))
    lines = [replace(line, text=joined_lines(line.text, words)) for line in lines]
    texts = ["" if line.is_row or line.is_code else line.text for line in lines]
    parts: list[str] = []
    before = ""
    for index, line in enumerate(lines):
        if line.is_row or line.is_code:
            _append_solid(parts, lines, index)
            before = ""
            continue
        ends = not before or _ends_paragraph(before, line.text, width)
        level = _level(lines, texts, index, width, sizes) if line.text and (ends or line.size > sizes.body) else 0
        if level:
            # The first heading is the title, even if a later one is larger.
            level = level if any(part.lstrip("\n").startswith("#") for part in parts) else 1
            parts.append(("\n\n" if parts else "") + "#" * level + " " + line.text)
            before = ""
            continue
        if line.text:
            _append(parts, before, line.text, ends, width, words)
        before = line.text
    return "".join(parts) + "\n" if parts else ""


def _append_solid(parts: list[str], lines: Sequence[Line], index: int) -> None:
    """Append a table row or a line of code to `parts`; a gap between two lines of code stays in the code."""
    line = lines[index]
    above = next((lines[place] for place in range(index - 1, -1, -1) if lines[place].text), Line(""))
    follows = index > 0 and bool(parts) and (lines[index - 1].is_row if line.is_row else above.is_code)
    if line.is_row:
        parts.append(("\n" if follows else "\n\n" if parts else "") + escaped(line.text))
    elif follows:
        gap = "\n" if not lines[index - 1].text else ""
        parts[-1] = parts[-1].removesuffix("\n```") + f"{gap}\n{line.text}\n```"
    else:
        parts.append(("\n\n" if parts else "") + f"```\n{line.text}\n```")


def _append(parts: list[str], before: str, line: str, ends: bool, width: int, words: Counter[str]) -> None:
    """Append a line of text to `parts`: as a new paragraph or list item, or joined to the last part."""
    if (item := _ITEM.match(line)) and not _is_within_sentence(before, line, width):
        follows_item = bool(parts) and _ITEM.match(parts[-1].lstrip("\n")) is not None
        separator = "\n" if follows_item and before else "\n\n"
        line = "- " + line[item.end() :] if _BULLET.match(line) else line
    elif _BROKEN_ADDRESS.search(f"{before}\n{line}"):
        parts[-1] = re.sub("/-$", "/", parts[-1])
        separator = ""
    elif ends:
        separator = "\n\n"
    elif is_hyphenated(before, line):
        if is_broken_word(before, line, words):
            parts[-1] = parts[-1][:-1]
        separator = ""
    else:
        # A line break before a capital that the margin did not force was meant by the author, and stays.
        is_break_meant = _stops_early(before, line, width) and not line[0].islower()
        separator = "\n" if is_break_meant else blank_between(before, line)
    if separator.strip("\n") or not separator:
        parts[-1] += separator + line
    else:
        parts.append((separator if parts else "") + escaped(line))


def _is_within_sentence(before: str, line: str, width: int) -> bool:
    """Whether the dash at the beginning of a line belongs to the sentence that fills the line above."""
    is_dash = re.match(r"[–—-]\s+(?=[^\W\d_])", line)
    is_open = before != "" and not SENTENCE_END.fullmatch(before) and not _stops_early(before, line, width)
    return is_dash is not None and line[is_dash.end()].islower() and is_open


def _stops_early(line: str, following: str, width: int) -> bool:
    """Whether the first word of the following line would have fitted into the line."""
    first_word = following.split(" ", 1)[0] if blank_between(line, following) else following[0]
    return width_of(line) + 1 + width_of(first_word) < _FULL_SHARE * width


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    # Items and captions often end without a stop.
    done = SENTENCE_END.fullmatch(line) or _ITEM.match(line) or CAPTION.match(line)
    return not following or (done is not None and _stops_early(line, following, width))


def _level(lines: Sequence[Line], texts: Sequence[str], index: int, width: int, sizes: Sizes) -> int:
    """The level of a line as a heading, or 0 if it is none."""
    line = lines[index]
    if not sizes.differ:
        is_first = not any(texts[:index])
        is_bold = line.is_bold and not all(one.is_bold for one in lines if one.text)
        return (1 if is_first else 2) if _is_heading(texts, index, width, is_bold) else 0
    may_be_text = line.text.endswith(":") or len(line.text.split()) > _TITLE_MAX_WORDS
    if is_large(line, sizes.body) and not (may_be_text and line.size < HEADING_SIZE * sizes.body):
        has_words = re.search(r"[^\W\d_]{2}|[\u3040-\u9fff]", line.text) is not None
        # In a document with longer notes than text, the sentences of the text are larger than most lines.
        is_sentence = line.text.endswith(".") and len(line.text.split()) > _MAX_STOPPED_WORDS
        if has_words and not is_sentence and len(line.text) <= MAX_TITLE_CHARS and not _BULLET.match(line.text):
            return min(1 + sum(size > round(2 * line.size) for size in sizes.headings), _MAX_LEVEL)
        return 0
    if line.is_bold and _is_heading(texts, index, width, is_bold=True):
        return min(len(sizes.headings) + 1, _MAX_LEVEL)
    return 0


def _is_heading(lines: Sequence[str], index: int, width: int, is_bold: bool) -> bool:
    """Whether a line has the form and the surroundings of a heading: a gap above it, and text below it."""
    if not (_may_be_title(lines[index], width) or (is_bold and _NUMBERED_TITLE.fullmatch(lines[index]))):
        return False
    below = [line for line in lines[index + 1 : index + 5] if line][:2]
    # A heading has a gap above it; otherwise a short line of a paragraph would be one.
    if index and lines[index - 1]:
        return False
    if is_bold:
        return bool(below)
    if below and _is_prose(below[0], width):
        return True
    # Only a title at the very start may have a heading right below it.
    is_first = not any(lines[:index])
    return is_first and len(below) > 1 and _may_be_title(below[0], width) and _is_prose(below[1], width)


def _may_be_title(line: str, width: int) -> bool:
    """Whether a line has the form of a title: short, capitalised, without a stop."""
    short = width_of(line) <= _TITLE_MAX_SHARE * width and len(line.split()) <= _TITLE_MAX_WORDS
    first_letter = next((char for char in line if char.isalpha()), "a")
    is_title = _TITLE.fullmatch(line) is not None and not first_letter.islower() and not CAPTION.match(line)
    return short and is_title and not _BULLET.match(line)


def _is_prose(line: str, width: int) -> bool:
    """Whether a line is long or ends a sentence, and opens no list item."""
    long_or_done = width_of(line) >= _PROSE_MIN_SHARE * width or SENTENCE_END.fullmatch(line)
    return bool(long_or_done) and not line[0].islower() and not _ITEM.match(line)
