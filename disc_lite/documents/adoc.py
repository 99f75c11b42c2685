"""AsciiDoc -> Markdown, line by line: headings, lists, tables, listings, attributes and links.

There is no reader of AsciiDoc in Python that is kept up; what is written here covers what documentation uses. Files
that are included, and conditions, are left out.
"""

from __future__ import annotations

import re

from disc_lite.documents.decoding import decode
from disc_lite.documents.source import Converted, Source

_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+=+)?\s*$")
_ATTRIBUTE = re.compile(r":!?([\w-]+)!?:(?:\s+(.*?))?\s*$")
_REFERENCE = re.compile(r"\{([\w-]+)\}")
_BLOCK_LINE = re.compile(r"\[(?![\[ ]?\d+\])[^\]]*\]{1,2}\s*$")
_LANGUAGE = re.compile(r"\[source(?:%\w+)*,\s*([\w+-]+)")
_VERBATIM = re.compile(r"(-{4,}|\.{4,})\s*$")
_DELIMITER = re.compile(r"(?:={4,}|\*{4,}|_{4,}|\+{4,}|--)\s*$")
_COMMENT_BLOCK = re.compile(r"/{4,}\s*$")
_DIRECTIVE = re.compile(r"(?:include|ifdef|ifndef|ifeval|endif|toc)::")
_BLOCK_TITLE = re.compile(r"\.(?=[^\s.])(.*)")
_ITEM = re.compile(r"\s*(\*{1,5}|-|\.{1,5})\s+(?=\S)")
_TERM = re.compile(r"(\S.*?):{2,4}(?:\s+|$)")
_LINK = re.compile(
    r"(?:link:|xref:|mailto:)?((?<=link:)[^\s\[]+|(?<=xref:)[^\s\[]+|(?<=mailto:)[^\s\[]+|https?://[^\s\[]+)\[([^\]]*)\]"
)
_CROSS = re.compile(r"<<([^,>]+)(?:,\s*([^>]+))?>>")
_IMAGE = re.compile(r"(?:image|video|audio)::?[^\s\[]+\[([^\],]*)[^\]]*\]")
_EMPHASIS = re.compile(r"(?<![\w*_#`])(\*\*?|__?|##?)(?=\S)(.+?)(?<=\S)\1(?![\w*_#`])")
_TABLE = re.compile(r"[|,!]={3,}\s*$")
_CELL = re.compile(r"(?:^|\s)(?:\d*\.?\d*\+)?[<^>]?\.?[<^>]?[aehlmsdv]?\|")


class _Reader:
    """The lines written so far, and what the lines above mean for the next one."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.attributes: dict[str, str] = {}
        self.language = ""
        self.until = ""  # the line that ends a verbatim block or a comment
        self.drops = False
        self.rows: list[str] | None = None  # lines of the table that is open

    def read(self, line: str) -> None:
        if self.until:
            self._in_block(line)
        elif self.rows is not None:
            self._in_table(line)
        elif _VERBATIM.match(line):
            self.until, self.drops = line.strip(), False
            self.written.append(f"```{self.language}")
            self.language = ""
        elif _COMMENT_BLOCK.match(line):
            self.until, self.drops = line.strip(), True
        elif _TABLE.match(line):
            self.rows = []
        elif attribute := _ATTRIBUTE.match(line):
            self.attributes[attribute[1]] = attribute[2] or ""
        elif _BLOCK_LINE.match(line):
            language = _LANGUAGE.match(line)
            self.language = language[1] if language else ""
        elif not (line.startswith("//") or _DELIMITER.match(line) or _DIRECTIVE.match(line) or line.strip() == "+"):
            self.written.append(self._line(line))

    def _in_block(self, line: str) -> None:
        ends = line.strip() == self.until
        if not self.drops:
            self.written.append("```" if ends else line)
        self.until = "" if ends else self.until

    def _in_table(self, line: str) -> None:
        assert self.rows is not None
        if not _TABLE.match(line):
            self.rows.append(line)
            return
        self.written += [*([""] if self.written[-1:] != [""] else []), *map(self._inline, _table_rows(self.rows))]
        self.rows = None

    def _line(self, line: str) -> str:
        if heading := _HEADING.match(line):
            return f"{'#' * len(heading[1])} {self._inline(heading[2])}"
        if title := _BLOCK_TITLE.match(line):
            return self._inline(title[1]) + "\n"
        if item := _ITEM.match(line):
            depth = len(item[1]) - 1 if item[1] != "-" else 0
            return "  " * depth + "- " + self._inline(line[item.end() :])
        if (term := _TERM.match(line)) and "://" not in term[0]:
            return f"{self._inline(term[1])}: {self._inline(line[term.end() :])}".rstrip()
        return self._inline(line)

    def _inline(self, text: str) -> str:
        text = _REFERENCE.sub(lambda name: self.attributes.get(name[1], name[0]), text)
        text = _IMAGE.sub(r"\1", text)
        text = _LINK.sub(lambda link: link[2] or link[1], text)
        text = _CROSS.sub(lambda cross: cross[2] or cross[1], text)
        return _EMPHASIS.sub(r"\2", text).removesuffix(" +")


def adoc_text(source: Source) -> Converted:
    """The text of an AsciiDoc file."""
    reader = _Reader()
    for line in decode(source.raw).split("\n"):
        reader.read(line)
    return Converted("\n".join(reader.written).strip("\n") + "\n")


def _table_rows(lines: list[str]) -> list[str]:
    """One row a line; where every cell has a line of its own, a row ends at a blank line."""
    groups: list[list[list[str]]] = [[]]
    for line in lines:
        if not line.strip():
            groups.append([])
        elif cells := _CELL.split(line)[1:]:
            groups[-1].append([cell.strip() for cell in cells])
        elif groups[-1]:
            groups[-1][-1][-1] += f" {line.strip()}"
    rows: list[list[str]] = []
    for group in groups:
        are_cells = len(group) > 1 and all(len(row) == 1 for row in group)
        rows += [[cell for row in group for cell in row]] if are_cells else group
    return [" | ".join(row) for row in rows if any(row)]
