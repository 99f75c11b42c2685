"""Tables and records: CSV, XLSX, JSON and JSON lines."""

import io
import json
import re
import zipfile
from dataclasses import fields
from datetime import datetime, timedelta
from random import Random

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from disc_lite.documents import cut_passages, sentence_spans
from disc_lite.documents.sentences import ends_of_fields
from disc_lite.qa.records import Pair, Question
from tests.documents.written import converted, document, refusal, sections, text, zipped


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


def test_a_comma_in_a_cell_of_each_row_is_no_delimiter():
    assert text("a.csv", "Bread;3,50\nMilk;1,20\n") == "- Bread: 3,50\n\n- Milk: 1,20\n"
    assert "- Soup: salt, leek, oil\n" in text(
        "a.tsv", "Soup\tsalt, leek, oil\nStew\tbeef, peas, ale\nPie\tham, eggs, chives"
    )


def test_rows_are_passages_of_their_own_however_small():
    made = document("a.csv", "Name,Price\nBread,3\nMilk,2\nSalt,1\n")
    offsets = [(at, at + 1) for at in range(len(made.text))]
    passages = cut_passages(made, offsets, 10_000)
    assert [passage.heading_path for passage in passages] == [("a", "Bread"), ("a", "Milk"), ("a", "Salt")]


def test_rows_without_a_telling_name_are_sections_without_a_heading_and_lines_above_the_header_are_text():
    made = document("a.csv", "Sales of spring\n\nYear,Sum\n2025,7\n2026,9\n")
    assert made.text == "Sales of spring\n\n- Year: 2025\n- Sum: 7\n\n- Year: 2026\n- Sum: 9\n"
    assert [path for path, _ in sections(made)] == [(), (), ()]
    # A missing or repeated name does not take the names of the other rows away.
    table = "Name,Sum\n" + "".join(f"{name},{n}\n" for n, name in enumerate(["Bread", "Milk", "", "Bread", *"tuvwxy"]))
    paths = [path for path, _ in sections(document("a.csv", table))]
    assert paths == [(name,) if name else () for name in ["Bread", "Milk", "", "Bread", *"tuvwxy"]]
    assert sections(document("a.csv", "Note\nOne long text.\nTwo.\n")) == [
        (("Note", "One long text."), "One long text."),
        (("Note", "Two."), "Two."),
    ]
    assert text("a.csv", "It holds from May on.\nAsk Ada about it.\n") == "It holds from May on.\n\nAsk Ada about it.\n"
    assert text("a.csv", "A,B\nx,1,left over\n") == "- A: x\n- B: 1\n- Column 3: left over\n"


def test_questions_and_tables_without_rows_are_refused():
    for columns in (
        ["question", "answer"],
        ["Question", "answers", "document", "choices"],  # as in docs/measuring.md
        ["completion", "answer", "document"],
        *([field.name for field in fields(record)] for record in (Question, Pair)),  # as a run writes them
    ):
        assert "--questions" in refusal(".csv", ",".join(columns) + "\n" + ",".join("x" for _ in columns))
    assert text("a.csv", "Topic,Question,Answer\nLeave,How long?,28 days.\n") == (
        "- Topic: Leave\n- Question: How long?\n- Answer: 28 days.\n"
    )
    assert "- Questions: 40" in text("a.csv", "Exam,Questions\nMaths,40\n")
    assert "no row below a header" in refusal(".csv", "a,b,c\n")


def test_a_second_table_has_its_own_header_and_a_group_of_rows_has_none():
    assert text("a.csv", "Item,Price\nBolt,1.20\n\nRoom,Floor\nBlue room,3\n") == (
        "- Item: Bolt\n- Price: 1.20\n\n- Room: Blue room\n- Floor: 3\n"
    )
    assert "- Item: Nut\n- Price: 2" in text("a.csv", "Item,Price\nBolt,1\n\nSoft,,\nNut,2\n\nPin,none\nRod,3\n")


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["Town,2022,,2023,", ",Won,Lost,Won,Lost"], ["Town", "2022 Won", "2022 Lost", "2023 Won", "2023 Lost"]),
        ([",Won,,Lost,", "Town,2022,2023,2022,2023"], ["Town", "Won 2022", "Won 2023", "Lost 2022", "Lost 2023"]),
        (["In euros,,,,Spring", ",Sales,Costs,Profit,Debts", ""], ["In euros", "Sales", "Costs", "Profit", "Spring Debts"]),
    ],
)  # fmt: skip
def test_a_header_of_two_rows_is_one_and_opens_a_further_table(header, names):
    row = "Oslo,10,1,12,-"
    lines = "".join(f"- {name}: {value}\n" for name, value in zip(names, row.split(","), strict=True))
    assert text("a.csv", "\n".join([*header, row])) == lines
    assert text("a.csv", "\n".join([*header, row, "", *header, row])) == f"{lines}\n{lines}"


def test_a_header_of_two_rows_may_stand_above_numbers_with_remarks():
    table = "Town,Seen,Results,\n,,Right,Time\nOslo,3,34% (n=2),9 sec (n=2)\n"
    assert text("a.csv", table) == "- Town: Oslo\n- Seen: 3\n- Results Right: 34% (n=2)\n- Results Time: 9 sec (n=2)\n"


def test_a_row_without_numbers_is_no_header():
    assert text("a.csv", "Name,Price,\nBread,free,today\nMilk,2,\n").startswith("- Name: Bread\n- Price: free\n")
    assert text("a.csv", ",count,mean\nage,none,none\nsize,5,6\n").startswith("- Column 1: age\n- count: none\n")


@pytest.mark.parametrize(
    "table",
    [
        "Course,Room,\nMath 1,B12,from May 5\nMath 2,B13\nMath 3,B14\n",
        "Room,Date,\n,5 May 2024,seat 4\n,6 May 2024,seat 5\n",
        "Course,,Room\nGym,big,Monday\nMath 1,small 2,B12\nMath 2,small 3,B13\n",
        "Part,,Price\n,M8,zinc\n,M10,9 EUR\n,M12,8 EUR\n",
        "Part,Size,\n,12 mm,3 EUR\n,14 mm,4 EUR\n",
        "Part,Founded,\n,1998,2001\n,1997,2005\n",
        "Item,Price,,\nOx,Cow,Calf,Bull\n1,3,4,5\n2,3,4,5\n",
    ],
)
def test_the_first_row_of_data_is_no_part_of_the_header(table):
    header, first = (line.split(",") for line in table.split("\n")[:2])
    names = [name or f"Column {number}" for number, name in enumerate(header, 1)]
    row = "".join(f"- {name}: {value}\n" for name, value in zip(names, first, strict=True) if value)
    assert text("a.csv", table).startswith(f"{row}\n- ")


def test_a_quotation_mark_that_is_not_closed_is_a_letter_and_one_of_excels_lines_is_no_row():
    read = converted("a.tsv", b'Part\tSize\tPrice\nBolt\t"5 inch\t1\nNut\t"a\nb"\t2\nPin\t3 mm\t3\nRod\t"7\t4\n')
    assert read.text == (
        '- Part: Bolt\n- Size: "5 inch\n- Price: 1\n\n- Part: Nut\n- Size: a b\n- Price: 2\n\n'
        '- Part: Pin\n- Size: 3 mm\n- Price: 3\n\n- Part: Rod\n- Size: "7\n- Price: 4\n'
    )
    assert read.warning == "the quotation mark in line 2 is not closed and is read as part of its cell; also in 1 more"
    assert text("a.csv", 'sep=;\nA;B\nx;"say "hi" now"\n') == '- A: x\n- B: say hi" now"\n'


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
    lone = book(
        ("Prices", rows),
        ("Empty", []),
        ("Notes", [["Ask Ann.", "Or Ben."]]),
        ("FAQ", [["Question", "Answer"], ["Who?", "Ann."]]),
    )
    read = converted(".xlsx", saved(lone))
    assert read.text.endswith("- Question: Who?\n- Answer: Ann.\n")
    assert read.warning == "no row below a header, so not read: Notes"


def test_xlsx_numbers_have_the_decimals_and_units_of_their_format():
    formats = {
        '#,##0.00 "EUR"': (84, "84.00 EUR"),
        "[$€-407]\\ 0.0#": (-1.25, "-€ 1.25"),
        "00000": (501, "00501"),
        '0.0,,"M"': (1_250_000, "1.3M"),
        "0.0%": (0.195, "19.5 %"),
        "0.00;[Red](0.00)": (1 / 3, "0.33"),
        "# ?/?": (0.5, "0.5"),
        "[h]:mm": (timedelta(hours=30), "30:00"),
        "General": (0.1 + 0.2, "0.3"),
    }
    workbook = book(("S", [["Name", "Value"], *([f"n{n}", value] for n, (value, _) in enumerate(formats.values()))]))
    for number, name in enumerate(formats, 2):
        workbook["S"].cell(number, 2).number_format = name
    values = [body.partition("Value: ")[2] for _, body in sections(document("a.xlsx", saved(workbook)))]
    assert values == [expected for _, expected in formats.values()]


def test_xlsx_raised_struck_merged_hidden_and_missing():
    def rich(*runs):
        return CellRichText(*(TextBlock(InlineFont(**font), run) for run, font in runs))

    rows = [
        ["City", "Hotel", "Size", "Fee", "Old"],
        ["Oslo", "Grand", rich(("34 m", {}), ("2", {"vertAlign": "superscript"})), "=1+1", "a"],
        [None, "Annex", "9", rich(("80", {"strike": True}), (" 84 < 90", {})), "b"],
        ["Rome", "Roma", "9", 70, "c"],
        ["Bari", "Secret", "9", 60, "d"],
    ]
    workbook = book(("S", rows), ("H", [["a", "b"], [1, 2]]))
    sheet = workbook["S"]
    sheet.merge_cells("A2:A3")
    sheet["D4"].font = Font(strike=True)
    sheet.row_dimensions[5].hidden = sheet.column_dimensions["E"].hidden = True
    workbook["H"].sheet_state = "hidden"
    raw = saved(workbook)
    read = converted("a.xlsx", raw)
    assert read.text == (
        "- City: Oslo\n- Hotel: Grand\n- Size: 34 m^2\n\n- City: Oslo\n- Hotel: Annex\n- Size: 9\n- Fee: 84 < 90\n\n"
        "- City: Rome\n- Hotel: Roma\n- Size: 9\n"
    )
    assert read.warning == (
        "1 formula has no stored value (D2): open it in a spreadsheet program and save it; "
        "hidden and not read: 1 sheet, 1 row, 1 column"
    )
    assert converted("a.xlsx", with_shared_strings(raw)).text == read.text


def with_shared_strings(raw):
    """The workbook as Excel writes it, with the texts of cells in a separate part."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    strings = []

    def shared(cell):
        strings.append(f"<si>{cell[2]}</si>")
        return f'{cell[1]}t="s"><v>{len(strings) - 1}</v></c>'

    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(r'(<c [^>]*?)t="inlineStr"><is>(.*?)</is></c>', shared, parts[name])
    kind = "http://schemas.openxmlformats.org/{}/2006/{}"
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{kind.format("spreadsheetml", "main")}">{"".join(strings)}</sst>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        "</Types>",
        '<Override PartName="/xl/sharedStrings.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
    )
    assert strings
    return zipped(parts)


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
    ((), "Four."),
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


def test_records_of_html_are_read_as_pages():
    record = {
        "title": "Fees",
        "body": "<p>The fee is <s>80</s> 84&nbsp;&euro;.</p>\n<ul><li>Soup &amp; bread</li></ul>",
    }
    assert text("a.json", json.dumps(record)) == "# Fees\n\nThe fee is 84 €.\n\n- Soup & bread\n"
    assert text("a.json", '{"text": "<b> is bold. &amp;"}') == "<b> is bold. &amp;\n"


def test_the_field_of_the_text_can_be_named():
    assert sections(document("a.json", json.dumps(RECORDS), text_field="body.text")) == [((), "no")]
    assert sections(document("a.json", json.dumps(RECORDS), text_field="other")) == [((), "# One\n\nnot this")]
    assert "in the field missing; it has title, text" in refusal(".json", json.dumps(RECORDS), text_field="missing")


def test_json_without_texts_is_refused_and_so_are_questions_unless_a_field_is_named():
    assert "--set documents.text_field=NAME" in refusal(".json", '{"version": 1, "text": 3}')
    assert "line 2 is not JSON" in refusal(".jsonl", '{"text": "x"}\n{"text"\n')
    assert "not JSON" in refusal(".json", "{")
    question = '{"question": "Who?", "text": "Me."}'
    assert "--questions" in refusal(".jsonl", question)
    assert text("a.jsonl", question, text_field="text") == "Me.\n"
    assert text("a.json", '{"question": 7, "text": "Me."}') == "Me.\n"
    assert "nested too deeply" in refusal(".json", "[" * 100_000)


PLAIN = [*"Ada é 名 2026 12.5 a.b _ ) ( « \" ' : , -".split(), " ", " "]
ODD = """1.,3) ,Dr.,a.b.,`,|,。,」,！,Ա: ,ก,# ,~~~,```,*,.,!,?,…,»,“,”,. ,! ,.) ,`a. b`, | ,ก ก,\u00a0,\t""".split(",")


def test_a_plain_row_is_cut_as_all_texts_are():
    rng, plain = Random(0), 0
    for _ in range(8000):
        lines = [[rng.choice(PLAIN[:5]), *rng.choices(PLAIN, k=rng.randint(0, 4))] for _ in range(3)]
        for line in rng.sample(lines, k=rng.randint(0, 1)):
            line.insert(rng.randint(0, len(line)), rng.choice(ODD))
        text = "".join(f"- {''.join(line)}\n" for line in lines) + rng.choice(["", "\n"])
        if ends := ends_of_fields(text, 0, len(text)):
            plain += 1
            assert ends == [end for _, end in sentence_spans(text, 0, len(text), "converted")], text
    assert plain > 500


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("Name: Dunden", True), ("2026: 12.5 Mark", True), ("Rule: It is closed (on Mondays).", True), ("名前: 田中", True),
        ("Größe: 5 °C – »a« _b_", True), ("Rule: Ring. Then wait.", False), ("1) a: b", False), ("Use: `ls. x`", False),
        ("Kind: a | b", False), ("Note: 好。", False), ("Say: \"No!\" he", False),
    ],
)  # fmt: skip
def test_a_row_is_plain_where_no_stop_has_a_space_behind_it(line, is_plain):
    text = f"- {line}\n- Open: x\n\n"
    assert ends_of_fields(text, 0, len(text)) == ([len(line) + 2, len(text)] if is_plain else [])


def test_a_first_row_that_says_what_the_others_say_is_no_header():
    sentences = [
        "The gate is shut at nine in the evening, and a bell is rung a quarter before.",
        "Carts wait outside the wall until the keeper has counted them and taken the toll.",
    ]
    assert text("a.csv", f'G1,"{sentences[0]}"\nG2,"{sentences[1]}"\n') == (
        f"- G1: {sentences[0]}\n\n- G2: {sentences[1]}\n"
    )
    assert text("a.csv", "Ada,ada@dunden.org\nOle,ole@dunden.org\n") == (
        "- Ada: ada@dunden.org\n\n- Ole: ole@dunden.org\n"
    )
    assert "- Rule: " in text("a.csv", f'No,Rule\nG1,"{sentences[0]}"\n')


def test_a_row_of_years_below_a_group_is_header_whatever_stands_before_it():
    table = "Income,Single,,\n€,1997,1998,1999\n15000,23 %,21 %,18 %\n"
    assert text("a.csv", f"{table}\n{table.replace('Single', 'Married')}") == "\n".join(
        f"- Income €: 15000\n- {who} 1997: 23 %\n- {who} 1998: 21 %\n- {who} 1999: 18 %\n"
        for who in ("Single", "Married")
    )
