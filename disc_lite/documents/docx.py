"""DOCX -> plain Markdown, by way of HTML: mammoth converts the document, and the HTML reader reads the result.

The document's XML is first changed for what mammoth cannot read: hidden and struck-out text and deleted rows are
removed, formulas become text, numbered paragraphs get their numbers, and paragraphs with an outline level become
headings, whatever their style is called. Diagrams and charts go below the paragraph that they are in.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from itertools import chain, pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import open_archive
from disc_lite.documents.comments import unread_comments
from disc_lite.documents.drawings import drawing_html, drawings_of
from disc_lite.documents.formulas import OFFICE_MATH, office_formula_text
from disc_lite.documents.html import markup_text
from disc_lite.documents.numbering import LABEL_TAG
from disc_lite.documents.source import Converted, Source
from disc_lite.documents.wordlists import Numbering, Styles, W, value_at

_TEXT_PARTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
_DEFINITIONS = ("word/styles.xml", "word/numbering.xml")
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_HEADING = "DiscLiteHeading"
_LABEL = "DiscLiteLabel"
_DRAWING, _DRAWING_TAG = "DiscLiteDrawing", "x-drawing"  # of a paragraph that holds the number of a drawing
_DRAWN = re.compile(f"<{_DRAWING_TAG}>(\\d+)</{_DRAWING_TAG}>")
_DELETIONS = (f"{W}del", f"{W}moveFrom")
_GONE = ("del", "moveFrom")  # marks of a deleted paragraph end: what is left of its text joins the next paragraph
_STYLES = "\n".join(
    [
        *(f"p.{_HEADING}{level} => h{min(level, 6)}:fresh" for level in range(1, 10)),
        f"r.{_LABEL} => {LABEL_TAG}",
        f"p.{_DRAWING} => {_DRAWING_TAG}:fresh",
        "p[style-name='Title'] => h1:fresh",
        "p[style-name='Subtitle'] => p:fresh",
        # A table of contents only repeats the headings.
        "p[style-name^='toc '] => !",
        "p[style-name^='TOC '] => !",
        "p[style-name='HTML Preformatted'] => pre:separator('\\n')",
        "p[style-name='Source Code'] => pre:separator('\\n')",
        "p[style-name='Plain Text'] => p:fresh",
    ]
)


def docx_text(source: Source) -> Converted:
    """The text of a Word document: headings, paragraphs, lists, tables, diagrams and charts."""
    import mammoth

    # Images are dropped, so that mammoth never opens files that the document links to.
    no_images = mammoth.images.img_element(lambda image: {"src": ""})
    prepared, drawings, comments = _prepared(source.raw)
    result = mammoth.convert_to_html(prepared, style_map=_STYLES, convert_image=no_images)
    text = markup_text(_DRAWN.sub(lambda place: drawings[int(place[1])], result.value)) + "\n"
    return Converted(text, warning=unread_comments(comments))


def _prepared(raw: bytes) -> tuple[io.BytesIO, list[str], int]:
    """The document, changed so that mammoth reads all of it, the HTML of each drawing, and the number of comments."""
    prepared, drawings, comments = io.BytesIO(), list[str](), 0
    with open_archive(raw, ".docx") as before, zipfile.ZipFile(prepared, "w", zipfile.ZIP_STORED) as after:
        there = set(before.namelist())
        styles, numbers = (before.read(name) if name in there else b"" for name in _DEFINITIONS)
        for name in before.namelist():
            content = before.read(name) if name.endswith((".xml", ".rels")) else b""
            if name in _TEXT_PARTS:
                root = ElementTree.fromstring(content)
                comments += sum(1 for _ in root.iter(f"{W}commentReference"))
                known = Styles(styles)
                if drawn := drawings_of(before, name):
                    drawings += _place_drawings(root, drawn, known, len(drawings))
                _prepare(root, known, Numbering(numbers, known))
                content = ElementTree.tostring(root)
            after.writestr(name, content)
    return prepared, drawings, comments


def _prepare(root: Element, styles: Styles, numbering: Numbering) -> None:
    """Change the XML of a part so that mammoth reads it as the top of this file says."""
    for parent in list(root.iter()):
        style = value_at(parent, "w:pPr/w:pStyle") if parent.tag == f"{W}p" else ""
        for child in list(parent):
            if child.tag in (f"{OFFICE_MATH}oMath", f"{OFFICE_MATH}oMathPara"):
                parent[list(parent).index(child)] = _run(office_formula_text(child))
            elif (child.tag == f"{W}r" and _is_hidden_or_struck(child, style, styles)) or _is_left_out(child, parent):
                parent.remove(child)
            elif child.tag == f"{W}r":
                _copy_raised(child, styles)
            elif child.tag == f"{W}ruby":  # the text above it is its pronunciation
                base = "".join(text.text or "" for text in child.iterfind(f"{W}rubyBase//{W}t"))
                parent[list(parent).index(child)] = _run(base)
    for parent in list(root.iter()):
        _join_dropped_capitals(parent)
    for row in root.iter(f"{W}tr"):
        _fill_skipped_columns(row)
    for paragraph in root.iter(f"{W}p"):
        _mark_paragraph(paragraph, styles, numbering)


def _join_dropped_capitals(parent: Element) -> None:
    """Put a dropped capital, which is a paragraph of its own, in front of the text that it begins."""
    for capital, paragraph in pairwise(list(parent)):
        frame = capital.find(f"{W}pPr/{W}framePr") if capital.tag == paragraph.tag == f"{W}p" else None
        if frame is not None and frame.get(f"{W}dropCap", "none") != "none":
            parent.remove(capital)
            at = 1 if paragraph.find(f"{W}pPr") is not None else 0
            paragraph[at:at] = [run for run in capital if run.tag != f"{W}pPr"]


def _place_drawings(root: Element, drawn: Mapping[str, Element], styles: Styles, first: int) -> list[str]:
    """Put the number of each visible drawing, from `first`, below its paragraph; return the drawings as HTML."""
    outer = {child: parent for parent in root.iter() for child in parent}
    placed: list[str] = []
    for element in reversed(list(outer)):  # last first, which keeps the order of several in one paragraph
        html, around = drawing_html(element, drawn), [element]
        while around[-1] in outer:
            around.append(outer[around[-1]])
        paragraph = next((one for one in around if one.tag == f"{W}p"), None)
        if not html or paragraph is None or any(_is_unseen(one, styles) for one in around):
            continue
        number = Element(f"{W}p")
        ElementTree.SubElement(ElementTree.SubElement(number, f"{W}pPr"), f"{W}pStyle", {f"{W}val": _DRAWING})
        number.append(_run(str(first + len(placed))))
        beside = outer[paragraph]
        beside.insert(list(beside).index(paragraph) + 1, number)
        placed.append(html)
    return placed


def _is_unseen(element: Element, styles: Styles) -> bool:
    """Whether an element is a deletion, or a run that is hidden or struck out."""
    return element.tag in _DELETIONS or (element.tag == f"{W}r" and _is_hidden_or_struck(element, "", styles))


def _fill_skipped_columns(row: Element) -> None:
    """Insert an empty cell into a row that begins at a later column than the others."""
    skipped = value_at(row, "w:trPr/w:gridBefore")
    if skipped.isdecimal() and int(skipped):
        cell = Element(f"{W}tc")
        properties = ElementTree.SubElement(cell, f"{W}tcPr")
        ElementTree.SubElement(properties, f"{W}gridSpan", {f"{W}val": skipped})
        row.insert([child.tag for child in row].index(f"{W}trPr") + 1, cell)


def _run(text: str, style: str = "") -> Element:
    run = Element(f"{W}r")
    if style:
        properties = ElementTree.SubElement(run, f"{W}rPr")
        ElementTree.SubElement(properties, f"{W}rStyle", {f"{W}val": style})
    ElementTree.SubElement(run, f"{W}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}).text = text
    return run


def _is_hidden_or_struck(run: Element, paragraph_style: str, styles: Styles) -> bool:
    """Whether a run is hidden or struck out, by itself or by its styles."""
    return any(_is_on(_property(run, paragraph_style, name, styles)) for name in ("vanish", "strike", "dstrike"))


def _copy_raised(run: Element, styles: Styles) -> None:
    """Copy the raised or lowered position of a run from its style to the run itself, where mammoth reads it."""
    raised = _property(run, "", "vertAlign", styles)
    properties = run.find(f"{W}rPr")
    if raised is not None and properties is not None and run.find(f"{W}t") is not None:
        properties.append(raised)


def _property(run: Element, paragraph_style: str, name: str, styles: Styles) -> Element | None:
    """A character property of a run or paragraph mark: its own, else that of its character or paragraph style."""
    own = run.find(f"{W}rPr/{W}{name}")
    if own is not None:
        return own
    by_style = (styles.found(style, f"w:rPr/w:{name}") for style in (value_at(run, "w:rPr/w:rStyle"), paragraph_style))
    return next(chain.from_iterable(by_style), None)


def _is_left_out(element: Element, parent: Element) -> bool:
    """Whether an element is a deleted row, or the newer form of a drawing that also has an older one."""
    is_newer = element.tag == f"{_COMPATIBILITY}Choice" and parent.find(f"{_COMPATIBILITY}Fallback") is not None
    return is_newer or (element.tag == f"{W}tr" and element.find(f"{W}trPr/{W}del") is not None)


def _mark_paragraph(paragraph: Element, styles: Styles, numbering: Numbering) -> None:
    """Write the number and the heading level of a paragraph where mammoth reads them."""
    properties = paragraph.find(f"{W}pPr")
    style = value_at(properties, "w:pStyle")
    if properties is None or _is_deleted_or_hidden(properties, style, styles):
        return
    numbered = numbering.take(paragraph, style)
    for old in properties.findall(f"{W}numPr"):
        properties.remove(old)
    id_, depth, label = numbered or ("0", 0, "")
    if numbered or style:  # the style may be linked to a list that the paragraph is not in
        written = ElementTree.SubElement(properties, f"{W}numPr")
        ElementTree.SubElement(written, f"{W}ilvl", {f"{W}val": str(depth)})
        ElementTree.SubElement(written, f"{W}numId", {f"{W}val": id_})
    if label:
        paragraph.insert(list(paragraph).index(properties) + 1, _run(label, _LABEL))
    levels = [*properties.findall(f"{W}outlineLvl"), *styles.found(style, "w:pPr/w:outlineLvl")]
    level = levels[0].get(f"{W}val", "9") if levels else "9"
    if level.isdecimal() and int(level) < 9:  # 9 is body text
        named = properties.find(f"{W}pStyle")
        named = named if named is not None else ElementTree.SubElement(properties, f"{W}pStyle")
        named.set(f"{W}val", f"{_HEADING}{int(level) + 1}")


def _is_deleted_or_hidden(properties: Element, style: str, styles: Styles) -> bool:
    """Whether the end of a paragraph with these properties was deleted or moved away, or is hidden."""
    is_taken_out = any(properties.find(f"{W}rPr/{W}{mark}") is not None for mark in _GONE)
    return is_taken_out or _is_on(_property(properties, style, "vanish", styles))


def _is_on(element: Element | None) -> bool:
    """Whether a property that is on or off is there and on."""
    return element is not None and element.get(f"{W}val", "true") not in ("false", "0", "off")
