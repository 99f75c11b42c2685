"""Markdown as it is written -> the text that a reader of the rendered page sees.

Front matter, comments, badges, link definitions, struck text, HTML tags and the fences of admonitions are left out.
The content of an admonition is read as text and that of `<pre>` as code; MyST roles and directives are read as those
of reStructuredText. Everything else stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from disc_lite.documents.decoding import decode
from disc_lite.documents.escapes import CODE_SPAN, MARK, without_marks
from disc_lite.documents.frontmatter import split_front_matter
from disc_lite.documents.headings import escaped, find_headings
from disc_lite.documents.images import with_seen_images
from disc_lite.documents.inlinehtml import FENCE_LINE, INDENTED, as_seen, closes
from disc_lite.documents.rst import ADMONITIONS, MYST, role_text, rst_text
from disc_lite.documents.source import Converted, Source

_DIRECTIVE = re.compile(r"\s*\{(?P<name>[\w:-]+)\}\s*(?P<title>.*)")
_COLONS = re.compile(
    r"[ \t]*(?P<marks>:{3,})\s*(?:\{?(?P<name>[\w:-]+)\}?)?[ \t]*(?:\[(?P<label>[^\]]*)\]|(?P<title>.*))"
)
_BANGS = re.compile(
    r"(?P<indent>[ \t]*)(?:(?:!!!|\?\?\?\+?)[ \t]+(?P<name>[\w-]+(?: [\w-]+)*)|===[!+]?(?=[ \t]+\"))"
    r"[ \t]*(?:\"(?P<title>.*)\")?[ \t]*"
)  # `===` opens a tab of MkDocs
_ALERT = re.compile(r"([ \t]*>[ \t]*)\[!(\w+)\][-+]?[ \t]*(.*)")
_OPTION = re.compile(r"[ \t]*:[\w-]+:(?:\s.*)?")
_PROSE_DIRECTIVES = ADMONITIONS | frozenset("admonition dropdown margin sidebar topic".split())
_UNNAMED = frozenset("admonition div details dropdown margin topic sidebar grid card tab-set tab-item".split())

_CODE_OR_COMMENT = re.compile(rf"{CODE_SPAN}|<!--")
_NOTE_MARK = re.compile(rf"(?<=[^\s{MARK}])\[\^[^\]\s]{{1,200}}\](?!:)")
_NOTE = re.compile(r"[ ]{0,3}\[\^[^\]\s]{1,200}\]:[ \t]*")
_LINK_DEFINITION = re.compile(
    r"[ ]{0,3}\[(?P<ref>[^\]^][^\]]*)\]:[ \t]*(?P<target><?\S+>?)(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^)]*\)))?[ \t]*"
)
# An item of a table of contents: nothing but a link within the page.
_CONTENTS = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\[([^\]]{1,300})\]\(#([^)]{1,300})\)[ \t]*")
_PADDING = re.compile(r"(?<=\|)[ \t]{2,}|(?<!\s)[ \t]{2,}(?=\|)")
# The code span comes first: there is no role in "`/users/{id}` and `x`".
_CODE_OR_ROLE = re.compile(rf"{CODE_SPAN}|(?<![`\w])\{{(?P<role>[\w:+.-]{{1,40}})\}}`(?P<content>[^`]{{1,400}})`(?!`)")
_LABEL = re.compile(r"\([\w:./-]+\)=\s*")


def markdown_text(source: Source) -> Converted:
    """The text that a reader of the Markdown sees, with the title from its front matter, if any."""
    body, title = split_front_matter(decode(source.raw))
    return Converted(seen_text(body), "markdown", title)


def seen_text(written: str) -> str:
    """The text that a reader sees of Markdown without front matter, such as a notebook cell."""
    lines = list(as_seen(written.split("\n")))
    definitions = filter(None, map(_LINK_DEFINITION.fullmatch, lines))
    targets = {definition["ref"].lower(): definition["target"] for definition in definitions}
    titles = frozenset(_letters(heading.title) for heading in find_headings("\n".join(lines), "markdown"))
    seen = list(_Reader(_ends_of_comments(lines), targets, titles).read(lines))
    return without_marks("\n".join(_closed_up(seen)))


@dataclass
class _Reader:
    """Reads lines in order and remembers which code, comment and admonitions are open."""

    comment_ends: Sequence[tuple[bool, bool]]  # what `_ends_of_comments` returns
    targets: dict[str, str]  # by the labels of link definitions, in lower case
    titles: frozenset[str]  # the letters of each heading
    number: int = 0  # of the current line
    fence: re.Match[str] | None = None  # of the open block of code
    rst: list[str] | None = None  # the lines of the open MyST directive
    in_comment: bool = False
    in_options: bool = False
    indents: list[int] = field(default_factory=list)  # of the text in each open admonition or tab of MkDocs
    admonitions: list[str] = field(default_factory=list)  # the fences of those that are open

    def read(self, lines: list[str]) -> Iterator[str | None]:
        """Yield each line as it is seen, or None for a line of which nothing is seen."""
        for self.number, written in enumerate(lines):
            line = self._dedented(written.removeprefix(INDENTED))
            if self.fence:
                yield self._code(line)
            elif written.startswith(INDENTED) and not self.in_comment:
                yield line
            else:
                yield from self._prose(line)
        yield from (self.rst or [])[1:]  # the fence was never closed

    def _dedented(self, line: str) -> str:
        """The line without the indent of the admonitions and tabs that it is in."""
        if not self.indents:
            return line
        line = line.expandtabs(4) if line[:1].isspace() else line
        indent = len(line) - len(line.lstrip())
        while self.indents and line.strip() and indent < self.indents[-1] and not self.fence:
            self.indents.pop()
        return line[min(indent, self.indents[-1] if self.indents else 0) :]

    def _code(self, line: str) -> str | None:
        assert self.fence is not None
        self.fence = None if closes(line, self.fence) else self.fence
        if self.rst is None:
            return line
        if self.fence:
            self.rst.append(f"   {line}" if self.rst[0] and line.strip() else line)  # the directive's content
            return None
        directive, self.rst = self.rst, None
        return rst_text("\n".join(directive)).strip("\n") or None

    def _prose(self, line: str) -> Iterator[str | None]:
        if not self.in_comment:
            if self.in_options and _OPTION.fullmatch(line):
                yield None
                return
            self.in_options = False
            if marker := FENCE_LINE.fullmatch(line) or _COLONS.fullmatch(line) or _BANGS.fullmatch(line):
                yield self._opened(line, marker)
                return
        shown = self._without_comments(line)
        if shown is None or _LINK_DEFINITION.fullmatch(shown) or _LABEL.fullmatch(shown) or self._is_contents(shown):
            yield None
            return
        if shown.lstrip().startswith("|") and ("  " in shown or "\t" in shown):
            shown = _PADDING.sub(" ", shown)
        if "|" in shown and not shown.strip("|-: \t"):
            shown = re.sub("-{4,}", "---", shown)  # below the header of a table
        if "{" in shown:
            shown = _CODE_OR_ROLE.sub(_role, shown)
        if alert := _ALERT.fullmatch(shown):
            shown = alert[1] + (alert[3] or alert[2].capitalize() + ":")
        if "[^" in shown:
            shown = _NOTE.sub("", shown)
        yield escaped(shown) if self.admonitions or self.indents else shown

    def _is_contents(self, line: str) -> bool:
        found = _CONTENTS.fullmatch(line)
        return found is not None and not self.titles.isdisjoint(map(_letters, found.groups()))

    def _opened(self, line: str, found: re.Match[str]) -> str | None:
        """The visible text of a line that opens or closes code or an admonition; None if it has none."""
        if found.re is FENCE_LINE:
            return self._open_fence(line, found)
        if found.re is _BANGS:
            self.indents.append((self.indents or [0])[-1] + len(found["indent"]) + 4)
            return found["title"] or (_named(found["name"].split()[0]) if found["title"] is None else None)
        if found["name"] or found["title"]:
            return self._open_admonition(found["marks"], found["name"], found["label"] or found["title"] or "")
        if self.admonitions:
            self.admonitions.pop()
        return None

    def _open_fence(self, line: str, fence: re.Match[str]) -> str | None:
        if self.admonitions and fence["marks"] == self.admonitions[-1] and not fence["info"].strip():
            self.admonitions.pop()
            return None
        directive = _DIRECTIVE.fullmatch(fence["info"])
        if directive and directive["name"] in _PROSE_DIRECTIVES:
            return self._open_admonition(fence["marks"], directive["name"], directive["title"])
        self.fence = fence
        if directive and directive["name"] in MYST:
            name, title = directive["name"], directive["title"]
            self.rst = ["" if name == "eval-rst" else f".. {name}:: {title}"]
            return None
        return line

    def _open_admonition(self, marks: str, name: str | None, title: str) -> str | None:
        self.admonitions.append(marks)
        self.in_options = True
        return title.strip() or _named(name or "div")

    def _without_comments(self, line: str) -> str | None:
        """The line without comments, badges and note marks; None if it held nothing else."""
        parts: list[str] = []
        place = 0
        while place < len(line):
            if self.in_comment:
                end = line.find("-->", place)
                self.in_comment, place = end < 0, end + 3 if end >= 0 else len(line)
                continue
            found = _CODE_OR_COMMENT.search(line, place) if "`" in line or "<!--" in line else None
            parts.append(self._without_marks(line[place : found.start() if found else len(line)]))
            place = found.end() if found else len(line)
            if found and (found["ticks"] or not self._is_comment(line, found)):
                parts.append(found.group())
            elif found:
                self.in_comment = True
        shown = "".join(parts)
        return None if not shown.strip() and line.strip() else shown

    def _without_marks(self, text: str) -> str:
        text = with_seen_images(text, self.targets)
        return _NOTE_MARK.sub("", text) if "[^" in text else text

    def _is_comment(self, line: str, opening: re.Match[str]) -> bool:
        """Whether `<!--` opens a comment: it must be closed, and within the paragraph unless it starts the line."""
        in_paragraph, at_all = self.comment_ends[self.number]
        is_first = not line[: opening.start()].strip()
        return "-->" in line[opening.end() :] or (at_all if is_first else in_paragraph)


def _ends_of_comments(lines: Sequence[str]) -> list[tuple[bool, bool]]:
    """For each line: whether a `-->` follows below it before the next blank line, and whether any follows below it."""
    ends: list[tuple[bool, bool]] = []
    in_paragraph = at_all = False
    for line in reversed(lines):
        ends.append((in_paragraph, at_all))
        has_end = "-->" in line
        in_paragraph, at_all = bool(line.strip()) and (has_end or in_paragraph), has_end or at_all
    return ends[::-1]


def _letters(title: str) -> str:
    return re.sub(r"[\W_]+", "", title).casefold()


def _role(found: re.Match[str]) -> str:
    return found[0] if found["ticks"] else role_text(found["role"], found["content"])


def _named(name: str) -> str | None:
    return None if name in _UNNAMED else name.capitalize() + ":"


def _closed_up(lines: list[str | None]) -> Iterator[str]:
    """Yield the lines that are seen; where lines between two blank ones are left out, only one blank line stays."""
    was_dropped, last = False, ""
    for line in lines:
        if line is None:
            was_dropped = True
            continue
        if was_dropped and not line.strip() and not last.strip():
            continue
        was_dropped, last = False, line
        yield line
