"""Sheets with more than one table: tables side by side, sentences below, headers with merged cells."""

import io

import pytest
from openpyxl import Workbook

from tests.documents.written import converted, document, sections, text


def test_a_sentence_below_a_table_is_about_it_and_no_row():
    note = "All prices are in euros, net of tax, ex works, and valid until the end of June unless the market moves."
    made = document("a.csv", f'Item,Price\nBolt,1\nNut,2\nPin,3\nRod,4\n\n"{note}"\n* from ten on\nContact: Ada Berg\n')
    assert sections(made) == [
        (("Bolt",), "- Item: Bolt\n- Price: 1"),
        (("Nut",), "- Item: Nut\n- Price: 2"),
        (("Pin",), "- Item: Pin\n- Price: 3"),
        (("Rod",), "- Item: Rod\n- Price: 4"),
        ((), note),
        ((), "* from ten on"),
        ((), "Contact: Ada Berg"),
    ]
    rules = "Rule,Since\nNo dogs on the lawn please.,2020\nNo fires in the wood at all.\n"
    assert "- Rule: No fires in the wood at all.\n" in text("a.csv", rules)
    assert "- Remark: It is sold out now.\n" in text("a.csv", "Item,Remark\nBolt,new\n,It is sold out now.\n")


@pytest.mark.parametrize(
    "sheet",
    [
        "Item,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4\nE,5",  # the second table ends first
        "Item,Price\nA,1\nB,2,,Staff,Phone\nC,3,,Ada,33\nD,4,,Berg,34\nE,5,,Cole,35",  # the second table begins later
        "Prices,,,Office\nItem,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4\nE,5",
        "Prices,,,Office\nItem,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\nD,4,,Dorn,36\nE,5,,Elm,37",
        "Item,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\n,,,Dorn,36\nD,4,,,\nE,5,,Elm,37\n,,,Fox,38\n,,,Gay,39",
    ],
)
def test_tables_side_by_side_are_two(sheet):
    made = converted("a.csv", sheet).text
    assert "- Item: A\n- Price: 1\n" in made and "- Item: E\n- Price: 5\n" in made
    assert "- Staff: Ada\n- Phone: 33\n" in made and "- Staff: Cole\n- Phone: 35\n" in made
    assert made.index("Item: E") < made.index("Staff: Ada")


def test_tables_side_by_side_may_have_others_above_and_below_them():
    wrapped = "Name,Room,,Name,Room\nAda,1,,Cole,3\nBerg,2,,Dorn,4\n"
    names = [f"- Name: {name}\n- Room: {n}" for n, name in enumerate(["Ada", "Berg", "Cole", "Dorn"], 1)]
    wide = "Town,Jan,Feb,Mar,Apr\nOslo,1,2,3,4\n"
    row = "- Town: Oslo\n- Jan: 1\n- Feb: 2\n- Mar: 3\n- Apr: 4"
    assert text("a.csv", wrapped) == "\n\n".join(names) + "\n"
    assert text("a.csv", f"{wide}\n{wrapped}\n{wide}") == "\n\n".join([row, *names, row]) + "\n"
    assert (
        text("a.csv", f"{wrapped}\nAll are on floor 3.\n")
        == "\n\n".join([*names[:2], "All are on floor 3.", *names[2:]]) + "\n"
    )


@pytest.mark.parametrize(
    "sheet",
    [
        "Item,Price,,Origin,Shelf\nA,1,,Oslo,33\nB,2,,Bonn,34\nC,3,,Rome,35\nSum,6",
        "Item,Price,,Remark,By\nA,1,,new,Ada\nB,2,,old,Berg\nC,3\nD,4\nE,5",
        "Home,Goals,,Away,Goals\nA,1,,Oslo,3\nB,2,,Bonn,4\nC,3,,Rome,5",
        "Item,Won,,Won,Lost\nA,1,,3,4\nB,2,,4,5\nC,3\nD,4\nE,5",
    ],
)
def test_an_empty_column_within_a_table_does_not_divide_it(sheet):
    name, value = sheet.split("\n")[1].split(",,")[1].split(",")
    first, second = sheet.split("\n")[0].split(",,")[1].split(",")
    assert text("a.csv", sheet).split("\n\n")[0].endswith(f"1\n- {first}: {name}\n- {second}: {value}")


def test_the_ledger_tells_of_tables_that_may_be_two():
    sheet = "Item,Price,,Staff,Phone\nA,1,,Ada,33\nB,2,,Berg,34\nC,3,,Cole,35\n"
    assert converted("a.csv", sheet).warning == (
        "“Item, Price” and “Staff, Phone” may be two tables, read as one: put one below the other"
    )
    assert converted("a.csv", sheet + "D,4\nE,5\n").warning == ""  # read as two tables
    assert converted("a.csv", sheet.replace("Ada", "1").replace("Berg", "2").replace("Cole", "3")).warning == ""


PRICES = [
    ["Price list"],
    ["Article", None, "Price per unit", None, None, "Lead time"],
    ["No.", "Name", "1–9", "10–99", "2027"],
    ["P-1", "Pump", 120, 110, 99, "2 weeks"],
    ["V-1", "Valve", 12, 11, 10, "none"],
]


def merged(rows, *ranges):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for one in ranges:
        book.active.merge_cells(one)
    book.save(buffer := io.BytesIO())
    return converted("a.xlsx", buffer.getvalue()).text


def test_a_header_with_cells_that_are_merged_across_columns_is_one_with_the_row_below():
    shown = merged(PRICES, "A1:F1", "A2:B2", "C2:E2", "F2:F3")
    row = "- Article No.: P-1\n- Article Name: Pump\n- Price per unit 1–9: 120\n- Price per unit 10–99: 110\n- Price per unit 2027: 99\n- Lead time: 2 weeks\n"
    assert shown.startswith(f"Price list\n\n{row}\n- Article No.: V-1\n")


def test_a_row_of_the_table_below_a_merged_header_is_no_header():
    names = merged([["Name", None, "Phone"], ["Ada", "Berg", 33], ["Olle", "Lind", 34]], "A1:B1")
    assert names == "- Name: Ada\n- Column 2: Berg\n- Phone: 33\n\n- Name: Olle\n- Column 2: Lind\n- Phone: 34\n"
    sizes = merged([["Size", None, "Price", None], [3, 4, 5, 6]], "A1:B1", "C1:D1")
    assert sizes == "- Size: 3\n- Column 2: 4\n- Price: 5\n- Column 4: 6\n"
