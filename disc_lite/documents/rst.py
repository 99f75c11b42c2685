"""reStructuredText as it is written -> the text that a reader of the page sees.

Comments, targets, pictures, tables of contents and note marks are left out; of admonitions, roles and links the text
stays. `#.` becomes a number, tables (drawn, or written as CSV or lists) become rows, and literal blocks become code.
The underlines of headings stay as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from disc_lite.documents.escapes import MARK
from disc_lite.documents.formulas import with_scripts
from disc_lite.documents.headings import fenced
from disc_lite.documents.inlinehtml import embedded_text
from disc_lite.documents.listtables import dedented, listed_rows
from disc_lite.documents.rstconditions import is_seen
from disc_lite.documents.rsttables import drawn_table

_DIRECTIVE = re.compile(r"(?P<indent>\s*)\.\. (?:\|[^|]+\| )?(?P<name>[\w:+-]+)::(?:\s+(?P<argument>.*))?")
_EXPLICIT = re.compile(r"(?P<indent>\s*)\.\.(?:\s+(?P<rest>.*))?")
_NOTE = re.compile(r"\[(?:\d+|#[\w-]*|\*)\]\s+(?P<text>.*)")
_SUBSTITUTION = re.compile(r"^[ \t]*\.\. \|([^|\n]+)\| replace::[ \t]*(\S.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_ITEM = re.compile(r"(\s*)(#|\d{1,3})\.(?=\s+\S)")
# What is in front of the text of a line, item markers included; a block that belongs to the line is indented further.
_MARGIN = re.compile(r"\s*(?:(?:[-*+•‣⁃]|\(?(?:#|\d{1,3}|[A-Za-z])[.)])\s+)*")
_OPTION = re.compile(r"\s*:([\w-]+):(?:\s+(.*))?")
_DROPPED = frozenset(
    """
    contents currentmodule default-role automodule header footer highlight image include index literalinclude
    meta module role sectnum sectionauthor moduleauthor py:module py:currentmodule tabularcolumns target-notes title
    toctree
    """.split()
)
_UNTITLED = frozenset(
    "container cssclass figure grid ifconfig only program rst-class tab-set".split()
)  # their arguments are not text
ADMONITIONS = frozenset("attention caution danger error hint important note seealso tip todo warning".split())
_VERSIONS = {"versionadded": "New in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since"}
_LITERAL = frozenset(
    """
    code code-block code-cell sourcecode parsed-literal doctest testcode testoutput prompt math console ipython
    click:example click:run graphviz mermaid plantuml uml plot
    """.split()
)
# Directives that are read in the same way in MyST Markdown, where they open a fence: ```` ```{toctree} ````.
MYST = _DROPPED | _VERSIONS.keys() | {"csv-table", "list-table", "figure", "eval-rst"}

_INLINE = (
    (re.compile(r":[\w:+.-]+:`~(?:[\w.]*\.)?([^`<]+)`"), r"\1"),
    (re.compile(r":[\w:+.-]+:`([^`<]*[^`<\s])\s*<[^`>]*>`"), r"\1"),
    (re.compile(r":[\w:+.-]+:`([^`]+)`"), r"\1"),
    (re.compile(r"`([^`<]*[^`<\s])\s*<[^`>]*>`__?"), r"\1"),
    (re.compile(r"`([^`]+)`__?"), r"\1"),
    (re.compile(r"\s?\[(?:\d+|#[\w-]*|\*)\]_"), ""),
    (re.compile(r"(\[[A-Za-z][\w.-]*\])_"), r"\1"),  # a citation
    (re.compile(rf"(?<![\\{MARK}])\\ "), ""),  # ends markup inside a word
)
# Stays as it is written, backslashes included.
_RAW = re.compile(r"(``.*?``|:(?:math|code):`[^`]+`)")
_ESCAPE = re.compile(rf"(?<!{MARK})\\([^\s|`])")
_MAX_WRAPPED = 4  # lines
_SCRIPT = re.compile(r"(?:\\ )?:(su[bp])(?:er)?(?:script)?:`([^`]+)`(?:\\ )?")
_LINE_OF_VERSE = re.compile(r"^(\s*)\| (?!.*\|\s*$)")  # but not a row of a table
_TARGET = re.compile(r"^[ \t]*\.\. _(\w[\w.+-]*):(?:\s|$)", re.MULTILINE)
_NAMELESS_TARGET = re.compile(r"\s*__ \S+\s*")


def rst_text(text: str) -> str:
    """The text that a reader of the page sees; headings keep their underlines."""
    lines = _numbered([line for line in text.split("\n") if not _NAMELESS_TARGET.fullmatch(line)])
    seen = "\n".join(_without_marks([*_seen(lines)], _TARGET.findall(text)))
    names = {name[1]: _plain(" ".join(name[2].split())) for name in _SUBSTITUTION.finditer(text)}
    if not names:
        return seen.replace(MARK, "")
    # Replaced only now, since longer texts would have moved the columns of drawn tables.
    named = re.compile("|".join(re.escape(f"|{name}|") + "_{0,2}" for name in names))
    is_definition = re.compile(r"\s*\.\. \|")  # shown in code
    return "\n".join(
        line if is_definition.match(line) else named.sub(lambda use: names[use[0].strip("_")[1:-1]], line)
        for line in seen.split("\n")
    ).replace(MARK, "")


def _without_marks(lines: list[str], targets: list[str]) -> Iterator[str]:
    """Yield the lines without the underscores of references to targets: `Bell_` is `Bell`; code stays as it is."""
    if not targets:
        yield from lines
        return
    reference = re.compile(rf"(?<![\w`/.])({'|'.join(map(re.escape, targets))})__?(?![\w`])", re.IGNORECASE)
    is_code = False
    for line in lines:
        is_code ^= line.lstrip().startswith("```")
        yield line if is_code or "_" not in line else reference.sub(r"\1", line)


def role_text(role: str, content: str) -> str:
    """The visible text of a role in MyST Markdown: `the bells` for {ref}`the bells <bells>`."""
    return _plain(f":{role}:`{content}`")


def _numbered(lines: list[str]) -> list[str]:
    """The lines with numbers in place of `#.`; a list ends at a line that is not an item and not indented further."""
    counts: dict[int, int] = {}  # margin -> the last number
    numbered = []
    for line in lines:
        item = _ITEM.match(line)
        margin = len(line) - len(line.lstrip())
        if line.strip():
            counts = {at: number for at, number in counts.items() if at < margin or (at == margin and item)}
        if item:
            counts[margin] = counts.get(margin, 0) + 1 if item[2] == "#" else int(item[2])
            line = f"{item[1]}{counts[margin]}{line[item.end(2) :]}"
        numbered.append(line)
    return numbered


def _seen(lines: list[str]) -> Iterator[str]:
    index = 0
    while index < len(lines):
        line = lines[index]
        if index == 0 or not lines[index - 1].strip():
            rows, end = drawn_table(lines, index, _seen)
            if rows:
                indent = line[: len(line) - len(line.lstrip())]
                yield from (indent + _plain(row) for row in rows)
                index = end
                continue
        explicit = _EXPLICIT.fullmatch(line)
        if explicit is None:
            line, index = _whole(lines, index)
            margin = len(line) - len(_MARGIN.sub("", line, count=1))
            end = _block_end(lines, index, margin) if line.rstrip().endswith("::") else index
            if end == index:
                yield _plain(_LINE_OF_VERSE.sub(r"\1", line, count=1))
                continue
            # A reader sees one colon, or none if the two are set apart by a space.
            before = line.rstrip().removesuffix("::")
            yield from [_plain(before.rstrip() if before[-1:].isspace() else before and f"{before}:"), ""]
            yield from _fenced(lines[index:end], " " * margin)
            index = end
            continue
        end = _block_end(lines, index + 1, len(explicit["indent"]))
        yield from _explicit(lines[index], lines[index + 1 : end], explicit)
        index = end


def _whole(lines: list[str], index: int) -> tuple[str, int]:
    """A line, joined with the next ones if its backquotes are closed there, and the number of the line after."""
    line, first = lines[index], index
    index += 1
    while index < min(len(lines), first + _MAX_WRAPPED) and line.replace("``", "").count("`") % 2:
        if not lines[index].strip() or _EXPLICIT.fullmatch(lines[index]):
            break
        line, index = f"{line}\n{lines[index]}", index + 1
    return line, index


def _explicit(line: str, block: list[str], explicit: re.Match[str]) -> Iterator[str]:
    """Yield the visible lines of a comment, target, note or directive with its block."""
    indent, rest = explicit["indent"], explicit["rest"] or ""
    if note := _NOTE.fullmatch(rest):
        yield indent + _plain(note["text"])
        yield from map(_plain, dedented(block, indent))
        return
    found = _DIRECTIVE.fullmatch(line)
    if found is None or found["name"] in _DROPPED or line.lstrip().startswith(".. |"):
        # A citation is text; comments and targets are not.
        if rest.startswith("[") and "]" in rest:
            yield indent + _plain(rest)
            yield from map(_plain, dedented(block, indent))
        return
    options = {}
    while block and (option := _OPTION.fullmatch(block[0])):
        options[option[1]] = option[2] or ""
        block = block[1:]
    name, argument = found["name"], (found["argument"] or "").strip()
    if rows := listed_rows(name, block, options):
        yield from [indent + _plain(line) for line in ([argument, ""] if argument else []) + rows]
        return
    if name == "raw":
        shown = embedded_text("\n".join(block)) if argument == "html" else ""
        yield from shown.split("\n") if shown else []
        return
    if name in _LITERAL:
        yield from _fenced([argument, *dedented(block, "")] if name == "math" and argument else block, indent)
        return
    if name == "only" and not is_seen(argument):
        return
    if name in _UNTITLED:
        argument = ""
    label = f"{_VERSIONS[name]} {argument}:" if name in _VERSIONS else argument
    if name in ADMONITIONS:
        label = f"{'See also' if name == 'seealso' else name.capitalize()}: {argument}".strip()
    if label:
        yield indent + _plain(label)
    yield from _seen(dedented(block, indent))


def _fenced(block: list[str], indent: str) -> Iterator[str]:
    """Yield a literal block as fenced code, with its indent, so that a line above a rule in it is not a heading."""
    shown = "\n".join(block).strip("\n")
    opening, *code, closing = fenced(shown).split("\n")
    yield from [indent + opening, *code, indent + closing] if shown else []


def _block_end(lines: list[str], start: int, indent: int) -> int:
    """The end of the lines from `start` that are indented by more than `indent`, without blank lines at the end."""
    end = start
    for index in range(start, len(lines)):
        line = lines[index]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indent:
                break
            end = index + 1
    return end


def _plain(line: str) -> str:
    """A line without roles, links and note marks, with escaped characters marked; double backquotes stay as written."""
    if not any(sign in line for sign in ("`", "]_", "\\")):
        return line
    parts = _RAW.split(line)
    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = part if part.startswith("``") else part.partition("`")[2].removesuffix("`")
            continue
        part = with_scripts(_ESCAPE.sub(rf"{MARK}\1", part), _SCRIPT)
        for pattern, replacement in _INLINE:
            part = pattern.sub(replacement, part)
        parts[place] = part
    return "".join(parts)
