"""ODT -> text: the body of an OpenDocument text is rewritten as HTML, which `html` reads.

An .odt is a zip with its text in one XML file; odfpy, the library for it, has had no release since 2020.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import attribute, local_name, number_of, open_archive, read_xml
from disc_lite.documents.comments import unread_comments
from disc_lite.documents.drawings import MAX_ROWS
from disc_lite.documents.html import markup_text
from disc_lite.documents.numbering import KINDS, LABEL_TAG, Level, Numbers
from disc_lite.documents.odttables import HEADER, MAX_REPEATED, without_sub_tables
from disc_lite.documents.source import Converted, RefusedFile, Source

_LIST_STYLES = ("list-style", "outline-style")
_OUTLINE = "outline-style"  # also used as the name of the style that numbers headings; a document has one
_TITLES, _NO_VALUE = ("title", "subtitle"), "NaN"  # of a chart; its axes have titles too, such as a unit
_SAME = {HEADER: "thead", "table-row": "tr"}
_DROPPED = frozenset(
    """
    annotation tracked-changes note-citation desc title sequence-decls forms covered-table-cell
    table-of-content illustration-index table-index object-index user-index alphabetical-index
    bibliography-source
    """.split()
)


def odt_text(source: Source) -> Converted:
    """The headings, paragraphs, lists and tables of a document, with notes in brackets where they are cited."""
    with open_archive(source.raw, ".odt") as archive:
        root = read_xml(archive, "content.xml")
        body = next((e for e in root.iter() if local_name(e.tag) == "text" and "office" in e.tag), None)
        if body is None:
            raise RefusedFile("not what its extension says: it holds no text document")
        others = [read_xml(archive, "styles.xml")] if "styles.xml" in archive.namelist() else []
        markup = "".join(_Writer(archive, _Styles([*others, root])).inner(body))
    comments = sum(local_name(e.tag) == "annotation" for e in body.iter())
    return Converted(markup_text(markup) + "\n", warning=unread_comments(comments))


class _Writer:
    """Writes elements as HTML, and counts the items of lists and the headings on the way."""

    def __init__(self, archive: zipfile.ZipFile, styles: _Styles) -> None:
        self._archive = archive
        self._styles = styles
        self._headings = self._numbers_of(_OUTLINE)
        self._numbers: dict[str, Numbers] = {}  # by the id of a list, and by its style for the last list of it
        self._list = ("", 0, Numbers({}))  # style, depth (1 for the outermost) and numbers of the open list

    def inner(self, parent: Element) -> Iterator[str]:
        """Yield the content of an element as HTML."""
        yield escape(parent.text or "")
        for child in parent:
            name = local_name(child.tag)
            family = {"span": "text", "p": "paragraph", "h": "paragraph"}.get(name, "")
            is_gone = bool(family) and self._styles.is_withdrawn(family, attribute(child, "style-name"))
            is_gone = is_gone or attribute(child, "display") == "none" or attribute(child, "is-hidden") == "true"
            if name not in _DROPPED and not is_gone:
                yield from self._element(child, name)
            yield escape(child.tail or "")

    def _element(self, element: Element, name: str) -> Iterator[str]:
        match name:
            case "s" | "tab":
                yield " "
            case "line-break":
                yield "<br>"
            case "note-body":
                yield f" [{' '.join(''.join(self.inner(e)).strip() for e in element)}]"
            case "span":
                script = self._styles.script(attribute(element, "style-name"))
                yield from self._tagged(script, element)
            case "h":
                yield from self._heading(element)
            case "p":
                is_title = self._styles.is_title(attribute(element, "style-name"))
                yield from self._tagged("h1" if is_title else "p", element)
            case "list":
                yield from self._list_html(element)
            case "list-item" | "list-header":
                yield from self._item(element, is_counted=name == "list-item")
            case "table":
                yield from self._tagged("table", without_sub_tables(element))
            case "table-cell":
                yield from self._cell(element)
            case "object":
                yield from self._object(element)
            case _:
                yield from self._tagged(_SAME.get(name, ""), element)

    def _tagged(self, tag: str, element: Element, attributes: str = "", label: str = "") -> Iterator[str]:
        yield f"<{tag}{attributes}>{label}" if tag else ""
        yield from self.inner(element)
        yield f"</{tag}>" if tag else ""

    def _heading(self, element: Element) -> Iterator[str]:
        level = number_of(element, "outline-level", 1) or 1
        in_list = bool(self._list[0]) or attribute(element, "is-list-header") == "true"
        label = "" if in_list else self._headings.label(level - 1, number_of(element, "start-value", None))
        yield from self._tagged(f"h{min(level, 6)}", element, label=label and _label(label))

    def _list_html(self, element: Element) -> Iterator[str]:
        before = self._list
        style, depth, numbers = before
        own = attribute(element, "style-name") or style
        if depth == 0 or own != style:
            continued = attribute(element, "continue-list")
            if not continued and attribute(element, "continue-numbering") == "true":
                continued = own
            numbers = (self._numbers.get(continued) if continued else None) or self._numbers_of(own)
            self._numbers[own] = self._numbers[attribute(element, "id")] = numbers
        self._list = (own, depth + 1, numbers)
        yield from self._tagged("ul", element)
        self._list = before

    def _item(self, element: Element, is_counted: bool) -> Iterator[str]:
        style, depth, numbers = self._list
        has_text = any(local_name(e.tag) in ("p", "h") for e in element)
        is_bullet = self._styles.levels(style).get(depth - 1) is None
        number = numbers.label(depth - 1, number_of(element, "start-value", None)) if is_counted and has_text else ""
        yield from self._tagged("li", element, label="" if is_bullet and is_counted else _label(number))

    def _cell(self, element: Element) -> Iterator[str]:
        spans = "".join(
            f' {name}="{attribute(element, f"number-{of}-spanned") or 1}"'
            for name, of in (("rowspan", "rows"), ("colspan", "columns"))
        )
        cell = "".join(self._tagged("td", element, spans))
        yield cell * min(number_of(element, "number-columns-repeated", 1), MAX_REPEATED)

    def _object(self, element: Element) -> Iterator[str]:
        """Yield an embedded object as HTML: a formula as MathML, a chart as a table of its values."""
        path = posixpath.normpath(posixpath.join(attribute(element, "href"), "content.xml"))
        if path not in self._archive.namelist():
            return
        root = read_xml(self._archive, path)
        if local_name(root.tag) == "math":
            for part in root.iter():
                part.tag = local_name(part.tag)
            yield ElementTree.tostring(root, "unicode", short_empty_elements=False)
        elif (chart := root.find(".//{*}chart/{*}chart")) is not None:
            yield from self._chart(chart)

    def _chart(self, chart: Element) -> Iterator[str]:
        titles = ("".join(part.itertext()).strip() for part in chart.iter() if local_name(part.tag) in _TITLES)
        yield f"<p>{escape('; '.join(filter(None, titles)))}</p>"
        for paragraph in chart.iterfind(".//{*}p"):
            paragraph.text = "" if paragraph.text == _NO_VALUE else paragraph.text
        for table in chart.iterfind("{*}table"):
            if sum(1 for _ in table.iterfind(".//{*}table-row")) <= MAX_ROWS + 1:  # one more for the header
                yield from self._tagged("table", table)

    def _numbers_of(self, style: str) -> Numbers:
        levels = self._styles.levels(style)
        return Numbers({depth: level for depth, level in levels.items() if level is not None})


def _label(number: str) -> str:
    return f"<{LABEL_TAG}>{escape(number)}</{LABEL_TAG}>"


class _Styles:
    """The styles of a document by name, each with the properties that it inherits from its parent styles."""

    def __init__(self, roots: list[Element]) -> None:
        elements = [e for root in roots for e in root.iter()]
        named = [e for e in elements if local_name(e.tag) == "style"]
        self._styles = {(attribute(e, "family"), attribute(e, "name")): e for e in named}
        self._lists = {
            _OUTLINE if local_name(e.tag) == _OUTLINE else attribute(e, "name"): _levels(e)
            for e in elements
            if local_name(e.tag) in _LIST_STYLES
        }

    def levels(self, name: str) -> dict[int, Level | None]:
        """How a list style numbers each level, counted from 0; None for a level with bullets."""
        return self._lists.get(name, {})

    def is_title(self, paragraph: str) -> bool:
        """Whether a paragraph style is that of the title, or is based on it."""
        return paragraph == "Title" or any(
            attribute(e, "parent-style-name") == "Title" for e in self._ancestry("paragraph", paragraph)
        )

    def is_withdrawn(self, family: str, name: str) -> bool:
        """Whether text in a style is hidden or struck out."""
        struck = self._property(family, name, "text-line-through-style")
        kind = self._property(family, name, "text-line-through-type")
        is_struck = (struck or kind) not in ("", "none") and kind != "none"
        return is_struck or self._property(family, name, "display") in ("none", "true")

    def script(self, name: str) -> str:
        """`sup` or `sub` if text in a style is raised or lowered; else empty."""
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
        depth = number_of(element, "level", 1) - 1
        name = local_name(element.tag)
        if name.endswith(("-bullet", "-image")):
            levels[depth] = None
        elif name in ("list-level-style-number", "outline-level-style"):
            kind, shown = attribute(element, "num-format"), number_of(element, "display-levels", 1)
            numbers = ".".join(f"%{n}" for n in range(depth + 2 - shown, depth + 2))
            template = f"{attribute(element, 'num-prefix')}{numbers}{attribute(element, 'num-suffix')}" if kind else ""
            start = number_of(element, "start-value", 1)
            levels[depth] = Level(template, kind if kind in ("", *KINDS) else "1", start)
    return levels
