"""What the styles of an OpenDocument text say: what is raised, struck out or hidden, and how lists are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import attribute, local_name
from disc_lite.documents.numbering import KINDS, Level

_LISTS = ("list-style", "outline-style")
OUTLINE = "outline-style"  # the name here of the style that numbers the headings; a document has one


class Styles:
    """The styles of a text by their names, those it is based on with each."""

    def __init__(self, roots: list[Element]) -> None:
        elements = [e for root in roots for e in root.iter()]
        named = [e for e in elements if local_name(e.tag) == "style"]
        self._styles = {(attribute(e, "family"), attribute(e, "name")): e for e in named}
        self._lists = {
            OUTLINE if local_name(e.tag) == OUTLINE else attribute(e, "name"): _levels(e)
            for e in elements
            if local_name(e.tag) in _LISTS
        }

    def levels(self, name: str) -> dict[int, Level | None]:
        """How a list style numbers each level, from 0; None where it has bullets."""
        return self._lists.get(name, {})

    def is_title(self, paragraph: str) -> bool:
        """Whether a style of paragraphs is that of the title, or based on it."""
        return paragraph == "Title" or any(
            attribute(e, "parent-style-name") == "Title" for e in self._ancestry("paragraph", paragraph)
        )

    def is_withdrawn(self, family: str, name: str) -> bool:
        """Whether text of a style is hidden or struck out."""
        struck = self._property(family, name, "text-line-through-style")
        kind = self._property(family, name, "text-line-through-type")
        is_struck = (struck or kind) not in ("", "none") and kind != "none"
        return is_struck or self._property(family, name, "display") in ("none", "true")

    def script(self, name: str) -> str:
        """`sup` or `sub` where text of a style is raised or lowered; else empty."""
        position = self._property("text", name, "text-position").split()[:1] or [""]
        if position[0] in ("super", "sub"):
            return "sup" if position[0] == "super" else "sub"
        percent = re.fullmatch(r"(-?)0*([1-9][\d.]*)%?", position[0])
        return "" if percent is None else "sub" if percent[1] else "sup"

    def _property(self, family: str, style: str, name: str) -> str:
        for element in self._ancestry(family, style):
            for properties in element:
                if local_name(properties.tag) == "text-properties" and (value := attribute(properties, name)):
                    return value
        return ""

    def _ancestry(self, family: str, name: str) -> Iterator[Element]:
        seen: set[str] = set()
        while (family, name) in self._styles and name not in seen:
            seen.add(name)
            yield self._styles[family, name]
            name = attribute(self._styles[family, name], "parent-style-name")


def _levels(style: Element) -> dict[int, Level | None]:
    levels: dict[int, Level | None] = {}
    for element in style:
        depth = int(attribute(element, "level") or 1) - 1
        kind = attribute(element, "num-format")
        name = local_name(element.tag)
        if name.endswith(("-bullet", "-image")):
            levels[depth] = None
        elif name in ("list-level-style-number", "outline-level-style"):
            shown = int(attribute(element, "display-levels") or 1)
            numbers = ".".join(f"%{n}" for n in range(depth + 2 - shown, depth + 2)) if kind else ""
            start = attribute(element, "start-value")
            template = f"{attribute(element, 'num-prefix')}{numbers}{attribute(element, 'num-suffix')}"
            levels[depth] = Level(
                template if kind else "", kind if kind in KINDS or not kind else "1", int(start) if start else 1
            )
    return levels
