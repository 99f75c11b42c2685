"""DOCX, by way of HTML -> text in plain Markdown.

What mammoth does not read is put right in the document's XML before: hidden text and deleted rows go, formulas become
text, and paragraphs with an outline level become headings, whatever their style is called.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from disc_lite.documents.html import html_text
from disc_lite.documents.officemath import MATH, formula_text
from disc_lite.documents.refusal import RefusedFile

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT_PARTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
_HEADING = "DiscLiteHeading"
_STYLES = "\n".join(
    [
        *(f"p.{_HEADING}{level} => h{min(level, 6)}:fresh" for level in range(1, 10)),
        "p[style-name='Title'] => h1:fresh",
        "p[style-name='Subtitle'] => p:fresh",
        # The table of contents is made of the headings.
        "p[style-name^='toc '] => !",
        "p[style-name^='TOC '] => !",
        "p[style-name='HTML Preformatted'] => pre:separator('\\n')",
        "p[style-name='Source Code'] => pre:separator('\\n')",
        "p[style-name='Plain Text'] => p:fresh",
    ]
)


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
    result = mammoth.convert_to_html(io.BytesIO(_prepared(raw)), style_map=_STYLES, convert_image=no_images)
    return html_text(result.value, is_page=False)[0]


def _prepared(raw: bytes) -> bytes:
    """The document as mammoth reads all of it."""
    prepared = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(prepared, "w", zipfile.ZIP_STORED) as after:
        styles = _Styles(before.read("word/styles.xml") if "word/styles.xml" in before.namelist() else b"")
        for name in before.namelist():
            content = before.read(name) if name.endswith((".xml", ".rels")) else b""
            if name in _TEXT_PARTS:
                root = ElementTree.fromstring(content)
                _prepare(root, styles)
                content = ElementTree.tostring(root)
            after.writestr(name, content)
    return prepared.getvalue()


class _Styles:
    """What the styles of a document say of its paragraphs and runs, with what they are based on."""

    def __init__(self, content: bytes) -> None:
        root = ElementTree.fromstring(content) if content else Element("none")
        self._styles = {style.get(f"{_W}styleId", ""): style for style in root.iter(f"{_W}style")}

    def outline_level(self, style: str) -> int:
        """The level of the headings that have this style, from 1; 0 if they are none."""
        for element in self._ancestry(style):
            level = element.find(f"{_W}pPr/{_W}outlineLvl")
            if level is not None:
                return _outline(level)
        return 0

    def hides(self, style: str) -> bool:
        """Whether text in this style is hidden."""
        return any(_is_on(element.find(f"{_W}rPr/{_W}vanish")) for element in self._ancestry(style))

    def _ancestry(self, style: str) -> Iterator[Element]:
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            base = self._styles[style].find(f"{_W}basedOn")
            style = base.get(f"{_W}val", "") if base is not None else ""


def _prepare(root: Element, styles: _Styles) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{MATH}oMath", f"{MATH}oMathPara"):
                parent[list(parent).index(child)] = _run(formula_text(child))
            elif (child.tag == f"{_W}r" and _is_hidden(child, styles)) or _is_deleted_row(child):
                parent.remove(child)
        if parent.tag == f"{_W}p":
            _mark_heading(parent, styles)


def _run(text: str) -> Element:
    run = Element(f"{_W}r")
    ElementTree.SubElement(run, f"{_W}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}).text = text
    return run


def _is_hidden(run: Element, styles: _Styles) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    if vanish is not None:
        return _is_on(vanish)
    style = run.find(f"{_W}rPr/{_W}rStyle")
    return style is not None and styles.hides(style.get(f"{_W}val", ""))


def _is_deleted_row(element: Element) -> bool:
    return element.tag == f"{_W}tr" and element.find(f"{_W}trPr/{_W}del") is not None


def _mark_heading(paragraph: Element, styles: _Styles) -> None:
    properties = paragraph.find(f"{_W}pPr")
    style = properties.find(f"{_W}pStyle") if properties is not None else None
    name = style.get(f"{_W}val", "") if style is not None else ""
    own = properties.find(f"{_W}outlineLvl") if properties is not None else None
    level = _outline(own) if own is not None else styles.outline_level(name)
    if style is not None and name and styles.hides(name):
        for run in paragraph.findall(f"{_W}r"):
            paragraph.remove(run)
    elif level and properties is not None:
        if style is None:
            style = ElementTree.SubElement(properties, f"{_W}pStyle")
        style.set(f"{_W}val", f"{_HEADING}{level}")


def _outline(level: Element) -> int:
    value = level.get(f"{_W}val", "9")
    # 9 is the level of the running text.
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def _is_on(element: Element | None) -> bool:
    return element is not None and element.get(f"{_W}val", "true") not in ("false", "0", "off")
