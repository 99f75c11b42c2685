"""PPTX -> text: titles, text, tables, diagrams, charts and notes of the slides are written as HTML, which `html` reads.

A .pptx is a zip of XML; python-pptx would bring lxml, Pillow and a writer of spreadsheets to read these few elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import (
    attribute,
    child,
    local_name,
    number_of,
    open_archive,
    read_xml,
    related_parts,
    relations,
)
from disc_lite.documents.comments import unread_comments
from disc_lite.documents.drawings import drawing_html, drawings_of
from disc_lite.documents.drawingtext import paragraph_text, paragraphs_of, shape_text
from disc_lite.documents.html import markup_text
from disc_lite.documents.numbering import LABEL_TAG, number_text
from disc_lite.documents.source import Converted, RefusedFile, Source

_TITLES = {"title", "ctrTitle"}
_DROPPED = {"dt", "ftr", "sldNum", "hdr", "sldImg"}  # placeholders that every slide repeats
_NO_BULLETS = {"", "subTitle"}
_COVERED = ("hMerge", "vMerge")
_SCHEME = re.compile(r"(?P<kind>arabic|alphaLc|alphaUc|romanLc|romanUc).*?(?P<around>ParenBoth|ParenR|Period|Plain)")
_KINDS = {"alphaLc": "a", "alphaUc": "A", "romanLc": "i", "romanUc": "I"}
_AROUND = {"ParenBoth": "({})", "ParenR": "{})", "Plain": "{}"}


def pptx_text(source: Source) -> Converted:
    """The text of a presentation without hidden slides; the first slide's title is the title of the document."""
    parts: list[str] = []
    hidden: list[str] = []
    comments = 0
    with open_archive(source.raw, ".pptx") as archive:
        for number, (_, path) in enumerate(related_parts(archive, "ppt/presentation.xml", "sldId"), 1):
            source.on_step()
            slide = read_xml(archive, path)
            if attribute(slide, "show") in ("0", "false"):
                hidden.append(str(number))
                continue
            parts.append("".join(_slide_html(slide, drawings_of(archive, path), is_first=not parts)))
            for kind, part in relations(archive, path).values():
                spoken = "".join(_notes_html(read_xml(archive, part))) if kind == "notesSlide" else ""
                parts.append(f"<p>Notes:</p>{spoken}" if spoken else "")
                if kind == "comments":
                    comments += sum(local_name(e.tag) in ("cm", "reply") for e in read_xml(archive, part).iter())
    text = markup_text("".join(parts))
    if not text:
        raise RefusedFile("no text on its slides (pictures only?); run OCR over it first")
    slides = f"slide {hidden[0]} is" if len(hidden) == 1 else f"slides {', '.join(hidden)} are"
    warnings = [f"{slides} hidden and not read" if hidden else "", unread_comments(comments)]
    return Converted(text + "\n", warning="; ".join(filter(None, warnings)))


def _slide_html(slide: Element, drawings: Mapping[str, Element], is_first: bool) -> Iterator[str]:
    shapes = [e for e in slide.iter() if local_name(e.tag) in ("sp", "tbl", "relIds", "chart")]
    # The title can be anywhere in the file, but on the slide it is above everything.
    for shape in sorted(shapes, key=lambda shape: _placeholder(shape) not in _TITLES):
        kind = _placeholder(shape)
        if local_name(shape.tag) == "tbl":
            yield from _table_html(shape)
        elif drawn := drawing_html(shape, drawings):
            yield drawn
        elif kind in _TITLES:
            level = 1 if is_first else 2
            yield f"<h{level}>{shape_text(shape)}</h{level}>"
        elif kind not in _DROPPED:
            yield from _shape_html(shape, has_bullets=kind not in _NO_BULLETS)


def _notes_html(notes: Element) -> Iterator[str]:
    for shape in notes.iter():
        if local_name(shape.tag) == "sp" and _placeholder(shape) == "body":
            yield from _shape_html(shape, has_bullets=False)


def _shape_html(shape: Element, has_bullets: bool) -> Iterator[str]:
    depth = 0
    numbers: dict[int, tuple[str, int]] = {}  # level -> scheme and number of its last paragraph
    for paragraph in paragraphs_of(shape):
        text = paragraph_text(paragraph)
        properties = child(paragraph, "pPr")
        level = number_of(properties, "lvl", 0)
        label = _label(properties, level, numbers) if text else ""
        if text and (has_bullets or label):
            wanted = 1 + level
            yield "<ul>" * (wanted - depth) + "</ul>" * (depth - wanted) + f"<li>{label}{text}</li>"
            depth = wanted
        elif text:
            yield "</ul>" * depth + f"<p>{text}</p>"
            depth = 0
    yield "</ul>" * depth


def _label(properties: Element, level: int, numbers: dict[int, tuple[str, int]]) -> str:
    """The number of a paragraph, if it has one; another scheme or a paragraph without a number restarts the count."""
    for deeper in [other for other in numbers if other > level]:
        del numbers[deeper]
    auto = child(properties, "buAutoNum")
    scheme = _SCHEME.match(attribute(auto, "type"))
    if scheme is None:
        numbers.pop(level, None)
        return ""
    before, number = numbers.get(level, ("", 0))
    number = number + 1 if before == scheme[0] else number_of(auto, "startAt", 1)
    numbers[level] = (scheme[0], number)
    around = _AROUND.get(scheme["around"], "{}.")
    return f"<{LABEL_TAG}>{around.format(number_text(_KINDS.get(scheme['kind'], '1'), number))}</{LABEL_TAG}>"


def _table_html(table: Element) -> Iterator[str]:
    yield "<table>"
    for row in (e for e in table.iter() if local_name(e.tag) == "tr"):
        # The file also has the cells that a merged cell covers; they are empty.
        cells = [
            e for e in row if local_name(e.tag) == "tc" and not {attribute(e, m) for m in _COVERED} & {"1", "true"}
        ]
        yield f"<tr>{''.join(map(_cell_html, cells))}</tr>"
    yield "</table>"


def _cell_html(cell: Element) -> str:
    text = "".join(f"<p>{text}</p>" for text in map(paragraph_text, paragraphs_of(cell)))
    rows, columns = attribute(cell, "rowSpan") or "1", attribute(cell, "gridSpan") or "1"
    return f'<td rowspan="{escape(rows)}" colspan="{escape(columns)}">{text}</td>'


def _placeholder(shape: Element) -> str:
    """The role of a shape on its slide: `title`, `body`, …; `obj` for a placeholder without a type, else empty."""
    return next((attribute(e, "type") or "obj" for e in shape.iter() if local_name(e.tag) == "ph"), "")
