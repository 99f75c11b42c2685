"""The XML of a workbook's sheets -> the texts of their cells, with what is merged, hidden or without a value.

openpyxl, which reads the workbook and its styles and turns numbers into dates, would make an object of each cell and of
each part of a text, and takes three times as long for a sheet as this one pass over its elements.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from types import SimpleNamespace
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, iterparse

from disc_lite.documents.cells import SheetCell, standing_out, stands_out
from disc_lite.documents.cellvalues import shown
from disc_lite.documents.html import markup_text
from disc_lite.documents.numbering import number_text

Place = tuple[int, int]  # row and column, from 0

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _VALUE, _FORMULA, _INLINE = f"{_MAIN}row", f"{_MAIN}v", f"{_MAIN}f", f"{_MAIN}is"
_COLUMNS, _MERGED = f"{_MAIN}col", f"{_MAIN}mergeCell"
_STRING, _TEXT, _RUN, _FONT = f"{_MAIN}si", f"{_MAIN}t", f"{_MAIN}r", f"{_MAIN}rPr"
_DIGITS = "0123456789"
_FALSE = ("0", "f", "false")
_ESCAPED = "x005F_"  # what a program writes before an `_x` that is text


class Style(NamedTuple):
    """The style of a cell, as far as it changes what is read."""

    number_format: str
    is_date: bool
    is_duration: bool
    is_struck: bool
    is_bold: bool


@dataclass
class Sheet:
    """What a sheet holds; rows and columns are counted from 0.

    Attributes:
        notes: The notes on its cells.
        rows: The texts of its cells; one that is struck out is empty and has no note.
        merged: First row, last row, first and last column of each merged range.
        hidden_rows: Rows that are not shown.
        hidden_columns: First and last of each run of columns that are not shown.
        without_value: Cells with formulas whose result is not stored, such as `B6`.
    """

    notes: dict[Place, str]
    rows: list[list[str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)


class SheetReader:
    """Reads the sheets of a workbook.

    Args:
        book: The workbook, by openpyxl.
        strings: The XML of its shared strings; empty if it has none.
    """

    def __init__(self, book: Any, strings: bytes) -> None:
        self._epoch = book.epoch
        self._strings = _shared_strings(strings) if strings else []
        self._style: Callable[[str], Style] = cache(lambda number: _style(book, int(number)))

    def sheet(self, content: bytes, notes: dict[Place, str]) -> Sheet:
        """The sheet in the XML of its part, with the notes on its cells, which can be where no cell is stored."""
        from openpyxl.utils.cell import range_boundaries

        sheet, row = Sheet(notes), -1
        rows: dict[int, list[str]] = {}
        for _, element in iterparse(io.BytesIO(content)):
            if element.tag == _ROW:
                row = int(float(element.get("r", row + 2))) - 1
                sheet.hidden_rows |= {row} if _is_hidden(element) else set()
                rows[row] = self._row(element, row, sheet)
                element.clear()  # or a large sheet would be held in memory
            elif element.tag == _COLUMNS and _is_hidden(element):
                sheet.hidden_columns.append((int(element.attrib["min"]) - 1, int(element.attrib["max"]) - 1))
            elif element.tag == _MERGED:
                left, top, right, bottom = range_boundaries(element.attrib["ref"])
                sheet.merged.append((top - 1, bottom - 1, left - 1, right - 1))
        for (row, column), note in notes.items():
            cells = rows.setdefault(row, [])
            cells += [""] * (column + 1 - len(cells))
            cells[column] = SheetCell(cells[column], stands_out=stands_out(cells[column]), note=note)
        sheet.rows = [rows.get(number, []) for number in range(max(rows, default=-1) + 1)]
        return sheet

    def _row(self, element: Element, row: int, sheet: Sheet) -> list[str]:
        """The texts of the cells of a row; adds to `sheet` what else is found in them."""
        cells: list[str] = []
        column = -1
        for cell in element:
            name = cell.get("r")
            column = _column(name.rstrip(_DIGITS)) if name else column + 1
            value = cell.findtext(_VALUE) or None
            if value is None and cell.find(_FORMULA) is not None:
                sheet.without_value.append(f"{number_text('A', column + 1)}{row + 1}")
            cells += [""] * (column + 1 - len(cells))
            if cell.get("t") == "inlineStr":
                inline = cell.find(_INLINE)
                value = None if inline is None else _text_of(inline)
            if value is None:
                continue
            style = self._style(cell.get("s", "0"))
            if style.is_struck:
                sheet.notes.pop((row, column), None)
                continue
            text = self._shown(value, cell.get("t", "n"), style)
            # The letters of a text that is a SheetCell have styles of their own.
            cells[column] = standing_out(text) if style.is_bold and type(text) is str else text
        return cells

    def _shown(self, value: str, kind: str, style: Style) -> str:
        """A stored value, about as the sheet shows it; its kind is the attribute `t` of the cell."""
        match kind:
            case "s":
                return self._strings[int(value)]
            case "b":
                return shown(bool(int(value)), style.number_format)
            case "n":
                number = int(value) if value.lstrip("-").isdecimal() else float(value)
                return shown(self._date(number, style) if style.is_date else number, style.number_format)
            case "d":
                return shown(_iso_date(value), style.number_format)
        return value

    def _date(self, number: float, style: Style) -> object:
        """The date, time or duration that a number stands for."""
        from openpyxl.utils.datetime import from_excel

        try:
            return from_excel(number, self._epoch, timedelta=style.is_duration)
        except (OverflowError, ValueError):
            return "#VALUE!"


def _iso_date(value: str) -> object:
    from openpyxl.utils.datetime import from_ISO8601

    return from_ISO8601(value)


def _style(book: Any, number: int) -> Style:
    """The style of the cells that have this number, as openpyxl reads it."""
    from openpyxl.cell.read_only import ReadOnlyCell
    from openpyxl.styles.numbers import is_date_format, is_timedelta_format

    cell = ReadOnlyCell(SimpleNamespace(parent=book), row=1, column=1, value=None, style_id=number)
    kind = str(cell.number_format)
    # Cells without a style are not struck out or bold, whatever the first style is.
    return Style(
        kind,
        is_date_format(kind),
        is_timedelta_format(kind),
        is_struck=bool(number and cell.font.strike),
        is_bold=bool(number and cell.font.b),
    )


@cache
def _column(letters: str) -> int:
    """The column with these letters, from 0."""
    from openpyxl.utils.cell import column_index_from_string

    return int(column_index_from_string(letters)) - 1


def _shared_strings(content: bytes) -> list[str]:
    """The texts that cells refer to by number."""
    strings = []
    for _, element in iterparse(io.BytesIO(content)):
        if element.tag == _STRING:
            strings.append(_text_of(element))
            element.clear()
    return strings


def _text_of(element: Element) -> str:
    """The text of a string; it is a SheetCell if its letters have styles of their own."""
    if plain := element.findtext(_TEXT):
        return plain.replace(_ESCAPED, "")
    runs = element.findall(_RUN)
    if all(run.find(_FONT) is None for run in runs):
        return "".join(run.findtext(_TEXT, "") for run in runs).replace(_ESCAPED, "")
    return SheetCell(markup_text(f"<p>{''.join(map(_run_html, runs))}</p>"))


def _run_html(run: Element) -> str:
    """A run of letters as HTML; empty if it is struck out."""
    text = escape(run.findtext(_TEXT, "").replace(_ESCAPED, ""))
    strike, align = run.find(f"{_FONT}/{_MAIN}strike"), run.find(f"{_FONT}/{_MAIN}vertAlign")
    if strike is not None and strike.get("val") not in _FALSE:
        return ""
    tag = "" if align is None else align.get("val", "")[:3]
    return f"<{tag}>{text}</{tag}>" if text and tag in ("sup", "sub") else text


def _is_hidden(element: Element) -> bool:
    return element.get("hidden", "0") not in ("0", "false")
