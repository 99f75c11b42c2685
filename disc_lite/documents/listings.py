"""Code listings of HTML pages -> code as it is displayed, without line numbers and buttons of the site."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import elements, within
from disc_lite.documents.noise import is_noise

_LINES_OF_CODE = frozenset(("line", "ttc"))  # Doxygen's classes of a line, and of the box shown over a name


def code_of(tag: Tag) -> str:
    """The code of a listing, a `<pre>` or an element with one element per line (Doxygen); empty for other elements."""
    if tag.name == "pre":
        return _line_of_code(tag).strip("\n").rstrip()
    parts = within(tag, ("div",)) if "fragment" in tag.classes else ()
    blocks = [part for part in parts if not _LINES_OF_CODE.isdisjoint(part.classes)]
    if not blocks or _solid(blocks) != _solid([tag]):
        return ""  # it has other text too, which would be lost: a step of slides
    lines = (_line_of_code(part) for part in blocks if "line" in part.classes)
    return textwrap.dedent("\n".join(lines).replace("\u00a0", " "))


def _solid(tags: Iterable[Tag]) -> str:
    """The text of elements without white space."""
    return "".join(word for tag in tags for word in tag.get_text().split())


def _line_of_code(code: Tag) -> str:
    """The text of a listing, or of one line of it, without line numbers and buttons."""
    for part in elements(code):
        # An element of several lines can be a placeholder, `<NAME>`, which the parser takes for an open tag.
        if is_noise(part, is_page=True) and "\n" not in part.get_text():
            part.extract()
    for line_break in list(within(code, ("br",))):
        line_break.replace_with("\n")
    return code.get_text()


def code_in_a_line(block: str) -> str:
    """A block as one line, for a table cell: of a fenced block, each line as a span of code."""
    if not block.startswith("```"):
        return block
    return "; ".join(f"`{line.strip()}`" for line in block.split("\n")[1:-1] if line.strip())
