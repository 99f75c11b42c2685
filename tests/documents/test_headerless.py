"""Tables without a header: facts about one thing, records from the first row on, forms above a table."""

import io

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from tests.documents.written import converted, text


@pytest.mark.parametrize(
    "rows",
    [
        "Opening hours,Mon-Fri 9-17\nPhone,+49 30 1234567\nManager,Ada Berg",  # no column is called `Mon-Fri 9-17`
        "Founded,1998\nManager,Ada Berg\nMail,info@dunden.org",
        "Author:,Ada Berg\nStatus:,draft\nTeam:,north",
        "Author,Ada Berg\nVersion,1.2\nDate,2026-03-01\nStatus,draft",  # values of three kinds
        "Bread,3\nMilk,2\nSalt,1",
        "Stock,12 kg",
    ],
)
def test_names_and_values_have_no_header(rows):
    lines = [f"- {row.replace(':', '').replace(',', ': ')}\n" for row in rows.split("\n")]
    assert text("a.csv", f"{rows}\n") == "\n".join(lines)


@pytest.mark.parametrize(
    "rows",
    [
        "Item,Price\nBread,3\nMilk,2",
        "Item,2024\nBread,3\nMilk,2",
        "Country,Capital\nFrance,Paris\nSpain,Madrid",
        "Parameter,Default\nepochs,10\nmethod,prompt\nstart,2026-01-01\nurl,http://x.org",
        "Nutrient,per 100 g\nFat,3.5 g\nSugar,5 g",
        "Distance,5 km,10 km\nAda,20:10,41:30\nOle,22:05,44:12",
        "Item,Remark\nBread,new\nMilk,since 2020\nSalt,out\nCake,out too",
    ],
)
def test_a_header_above_values_of_any_kind_stays_one(rows):
    header, first = (row.split(",") for row in rows.split("\n")[:2])
    lines = "".join(f"- {name}: {value}\n" for name, value in zip(header, first, strict=True))
    assert text("a.csv", rows).startswith(f"{lines}\n- {header[0]}: ")


@pytest.mark.parametrize(
    ("first", "below"),
    [
        ("2026-03-01,Spring,Oslo", "2026-06-01,Summer,Bergen"),
        ("P-1,Pump,120", "V-1,Valve,12"),
        ("Ada,ada@dunden.org,north", "Ole,ole@dunden.org,south"),
        ("1999,Pump,new", "2001,Valve,old"),
    ],
)
def test_a_first_row_of_the_kinds_of_those_below_is_one_of_them(first, below):
    shown = "\n".join("".join(f"- {cell}\n" for cell in row.split(",")) for row in (first, below))
    assert text("a.csv", f"{first}\n{below}\n") == shown


def test_the_names_of_the_rows_that_a_program_writes_have_no_name():
    assert text("a.csv", '"","area"\n"Africa",11506\n"Asia",16988\n') == (
        "- Column 1: Africa\n- area: 11506\n\n- Column 1: Asia\n- area: 16988\n"
    )
    assert text("a.csv", ",Prices\nItem,Price\nBread,3\n") == "Prices\n\n- Item: Bread\n- Price: 3\n"


@pytest.mark.parametrize("between", ["", "\n"])
def test_names_and_values_above_a_table_are_not_its_header(between):
    form = "Price list\nCustomer,Acme\nDate,2026-03-01\n"
    table = "Item,Qty,Price\nBolt,3,1.20\nNut,4,2.10\n"
    assert text("a.csv", form + between + table) == (
        "Price list\n\nCustomer: Acme\n\nDate: 2026-03-01\n\n"
        "- Item: Bolt\n- Qty: 3\n- Price: 1.20\n\n- Item: Nut\n- Qty: 4\n- Price: 2.10\n"
    )
    two = "Item,Price\nBolt,1\nNut,2\nPin,3\n"
    assert text("a.csv", f"{two}\n{table}").startswith("- Item: Bolt\n- Price: 1\n")


def test_bold_letters_tell_names_from_values():
    def shown(*bold):
        book = Workbook()
        for row in (["Director", "Ada"], ["Deputy", "Olle"], ["Town", "Oslo"]):
            book.active.append(row)
        for cell in bold:
            book.active[cell].font = Font(bold=True)
        book.save(buffer := io.BytesIO())
        return converted("a.xlsx", buffer.getvalue()).text

    assert shown("A1", "A2", "A3") == "- Director: Ada\n\n- Deputy: Olle\n\n- Town: Oslo\n"
    assert shown("A1", "B1") == "- Director: Deputy\n- Ada: Olle\n\n- Director: Town\n- Ada: Oslo\n"


def test_a_row_of_units_belongs_to_the_header():
    table = "Part,Weight,Length\n,kg,[mm]\nP-1,3,40\nP-2,4,50\n"
    assert text("a.csv", table).startswith("- Part: P-1\n- Weight kg: 3\n- Length [mm]: 40\n\n")
    assert text("a.csv", table.replace("kg,[mm]", "free,none")).startswith("- Weight: free\n- Length: none\n\n")
