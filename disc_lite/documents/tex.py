"""LaTeX -> Markdown, by pylatexenc: accents, macros and text; formulas stay as they are written.

pylatexenc (138 kB of plain Python, nothing below it) is the parser that arXiv tools use; it is in the extra
`documents`. Macros that the file defines are replaced by what they stand for before; others that are not known are
named in the warning, since what they stood for is not there.
"""

from __future__ import annotations

import re

from disc_lite.documents.decoding import decode
from disc_lite.documents.headings import fenced
from disc_lite.documents.source import Converted, Source
from disc_lite.documents.texmacros import Macro, definitions, expanded, with_references
from disc_lite.documents.texnodes import TexReader

_BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
_TITLE = re.compile(r"\\title\s*(?:\[[^\]]*\]\s*)?\{((?:[^{}]|\{[^{}]*\})*)\}")
_CUT = re.compile(r"(?=^[ \t]*\\(?:part|chapter|section)\b)", re.MULTILINE)
_VERBATIM = re.compile(
    r"\\begin\{(verbatim|lstlisting|minted)\}(?:\[[^\]]*\])?(?:\{(\w+)\})?\n?(.*?)\n?[ \t]*\\end\{\1\}", re.DOTALL
)
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_INDENT = re.compile(r"^[ \t]+|[ \t]+$", re.MULTILINE)
_BLANK = re.compile(r"\n{3,}")
_LOOSE_ITEM = re.compile(r"^(- .*)\n\n(?=- )", re.MULTILINE)
_LISTED_MACROS = 5


def tex_text(source: Source) -> Converted:
    """The text of a LaTeX file, without its preamble; each section has a time limit of its own."""
    reader = TexReader()
    macros, text = definitions(decode(source.raw))
    text = with_references(text)
    title = _TITLE.search(text)
    body = _BODY.search(text)
    parts = [f"# {reader.text(expanded(title[1], macros)).strip()}\n\n"] if title else []
    for part in _CUT.split(body[1] if body else text):
        source.on_step()
        parts.append(_part_text(part, macros, reader))
    return Converted(_BLANK.sub("\n\n", "\n\n".join(parts)).strip() + "\n", warning=_warning(list(reader.unknown)))


def _warning(unknown: list[str]) -> str:
    if not unknown:
        return ""
    listed = ", ".join(unknown[:_LISTED_MACROS]) + (", …" if len(unknown) > _LISTED_MACROS else "")
    what = "1 macro is" if len(unknown) == 1 else f"{len(unknown)} macros are"
    return f"{what} not known, and left out ({listed}): where one stood for a value, write it out"


def _part_text(part: str, macros: dict[str, Macro], reader: TexReader) -> str:
    """Text and listings in turn: a listing is no LaTeX inside."""
    written = []
    at = 0
    for listing in _VERBATIM.finditer(part):
        before = _plain_text(expanded(part[at : listing.start()], macros), reader)
        written += [before, fenced(listing[3], listing[2] or "")]
        at = listing.end()
    return "\n\n".join([*written, _plain_text(expanded(part[at:], macros), reader)])


def _plain_text(part: str, reader: TexReader) -> str:
    text = _SPACES.sub(" ", _INDENT.sub("", reader.text(part).replace("\u00a0", " ")))
    return _LOOSE_ITEM.sub(r"\1\n", _BLANK.sub("\n\n", text)).strip("\n")
