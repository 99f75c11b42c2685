"""LaTeX -> Markdown, by pylatexenc: accents, macros and text; formulas stay as they are written.

pylatexenc (138 kB of plain Python, nothing below it) is the parser that arXiv tools use; it is in the extra
`documents`. Macros that the file defines for itself are not expanded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from disc_lite.documents.decoding import decode
from disc_lite.documents.source import Converted, Source

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text

_LEVELS = {"part": 2, "chapter": 2, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5}
_BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
_TITLE = re.compile(r"\\title\s*(?:\[[^\]]*\]\s*)?\{((?:[^{}]|\{[^{}]*\})*)\}")
_CUT = re.compile(r"(?=^[ \t]*\\(?:part|chapter|section)\b)", re.MULTILINE)
_VERBATIM = re.compile(
    r"\\begin\{(verbatim|lstlisting|minted)\}(?:\[[^\]]*\])?(?:\{(\w+)\})?\n?(.*?)\n?[ \t]*\\end\{\1\}", re.DOTALL
)
_DROPPED = "label maketitle title tableofcontents cite citep citet autocite parencite textcite nocite".split()
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_INDENT = re.compile(r"^[ \t]+|[ \t]+$", re.MULTILINE)
_BLANK = re.compile(r"\n{3,}")
_LOOSE_ITEM = re.compile(r"^(- .*)\n\n(?=- )", re.MULTILINE)


def tex_text(source: Source) -> Converted:
    """The text of a LaTeX file, without its preamble; each section has a time limit of its own.

    Raises:
        ModuleNotFoundError: pylatexenc is missing.
    """
    converter = _converter()
    text = decode(source.raw)
    title = _TITLE.search(text)
    body = _BODY.search(text)
    parts = [f"# {converter.latex_to_text(title[1]).strip()}\n\n"] if title else []
    for part in _CUT.split(body[1] if body else text):
        source.on_step()
        parts.append(_part_text(part, converter))
    return Converted(_BLANK.sub("\n\n", "\n\n".join(parts)).strip() + "\n")


def _part_text(part: str, converter: LatexNodes2Text) -> str:
    """Text and listings in turn: a listing is no LaTeX inside."""
    written = []
    at = 0
    for listing in _VERBATIM.finditer(part):
        written += [_plain_text(part[at : listing.start()], converter), f"```{listing[2] or ''}\n{listing[3]}\n```"]
        at = listing.end()
    return "\n\n".join([*written, _plain_text(part[at:], converter)])


def _plain_text(part: str, converter: LatexNodes2Text) -> str:
    text = _SPACES.sub(" ", _INDENT.sub("", str(converter.latex_to_text(part)).replace("\u00a0", " ")))
    return _LOOSE_ITEM.sub(r"\1\n", _BLANK.sub("\n\n", text)).strip("\n")


def _converter() -> LatexNodes2Text:
    from pylatexenc.latex2text import (
        LatexNodes2Text,
        MacroTextSpec,
        SpecialsTextSpec,
        get_default_latex_context_db,
    )

    context = get_default_latex_context_db()
    macros = [MacroTextSpec(name, simplify_repl=_heading(level)) for name, level in _LEVELS.items()]
    macros += [MacroTextSpec("item", simplify_repl="\n- "), MacroTextSpec("footnote", simplify_repl=" (%(2)s)")]
    macros += [MacroTextSpec(name, simplify_repl="%(1)s") for name in ("ref", "eqref", "autoref", "cref")]
    macros += [MacroTextSpec(name, simplify_repl="") for name in _DROPPED]
    cells = [SpecialsTextSpec("&", simplify_repl=" | ")]
    context.add_context_category("disc-lite", prepend=True, macros=macros, specials=cells)
    return LatexNodes2Text(latex_context=context, math_mode="verbatim", strict_latex_spaces=False)


def _heading(level: int) -> str:
    return f"\n\n{'#' * level} %(3)s\n\n"
