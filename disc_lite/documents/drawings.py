"""Diagrams (SmartArt) and charts of Office files -> lists and tables in HTML, for the HTML reader."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from html import escape
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from disc_lite.documents.archive import attribute, child, local_name, number_of, read_xml, relations
from disc_lite.documents.cellvalues import shown
from disc_lite.documents.drawingtext import paragraph_text, paragraphs_of, shape_text

_DRAWN = ("diagramData", "chart", "chartEx")
MAX_ROWS = 40  # a curve with more points is to be looked at, not read
_MAX_DAYS = 2_900_000
_Series = tuple[Element, dict[int, str], dict[int, str]]  # the series, its categories and its values by index
_FIRST_DAY = datetime(1899, 12, 30)
_QUOTED = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")
_DATE = re.compile(r"[dy]", re.IGNORECASE)  # in a number format


def drawings_of(archive: ZipFile, path: str) -> dict[str, Element]:
    """The diagrams and charts that a part of an Office file shows, by the ids with which it refers to them."""
    there = set(archive.namelist())
    parts = {id_: part for id_, (kind, part) in relations(archive, path).items() if kind in _DRAWN and part in there}
    return {id_: read_xml(archive, part) for id_, part in parts.items()}


def drawing_html(element: Element, drawings: Mapping[str, Element]) -> str:
    """The HTML of the diagram or chart that an element of a slide or a document refers to; empty if it refers to none.

    Args:
        element: A descendant of the slide or document.
        drawings: Those of the part that it is in, from `drawings_of`.
    """
    match local_name(element.tag):
        case "relIds" if (data := drawings.get(attribute(element, "dm"))) is not None:
            return "".join(_diagram_html(data))
        case "chart" if (chart := drawings.get(attribute(element, "id"))) is not None:
            return "".join(_chart_html(chart))
    return ""


def shapes_html(part: Element, drawings: Mapping[str, Element]) -> str:
    """The HTML of the text boxes and diagrams on a sheet, without those that are hidden or show the text of a cell."""
    shapes = [e for e in part.iter() if local_name(e.tag) in ("sp", "relIds") and not _is_hidden_or_linked(e)]
    return "".join(drawing_html(shape, drawings) or "".join(_paragraphs_html(shape)) for shape in shapes)


def _is_hidden_or_linked(shape: Element) -> bool:
    hidden = (attribute(e, "hidden") for e in shape.iter() if local_name(e.tag) == "cNvPr")
    return attribute(shape, "textlink") != "" or any(one in ("1", "true") for one in hidden)


def _paragraphs_html(shape: Element) -> Iterator[str]:
    return (f"<p>{text}</p>" for text in map(paragraph_text, paragraphs_of(shape)) if text)


def _diagram_html(data: Element) -> Iterator[str]:
    """Yield the texts of a diagram as a nested list, each text below the one that it belongs to."""
    points = {attribute(e, "modelId"): e for e in data.iter() if local_name(e.tag) == "pt"}
    below: dict[str, list[tuple[int, str]]] = {}
    for link in data.iter():
        if local_name(link.tag) == "cxn" and attribute(link, "type") in ("", "parOf"):
            place = number_of(link, "srcOrd", 0)
            below.setdefault(attribute(link, "srcId"), []).append((place, attribute(link, "destId")))

    def listed(id_: str) -> Iterator[str]:
        items = sorted(below.pop(id_, []))  # each list once, or a cycle would never end
        for _, item in items:
            if item in points:
                yield f"<li>{shape_text(points[item])}<ul>{''.join(listed(item))}</ul></li>"

    for id_, point in points.items():
        if attribute(point, "type") == "doc":
            yield f"<ul>{''.join(listed(id_))}</ul>"


def _chart_html(chart: Element) -> Iterator[str]:
    """Yield the values of a chart as a table, with a row for each category and a column for each series."""
    header, categories, columns = [""], dict[int, str](), list[dict[int, str]]()
    for series, names, figures in (*_series_of(chart), *_newer_series_of(chart)):
        header.append(_text_in(child(series, "tx"), "v"))
        categories |= names
        columns.append(figures)
    if any(columns) and 0 < len(categories) <= MAX_ROWS:
        rows = [[name, *(column.get(place, "") for column in columns)] for place, name in sorted(categories.items())]
        titles = [e for e in chart.iter() if local_name(e.tag) == "title"]  # of the axes too, which often name a unit
        caption = escape("; ".join(filter(None, (_text_in(e, "t") or _text_in(e, "v") for e in titles))))
        body = f"<thead>{_row_html(header)}</thead>{''.join(map(_row_html, rows))}"
        yield f"<table><caption>{caption}</caption>{body}</table>"


def _series_of(chart: Element) -> Iterator[_Series]:
    is_from_1904 = any(local_name(e.tag) == "date1904" and attribute(e, "val") not in ("0", "false") for e in chart)
    first_day = datetime(1904, 1, 1) if is_from_1904 else _FIRST_DAY
    for series in (e for e in chart.iter() if local_name(e.tag) == "ser"):
        names = _points([child(series, "cat"), child(series, "xVal")], first_day)
        yield series, names, _points([child(series, "val"), child(series, "yVal")], first_day)


def _newer_series_of(chart: Element) -> Iterator[_Series]:
    """Yield the series of a chart type of Office 2016 (waterfall, funnel, treemap), which stores its values apart."""
    stored = {attribute(e, "id"): e for e in chart.iter() if local_name(e.tag) == "data"}
    for series in (e for e in chart.iter() if local_name(e.tag) == "series"):
        data = stored.get(attribute(child(series, "dataId"), "val"), series)
        names, figures = (child(child(data, name), "lvl") for name in ("strDim", "numDim"))  # its first level
        number_format = attribute(figures, "formatCode") or "General"
        texts = {number_of(e, "idx", 0): e.text or "" for e in names}
        yield series, texts, {number_of(e, "idx", 0): _value(e.text or "", number_format, _FIRST_DAY) for e in figures}


def _text_in(element: Element, name: str) -> str:
    return " ".join("".join(e.text or "" for e in element.iter() if local_name(e.tag) == name).split())


def _row_html(cells: list[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _points(stored: list[Element], first_day: datetime) -> dict[int, str]:
    """The stored texts or numbers of a series, by index; of several levels of categories, those of the first."""
    found: dict[int, str] = {}
    number_format = ""  # stays empty for texts
    for element in (e for part in stored for e in part.iter()):
        match local_name(element.tag):
            case "numCache" | "numLit":
                number_format = "General"
            case "formatCode":
                number_format = element.text or number_format
            case "pt":
                text = child(element, "v").text or ""
                found.setdefault(number_of(element, "idx", 0), _value(text, number_format, first_day))
    return found


def _value(text: str, number_format: str, first_day: datetime) -> str:
    """The text of a stored value in its number format; without a format the stored text itself."""
    try:
        number = float(text) if number_format else math.nan
    except ValueError:
        return text
    if _DATE.search(_QUOTED.sub("", number_format)) and 0 <= number < _MAX_DAYS:
        return shown(first_day + timedelta(days=round(number, 5)), number_format)
    return shown(number, number_format) if math.isfinite(number) else text
