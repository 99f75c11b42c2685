"""ODT -> text: the body of an OpenDocument text, rewritten as HTML for the HTML reader.

An .odt is a zip with its text in one XML file; odfpy, the library for it, has had no release since 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import attribute, local_name, open_archive, read_xml
from disc_lite.documents.html import html_text
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, Source

_SAME = {"p": "p", "list": "ul", "list-item": "li", "table": "table", "table-row": "tr", "table-cell": "td"}
_WHITE = {"s": " ", "tab": " ", "line-break": "<br>"}
_DROPPED = {"annotation", "tracked-changes", "note-citation", "desc", "title", "sequence-decls", "forms"}


def odt_text(source: Source) -> Converted:
    """The text of a document: headings, paragraphs, lists, tables; notes in brackets where they are cited.

    Raises:
        RefusedFile: Not an OpenDocument text, or encrypted.
    """
    with open_archive(source.raw, ".odt") as archive:
        root = read_xml(archive, "content.xml")
    body = next((e for e in root.iter() if local_name(e.tag) == "text" and "office" in e.tag), None)
    if body is None:
        raise RefusedFile("not what its extension says: it holds no text document")
    titles = {"Title"} | {
        attribute(e, "name")
        for e in root.iter()
        if local_name(e.tag) == "style" and attribute(e, "parent-style-name") == "Title"
    }
    return Converted(html_text("".join(_html(body, titles)))[0])


def _html(parent: Element, titles: set[str]) -> Iterator[str]:
    yield escape(parent.text or "")
    for child in parent:
        name = local_name(child.tag)
        if name in _WHITE:
            yield _WHITE[name]
        elif name == "note-body":
            yield " ["
            yield escape(" ".join("".join(child.itertext()).split()))
            yield "]"
        elif name not in _DROPPED:
            tag = _tag(child, name, titles)
            yield f"<{tag}>" if tag else ""
            yield from _html(child, titles)
            yield f"</{tag}>" if tag else ""
        yield escape(child.tail or "")


def _tag(element: Element, name: str, titles: set[str]) -> str:
    if name == "h":
        level = attribute(element, "outline-level")
        return f"h{min(int(level), 6) if level.isdigit() and int(level) else 1}"
    if name == "p" and attribute(element, "style-name") in titles:
        return "h1"
    return _SAME.get(name, "")
