"""XLSX -> text: every visible sheet as a table, read row by row with openpyxl.

openpyxl (251 kB of plain Python and one small package) is what pandas reads .xlsx with; it knows which numbers are
dates. It is in the extra `documents`, since few folders hold sheets.
"""

from __future__ import annotations

import io
import warnings
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.rows import rows_of_table, text_of_tables
from disc_lite.documents.source import Converted, Source

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell


def xlsx_text(source: Source) -> Converted:
    """The text of a workbook: of formulas their last values.

    Raises:
        ModuleNotFoundError: openpyxl is missing.
        RefusedFile: No sheet holds a table.
    """
    from openpyxl.reader.excel import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of styles and validations that it leaves out
        book = load_workbook(io.BytesIO(source.raw), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        tables = []
        for sheet in sheets:
            source.on_step()
            sheet.reset_dimensions()  # some programs write wrong ones, and rows would be missing
            rows = ([_shown(cell) for cell in row] for row in sheet.iter_rows())
            try:
                tables.append((sheet.title, rows_of_table(rows)))
            except RefusedFile as refusal:
                reason = refusal
    if not tables:
        raise reason if sheets else RefusedFile("no visible sheet")
    return text_of_tables(tables, title=book.properties.title or "")


def _shown(cell: Cell) -> str:
    """The value about as the sheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, float) and "%" in str(cell.number_format):
        return f"{value * 100:.6g} %"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
