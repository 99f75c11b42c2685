"""`numbering.xml` and the styles of a Word document -> the numbers of its paragraphs, as Word shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from disc_lite.documents.numbering import Level, Numbers

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_KINDS = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I", "none": ""}


class Styles:
    """The styles of a document, in which properties are looked up together with the styles they are based on."""

    def __init__(self, content: bytes) -> None:
        root = ElementTree.fromstring(content) if content else Element("none")
        self._styles = {style.get(f"{W}styleId", ""): style for style in root.iter(f"{W}style")}

    def found(self, style: str, path: str) -> Iterator[Element]:
        """Yield the elements at `path` (`w:pPr/w:numPr`) of a style and of those it is based on, its own first."""
        path = path.replace("w:", W)
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            if (element := self._styles[style].find(path)) is not None:
                yield element
            style = value_at(self._styles[style], "w:basedOn")


def value_at(element: Element | None, path: str, default: str = "") -> str:
    """The `w:val` of the element at a path below another one; the default if it is missing."""
    found = element.find(path.replace("w:", W)) if element is not None else None
    return found.get(f"{W}val", default) if found is not None else default


@dataclass
class _List:
    """A list definition: its levels and counts, the levels with bullets, and the level that each style is tied to."""

    numbers: Numbers
    bullets: set[int]
    depths: dict[str, int]


class Numbering:
    """Counts the numbered paragraphs of one document, which must be taken in order."""

    def __init__(self, content: bytes, styles: Styles) -> None:
        root = ElementTree.fromstring(content) if content else Element("none")
        self._styles = styles
        self._abstract = {e.get(f"{W}abstractNumId", ""): e for e in root.iter(f"{W}abstractNum")}
        self._numbers = {e.get(f"{W}numId", ""): e for e in root.iter(f"{W}num")}
        self._lists: dict[str, _List] = {}
        self._seen: set[tuple[str, int]] = set()

    def take(self, paragraph: Element, style: str) -> tuple[str, int, str] | None:
        """The list id, level and number (empty for a bullet) of the next paragraph; None if it has neither."""
        own = paragraph.find(f"{W}pPr/{W}numPr")
        by_style = list(self._styles.found(style, "w:pPr/w:numPr"))
        id_ = next((value for e in [own, *by_style] if (value := value_at(e, "w:numId"))), "")
        found = self._list(id_)
        if found is None:
            return None
        own_depth = value_at(own, "w:ilvl") or (str(found.depths[style]) if style in found.depths else "")
        depth = own_depth or next((value for e in by_style if (value := value_at(e, "w:ilvl"))), "0")
        level = int(depth) if depth.isdecimal() else 0
        if level in found.bullets:
            return id_, level, ""
        label = found.numbers.label(level, self._start(id_, level))
        return (id_, level, label) if label else None

    def _start(self, id_: str, level: int) -> int | None:
        """The number at which a list restarts by its own definition, at its first paragraph; else None."""
        is_first = (id_, level) not in self._seen
        self._seen.add((id_, level))
        for override in self._numbers[id_].iter(f"{W}lvlOverride") if is_first else ():
            start = value_at(override, "w:startOverride")
            if override.get(f"{W}ilvl") == str(level) and start.isdecimal():
                return int(start)
        return None

    def _list(self, id_: str) -> _List | None:
        """The list of a number id, or None; ids of the same definition share their counts."""
        if id_ not in self._numbers:
            return None
        number = self._numbers[id_]
        own_levels = list(number.iter(f"{W}lvl"))
        definition = self._definition(value_at(number, "w:abstractNumId"))
        name = f"{id_} itself" if own_levels else definition.get(f"{W}abstractNumId", "")
        if name not in self._lists:
            levels = {int(e.get(f"{W}ilvl") or 0): e for e in [*definition.iter(f"{W}lvl"), *own_levels]}
            self._lists[name] = _List(
                Numbers({depth: _level(e) for depth, e in levels.items()}),
                {depth for depth, e in levels.items() if value_at(e, "w:numFmt") == "bullet"},
                {value_at(e, "w:pStyle"): depth for depth, e in levels.items()},
            )
        return self._lists[name]

    def _definition(self, id_: str) -> Element:
        found = self._abstract.get(id_, Element("none"))
        link = value_at(found, "w:numStyleLink")
        linked = [e for e in self._abstract.values() if link and value_at(e, "w:styleLink") == link]
        return linked[0] if linked else found


def _level(element: Element) -> Level:
    written, start = value_at(element, "w:numFmt", "decimal"), value_at(element, "w:start", "0")
    restarts = value_at(element, "w:lvlRestart")
    return Level(
        template=value_at(element, "w:lvlText"),
        kind=_KINDS.get(written, "1"),
        start=int(start) if start.isdecimal() else 0,
        restarts_below=int(restarts) if restarts.isdecimal() else None,
        is_arabic=element.find(f"{W}isLgl") is not None,
    )
