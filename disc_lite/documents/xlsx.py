"""XLSX -> text: every visible sheet as its tables, read row by row with openpyxl.

openpyxl (251 kB of plain Python and one small package) is what pandas reads .xlsx with; it knows which numbers are
dates. It is in the extra `documents`, since few folders hold sheets.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from disc_lite.documents.archive import attribute, local_name, open_archive, read_part, read_xml, relations
from disc_lite.documents.cellvalues import shown
from disc_lite.documents.html import markup_text
from disc_lite.documents.rows import tables_of, text_of_tables
from disc_lite.documents.sheetparts import SheetParts, marked, sheet_parts
from disc_lite.documents.source import Converted, RefusedFile, Source

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

_WORKBOOK = "xl/workbook.xml"
_LISTED_CELLS = 5


def xlsx_text(source: Source) -> Converted:
    """The text of a workbook: of formulas their last values. What is hidden is left out, and the warning says so."""
    from openpyxl.reader.excel import load_workbook

    with open_archive(source.raw, ".xlsx") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of styles and validations that it leaves out
        book = load_workbook(io.BytesIO(source.raw), read_only=True, data_only=True, keep_links=False, rich_text=True)
        tables = []
        hidden: Counter[str] = Counter()
        without_value: list[str] = []
        without_rows: list[str] = []
        reason = RefusedFile("no visible sheet")
        paths = _paths_of_sheets(archive)
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                hidden["sheet"] += 1
                continue
            source.on_step()
            sheet.reset_dimensions()  # some programs write wrong ones, and rows would be missing
            parts = sheet_parts(read_part(archive, paths[sheet.title])) if sheet.title in paths else SheetParts()
            rows = [
                [_text_of(cell, parts.rich.get((n, column), "")) for column, cell in enumerate(row)]
                for n, row in enumerate(sheet.iter_rows())
            ]
            seen, not_seen = parts.seen(rows)
            hidden += not_seen
            without_value += parts.without_value
            try:
                tables += [(sheet.title, table) for table in tables_of(seen)]
            except RefusedFile as refusal:
                reason = refusal
                without_rows += [sheet.title] if any(map(any, seen)) else []
    if not tables:
        raise reason
    unread = f"no row below a header in {', '.join(without_rows)}, which is not read" if without_rows else ""
    warning = "; ".join(filter(None, [unread, _warning(hidden, without_value)]))
    return replace(text_of_tables(tables, title=book.properties.title or ""), warning=warning)


def _paths_of_sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet -> the path of its part."""
    targets = relations(archive, _WORKBOOK)
    sheets = (e for e in read_xml(archive, _WORKBOOK).iter() if local_name(e.tag) == "sheet")
    return {attribute(e, "name"): targets[id_][1] for e in sheets if (id_ := attribute(e, "id")) in targets}


def _text_of(cell: Cell, rich: str) -> str:
    """The value about as the sheet shows it; empty where it is struck out."""
    value = cell.value
    if value is None or (cell.has_style and cell.font is not None and cell.font.strike):
        return ""
    if isinstance(value, list):  # of runs
        rich = "".join(map(_run_html, value))
    if rich:
        return markup_text(f"<p>{rich}</p>")
    return value if isinstance(value, str) else shown(value, str(cell.number_format))


def _run_html(run: Any) -> str:
    """A run of letters; one without a font is a `str`."""
    if isinstance(run, str):
        return marked(run)
    tags = ("s" if run.font.strike else "", (run.font.vertAlign or "")[:3])
    return marked(str(run.text), *(tag for tag in tags if tag in ("s", "sup", "sub")))


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
    return "; ".join(filter(None, [*found, counts and f"hidden, and not read: {counts}"]))
