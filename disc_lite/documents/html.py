"""HTML, and DOCX by way of HTML -> text in plain Markdown.

Headings become `#` lines, list items `- ` lines, table rows cells with ` | ` between, <pre>
fenced code; paragraphs stand between blank lines. Scripts, styles and navigation are dropped.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from disc_lite.documents.refusal import RefusedFile

if TYPE_CHECKING:
    from bs4 import Tag

# Heavy imports are inside the functions: a folder of Markdown needs neither.

_DROPPED_TAGS = "head iframe nav noscript object script style svg template title"
_BLOCK_TAGS = """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset
    figcaption figure footer form header hgroup hr main ol p section summary table tbody tfoot
    thead ul
"""
_DROPPED = frozenset(_DROPPED_TAGS.split())
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACED = _BLOCKS | {*_HEADINGS, "li", "pre"}
_LISTS = ("ul", "ol")
_DOCX_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"

Kind = Literal["paragraph", "item", "row"]


@dataclass
class _Writer:
    """Blocks written so far, and the inline text of the one that is open."""

    blocks: list[tuple[Kind, str]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    prefix: str = ""
    cells: int | None = None  # of the open table row; None outside of tables

    def close(self, kind: Kind = "paragraph") -> None:
        """Ends the open block, if it has any text."""
        lines = "".join(self.inline).split("\n")
        lines = [line for line in (" ".join(line.split()) for line in lines) if line]
        text = (" " if self.prefix.startswith("#") else "\n").join(lines)
        self.inline.clear()
        if text.strip("| "):
            kind = "item" if self.prefix.endswith("- ") else kind
            self.blocks.append((kind, self.prefix + text))
            self.prefix = ""

    def text(self) -> str:
        """All blocks: a blank line between, but none between list items or table rows."""
        parts = []
        previous: Kind | None = None
        for kind, block in self.blocks:
            tight = kind == previous and kind != "paragraph"
            parts.append(("\n" if tight else "\n\n") + block)
            previous = kind
        return "".join(parts).lstrip("\n") + "\n"


def html_text(markup: str) -> tuple[str, str]:
    """The text of an HTML page and its <title>, which may be empty.

    Raises:
        RecursionError: Elements nested some hundred deep.
    """
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        # It warns of XHTML and of text that looks like a path; both are parsed correctly.
        warnings.simplefilter("ignore")
        soup = BeautifulSoup(markup, "html.parser")
    title = soup.title.get_text() if soup.title else ""
    writer = _Writer()
    _write_children(soup, writer, depth=0)
    writer.close()
    return writer.text(), " ".join(title.split())


def docx_text(raw: bytes) -> str:
    """The text of a Word document: headings, paragraphs, lists and tables.

    Raises:
        RefusedFile: Not a Word document, or encrypted.
    """
    import mammoth

    if not raw.startswith(b"PK"):
        raise RefusedFile("not a .docx file (an old .doc, or encrypted?); save it as .docx")
    # Images are dropped here, so that links from the document to other files are never opened.
    no_images = mammoth.images.img_element(lambda image: {"src": ""})
    result = mammoth.convert_to_html(io.BytesIO(raw), style_map=_DOCX_STYLES, convert_image=no_images)
    return html_text(result.value)[0]


def _write_children(parent: Tag, writer: _Writer, depth: int) -> None:
    from bs4.element import CData, NavigableString, Tag

    for child in parent.children:
        if isinstance(child, Tag):
            if child.name not in _DROPPED:
                _write_tag(child, writer, depth)
        elif type(child) in (NavigableString, CData):  # no comment, no doctype
            writer.inline.append(re.sub(r"\s+", " ", str(child)))


def _write_tag(tag: Tag, writer: _Writer, depth: int) -> None:
    if tag.name == "br":
        writer.inline.append("\n" if writer.cells is None else " ")
    elif tag.name == "tr":
        _write_row(tag, writer, depth)
    elif writer.cells is not None:
        _write_in_row(tag, writer, depth)
    elif tag.name in _HEADINGS:
        _write_prefixed("#" * _HEADINGS[tag.name] + " ", tag, writer, depth)
    elif tag.name == "li":
        _write_prefixed("  " * max(depth - 1, 0) + "- ", tag, writer, depth)
    elif tag.name == "pre":
        writer.close()
        writer.blocks.append(("paragraph", "```\n" + tag.get_text().strip("\n") + "\n```"))
    elif tag.name in _BLOCKS:
        writer.close()
        _write_children(tag, writer, depth + (tag.name in _LISTS))
        writer.close()
    else:
        _write_children(tag, writer, depth)


def _write_prefixed(prefix: str, tag: Tag, writer: _Writer, depth: int) -> None:
    writer.close()
    writer.prefix = prefix
    _write_children(tag, writer, depth)
    writer.close()
    writer.prefix = ""


def _write_row(tag: Tag, writer: _Writer, depth: int) -> None:
    # End tags of rows and cells are optional: the next row may be inside this one.
    outer = writer.cells
    writer.close("paragraph" if outer is None else "row")
    writer.cells = 0
    _write_children(tag, writer, depth)
    writer.close("row")
    writer.cells = outer


def _write_in_row(tag: Tag, writer: _Writer, depth: int) -> None:
    if tag.name in ("td", "th"):
        writer.inline.append(" | " if writer.cells else "")
        writer.cells = (writer.cells or 0) + 1
    else:
        writer.inline.append(" " if tag.name in _SPACED else "")
    _write_children(tag, writer, depth)
