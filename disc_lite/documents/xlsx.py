"""XLSX -> text: the tables of every visible sheet.

openpyxl (251 kB of plain Python and one small package), which pandas uses for .xlsx, reads the workbook and its styles,
and finds out which numbers are dates. It is in the extra `documents`, since few folders hold sheets.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

from disc_lite.documents.archive import open_archive, read_part, read_xml, relations
from disc_lite.documents.cells import SheetCell, note_of, standing_out
from disc_lite.documents.comments import notes_on, unread_comments
from disc_lite.documents.drawings import drawings_of, shapes_html
from disc_lite.documents.html import markup_text
from disc_lite.documents.rowheaders import Row, cell_at, joined_header
from disc_lite.documents.rows import NamedRow, tables_of, text_of_tables
from disc_lite.documents.sheets import Sheet, SheetReader
from disc_lite.documents.source import Converted, RefusedFile, Source

_LISTED_CELLS = 5


def xlsx_text(source: Source) -> Converted:
    """The text of a workbook, with the stored values of formulas; what is hidden is left out with a warning."""
    with open_archive(source.raw, ".xlsx") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and validations that it leaves out
        book, reader = _workbook(source.raw)
        tables = []
        hidden: Counter[str] = Counter()
        without_value: list[str] = []
        without_rows: list[str] = []
        doubts: list[str] = []
        comments = 0
        reason = RefusedFile("no visible sheet")
        for name, state, path in _sheets_of(book):
            if state != "visible":
                hidden["sheet"] += 1
                continue
            source.on_step()
            notes, count = notes_on(archive, path)
            sheet = reader.sheet(read_part(archive, path), notes)
            seen, not_seen = _seen(sheet)
            comments += count
            hidden += not_seen
            without_value += sheet.without_value
            try:
                found, doubt = tables_of(seen)
                tables += [(name, table) for table in found]
                doubts += [f"in {name}, {doubt}"] if doubt else []
            except RefusedFile as refusal:
                reason = refusal
                without_rows += [name] if any(map(any, seen)) else []
            lone = [note_of(cell) for row in seen if not any(row) for cell in row] + [_drawn_on(archive, path)]
            tables += [(name, [NamedRow("", text) for text in lone if text])] if any(lone) else []
    if not tables:
        raise reason
    unread = f"no row below a header, so not read: {', '.join(without_rows)}" if without_rows else ""
    warning = "; ".join(filter(None, [unread, _warning(hidden, without_value), unread_comments(comments), *doubts]))
    return replace(text_of_tables(tables, title=(book.wb.properties.title or "").strip()), warning=warning)


def _workbook(raw: bytes) -> tuple[Any, SheetReader]:
    """The parts of a workbook that are about all sheets, by openpyxl, and a reader of its sheets."""
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.xml.constants import SHARED_STRINGS

    book = ExcelReader(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    book.read_manifest()
    book.read_workbook()
    book.read_properties()
    apply_stylesheet(book.archive, book.wb)
    strings = book.package.find(SHARED_STRINGS)
    return book, SheetReader(book.wb, read_part(book.archive, strings.PartName[1:]) if strings else b"")


def _sheets_of(book: Any) -> list[tuple[str, str, str]]:
    """The name, the state and the part of each sheet that is not a chart."""
    return [
        (sheet.name, sheet.state, related.target)
        for sheet, related in book.parser.find_sheets()
        if related.target in book.valid_files and "chartsheet" not in related.Type
    ]


def _drawn_on(archive: ZipFile, path: str) -> str:
    """The text boxes and diagrams on a sheet, without charts, which draw what is in its cells."""
    parts = [part for kind, part in relations(archive, path).values() if kind == "drawing"]
    return markup_text("".join(shapes_html(read_xml(archive, part), drawings_of(archive, part)) for part in parts))


def _seen(sheet: Sheet) -> tuple[list[list[str]], Counter[str]]:
    """The visible cells, with a merged cell in each of its rows, and how many rows and columns are hidden.

    A header with a cell that is merged across columns is joined with the row below it.
    """
    rows = sheet.rows
    filled = [any(row) for row in rows]
    for top, bottom, left, _ in sheet.merged:
        value = rows[top][left] if top < len(rows) and left < len(rows[top]) else ""
        for number in range(top + 1, min(bottom + 1, len(rows)) if value else 0):
            row = rows[number]
            row += [""] * (left + 1 - len(row))
            row[left] = value if filled[number] else ""
    wide: defaultdict[int, list[range]] = defaultdict(list)  # row -> columns of each cell that spans several
    headers = set()
    for top, bottom, left, right in sheet.merged:
        if left < right and top < len(rows):
            wide[top].append(range(left, right + 1))
            headers |= {top} if top == bottom else set()
            if sum(map(bool, rows[top])) == 1 and any(rows[top][left : left + 1]):
                rows[top][left] = standing_out(rows[top][left])
    gone_rows = set(sheet.hidden_rows)
    for top in headers:
        if header := joined_header(rows, top, wide[top]):
            rows[top][:] = _with_notes_of(header, rows[top], rows[top + 1], wide[top])
            gone_rows.add(top + 1)
    used = {column for row in rows for column, cell in enumerate(row) if cell}
    gone = {column for column in used if any(first <= column <= last for first, last in sheet.hidden_columns)}
    hidden = Counter(row=sum(filled[n] for n in sheet.hidden_rows if n < len(rows)), column=len(gone))
    seen = [row for number, row in enumerate(rows) if number not in gone_rows]
    return [[cell for column, cell in enumerate(row) if column not in gone] for row in seen], hidden


def _with_notes_of(header: Row, above: Row, below: Row, wide: Iterable[range]) -> list[str]:
    """A header with the notes of the two rows that it was joined from; a wide cell's note is one of each column."""
    first = {column: columns.start for columns in wide for column in columns}
    notes = [(note_of(cell_at(above, first.get(at, at))), note_of(cell_at(below, at))) for at in range(len(header))]
    joined = [" ".join(dict.fromkeys(filter(None, both))) for both in notes]
    return [SheetCell(name, note=note) if note else name for name, note in zip(header, joined, strict=True)]


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
