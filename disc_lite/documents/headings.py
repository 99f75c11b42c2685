"""Text -> title and sections, from the headings that its author wrote.

In Markdown headings are `# ATX` lines and underlined (setext) lines outside fenced code. In reStructuredText they are
underlined, or over- and underlined, with any punctuation character; the order in which these styles first appear gives
the levels. Texts converted from other formats have `#` lines only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from disc_lite.documents.records import Markup, Section

# Matched at the start of a line; also used by `blocks`.
ATX_HEADING = r" {0,3}(?P<marks>\#{1,6})[ \t]+(?P<atx>\S.*)"
RULE = r"(?P<{0}>[!-/:-@\[-`{{-~])(?P={0}){{2,}}[ \t]*$"
_NOT_A_TITLE = r"[ \t]*(?:[-*+•>|][ \t]|[-=*_ \t]+$)"

# A line that begins with ```code``` opens no block. A fence in a list can follow the marker of its item.
IN_LIST = r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*"
FENCE = rf"{IN_LIST}(?P<fence>`{{3,}}(?!.*`)|~{{3,}}).*"
DEEPER = 3  # how many columns deeper than the opening fence the closing one may be

_SETEXT = rf"(?!{_NOT_A_TITLE})(?P<setext>[ ]{{0,3}}\S.*)\n[ ]{{0,3}}(?P<under>=|-)(?P=under)+[ \t]*$"
_SETEXT_TITLE = re.compile(rf"(?:{RULE.format('over')}\n)?{_SETEXT}", re.MULTILINE)
_MARKDOWN = re.compile(rf"^(?:{ATX_HEADING}|{FENCE}|{_SETEXT})", re.MULTILINE)
_CONVERTED = re.compile(rf"^(?:{ATX_HEADING}|{FENCE})", re.MULTILINE)
_UNDERLINED = rf"(?:{RULE.format('over')}\n)?(?!{_NOT_A_TITLE})(?P<title>[ \t]*\S.*)\n{RULE.format('under')}"
_RST = re.compile(rf"^{_UNDERLINED}", re.MULTILINE)
_OPENING = re.compile(rf"\s*?^(?:{ATX_HEADING}|{_UNDERLINED})", re.MULTILINE)
_LOOKS_LIKE_MARKUP = re.compile(r"^( {0,3})(\#{1,6}(?:[ \t]|$)|`{3}|~{3})")
_BLANK_OR_RULE = re.compile(r"[-=*_\s]*")
_NUMBERED = re.compile(r"\s*\d{1,3}[.)]\s")
_SECTION_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2})*[.)]?)\s")
_TITLE_WORDS = 4  # a line with more words and a stop at its end is a sentence above a rule

_INLINE = (
    (re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),  # links and images
    (re.compile(r"`([^`]*?)(?:\s*<[^`>]*>)?`_{0,2}"), r"\1"),  # code; rst roles and links
    (re.compile(r"(\*\*|__|\*|\b_)(?=\S)(.+?)(?<=\S)(?:\1|_\b)"), r"\2"),  # emphasis
    (re.compile(r"</?[A-Za-z][^>]*>|\s*\{#[^}]*\}$|\s+#+\s*$|¶$"), ""),
    (re.compile(r"\s+"), " "),
)

# A longer title is a paragraph read wrongly, and the prompt of every passage repeats it.
_MAX_TITLE_CHARS = 300


@dataclass(frozen=True)
class Heading:
    """A heading: where its first line starts, its level from 1, and its text without markup.

    An empty title begins a section without a heading of its own: a row without a name, code after a definition.
    """

    start: int
    level: int
    title: str


def fenced(code: str, language: str = "") -> str:
    """A fenced block of code, with fences longer than any in the code."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def quoted(text: str) -> str:
    """A text as a quotation: each line with a `>`, or one more `>`, before it."""
    return "\n".join(f"{'>' if line.startswith('>') else '> '}{line}" if line else "" for line in text.split("\n"))


def escaped(line: str) -> str:
    """The line of a converted text with a backslash if it begins like a heading or a fence: `\\# Counts.`"""
    return _LOOKS_LIKE_MARKUP.sub(r"\1\\\2", line)


def find_headings(text: str, markup: Markup) -> list[Heading]:
    """The headings of a text that have a title, in order."""
    headings = _rst_headings(text) if markup == "rst" else _markdown_headings(text, markup)
    return [heading for heading in headings if heading.title]


def title_of(headings: Sequence[Heading], fallback: str, own: str = "") -> str:
    """The title of a document: its only heading of level 1, if it has just one.

    Else it is the format's `own` title, else the first heading of level 1 unless that is a numbered section, else the
    `fallback`.
    """
    top = [heading.title for heading in headings if heading.level == 1]
    if own and len(top) != 1:
        return own
    numbers = [found[1] for found in map(_SECTION_NUMBER.match, top) if found]
    if not top or (len(numbers) > 1 and _SECTION_NUMBER.match(top[0]) and _is_section(*numbers)):
        return fallback
    return top[0]


def _is_section(number: str, *others: str) -> bool:
    """Whether headings are numbered: `1 Scope` and `2 Use` are, but not `24 hours in Rome` and `48 hours in Oslo`."""
    return not number.isdigit() or str(int(number) + 1) in others


def opening_headings(text: str) -> list[str]:
    """The titles of the headings above the first line of text, in order."""
    titles = []
    position = 0
    while match := _OPENING.match(text, position):
        titles.append(_plain(match["atx"] or match["title"]))
        position = match.end()
    return titles


def cut_sections(text: str, headings: Sequence[Heading], title: str, alone: bool = False) -> tuple[Section, ...]:
    """Sections that tile the text: one for each heading, and one for any text before the first heading.

    Args:
        text: The text of a document.
        headings: Its headings, in order.
        title: Its title, with which every heading path begins.
        alone: Whether each section is a passage by itself.
    """
    starts = [heading.start for heading in headings]
    paths = _paths(headings, title)
    if not starts or text[: starts[0]].strip():
        starts, paths = [0, *starts], [(title,), *paths]
    # White space before the first heading belongs to the first section.
    starts[0] = 0
    ends = [*starts[1:], len(text)]
    return tuple(Section(*where, alone) for where in zip(starts, ends, paths, strict=True))


def _paths(headings: Sequence[Heading], title: str) -> list[tuple[str, ...]]:
    """The heading path of each heading: the document's title, the headings that it is below, and its own title."""
    paths = []
    open_headings: list[Heading] = []
    for heading in headings:
        while open_headings and open_headings[-1].level >= heading.level:
            open_headings.pop()
        open_headings.append(heading)
        path = tuple(above.title for above in open_headings if above.title)
        # A further heading of the top level still belongs to the document with this title.
        paths.append(path if path[:1] == (title,) else (title, *path))
    return paths


def _markdown_headings(text: str, markup: Markup) -> Iterator[Heading]:
    pattern = _MARKDOWN if markup == "markdown" else _CONVERTED
    position = block_start = 0
    while match := pattern.search(text, position):
        position = match.end()
        if match["fence"]:
            # A fence that is never closed runs to the end, as in CommonMark.
            position = block_start = end_of_fence(text, match, len(text)) or len(text)
        elif match["atx"]:
            block_start = position
            yield Heading(match.start(), len(match["marks"]), _plain(match["atx"]))
        # The title must be a paragraph by itself: a `---` below a longer paragraph is far more often a rule.
        elif _is_title(text, match) and _starts_block(text, match.start(), block_start):
            block_start = position
            level = 1 if match["under"] == "=" else 2
            yield Heading(match.start(), level, _plain(match["setext"]))


def _is_title(text: str, setext: re.Match[str]) -> bool:
    """Whether an underlined line of Markdown is a title, and not a sentence or the last item of a list."""
    title, under = setext["setext"].strip(), text[setext.end("setext") + 1 : setext.end()].strip()
    if title.endswith((".", ",", ";")) and len(title.split()) > _TITLE_WORDS:
        return False
    # A numbered line is a title only if the underline is as long as it; a shorter one is a rule below a list.
    return not _NUMBERED.match(title) or len(under) >= len(title)


def end_of_title(text: str, start: int, end: int, markup: Markup) -> int:
    """The end of the underlined title (with its underline) that starts at `start`, or 0 if none does."""
    if markup == "markdown":
        setext = _SETEXT_TITLE.match(text, start, end)
        return len(setext.group().rstrip()) + start if setext and _is_title(text, setext) else 0
    if markup == "rst" and (found := _RST.match(text, start, end)) and _is_rst_title(text, found):
        return len(found.group().rstrip()) + start
    return 0


def _starts_block(text: str, line_start: int, block_start: int) -> bool:
    """Whether a line is the first of a block: it is at `block_start`, or below a blank line or a rule."""
    before = text[text.rfind("\n", 0, max(line_start - 1, 0)) + 1 : line_start]
    return line_start <= block_start + 1 or _BLANK_OR_RULE.fullmatch(before) is not None


def end_of_fence(text: str, fence: re.Match[str], end: int) -> int:
    """The end of the block of code that a fence opens, or 0 if it is not closed before `end`."""
    mark, column = fence["fence"], fence.start("fence") - fence.start()
    last = rf"^[ \t]{{0,{column + DEEPER}}}{mark[0]}{{{len(mark)},}}[ \t]*$"
    closing = re.compile(last, re.MULTILINE).search(text, fence.end(), end)
    return closing.end() if closing else 0


def _rst_headings(text: str) -> Iterator[Heading]:
    levels: dict[tuple[bool, str], int] = {}
    block_start = 0
    for match in _RST.finditer(text):
        if _is_rst_title(text, match) and _starts_block(text, match.start(), block_start):
            block_start = match.end()
            style = (match["over"] is not None, match["under"])
            yield Heading(match.start(), levels.setdefault(style, len(levels) + 1), _plain(match["title"].strip()))


def _is_rst_title(text: str, match: re.Match[str]) -> bool:
    under = text[match.end("title") + 1 : match.end()].rstrip()
    # An indented line without an overline is a quotation or part of a literal block.
    if match["over"] is None and match["title"][0].isspace():
        return False
    return len(under) >= len(match["title"].strip()) and match["over"] in (None, match["under"])


def _plain(title: str) -> str:
    """A title without inline markup, cut to the greatest length."""
    title = title[:_MAX_TITLE_CHARS]
    for pattern, replacement in _INLINE:
        title = pattern.sub(replacement, title)
    return title.strip()
