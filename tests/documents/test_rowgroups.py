"""Groups of rows: each row is under the name of its group, and a row with the total is in no group."""

import io

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from tests.documents.written import converted, document, sections, text

HEAD = ["Article", "Name", "Price"]
PUMPS = [["P-1", "small", 120], ["P-2", "big", 130]]
VALVES = [["V-1", "gate", 12], ["V-2", "ball", 13]]


def paths(rows):
    made = document("a.csv", "\n".join(",".join(map(str, row)) for row in rows))
    return [" > ".join(path) for path, _ in sections(made)]


def test_a_lone_cell_above_rows_names_their_group():
    assert paths([HEAD, ["Pumps"], *PUMPS, ["Valves"], *VALVES, ["Total", "", 275], ["All prices are net of tax."]]) == [
        "Pumps > P-1", "Pumps > P-2", "Valves > V-1", "Valves > V-2", "Total", "",
    ]  # fmt: skip
    sums = [["Subtotal", "", 250], ["Subtotal", "", 25]]
    assert paths([HEAD, ["Pumps"], *PUMPS, sums[0], ["Valves"], *VALVES, sums[1], ["Total", "", 275]]) == [
        "Pumps > P-1", "Pumps > P-2", "Pumps > Subtotal", "Valves > V-1", "Valves > V-2", "Valves > Subtotal", "Total",
    ]  # fmt: skip
    assert paths([HEAD, ["Pumps"], ["Small"], *PUMPS, ["Valves"], *VALVES])[0] == "Pumps: Small > P-1"


def test_a_row_without_a_name_of_its_own_has_that_of_its_group():
    made = document("a.csv", "Team,Player,Goals\nNorth,,\n,Ada,3\n,Ole,4\nSouth,,\n,Bo,5\n,Cy,6\n")
    assert sections(made)[:2] == [
        (("North", "Ada"), "- Team: North\n- Player: Ada\n- Goals: 3"),
        (("North", "Ole"), "- Team: North\n- Player: Ole\n- Goals: 4"),
    ]


def test_below_an_empty_row_one_group_is_enough():
    assert paths([HEAD, *PUMPS, [], ["Valves"], *VALVES]) == ["P-1", "P-2", "Valves > V-1", "Valves > V-2"]


@pytest.mark.parametrize(
    "rows",
    [
        [["Item", "Price"], ["Bread"], ["Loaf", 1], ["Roll", 2], ["Cake"], ["Bun", 3], ["Pie", 4]],  # prices missing
        [HEAD, *PUMPS, ["V-1"], ["V-2", "ball", 13]],
        [HEAD, ["P-1"], ["P-2", "big", 130], ["V-1"], ["V-2", "ball", 13]],
        [HEAD, ["P-1"], *PUMPS[1:], *VALVES],
    ],
)
def test_a_row_without_its_values_names_no_group(rows):
    assert paths(rows) == [row[0] for row in rows[1:]]


@pytest.mark.parametrize("how", ["bold", "merged"])
def test_a_cell_that_stands_out_names_a_group(how):
    book = Workbook()
    sheet = book.active
    for row in (HEAD, *PUMPS, ["Valves"], *VALVES):
        sheet.append(row)
    if how == "bold":
        sheet["A4"].font = Font(bold=True)
    else:
        sheet.merge_cells("A4:C4")
    book.save(buffer := io.BytesIO())
    made = [path[1:] for path, _ in sections(document("a.xlsx", buffer.getvalue()))]
    assert made == [("P-1",), ("P-2",), ("Valves", "V-1"), ("Valves", "V-2")]
    for cell in ("A2", "A3", "A5", "A6"):  # all names are bold now
        sheet[cell].font = Font(bold=True)
    sheet["A4"].font = Font(bold=True)
    book.save(buffer := io.BytesIO())
    assert "- Article: Valves\n" in converted("a.xlsx", buffer.getvalue()).text


def table(*rows):
    """The rows read from an HTML table, in which a single cell spans all columns."""
    cells = (f"<tr>{''.join(f'<td colspan={1 if row[1:] else 3}>{cell}' for cell in row)}" for row in rows)
    return text("a.html", f"<table>{''.join(cells)}</table>").strip().split("\n")


def test_a_row_of_a_page_or_document_is_read_with_the_name_of_its_group():
    head, pumps, valves = HEAD, PUMPS, VALVES
    end = ["All are net."]
    assert table(["Prices"], head, ["Pumps"], *pumps, ["Valves:"], *valves, ["Total", "", 275], end) == [
        "Prices", "Article | Name | Price", "Pumps: P-1 | small | 120", "Pumps: P-2 | big | 130",
        "Valves: V-1 | gate | 12", "Valves: V-2 | ball | 13", "Total | | 275", "All are net.",
    ]  # fmt: skip
    assert table(head, *pumps, ["Closed in May"], valves[0]) == [
        "Article | Name | Price", "P-1 | small | 120", "P-2 | big | 130", "Closed in May", "V-1 | gate | 12",
    ]  # fmt: skip
    assert table(head, ["Not all are there."], *pumps)[1:] == [
        "Not all are there.",
        "P-1 | small | 120",
        "P-2 | big | 130",
    ]


@pytest.mark.parametrize(
    "top",
    [
        "<tr><td rowspan=2>Land<td colspan=2>Fee<td rowspan=2>Remark<tr><td>Day<td>Night",
        "<tr><td>Land<td colspan=2>Fee<td>Remark<tr><td><td>Day<td>Night<td>",
    ],
)
def test_a_header_of_two_rows_that_is_not_marked_as_one_is_one(top):
    rows = "<tr><td>Oslo<td>84<td>42<td>new<tr><td>Bonn<td>74<td>37<td>"
    assert text("a.html", f"<table>{top}{rows}</table>") == (
        "Land | Fee Day | Fee Night | Remark\nOslo | 84 | 42 | new\nBonn | 74 | 37 |\n"
    )
    plan = "<tr><td rowspan=2>Mon<td colspan=2>Yoga<tr><td>Ada<td>Ole<tr><td rowspan=2>Tue<td colspan=2>Chess<tr><td>Ada<td>Ole"
    assert text("a.html", f"<table>{plan}</table>").startswith("Mon | Yoga |\nMon | Ada | Ole\n")
