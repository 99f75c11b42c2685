"""LaTeX -> Markdown, by pylatexenc: accents, macros and text; formulas stay as they are written.

pylatexenc (138 kB of plain Python without dependencies) is the parser that arXiv tools use; it is in the extra
`documents`. Before it, macros that the file defines are replaced by their bodies, and references by titles or numbers.
Other macros that are not known are named in the warning, since the text that they stood for is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from disc_lite.documents.decoding import decode
from disc_lite.documents.source import Converted, RefusedFile, Source
from disc_lite.documents.texnodes import TexReader
from disc_lite.documents.texreferences import with_references
from disc_lite.documents.texspecs import OPTION, Groups, after_space
from disc_lite.documents.texverbatim import Verbatim

_NAME = r"(?:\{\s*\\(?P<braced>[A-Za-z@]+)\s*\}|\\(?P<bare>[A-Za-z@]+))"
_DEFINITION = re.compile(
    rf"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?\s*{_NAME}\s*(?:\[(?P<count>\d)\])?\s*"
    r"(?:\[(?P<default>[^\]]{0,1000})\])?\s*(?=\{)"
    r"|\\def\s*\\(?P<plain>[A-Za-z@]+)(?P<places>(?:#\d)*)\s*(?=\{)"
)
_USE = re.compile(r"\\(?:(?P<name>[A-Za-z@]+)|.)", re.DOTALL)
_PLACE = re.compile(r"(#\d)")
_MAX_DEPTH = 20
_MAX_CHARS = 1 << 23

_CONDITION = re.compile(r"\\newif\s*\\if[A-Za-z@]+|\\(if(?!f\b|thenelse)[A-Za-z@]*|else|fi)(?![A-Za-z@])")
_NEW_CONDITION = re.compile(r"\\newif\s*\\if([A-Za-z@]+)")
_SET_TO_TRUE = re.compile(r"\\([A-Za-z@]+)true(?![A-Za-z@])")

_BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
_TITLE = re.compile(rf"\\(title|author|date)\s*{OPTION}\s*(?=\{{)")  # what `\\maketitle` prints
_CUT = re.compile(r"(?=^[ \t]*\\(?:part|chapter|section)\b)", re.MULTILINE)
_SPACES = re.compile(r"[ \t](?<=\S[ \t])[ \t]+(?=\S)")
_INDENT = re.compile(r"^[ \t]+|(?<![ \t])[ \t]+$", re.MULTILINE)
_BLANK = re.compile(r"\n{3,}")
_LOOSE_ITEM = re.compile(r"^(- .*)\n\n(?=- )", re.MULTILINE)
_LISTED_MACROS = 5


def tex_text(source: Source) -> Converted:
    """The text of a LaTeX file, without its preamble; each section has a time limit of its own."""
    reader, verbatim = TexReader(), Verbatim()
    macros, text = definitions(without_unseen_branches(verbatim.taken_out(decode(source.raw))))
    text = with_references(text, is_counted=not any("\\begin" in macro.body for macro in macros.values()))
    parts = _title_lines(text, lambda part: reader.text(expanded(part, macros)))
    body = _BODY.search(text)
    for part in _CUT.split(body[1] if body else text):
        source.on_step()
        parts.append(_plain_text(expanded(part, macros), reader))
    read = verbatim.put_back(_BLANK.sub("\n\n", "\n\n".join(parts)).strip() + "\n")
    return Converted(read, warning=_warning(list(reader.unknown)))


def _title_lines(text: str, read: Callable[[str], str]) -> list[str]:
    """The title of a file as a heading, and its authors and date if they are set."""
    written: dict[str, list[str]] = {}
    groups = Groups(text)
    for found in _TITLE.finditer(text):
        end = groups.end(found.end())
        part = text[found.end() + 1 : end - 1] if end else ""
        part = part.replace("\\\\", "\\and ") if found[1] == "author" else part  # lines: a name, where they work
        if shown := " ".join(read(part).split()).replace(" ,", ","):
            written.setdefault(found[1], []).append(shown)
    title, authors, date = (written.get(name, []) for name in ("title", "author", "date"))
    about = [("Author", ", ".join(authors)), ("Date", "".join(date[:1]))]
    return [*(f"# {one}" for one in title[:1]), *(f"{name}: {value}" for name, value in about if value)]


def without_unseen_branches(text: str) -> str:
    """The text without the branches of `\\iffalse`, and of conditions that the file defines but never sets to true."""
    true = set(_SET_TO_TRUE.findall(text))
    states = {name: name in true for name in _NEW_CONDITION.findall(text)} | {"true": True, "false": False}
    parts: list[str] = []
    opened: list[bool | None] = []  # by open condition: whether the text is seen; None: unknown
    unseen = 0  # how many of them are false
    at = 0
    for found in _CONDITION.finditer(text):
        name = found[1] or ""
        state = states.get(name[2:]) if name.startswith("if") else opened[-1] if opened and name else None
        if state is not None:
            parts.append(text[at : found.start()] if not unseen else "")
            at = found.end()
        if name.startswith("if"):
            opened.append(state)
            unseen += state is False
        elif name and opened:
            unseen -= opened.pop() is False
            if name == "else":
                opened.append(None if state is None else not state)
                unseen += state is True
    return text if unseen else "".join([*parts, text[at:]])


def _warning(unknown: list[str]) -> str:
    if not unknown:
        return ""
    listed = ", ".join(unknown[:_LISTED_MACROS]) + (", …" if len(unknown) > _LISTED_MACROS else "")
    what = "1 macro is" if len(unknown) == 1 else f"{len(unknown)} macros are"
    return f"{what} unknown and left out ({listed}): if one stands for a value, write the value out"


def _plain_text(part: str, reader: TexReader) -> str:
    text = _SPACES.sub(" ", _INDENT.sub("", reader.text(part).replace("\u00a0", " ")))
    return _LOOSE_ITEM.sub(r"\1\n", _BLANK.sub("\n\n", text)).strip("\n")


@dataclass(frozen=True)
class Macro:
    """The definition of a macro: `body`, with `#1` for its first argument, which can have a default."""

    body: str
    arguments: int = 0
    default: str | None = None


def definitions(text: str) -> tuple[dict[str, Macro], str]:
    """The macros that a file defines, by name, and the file without the definitions."""
    macros: dict[str, Macro] = {}
    parts = []
    groups = Groups(text)
    at = 0
    while found := _DEFINITION.search(text, at):
        end = groups.end(found.end())
        if end is None:
            parts.append(text[at : found.end()])
            at = found.end()
            continue
        name = found["braced"] or found["bare"] or found["plain"]
        count = int(found["count"] or 0) or len(found["places"] or "") // 2
        macros[name] = Macro(text[found.end() + 1 : end - 1].replace("\\xspace", ""), count, found["default"])
        parts.append(text[at : found.start()])
        at = end
    return macros, "".join([*parts, text[at:]])


def expanded(text: str, macros: dict[str, Macro], depth: int = 0) -> str:
    """The text with each use of a macro replaced by its body.

    Raises:
        RefusedFile: The expansion does not end, or is too long.
    """
    parts: list[str] = []
    groups = Groups(text)
    at = size = 0
    for use in _USE.finditer(text):
        macro = macros.get(use["name"] or "")
        if macro is None or use.start() < at:
            continue
        values, end = _arguments(text, groups, use.end(), macro)
        body = "".join(values.get(part[1:], part) for part in _PLACE.split(macro.body))
        if depth < _MAX_DEPTH:
            body = expanded(body, macros, depth + 1)
        parts += [text[at : use.start()], body]
        at = end
        size += len(body)
        if size > _MAX_CHARS or depth == _MAX_DEPTH:
            raise RefusedFile("its macros expand without end, or to too much text; save it as text")
    return "".join([*parts, text[at:]])


def _arguments(text: str, groups: Groups, at: int, macro: Macro) -> tuple[dict[str, str], int]:
    """The arguments of a macro that is used just before `at`, by number, and where they end."""
    values: dict[str, str] = {}
    for number in range(1, macro.arguments + 1):
        start = after_space(text, at)
        if number == 1 and macro.default is not None:
            values["1"] = macro.default
            if text.startswith("[", start) and (close := text.find("]", start)) > 0:
                values["1"], at = text[start + 1 : close], close + 1
            continue
        end = groups.end(start)
        values[str(number)] = text[start : start + 1] if end is None else text[start + 1 : end - 1]
        at = start + 1 if end is None else end
    # An empty group only ends the name: `\\fee{} is`.
    return values, at + 2 if not macro.arguments and text.startswith("{}", at) else at
