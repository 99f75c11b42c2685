"""Org files -> Markdown, line by line: headlines, lists, tables, source blocks, links and emphasis.

Parts that Emacs does not export (drawers, plans, comments, settings, headlines with the tag `noexport`) are dropped.
The library orgparse gives a tree of headlines but leaves all the markup within them, so it would save little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import dedent

from disc_lite.documents.decoding import decode
from disc_lite.documents.formulas import with_scripts
from disc_lite.documents.headings import fenced
from disc_lite.documents.source import Converted, Source

_HEADLINE = re.compile(r"(\*+)\s+((?:TODO|DONE|NEXT|WAITING|CANCELLED)\s+)?(?:\[#\w\]\s+)?(.*?)(?:\s+:[\w@:]+:)?\s*$")
_HIDDEN = re.compile(r"\*+\s+(?:(?:[A-Z]+\s+)?COMMENT\b|.*\s:(?:[\w@]+:)*noexport:)")
_PLAN = re.compile(r"\s*(?:SCHEDULED|DEADLINE|CLOSED):\s*[<\[]")
_KEYWORD = re.compile(r"\s*#\+(\w+):?\s*(.*)", re.IGNORECASE)
_DRAWER = re.compile(r"\s*:[\w-]+:\s*$")
_COMMENT = re.compile(r"\s*#(?:\s|$)")
_RULE = re.compile(r"\s*-{5,}\s*$")
_TABLE_RULE = re.compile(r"\s*\|[-+|\s]*$")
_ITEM = re.compile(r"(\s*)[-+]\s+(?:(\S.*?)\s+::(?=\s|$))?")  # with the term that it defines, if any
_NOTE = re.compile(r"^\s*\[fn:[\w-]+\]\s*|\[fn:[\w-]+\]|\[fn:[\w-]*:\s*([^\[\]]*)\]")
_COMMA = re.compile(r"^(\s*),(?=,*(?:\*|#\+))", re.MULTILINE)  # escapes a line that would be a headline or a setting
_DEFINED = re.compile(r"^[ \t]*#\+MACRO:[ \t]+([\w-]+)[ \t]+(.*)$", re.IGNORECASE | re.MULTILINE)
_MACRO = re.compile(r"\{\{\{([\w-]+)(?:\((.*?)\))?\}\}\}")
_LINK = re.compile(r"\[\[([^\]]+)\](?:\[([^\]]+)\])?\]")
_SCRIPT = re.compile(r"(?<=\w)([\^_])\{([^{}]+)\}")
_SET_NUMBER = re.compile(r"(\s*)(?:\d+|[A-Za-z])([.)])\s+\[@(\w+)\](?=\s)")
_CODE = re.compile(r"(?<![^\s({'\"-])([=~])(\S|\S.*?\S)\1(?![^\s)}'\".,;:!?-])")
_STRUCK = re.compile(r"(?<![^\s({'\"-])\+(\S|\S.*?\S)\+(?![^\s)}'\".,;:!?-]) ?")
_EMPHASIS = re.compile(r"(?<![^\s({'\"-])([*/_])(\S|\S.*?\S)\1(?![^\s)}'\".,;:!?-])")
_VERBATIM = {"SRC", "EXAMPLE"}
_DROPPED = {"COMMENT", "EXPORT", "HTML", "LATEX", "BEAMER", "ASCII", "ODT", "TEXINFO"}  # the last ones in older files
_SNIPPET = re.compile(r"@@[\w-]+:.*?@@")  # markup of another format, as in the block `EXPORT`


def org_text(source: Source) -> Converted:
    """The text of an Org file, with its `#+TITLE` as the first heading."""
    lines = list(_exported(_expanded(decode(source.raw)).split("\n")))
    shift = 1 if any(keyword[1].upper() == "TITLE" for keyword in map(_KEYWORD.match, lines) if keyword) else 0
    written: list[str] = []
    inside, begins, language = "", 0, ""  # of the open block or drawer; `begins` in `written`
    for line in lines:
        keyword = _KEYWORD.match(line)
        name = keyword[1].upper() if keyword else ""
        if inside:
            ends = name == f"END_{inside}" or (inside == "DRAWER" and line.strip().upper() == ":END:")
            if inside in _VERBATIM and ends:
                written[begins:] = [fenced(_COMMA.sub(r"\1", dedent("\n".join(written[begins:]))), language)]
            elif inside in _VERBATIM:
                written.append(line)
            elif not ends and inside not in ("DRAWER", *_DROPPED):
                written.append(_inline(line))
            inside = "" if ends else inside
        elif keyword and name.startswith("BEGIN_"):
            inside = name.removeprefix("BEGIN_")
            begins, language = len(written), keyword[2].split(" ")[0]
        elif keyword:
            written += [f"# {keyword[2]}", ""] if name == "TITLE" else []
        elif _DRAWER.match(line):
            inside = "DRAWER"
        elif not any(dropped.match(line) for dropped in (_COMMENT, _RULE, _TABLE_RULE)):
            written.append(_line(line, shift))
    return Converted("\n".join(written).strip("\n") + "\n")


def _expanded(text: str) -> str:
    """The text with its own macros expanded; another macro, such as `{{{kbd(Tab)}}}`, is replaced by its argument."""
    macros = {name.lower(): body for name, body in _DEFINED.findall(text) if not body.startswith("(eval")}

    def shown(use: re.Match[str]) -> str:
        body = macros.get(use[1].lower())
        if body is None:
            return use[0] if use[2] is None else use[2].replace("\\,", ",")
        values = [value.replace("\\,", ",").strip() for value in re.split(r"(?<!\\),", use[2] or "")]
        return re.sub(r"\$(\d)", lambda place: "".join(values[int(place[1]) - 1 : int(place[1])]), body)

    return _MACRO.sub(shown, text)


def _exported(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that Org exports: no hidden headlines, nothing below them, and no plans (`SCHEDULED: <…>`)."""
    hidden = 0  # depth of the hidden headline
    for line in lines:
        if (headline := _HEADLINE.match(line)) and (not hidden or len(headline[1]) <= hidden):
            hidden = len(headline[1]) if _HIDDEN.match(line) else 0
        if not hidden and not _PLAN.match(line):
            yield line


def _line(line: str, shift: int) -> str:
    if headline := _HEADLINE.match(line):
        return f"{'#' * min(6, len(headline[1]) + shift)} {headline[2] or ''}{_inline(headline[3])}"
    if line.lstrip().startswith("|"):
        return " | ".join(_inline(cell.strip()) for cell in line.strip().strip("|").split("|"))
    if line.lstrip().startswith(": "):  # a line of fixed width
        return "    " + line.lstrip()[2:]
    line = _SET_NUMBER.sub(r"\1\3\2", line, count=1)
    if item := _ITEM.match(line):
        return f"{item[1]}- " + _inline((f"{item[2]}:" if item[2] else "") + line[item.end() :])
    return _inline(line)


def _inline(text: str) -> str:
    text = _NOTE.sub(lambda note: f" [{note[1]}]" if note[1] else "", _SNIPPET.sub("", text))
    text = _LINK.sub(lambda link: link[2] or link[1].lstrip("*#"), text)
    text = with_scripts(_EMPHASIS.sub(r"\2", _STRUCK.sub("", text)), _SCRIPT)
    return _CODE.sub(r"`\2`", text)
