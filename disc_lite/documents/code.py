"""Source code -> itself, with a section for each definition: its comments, signature, docstring and body.

In Python the definitions are found by Python's own parser, in other languages by patterns: a section begins at a line
that defines something, or at the comments right above it. The text is not changed; the title is the path of the file.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from itertools import accumulate

from disc_lite.documents.decoding import decode
from disc_lite.documents.headings import Heading
from disc_lite.documents.source import Converted, Source

SUFFIXES = """
    .py .pyi .js .mjs .jsx .ts .tsx .go .rs .java .kt .kts .scala .swift .c .h .cc .cpp .cxx .hpp .cs .m .rb .php .pl
    .pm .lua .r .jl .dart .ex .exs .erl .hs .ml .clj .zig .sh .bash .zsh .ps1 .sql .vue .proto
""".split()

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

# Lines that define something: a keyword after any modifiers, a C-like function (types, name, arguments, no `;`), a
# shell function, or a JavaScript function that is assigned to a name.
_WORDS = """
    function func fun fn def defp defmodule class struct interface trait enum union impl type module namespace
    object record protocol extension sub subroutine procedure proc message service create macro_rules!
"""
_MODIFIERS = """
    export default public private protected internal static final abstract async pub pub(crate) unsafe extern override
    open sealed virtual inline const constexpr data local partial readonly declare
"""
_DEFINES = re.compile(
    rf"(?P<indent>[ \t]{{0,4}})(?:(?:{'|'.join(map(re.escape, _MODIFIERS.split()))})\s+)*"
    rf"(?:(?:{'|'.join(map(re.escape, _WORDS.split()))})\b(?!\s*[=:.,)]).*"
    r"|(?!(?:if|for|while|switch|catch|return|else|new|throw|case|do|using|with|assert|await|print|echo)\b)"
    r"(?:[A-Za-z_][\w:<>,.\[\]?]*[ \t*&]+)+[*&]*[\w:~]+[ \t]*\([^;={}]*\)?[^;=()]*\{?[ \t]*"
    r"|[\w-]+[ \t]*\(\)[ \t]*\{.*"
    r"|(?:const|let|var)\s+\w+\s*=\s*(?:async\s*)?(?:function\b|\([^()]*\)(?:\s*:[^=()]*)?\s*=>|\w+\s*=>).*)",
    re.IGNORECASE,
)
_ABOVE = re.compile(r"[ \t]*(?:#|//|/\*|\*|--|;|%|@|\"\"\"|'''|<!--)")
# GNU C style: the types of a function on a line of their own, its name at the margin of the next, then its body.
_TYPES = re.compile(r"[A-Za-z_]\w*(?:[ \t*]+[A-Za-z_]\w*)*[ \t*]*")
_NAME = re.compile(r"[A-Za-z_]\w*[ \t]*\([^;{}]*")
_ARGUMENT_LINES = 12
_COMMENT_LINES = 200
_ENDS = re.compile(r"[})\]]|end\b")  # the end of a definition, at the margin
_BODY = re.compile(r"\s*(?:\{.*|[:,(;]\s*)?$")
_HEADING_CHARS = 100
_DEFINITION_CHARS = 300


def code_text(source: Source) -> Converted:
    """The text of a source file, unchanged, with a heading for each definition."""
    text = decode(source.raw)
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    marks = _python_marks(text, lines) if source.name.endswith((".py", ".pyi")) else _marks(lines)
    headings = [Heading(offsets[line], level, title) for line, level, title in marks]
    return Converted(text, "code", source.name, tuple(headings), alone=True)


Mark = tuple[int, int, str]  # line from 0, level, title; a definition inside a class is one level deeper


def _python_marks(text: str, lines: list[str]) -> list[Mark]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError):  # another version of Python, a template, a fragment
        return _marks(lines)
    return list(_marks_in(tree, lines, level=1, above=""))


def _marks_in(parent: ast.AST, lines: list[str], level: int, above: str) -> Iterator[Mark]:
    """Yield a mark for every definition in a node, and for the first other statement after a definition."""
    after_definition = False
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, _Definition):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
            is_class = isinstance(node, ast.ClassDef)
            yield _with_comments(first, lines), level, f"class {node.name}" if is_class else f"{node.name}()"
            if is_class:
                yield from _marks_in(node, lines, level + 1, above=f"class {node.name}")
            after_definition = True
        elif after_definition and isinstance(node, ast.stmt):
            yield _with_comments(node.lineno - 1, lines), max(1, level - 1), above
            after_definition = False


def _marks(lines: list[str]) -> list[Mark]:
    """A mark for every line that defines something, and for other lines at the margin after a definition has ended."""
    marks: list[Mark] = []
    has_ended = False
    for number in _outside_comments(lines):
        line = lines[number].rstrip()
        first, title, level = _definition(lines, number)
        if title:
            marks.append((_with_comments(first, lines), level, title))
            has_ended = line.endswith(("}", ";"))
        elif _ENDS.match(line):
            has_ended = True
        elif has_ended and line[:1].strip() and (not _ABOVE.match(line) or line.startswith("#define")):
            marks.append((_with_comments(number, lines), 1, ""))
            has_ended = False
    return marks


def _definition(lines: list[str], number: int) -> tuple[int, str, int]:
    """The (first line, title, level) of the definition that a line names; the title is empty if it names none."""
    line = lines[number].rstrip()
    # No definition has such a long first line, and on minified code the patterns would be slow.
    if len(line) > _DEFINITION_CHARS:
        return number, "", 0
    if match := _DEFINES.fullmatch(line):
        return number, _titled(line), 2 if match["indent"] else 1
    above = lines[number - 1].rstrip() if number else ""
    if len(above) <= _HEADING_CHARS and _NAME.fullmatch(line) and _TYPES.fullmatch(above):
        below = lines[number + 1 : number + 1 + _ARGUMENT_LINES]
        body = next((one for one in below if one.startswith("{") or ";" in one), "")
        if body.startswith("{"):
            return number - 1, _titled(f"{above} {line}"), 1
    return number, "", 0


def _titled(line: str) -> str:
    return _BODY.sub("", line.strip(), count=1)[:_HEADING_CHARS]


def _outside_comments(lines: list[str]) -> Iterator[int]:
    """Yield the numbers of the lines that are not inside a block comment."""
    in_comment = False
    for number, line in enumerate(lines):
        if not in_comment:
            yield number
        opened = line.lstrip().startswith("/*") or in_comment
        in_comment = opened and "*/" not in line


def _with_comments(line: int, lines: list[str]) -> int:
    """The number of the first comment, decorator or attribute line right above a line, or the line's own number."""
    while line and (_ABOVE.match(lines[line - 1]) or lines[line - 1].rstrip().endswith("*/")):
        line -= 1
        if "*/" in lines[line] and "/*" not in lines[line]:
            line = next(
                (above for above in range(line, max(-1, line - _COMMENT_LINES), -1) if "/*" in lines[above]), line
            )
    return line
