"""AsciiDoc -> Markdown, line by line: headings, lists, tables, listings, attributes and links.

No maintained Python library reads AsciiDoc; this reader covers what documentation uses. Included files are left out,
and so is text under a condition (`ifdef`, `ifndef`) that the attributes of the file itself do not meet.
"""

from __future__ import annotations

import html
import re

from disc_lite.documents.adoctables import adoc_rows
from disc_lite.documents.decoding import decode
from disc_lite.documents.formulas import with_scripts
from disc_lite.documents.headings import fenced
from disc_lite.documents.inlinehtml import embedded_text
from disc_lite.documents.numbering import number_text
from disc_lite.documents.source import Converted, RefusedFile, Source

_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+=+)?\s*$")
# A title with a line of about its length below it, which is the older form: `NAME` above `----`.
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,}|\+{3,})\s*$")
_UNDERLINED = re.compile(r"(?![.\[|:/]|\s)(?=.*\w).*[^:;,\s]\s*$")
_ATTRIBUTE = re.compile(r":!?([\w-]+)!?:(?:\s+(.*?))?\s*$")
_REFERENCE = re.compile(r"\\\{[\w-]+\}|\{([\w-]+)\}")  # a backslash makes it text
_BLOCK_LINE = re.compile(r"\[(?![\[ ]?\d+\])[^\]]*\]{1,2}\s*$")
_LANGUAGE = re.compile(r"\[source(?:%\w+)*,\s*([\w+-]+)")
_VERBATIM = re.compile(r"(-{4,}|\.{4,}|\+{4,})\s*$")
_DELIMITER = re.compile(r"(?:={4,}|\*{4,}|_{4,}|--|'{3,}|<{3,})\s*$")
_ADMONITION = re.compile(r"\[(NOTE|TIP|IMPORTANT|WARNING|CAUTION)[\],.#%]")
_COMMENT_BLOCK = re.compile(r"/{4,}\s*$")
_DIRECTIVE = re.compile(r"(?:include|toc)::")
_CONDITION = re.compile(r"(ifdef|ifndef|ifeval|endif)::([^\[]*)\[(.*)\]\s*$")
# Attributes that are always set: those of HTML output, and named characters.
_GIVEN = {
    **dict.fromkeys(("backend-html5", "basebackend-html", "asciidoctor", "empty", "zwsp"), ""),
    **{"nbsp": " ", "sp": " ", "amp": "&", "lt": "<", "gt": ">", "plus": "+", "vbar": "|", "deg": "°", "quot": '"'},
}
_LISTED_NAMES = 5
_UNDERLINE_SLACK = 2  # characters
_BLOCK_TITLE = re.compile(r"\.(?=[^\s.])(.*)")
_TICKED = re.compile(r"^\[\*\](?= )")
_ITEM = re.compile(r"\s*(\*{1,5}|-|\.{1,5})\s+(?=\S)")
_TERM = re.compile(r"(\S.*?):{2,4}(?:\s+|$)")
_LINK = re.compile(r"(?:link:([^\s\[]+)|xref:([^\s\[]+)|mailto:([^\s\[]+)|(https?://[^\s\[]+))\[(?P<text>[^\]]*)\]")
_LINK_ATTRIBUTES = re.compile(r"\^?(?:,\s*[\w-]+=.*)?$")
# Macros that show their text: keys, buttons and visible index terms, `indexterm2:[term]` or `((term))`.
_SHOWN = re.compile(r"(?:kbd|btn|indexterm2):\[([^\]]*)\]|(?<!\()\(\((?!\()([^()]+)\)\)(?!\))")
# Formulas and passed-through HTML, in which no character is AsciiDoc markup.
_PASSED = re.compile(
    r"(?:(?P<math>stem|latexmath|asciimath)|pass):[a-z,]*\[(?P<text>(?:\\\]|[^\]])*)\]|(?<![\w+])\+{3}(?P<raw>.+?)\+{3}"
)
_MATH = re.compile(r"stem|latexmath|asciimath")
# Without one of these a text is seen as it is written; a macro needs one of the second.
_MARKED = re.compile(r"[\[{`*_#^~&]|<<|\(\(|\+{3}")
_MACROS = ("pass:", "stem:", "math:", "kbd:", "btn:", "indexterm", "icon:", "menu:", "((", "[[", "+++")
# Markup that is not closed is searched to the end of its line, which can be a whole file.
_INLINE_CHARS = 10_000
_PARTS = re.compile(r".{1,9000}(?!\S)|.{1,9000}")
_KEPT = "\ufdd1"  # the placeholder for such a passage; a noncharacter of Unicode
_MENU = re.compile(r"menu:([^\s\[]+)\[([^\]]*)\]")
_UNSEEN = re.compile(
    r"(?:indexterm:|icon:[\w-]+)\[[^\]]*\]|\(\(\([^()]*\)\)\)|\s?\[\[[A-Za-z_:][\w:.-]*(?:,[^\]]*)?\]\]"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_CODE = re.compile(r"(`[^`]+`)")
_LITERAL = re.compile(r"`\+(?=\S)(.+?)(?<=\S)\+`")
_QUOTED = re.compile(r"\"`(?=\S)(.+?)(?<=\S)`\"")
_CROSS = re.compile(r"<<([^,>]+)(?:,\s*([^>]+))?>>")
_IMAGE = re.compile(r"(?:image|video|audio)::?[^\s\[]+\[([^\],]*)[^\]]*\]")
_START = re.compile(r"\bstart=(\d{1,4})\b")
# Text with a role or an id, `[.big]#84#` or `[#fee]#the fee#`; it can span several lines of a paragraph.
_ROLE = re.compile(
    r"\[(?P<role>[#.%\w][\w.#:-]*)\](?P<mark>##?)(?=\S)(?P<text>(?:(?!\n\n).){1,1000}?)(?<=\S)(?P=mark)(?P<after> ?)",
    re.DOTALL,
)
_NOTE = re.compile(r"footnote:[\w-]*\[([^\]]*)\]")
_SCRIPT = re.compile(r"([\^~])(\S+?)\1")
_EMPHASIS = re.compile(r"(?<![\w*_#`])(\*\*?|__?|##?)(?=\S)(.+?)(?<=\S)\1(?![\w*_#`])")
_TABLE = re.compile(r"[|,]={3,}\s*$")


class _Reader:
    """Converts AsciiDoc line by line: the Markdown written so far, and the open blocks, lists and conditions."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.attributes = dict(_GIVEN)
        self.conditions: list[bool] = []  # for each open condition, whether it is met
        self.missing: dict[str, None] = {}  # attributes that an `ifdef` names and that are not set
        self.language = ""
        self.until = ""  # the line that ends a verbatim block or a comment
        self.drops = False
        self.begins = 0  # the number of lines written before the open verbatim block
        self.rows: list[str] | None = None  # lines of the open table
        self.table = ""  # the delimiter line that opened the table; an equal line closes it
        self.block = ""  # the attribute lines above the next block
        self.numbers: dict[int, int] = {}  # depth -> the last number of the open list
        self.above = ""  # the previous line
        self.before = ""  # the line before that

    def read(self, line: str) -> None:
        """Process the next line and append its visible text to `written`."""
        if condition := _CONDITION.match(line):
            self._condition(*condition.groups())
        elif False in self.conditions:
            return
        elif self.until:
            self._in_block(line)
        elif self.rows is not None:
            self._in_table(line)
        elif _UNDERLINE.match(line) and self._is_title(len(line.rstrip())):
            self.written[-1] = f"{'#' * (1 + '=-~^+'.index(line[0]))} {self._inline(self.above.strip())}"
            self.numbers, self.block = {}, ""
        elif _VERBATIM.match(line):
            self.until, self.drops, self.begins = line.strip(), False, len(self.written)
        elif _COMMENT_BLOCK.match(line):
            self.until, self.drops = line.strip(), True
        elif _TABLE.match(line):
            self.rows, self.table = [], line.strip()
        elif attribute := _ATTRIBUTE.match(line):
            if "!" in line[: attribute.end(1) + 1]:
                self.attributes.pop(attribute[1], None)
            else:
                self.attributes[attribute[1]] = attribute[2] or ""
        elif _BLOCK_LINE.match(line):
            language = _LANGUAGE.match(line)
            self.language = language[1] if language else ""
            if admonition := _ADMONITION.match(line):
                self.written.append(f"{admonition[1].capitalize()}:")
            if start := _START.search(line):
                self.numbers = {0: int(start[1]) - 1}
            self.block += line
        elif not (line.startswith("//") or _DELIMITER.match(line) or _DIRECTIVE.match(line) or line.strip() == "+"):
            self.written.append(self._line(line))
            self.block = self.block if not line.strip() or _BLOCK_TITLE.match(line) else ""

    def _is_title(self, length: int) -> bool:
        """Whether the line above is alone and about as long as the line under it."""
        is_alone = not self.before.strip() or _BLOCK_LINE.match(self.before) is not None
        is_as_long = abs(len(self.above.rstrip()) - length) <= _UNDERLINE_SLACK
        return is_alone and is_as_long and self.written[-1:] != [] and _UNDERLINED.match(self.above) is not None

    def _condition(self, kind: str, written: str, inner: str) -> None:
        """Open or end a condition; a condition with text in its brackets applies to that text only."""
        if kind == "endif":
            del self.conditions[-1:]
            return
        names = re.split(r"[,+]", written)
        is_set = (all if "+" in written else any)(name in self.attributes for name in names)
        if kind == "ifdef" and not is_set:
            self.missing |= dict.fromkeys(name for name in names if name not in self.attributes)
        is_met = kind == "ifeval" or is_set == (kind == "ifdef")
        if not inner or kind == "ifeval":
            self.conditions.append(is_met)
        elif is_met and False not in self.conditions:
            self.read(inner)

    def _in_block(self, line: str) -> None:
        if line.strip() == self.until:
            self.end_block()
        elif not self.drops:
            self.written.append(line)

    def end_block(self) -> None:
        """End the open verbatim block, if any: fence its code; a passthrough block is HTML or a formula instead."""
        if self.until and not self.drops:
            content = "\n".join(self.written[self.begins :])
            if not self.until.startswith("+"):
                content = fenced(content, self.language)
            elif not _MATH.search(self.block):
                content = embedded_text(content) or ""
            self.written[self.begins :] = [content]
            self.language = self.block = ""
        self.until = ""

    def _in_table(self, line: str) -> None:
        assert self.rows is not None
        if line.strip() != self.table:
            self.rows.append(line)
            return
        rows = map(self._inline, adoc_rows(self.rows, self.block, self.table[0]))
        self.written += [*([""] if self.written[-1:] != [""] else []), *rows]
        self.rows, self.block = None, ""

    def _line(self, line: str) -> str:
        """A line outside blocks as Markdown: a heading, a block title, a list item, a term or text."""
        if heading := _HEADING.match(line):
            self.numbers = {}
            return f"{'#' * len(heading[1])} {self._inline(heading[2])}"
        if title := _BLOCK_TITLE.match(line):
            return self._inline(title[1]) + "\n"
        if item := _ITEM.match(line):
            return self._item(item[1], _TICKED.sub("[x]", line[item.end() :]))
        if "::" in line and (term := _TERM.match(line)) and "://" not in term[0]:
            return f"{self._inline(term[1])}: {self._inline(line[term.end() :])}".rstrip()
        if line.strip() and not self.above.strip():
            self.numbers = {}
        return self._inline(line)

    def _item(self, marker: str, text: str) -> str:
        """A list item as Markdown; numbers continue until the first line of a new paragraph ends the list."""
        depth = len(marker) - 1 if marker != "-" else 0
        self.numbers = {deep: number for deep, number in self.numbers.items() if deep <= depth}
        if not marker.startswith("."):
            return "  " * depth + "- " + self._inline(text)
        self.numbers[depth] = self.numbers.get(depth, 0) + 1
        label = number_text(("1", "a", "i", "A", "I")[depth], self.numbers[depth])
        return "  " * depth + (f"{label}. " if depth < 2 else f"- {label}) ") + self._inline(text)

    def _inline(self, text: str) -> str:
        """A text with its inline markup replaced by what is seen."""
        if not _MARKED.search(text):
            return text.removesuffix(" +")
        if len(text) > _INLINE_CHARS:
            return "".join(map(self._inline, _PARTS.findall(text)))
        text = _REFERENCE.sub(lambda name: self.attributes.get(name[1], name[0].lstrip("\\")), text)
        text = _NOTE.sub(lambda note: f" [{note[1]}]" if note[1] else "", text)
        parts = _CODE.split(_QUOTED.sub(r"“\1”", _IMAGE.sub(r"\1", text)))
        kept: list[str] = []
        parts[::2] = [_without_macros(part, kept) for part in parts[::2]]
        text = _LITERAL.sub(r"`\1`", "".join(parts))
        if "[" in text:
            text = _LINK.sub(_seen_of_link, text)
        text = _CROSS.sub(lambda cross: cross[2] or cross[1], text)
        text = with_scripts(text, _SCRIPT)
        text = _EMPHASIS.sub(r"\2", text).removesuffix(" +")
        return re.sub(_KEPT, lambda _: kept.pop(0), text)


def adoc_text(source: Source) -> Converted:
    """The text of an AsciiDoc file."""
    reader = _Reader()
    text = decode(source.raw).replace(_KEPT, "")
    if text.startswith("-----BEGIN PGP "):
        raise RefusedFile("a PGP key or signature, not a text")
    for line in _ROLE.sub(_without_role, text).split("\n"):
        reader.read(line)
        reader.before, reader.above = reader.above, line
    reader.end_block()
    return Converted("\n".join(reader.written).strip("\n") + "\n", warning=_warning(list(reader.missing)))


def _warning(missing: list[str]) -> str:
    if not missing:
        return ""
    listed = ", ".join(missing[:_LISTED_NAMES]) + (", …" if missing[_LISTED_NAMES:] else "")
    return f"text that is only for {listed} is left out: write `:NAME:` at the top to include it"


def _without_role(marked: re.Match[str]) -> str:
    return "" if "line-through" in marked["role"] else marked["text"] + marked["after"]


def _seen_of_link(link: re.Match[str]) -> str:
    """The text of a link; its address if it has none."""
    return _LINK_ATTRIBUTES.sub("", link["text"]).strip('"') or next(filter(None, link.groups()))


def _without_macros(text: str, kept: list[str]) -> str:
    """Replace macros by their visible text; move passed-through text to `kept`, leaving `_KEPT` in its place."""

    def passed(macro: re.Match[str]) -> str:
        content = macro["raw"] or macro["text"].replace("\\]", "]")
        kept.append(content if macro["math"] else html.unescape(re.sub(r"<[^<>]+>", "", content)))
        return _KEPT

    if any(mark in text for mark in _MACROS):
        text = _SHOWN.sub(lambda shown: shown[1] or shown[2], _UNSEEN.sub("", _PASSED.sub(passed, text)))
        text = _MENU.sub(lambda menu: " > ".join(filter(None, menu.groups())), text)
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
