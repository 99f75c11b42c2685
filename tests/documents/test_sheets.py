"""Sheets of Excel: how much work a cell is, merged ranges and escaped texts."""

import io

from openpyxl import Workbook

from disc_lite.documents.sheets import Sheet
from disc_lite.documents.xlsx import _seen
from tests.counting import calls_in, is_quadratic
from tests.documents.written import converted


def workbook(rows):
    book, buffer = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet("Stock")
    for row in rows:
        sheet.append(row)
    book.save(buffer)
    return buffer.getvalue()


STOCK = [["Article", "Town", "Count"], *([f"Pump {n}", "Oslo", n] for n in range(2000))]


def test_a_cell_is_read_in_few_steps():
    raw = workbook(STOCK)
    converted("a.xlsx", raw)
    assert calls_in(converted, "a.xlsx", raw) < 60 * 3 * len(STOCK)  # 54 for each cell, or 158 with openpyxl's cells


def test_many_merged_and_hidden_rows_take_no_quadratic_time():
    def seen(size):
        rows = [["Oslo", "", "9"] for _ in range(size)]
        merged = [(number, number, 0, 1) for number in range(size)]
        return _seen(Sheet({}, rows, merged, hidden_rows=set(range(0, size, 2))))

    assert not is_quadratic(seen, 8000)


def test_what_looks_like_an_escape_is_written_as_the_sheet_shows_it():
    assert converted("a.xlsx", workbook([["Mark", "Sense"], ["_x005F_x000D_", "Return"]])).text == (
        "- Mark: _x000D_\n- Sense: Return\n"
    )
