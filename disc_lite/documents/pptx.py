"""PPTX -> text: every slide under its title, its text, tables and speaker's notes, by way of the HTML reader.

A .pptx is a zip of XML; python-pptx would bring lxml, Pillow and a writer of spreadsheets to read these few elements.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import attribute, local_name, open_archive, read_xml
from disc_lite.documents.html import html_text
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, Source

_PRESENTATION = "ppt/presentation.xml"
_TITLES = {"title", "ctrTitle"}
_DROPPED = {"dt", "ftr", "sldNum", "hdr", "sldImg"}  # placeholders that every slide repeats
_NO_BULLETS = {"", "subTitle"}


def pptx_text(source: Source) -> Converted:
    """The text of a presentation; the title of its first slide is that of the document.

    Raises:
        RefusedFile: Not a presentation, encrypted, or without text.
    """
    parts: list[str] = []
    with open_archive(source.raw, ".pptx") as archive:
        for path in _slides(archive):
            source.on_step()
            parts.append("".join(_slide_html(read_xml(archive, path), is_first=not parts)))
            for notes in _related(archive, path, "notesSlide"):
                spoken = "".join(_paragraphs_html(read_xml(archive, notes), only="body"))
                parts.append(f"<p>Notes:</p>{spoken}" if spoken else "")
    text = html_text("".join(parts))[0]
    if not text.strip():
        raise RefusedFile("no text on its slides (pictures only?); run OCR over it first")
    return Converted(text)


def _slides(archive: zipfile.ZipFile) -> list[str]:
    """The paths of the slides in their order."""
    root = read_xml(archive, _PRESENTATION)
    targets = _relations(archive, _PRESENTATION)
    ids = [
        value
        for element in root.iter()
        if local_name(element.tag) == "sldId"
        for key, value in element.attrib.items()
        if key.endswith("}id")
    ]
    return [targets[id_][1] for id_ in ids if id_ in targets]


def _relations(archive: zipfile.ZipFile, path: str) -> dict[str, tuple[str, str]]:
    """Id -> (kind, path) of what a part refers to."""
    folder, name = posixpath.split(path)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    return {
        attribute(e, "Id"): (
            attribute(e, "Type").rpartition("/")[2],
            posixpath.normpath(posixpath.join(folder, attribute(e, "Target"))).lstrip("/"),
        )
        for e in read_xml(archive, relations)
    }


def _related(archive: zipfile.ZipFile, path: str, kind: str) -> list[str]:
    return [target for found, target in _relations(archive, path).values() if found == kind]


def _slide_html(slide: Element, is_first: bool) -> Iterator[str]:
    shapes = [e for e in slide.iter() if local_name(e.tag) in ("sp", "tbl")]
    # The title may stand anywhere in the file; on the slide it is above everything.
    for shape in sorted(shapes, key=lambda shape: _placeholder(shape) not in _TITLES):
        kind = _placeholder(shape)
        if local_name(shape.tag) == "tbl":
            yield from _table_html(shape)
        elif kind in _TITLES:
            level = 1 if is_first else 2
            yield f"<h{level}>{escape(' '.join(filter(None, map(_text, _paragraphs(shape)))))}</h{level}>"
        elif kind not in _DROPPED:
            yield from _shape_html(shape, has_bullets=kind not in _NO_BULLETS)


def _paragraphs_html(notes: Element, only: str) -> Iterator[str]:
    for shape in notes.iter():
        if local_name(shape.tag) == "sp" and _placeholder(shape) == only:
            yield from _shape_html(shape, has_bullets=False)


def _shape_html(shape: Element, has_bullets: bool) -> Iterator[str]:
    depth = 0
    for paragraph in _paragraphs(shape):
        text = escape(_text(paragraph))
        if text and has_bullets:
            level = next((attribute(e, "lvl") for e in paragraph if local_name(e.tag) == "pPr"), "")
            wanted = 1 + (int(level) if level.isdigit() else 0)
            yield "<ul>" * (wanted - depth) + "</ul>" * (depth - wanted) + f"<li>{text}</li>"
            depth = wanted
        elif text:
            yield f"<p>{text}</p>"
    yield "</ul>" * depth


def _table_html(table: Element) -> Iterator[str]:
    yield "<table>"
    for row in (e for e in table.iter() if local_name(e.tag) == "tr"):
        cells = (" ".join(map(_text, _paragraphs(e))) for e in row if local_name(e.tag) == "tc")
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _placeholder(shape: Element) -> str:
    """What a shape is on its slide: `title`, `body`, …; a placeholder without a type is `obj`, other shapes ``."""
    for element in shape.iter():
        if local_name(element.tag) == "ph":
            return attribute(element, "type") or "obj"
    return ""


def _paragraphs(shape: Element) -> list[Element]:
    return [e for e in shape.iter() if local_name(e.tag) == "p" and "drawingml" in e.tag]


def _text(paragraph: Element) -> str:
    """Runs and fields; a line break in a paragraph is a space."""
    pieces = (
        e.text or "" if local_name(e.tag) == "t" else " " for e in paragraph.iter() if local_name(e.tag) in ("t", "br")
    )
    return " ".join("".join(pieces).split())
