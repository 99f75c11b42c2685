"""Listings of HTML pages -> code as it is displayed, without line numbers and buttons of the site."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import elements, within
from disc_lite.documents.noise import is_noise

_LINES_OF_CODE = frozenset(("line", "ttc"))  # of Doxygen: a line, and what is shown when the mouse is over a name in it


def code_of(tag: Tag) -> str:
    """The listing in an element: `<pre>`, or one with an element per line, as in Doxygen."""
    if tag.name == "pre":
        return _line_of_code(tag).strip("\n").rstrip()
    parts = within(tag, ("div",)) if "fragment" in tag.classes else ()
    blocks = [part for part in parts if not _LINES_OF_CODE.isdisjoint(part.classes)]
    if not blocks or _solid(blocks) != _solid([tag]):
        return ""  # a step of slides: it has other text, which would be lost
    lines = (_line_of_code(part) for part in blocks if "line" in part.classes)
    return textwrap.dedent("\n".join(lines).replace("\u00a0", " "))


def _solid(tags: Iterable[Tag]) -> str:
    """The text of elements without its white space."""
    return "".join(word for tag in tags for word in tag.get_text().split())


def _line_of_code(code: Tag) -> str:
    """A listing, or a line of one, without numbers of lines and buttons."""
    for part in elements(code):
        # What the parser takes for an element may be a placeholder, with all that is below it.
        if is_noise(part, is_page=True) and "\n" not in part.get_text():
            part.extract()
    for line_break in list(within(code, ("br",))):
        line_break.replace_with("\n")
    return code.get_text()


def code_in_a_line(block: str) -> str:
    """A block in the cell of a table: of code the commands, each as a span."""
    if not block.startswith("```"):
        return block
    return "; ".join(f"`{line.strip()}`" for line in block.split("\n")[1:-1] if line.strip())
