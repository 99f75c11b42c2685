"""Tables and records: CSV, XLSX, JSON and JSON lines."""

import io
import json
from datetime import datetime

import pytest
from openpyxl import Workbook

from disc_lite.documents import cut_passages
from tests.documents.written import document, refusal, sections, text


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_a_row_of_csv_is_a_section_under_its_name_with_the_header_before_every_value(between):
    rows = [
        ["Id", "Name", "Note"],
        ["1", '"Dunden"', f'"A sweet{between}\nlong bread"'],
        ["", "", ""],
        ["2", "Loaf", ""],
    ]
    made = document("price_list.csv", "\n".join(between.join(row) for row in rows))
    assert made.title == "price list"
    note = "A sweet; long bread" if between == ";" else f"A sweet{between} long bread".replace("\t ", " ")
    assert sections(made) == [
        (("Dunden",), f"- Id: 1\n- Name: Dunden\n- Note: {note}"),
        (("Loaf",), "- Id: 2\n- Name: Loaf"),
    ]


def test_rows_are_passages_of_their_own_however_small():
    made = document("a.csv", "Name,Price\nBread,3\nMilk,2\nSalt,1\n")
    offsets = [(at, at + 1) for at in range(len(made.text))]
    passages = cut_passages(made, offsets, 10_000)
    assert [passage.heading_path for passage in passages] == [("a", "Bread"), ("a", "Milk"), ("a", "Salt")]


def test_rows_without_a_telling_name_are_numbered_and_lines_above_the_header_are_text():
    made = document("a.csv", "Sales of spring\n\nYear,Sum\n2025,7\n2026,9\n")
    assert made.text == "Sales of spring\n\n- Year: 2025\n- Sum: 7\n\n- Year: 2026\n- Sum: 9\n"
    assert [path for path, _ in sections(made)] == [(), ("Row 1",), ("Row 2",)]
    assert sections(document("a.csv", "Note\nOne long text.\nTwo.\n")) == [
        (("One long text.",), "One long text."),
        (("Two.",), "Two."),
    ]
    assert text("a.csv", "A,B\nx,1,left over\n") == "- A: x\n- B: 1\n- Column 3: left over\n"


def test_questions_and_tables_without_rows_are_refused():
    assert "--questions" in refusal(".csv", "question,answer\nWho?,Me\n")
    assert "no row below a header" in refusal(".csv", "a,b,c\n")


def book(*sheets):
    workbook = Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets:
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return workbook


def saved(workbook):
    workbook.save(buffer := io.BytesIO())
    return buffer.getvalue()


def test_xlsx_shows_values_as_the_sheet_does_and_leaves_out_hidden_sheets():
    head = ["Name", "Price", "Share", "Since", "Open"]
    rows = [
        ["Of spring"],
        head,
        ["Dunden", 12.5, 0.25, datetime(2026, 3, 1), True],
        ["Loaf", 3, None, datetime(2026, 3, 1, 8, 30)],
    ]
    workbook = book(
        ("Prices", rows),
        ("Hidden", [["a", "b"], ["c", "secret"]]),
        ("Empty", []),
        ("Staff", [["Id", "Who"], [1, "Ann"]]),
    )
    workbook["Prices"]["C3"].number_format = "0%"
    workbook["Hidden"].sheet_state = "hidden"
    made = document("a.xlsx", saved(workbook))
    assert sections(made) == [
        (("Prices",), "Of spring"),
        (
            ("Prices", "Dunden"),
            "- Name: Dunden\n- Price: 12.5\n- Share: 25 %\n- Since: 2026-03-01\n- Open: TRUE",
        ),
        (("Prices", "Loaf"), "- Name: Loaf\n- Price: 3\n- Since: 2026-03-01 08:30:00"),
        (("Staff", "Ann"), "- Id: 1\n- Who: Ann"),
    ]
    assert "no row below a header" in refusal(".xlsx", saved(book(("Empty", []))))


RECORDS = [
    {"title": "One", "text": "First.\n\n# Inner\n\nMore.", "other": "not this"},
    {"name": "Two", "content": ["a", "b"]},
    {"id": 3},
    {"body": {"text": "no"}, "markdown": "Four."},
]
READ = [
    (("One",), "# One\n\nFirst."),
    (("One", "Inner"), "# Inner\n\nMore."),
    (("Two",), "# Two\n\na\n\nb"),
    (("Record 4",), "# Record 4\n\nFour."),
]


def test_records_of_json_in_all_their_shapes():
    lines = "\n".join(json.dumps(record) for record in RECORDS)
    for name, content in (
        ("a.json", json.dumps(RECORDS)),
        ("a.json", json.dumps({"n": 1, "rows": RECORDS})),
        ("a.jsonl", lines),
    ):
        made = document(name, content)
        assert (made.title, sections(made)) == ("a", READ)
    single = document("a.json", json.dumps(RECORDS[0]))
    assert (single.title, [path for path, _ in sections(single)]) == ("One", [(), ("Inner",)])


def test_the_field_of_the_text_can_be_named():
    assert sections(document("a.json", json.dumps(RECORDS), text_field="body.text")) == [((), "# Record 4\n\nno")]
    assert sections(document("a.json", json.dumps(RECORDS), text_field="other")) == [((), "# One\n\nnot this")]
    assert "in a field missing; it has title, text" in refusal(".json", json.dumps(RECORDS), text_field="missing")


def test_json_without_texts_is_refused_and_so_are_questions_unless_a_field_is_named():
    assert "--set documents.text_field=NAME" in refusal(".json", '{"version": 1, "text": 3}')
    assert "line 2 is not JSON" in refusal(".jsonl", '{"text": "x"}\n{"text"\n')
    assert "not JSON" in refusal(".json", "{")
    question = '{"question": "Who?", "text": "Me."}'
    assert "--questions" in refusal(".jsonl", question)
    assert text("a.jsonl", question, text_field="text") == "Me.\n"
    assert "nested too deeply" in refusal(".json", "[" * 100_000)
