"""HTML, entities and struck-out text within Markdown -> what its reader sees; code stays as it is written.

This is the first pass over a Markdown text; `markdown` makes the second. Tables, lists, headings and code that are
written as HTML go through the HTML reader; other tags are removed, and the text between them stays.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from disc_lite.documents.escapes import CODE_SPAN, MARK, Escapes
from disc_lite.documents.formulas import with_scripts
from disc_lite.documents.headings import DEEPER, IN_LIST
from disc_lite.documents.html import markup_text
from disc_lite.documents.templates import (
    ICON_SETS,
    LISTING,
    closed_names,
    end_of_hidden,
    has_tags_alone,
    listing_fence,
    seen_line,
    seen_tags,
)

_STRUCTURES = re.compile(r"\s*<(table|ul|ol|dl|h[1-6]|pre|script|style)\b", re.IGNORECASE)
_MAX_LINES = 2000  # of one structure
_MAX_DEPTH = 20  # of nested elements of one name
INDENTED = "\ufdd1"  # marks a line of code that is indented, not fenced; a noncharacter of Unicode
FENCE_LINE = re.compile(rf"(?P<before>[ \t>]*{IN_LIST})(?P<marks>`{{3,}}|~{{3,}})(?P<info>[^`]*)")
_INDENTED = re.compile(r"(?: {4}|\t)\s*\S")
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s|\s*(?:!!!|\?\?\?|:::|\[\^|===[!+]? \"|:[ \t])")
_EMPTY_ITEM = re.compile(r"\s*(?:(?:[-*+]|\d{1,9}[.)])(?:\s+\[[ xX]\])?|>|#{1,6})\s*")
_TERM = re.compile(r"(?![#>|:~!]|```|[-*+]\s|\d+[.)]\s)\S.{0,200}(?<![.,;])")
_DEFINITION = re.compile(r"[ ]{0,3}:[ \t]+(?=\S)")
_EMPTY_QUOTE = re.compile(r"\s*>(?:\s*>)?\s*")  # between the paragraphs of a quotation

_SHOWN_TAGS = """
    a abbr b big center cite code details div em figcaption figure font h1 h2 h3 h4 h5 h6 hr i ins kbd mark p picture
    samp section small span strong summary tt u var
"""
_TAG = re.compile(rf"(?<!{MARK})</?(?:{'|'.join(_SHOWN_TAGS.split())})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_OPEN_TAG = re.compile(
    rf"(?<!\\)<(?:{'|'.join(_SHOWN_TAGS.split())}|img|source|(?-i:[A-Z]\w*))(?:\s[^<>]*)?$"
    r"|(?:(?<=\{\{)<|\{%)[^<>{}]*$",  # of a site generator
    re.IGNORECASE,
)
_END_OF_TAG = re.compile(r"[<>]|%\}")
_TAG_LINES = 20
_STRUCK = r"~~(?=\S)(?:[^~]|~(?!~)){0,2000}?(?<=\S)~~(?!~)"
_WITHDRAWN = re.compile(
    rf"(?P<before> ?)(?:<(?P<tag>s|del|strike)\b[^<>]*>.{{0,2000}}?</(?P=tag)>|(?<!~){_STRUCK})"
    r"(?P<after> ?)(?P<stop>(?=[.,;:!?](?:\s|$)))?",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"<(su[bp])\b[^<>]*>([^<>]*)</\1>", re.IGNORECASE)
_BREAK = re.compile(r"(?:(?<![ \t])[ \t]+)?<br\s*/?>[ \t]*", re.IGNORECASE)
_IMAGE = re.compile(r"<(?:img|source)\b[^<>]*?/?>", re.IGNORECASE)
_ENTITY = re.compile(rf"(?<!{MARK})&(?:#\d{{1,7}}|#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});")
_SIGNS = re.compile("|".join(["<", "&", "~~", r"\{", *ICON_SETS]))
_SPACES = re.compile(r"[\u00a0\u2002-\u200a\u202f]")


def as_seen(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a Markdown text as its reader sees them, without lines of which nothing is seen.

    Lines of indented code begin with `INDENTED`.
    """
    return _Reader(lines, closed_names("\n".join(lines))).read()


@dataclass
class _Reader:
    """Reads the lines in order, and keeps track of what the next line is inside of."""

    lines: Sequence[str]
    closed: frozenset[str]  # names of tags with text between them
    escapes: Escapes = field(default_factory=Escapes)
    number: int = 0  # of the next line
    fence: re.Match[str] | None = None  # the fence that opened the block of code being read
    in_list: bool = False
    in_definitions: bool = False
    is_indented: bool = False  # in indented code
    was_blank: bool = True

    def read(self) -> Iterator[str]:
        while self.number < len(self.lines):
            if not self.fence and (end := end_of_hidden(self.lines, self.number, self.was_blank)):
                self.number = end
                continue
            line = self.lines[self.number]
            self.number += 1
            if self.fence:
                yield self._code(line)
            else:
                yield from self._outside_code(line)

    def _code(self, line: str) -> str:
        assert self.fence is not None
        line = (self.fence["marks"] == LISTING and listing_fence(line)) or line
        self.fence = None if closes(line, self.fence) else self.fence
        return line

    def _outside_code(self, written: str) -> Iterator[str]:
        begins = self._begins_paragraph(written)
        line = written
        if not (self.is_indented or self.escapes.ending):
            line = self._defined(seen_line(written), begins)
        if written and not line:
            return
        if opening := FENCE_LINE.fullmatch(line):
            self.fence = opening
        elif self.is_indented:
            line = INDENTED + line
        elif structure := _STRUCTURES.match(line):
            start = self.number - 1
            end = _end_of(structure[1].lower(), self.lines, start)
            shown = embedded_text("\n".join(self.lines[start:end])) if end else None
            if shown is not None:
                self.number = end
                # Blank lines set it apart: a table row right below a line of text would belong to that paragraph.
                yield from ["", *shown.split("\n"), ""] if shown else []
                return
        elif _EMPTY_QUOTE.fullmatch(line):
            line = ""
        else:
            yield from self._prose(line)
            return
        yield line

    def _begins_paragraph(self, line: str) -> bool:
        """Whether a line is below a blank one; also updates whether the line is in a list or in indented code."""
        below_blank, self.was_blank = self.was_blank, not line.strip()
        if not self.was_blank and not line[0].isspace():
            self.in_list = _LIST_ITEM.match(line) is not None
        is_deep = _INDENTED.match(line) is not None and not self.in_list
        self.is_indented = is_deep and (below_blank or self.is_indented)
        return below_blank

    def _defined(self, line: str, begins_paragraph: bool) -> str:
        """A term joined with its first definition from the lines below; for a further definition, its text."""
        if (found := _DEFINITION.match(line)) and self.in_definitions:
            return line[found.end() :]
        if not begins_paragraph or not line or line[0].isspace():
            return line
        below = self.lines[self.number : self.number + 2]
        found = _DEFINITION.match(next(filter(str.strip, below), "")) if _TERM.fullmatch(line) else None
        self.in_definitions = found is not None
        if found is None:
            return line
        self.in_list = True
        self.number += 1 + (not below[0].strip())
        return f"{line.rstrip(' :')}: {found.string[found.end() :]}"

    def _prose(self, line: str) -> Iterator[str]:
        while (last := max(line.rfind("<"), line.rfind("{%"))) >= 0 and _OPEN_TAG.search(line, last):
            if not (end := _end_of_tag(self.lines, self.number)):
                break
            line, self.number = " ".join([line, *self.lines[self.number : end]]), end
        line = self.escapes.marked(line, is_last=not "".join(self.lines[self.number : self.number + 1]).strip())
        shown = _inline(line, self.closed)
        if shown == line or (shown.strip() and not _EMPTY_ITEM.fullmatch(shown)):
            yield from shown.rstrip("\n").split("\n")


def closes(line: str, opening: re.Match[str]) -> bool:
    """Whether a line ends the block of code that a fence opened."""
    found = FENCE_LINE.fullmatch(line)
    if found is None or found["before"].strip(" \t>") or len(found["before"]) > len(opening["before"]) + DEEPER:
        return False
    return found["marks"].startswith(opening["marks"]) and not found["info"].strip()


def _end_of(tag: str, lines: Sequence[str], start: int) -> int:
    """The number of the line after the one that closes the element opened in line `start`; 0 if it is not closed.

    Only an unclosed `<pre>` runs to the end of the text.
    """
    if tag == "pre":
        closing = (number for number in range(start, len(lines)) if "</pre" in lines[number].lower())
        return next(closing, len(lines) - 1) + 1
    depth = 0
    tags = re.compile(rf"<(/?){tag}\b", re.IGNORECASE)
    for number in range(start, min(start + _MAX_LINES, len(lines))):
        for found in tags.finditer(lines[number]):
            depth += -1 if found[1] else 1
            if depth == 0:
                return number + 1
            if depth > _MAX_DEPTH:
                return 0
    return 0


def _end_of_tag(lines: Sequence[str], start: int) -> int:
    """The number of the line after the one that ends a tag which is still open above line `start`; 0 if none does."""
    for number in range(start, min(start + _TAG_LINES, len(lines))):
        if not lines[number].strip() or lines[number].lstrip().startswith("> "):  # a quotation
            return 0
        if sign := _END_OF_TAG.search(lines[number]):
            return 0 if sign.group() == "<" else number + 1
    return 0


def embedded_text(markup: str) -> str | None:
    """The text of HTML within Markdown or reStructuredText; None if it is nested too deeply."""
    try:
        return markup_text(markup)
    except RecursionError:
        return None


def _inline(line: str, closed: frozenset[str]) -> str:
    """A line as its reader sees it, with its spans of code unchanged."""
    if not _SIGNS.search(line):
        return line
    is_alone = has_tags_alone(line)
    parts: list[str] = []
    place = 0
    for code in re.finditer(CODE_SPAN, line):
        parts += [_shown(seen_tags(line[place : code.start()], is_alone, closed), line), code.group()]
        place = code.end()
    return "".join([*parts, _shown(seen_tags(line[place:], is_alone, closed), line)])


def _shown(text: str, line: str) -> str:
    """The visible text of a piece of a line that has no code in it."""
    text = _WITHDRAWN.sub(_closed_gap, text)
    text = _IMAGE.sub(lambda tag: embedded_text(tag.group()) or "", text)
    text = with_scripts(text, _SCRIPT)
    # A line break would end a table row or a heading.
    is_one_line = "|" in line or line.lstrip().startswith("#")
    text = _BREAK.sub(" " if is_one_line else "\n", text)
    text = _TAG.sub("", text)
    return _ENTITY.sub(_character, text)


def _closed_gap(withdrawn: re.Match[str]) -> str:
    """The separator that remains between the words around a struck-out text."""
    is_first = not withdrawn.string[: withdrawn.start()].strip()
    return "" if withdrawn["stop"] is not None or is_first else withdrawn["before"] or withdrawn["after"]


def _character(entity: re.Match[str]) -> str:
    text = _SPACES.sub(" ", html.unescape(entity.group()))
    return "\\|" if text == "|" else text
