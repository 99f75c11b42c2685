"""The text in shapes, diagrams and charts of Office files (DrawingML) -> HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

from disc_lite.documents.archive import attribute, child, local_name
from disc_lite.documents.formulas import OFFICE_MATH, office_formula_text


def paragraphs_of(shape: Element) -> list[Element]:
    """The paragraphs in a shape, a table cell or a point of a diagram."""
    return [e for e in shape.iter() if local_name(e.tag) == "p" and "drawingml" in e.tag]


def shape_text(shape: Element) -> str:
    """The text of a shape as one line of HTML."""
    return " ".join(filter(None, map(paragraph_text, paragraphs_of(shape))))


def paragraph_text(paragraph: Element) -> str:
    """The runs, fields and formulas of a paragraph as one line of HTML, without struck-out text."""
    return " ".join("".join(_pieces(paragraph)).split())


def _pieces(parent: Element) -> Iterator[str]:
    for part in parent:
        name = local_name(part.tag)
        if part.tag == f"{OFFICE_MATH}oMath":
            yield escape(office_formula_text(part))
        elif name == "br":
            yield " "
        elif name in ("r", "fld"):
            yield _run_html(part)
        elif name != "Fallback":  # the formula again, as a picture
            yield from _pieces(part)


def _run_html(run: Element) -> str:
    text = escape("".join(e.text or "" for e in run if local_name(e.tag) == "t"))
    properties = child(run, "rPr")
    if attribute(properties, "strike") not in ("", "noStrike"):
        return ""
    raised = attribute(properties, "baseline").rstrip("%").split(".")[0] or "0"
    tag = "" if raised in ("0", "-0") else "sub" if raised.startswith("-") else "sup"
    return f"<{tag}>{text}</{tag}>" if tag and text else text
