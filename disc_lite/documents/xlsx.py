"""XLSX -> text: the tables of every visible sheet, read row by row with openpyxl.

openpyxl (251 kB of plain Python and one small package), which pandas uses for .xlsx, finds out which numbers are dates.
It is in the extra `documents`, since few folders hold sheets.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from disc_lite.documents.archive import (
    attribute,
    local_name,
    open_archive,
    read_part,
    read_xml,
    related_parts,
    relations,
)
from disc_lite.documents.cells import SheetCell, note_of, standing_out
from disc_lite.documents.cellvalues import shown
from disc_lite.documents.comments import notes_on, unread_comments
from disc_lite.documents.drawings import drawings_of, shapes_html
from disc_lite.documents.html import markup_text
from disc_lite.documents.numbering import number_text
from disc_lite.documents.rowheaders import Row, cell_at, joined_header
from disc_lite.documents.rows import NamedRow, tables_of, text_of_tables
from disc_lite.documents.source import Converted, RefusedFile, Source

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

_LISTED_CELLS = 5
# Found in the XML of every sheet with `_SheetParts`: `<f>` is a formula, `<r>` a run of letters; UTF-16 has NUL.
_TELLING = re.compile(rb"hidden|mergeCell|[<:][fr][\s/>]|\0")


def xlsx_text(source: Source) -> Converted:
    """The text of a workbook, with the stored values of formulas; what is hidden is left out with a warning."""
    from openpyxl.reader.excel import load_workbook

    with open_archive(source.raw, ".xlsx") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and validations that it leaves out
        book = load_workbook(io.BytesIO(source.raw), read_only=True, data_only=True, keep_links=False, rich_text=True)
        tables = []
        hidden: Counter[str] = Counter()
        without_value: list[str] = []
        without_rows: list[str] = []
        doubts: list[str] = []
        comments = 0
        reason = RefusedFile("no visible sheet")
        paths = {attribute(e, "name"): path for e, path in related_parts(archive, "xl/workbook.xml", "sheet")}
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                hidden["sheet"] += 1
                continue
            source.on_step()
            sheet.reset_dimensions()  # some programs write wrong ones, and rows would be missing
            parts = _sheet_parts(archive, paths[sheet.title]) if sheet.title in paths else _SheetParts()
            seen, not_seen = parts.seen(_rows_of(sheet.iter_rows(), parts))
            comments += parts.comments
            hidden += not_seen
            without_value += parts.without_value
            try:
                found, doubt = tables_of(seen)
                tables += [(sheet.title, table) for table in found]
                doubts += [f"in {sheet.title}, {doubt}"] if doubt else []
            except RefusedFile as refusal:
                reason = refusal
                without_rows += [sheet.title] if any(map(any, seen)) else []
            lone = [note_of(cell) for row in seen if not any(row) for cell in row]
            lone += [_drawn_on(archive, paths[sheet.title])] if sheet.title in paths else []
            tables += [(sheet.title, [NamedRow("", text) for text in lone if text])] if any(lone) else []
    if not tables:
        raise reason
    unread = f"no row below a header, so not read: {', '.join(without_rows)}" if without_rows else ""
    warning = "; ".join(filter(None, [unread, _warning(hidden, without_value), unread_comments(comments), *doubts]))
    return replace(text_of_tables(tables, title=(book.properties.title or "").strip()), warning=warning)


def _drawn_on(archive: ZipFile, path: str) -> str:
    """The text boxes and diagrams on a sheet, without charts, which draw what is in its cells."""
    parts = [part for kind, part in relations(archive, path).values() if kind == "drawing"]
    return markup_text("".join(shapes_html(read_xml(archive, part), drawings_of(archive, part)) for part in parts))


def _rows_of(stored: Iterable[Sequence[Cell]], parts: _SheetParts) -> list[list[str]]:
    """The texts of the cells of a sheet; a note can be at a place where no cell is stored."""
    rows = [
        [_text_of(cell, parts.rich.get((n, at)), parts.notes.get((n, at), "")) for at, cell in enumerate(row)]
        for n, row in enumerate(stored)
    ]
    for (number, column), note in parts.notes.items():
        if number >= len(rows) or column >= len(rows[number]):
            rows += [[] for _ in range(number + 1 - len(rows))]
            rows[number] += [""] * (column + 1 - len(rows[number]))
            rows[number][column] = SheetCell("", note=note)
    return rows


def _text_of(cell: Cell, runs: list[Any] | None, note: str) -> str:
    """The value of a cell, about as the sheet shows it, with its note; empty if it is struck out."""
    value = runs or cell.value
    font = cell.font if value is not None and cell.has_style else None
    if font is not None and font.strike:
        return ""
    is_bold = False
    if isinstance(value, list):
        text = markup_text(f"<p>{''.join(map(_run_html, value))}</p>")
    else:
        text = value if isinstance(value, str) else "" if value is None else shown(value, str(cell.number_format))
        is_bold = font is not None and bool(font.b)
    return SheetCell(text, stands_out=is_bold, note=note) if is_bold or note else text


def _run_html(run: Any) -> str:
    """A run of letters as HTML; a run without a font is a `str`."""
    text = escape(str(run))
    if isinstance(run, str) or not run.text:
        return text
    if run.font.strike:
        return ""
    tag = (run.font.vertAlign or "")[:3]
    return f"<{tag}>{text}</{tag}>" if tag in ("sup", "sub") else text


def _warning(hidden: Counter[str], without_value: list[str]) -> str:
    found = []
    if without_value:
        listed = ", ".join(without_value[:_LISTED_CELLS]) + (", …" if len(without_value) > _LISTED_CELLS else "")
        what = "formula has" if len(without_value) == 1 else "formulas have"
        found.append(
            f"{len(without_value)} {what} no stored value ({listed}): open it in a spreadsheet program and save it"
        )
    counts = ", ".join(
        f"{count} {what}{'s' if count > 1 else ''}" for what in ("sheet", "row", "column") if (count := hidden[what])
    )
    return "; ".join(filter(None, [*found, counts and f"hidden and not read: {counts}"]))


# --- what openpyxl does not return when it reads a sheet row by row -------------------------------------------


@dataclass
class _SheetParts:
    """What openpyxl does not return of a sheet; rows and columns are counted from 0.

    Attributes:
        merged: First row, last row, first and last column of each merged range.
        hidden_rows: Rows that are not shown.
        hidden_columns: First and last of each run of columns that are not shown.
        without_value: Cells with formulas whose result is not stored, such as `B6`.
        rich: Texts of several runs of letters that are stored in their cells, by row and column.
        notes: The notes on cells, by row and column.
        comments: The number of comments, which are not read.
    """

    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)
    rich: dict[tuple[int, int], list[Any]] = field(default_factory=dict)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    comments: int = 0

    def seen(self, rows: Sequence[list[str]]) -> tuple[list[list[str]], Counter[str]]:
        """The visible cells, with a merged cell in each of its rows, and how many rows and columns are hidden.

        A header with a cell that is merged across columns is joined with the row below it.
        """
        filled = [any(row) for row in rows]
        for top, bottom, left, _ in self.merged:
            value = rows[top][left] if top < len(rows) and left < len(rows[top]) else ""
            for number in range(top + 1, min(bottom + 1, len(rows)) if value else 0):
                row = rows[number]
                row += [""] * (left + 1 - len(row))
                row[left] = value if filled[number] else ""
        for top, _, left, right in self.merged:
            if left < right and top < len(rows) and sum(map(bool, rows[top])) == 1 and any(rows[top][left : left + 1]):
                rows[top][left] = standing_out(rows[top][left])
        joined = set()
        for top in {top for top, bottom, left, right in self.merged if top == bottom and left < right}:
            wide = [range(left, right + 1) for at, _, left, right in self.merged if at == top and left < right]
            if header := joined_header(rows, top, wide):
                rows[top][:] = _with_notes_of(header, rows[top], rows[top + 1], wide)
                joined.add(top + 1)
        used = {column for row in rows for column, cell in enumerate(row) if cell}
        gone = {column for column in used if any(first <= column <= last for first, last in self.hidden_columns)}
        hidden = Counter(row=sum(filled[n] for n in self.hidden_rows if n < len(rows)), column=len(gone))
        shown = (row for number, row in enumerate(rows) if number not in self.hidden_rows | joined)
        return [[cell for column, cell in enumerate(row) if column not in gone] for row in shown], hidden


def _sheet_parts(archive: ZipFile, path: str) -> _SheetParts:
    """The parts found in the XML of one sheet, and in that of its notes."""
    from openpyxl.cell.rich_text import CellRichText
    from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

    content = read_part(archive, path)
    parts, row = _SheetParts(), -1
    parts.notes, parts.comments = notes_on(archive, path)
    if not _TELLING.search(content):
        return parts
    for _, element in ElementTree.iterparse(io.BytesIO(content)):
        match local_name(element.tag):
            case "row":
                row, column = int(element.get("r", row + 2)) - 1, -1
                parts.hidden_rows |= {row} if _is_hidden(element) else set()
                for cell in element:
                    name = cell.get("r")
                    column = coordinate_to_tuple(name)[1] - 1 if name else column + 1
                    within = {local_name(e.tag): e for e in cell}
                    if "f" in within and not ("v" in within and within["v"].text):
                        parts.without_value.append(f"{number_text('A', column + 1)}{row + 1}")
                    if "is" in within and within["is"].find("{*}r") is not None:
                        parts.rich[row, column] = list(CellRichText.from_tree(within["is"]))
                element.clear()  # or a large sheet would be held in memory
            case "col" if _is_hidden(element):
                parts.hidden_columns.append((int(element.attrib["min"]) - 1, int(element.attrib["max"]) - 1))
            case "mergeCell":
                left, top, right, bottom = range_boundaries(element.attrib["ref"])
                parts.merged.append((top - 1, bottom - 1, left - 1, right - 1))
    return parts


def _with_notes_of(header: Row, above: Row, below: Row, wide: Iterable[range]) -> list[str]:
    """A header with the notes of the two rows that it was joined from; a wide cell's note is one of each column."""
    first = {column: columns.start for columns in wide for column in columns}
    notes = [(note_of(cell_at(above, first.get(at, at))), note_of(cell_at(below, at))) for at in range(len(header))]
    joined = [" ".join(dict.fromkeys(filter(None, both))) for both in notes]
    return [SheetCell(name, note=note) if note else name for name, note in zip(header, joined, strict=True)]


def _is_hidden(element: Element) -> bool:
    return element.get("hidden", "0") not in ("0", "false")
