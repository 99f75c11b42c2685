"""OpenDocument tables inside cells: sub-tables become rows and columns, short nested tables become values."""

from tests.documents.written import text, zipped

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
SUB = 't:is-sub-table="true"'


def table(*rows, head=0, attributes=""):
    """An OpenDocument table; a cell is text or another table."""

    def row(cells):
        inner = (cell if cell.startswith("<") else f"<x:p>{cell}</x:p>" for cell in cells)
        return f"<t:table-row>{''.join(f'<t:table-cell>{cell}</t:table-cell>' for cell in inner)}</t:table-row>"

    header = f"<t:table-header-rows>{''.join(map(row, rows[:head]))}</t:table-header-rows>" if head else ""
    return f"<t:table {attributes}>{header}{''.join(map(row, rows[head:]))}</t:table>"


def read(body):
    spaces = f'xmlns:o="{OFFICE}" xmlns:t="table" xmlns:x="text"'
    content = f"<o:document-content {spaces}><o:body><o:text>{body}</o:text></o:body></o:document-content>"
    return text("a.odt", zipped({"content.xml": content}))


def test_the_rows_of_a_sub_table_are_rows_and_what_is_beside_it_stands_in_each():
    fees = table(["84 crowns"], ["90 crowns"], attributes=SUB)
    made = read(table(["Town", "Fee", "Open"], ["Velmar", fees, "Monday"], ["Dunden", "12 crowns", "Friday"]))
    assert made == (
        "Town | Fee | Open\nVelmar | 84 crowns | Monday\nVelmar | 90 crowns | Monday\nDunden | 12 crowns | Friday\n"
    )


def test_sub_tables_side_by_side_and_within_one_another_keep_their_columns():
    night = table(["90", "since May"], ["95", "since June"], attributes=SUB)
    fees = table(["day", "84"], ["night", night], attributes=SUB)
    days = table(["Monday"], ["Friday"], ["Sunday"], ["feast days"], attributes=SUB)
    made = read(table(["Town", "Fee", "Open"], ["Velmar", fees, days], ["Dunden", "12", "Friday"]))
    assert made.splitlines() == [
        "Town | Fee | | | Open",
        "Velmar | day | 84 | | Monday",
        "Velmar | night | 90 | since May | Friday",
        "Velmar | night | 95 | since June | Sunday",
        "Velmar | night | 95 | since June | feast days",
        "Dunden | 12 | | | Friday",
    ]


def test_a_header_that_was_split_is_one_row():
    fee = table([table(["Fee"], attributes=SUB)], [table(["Day", "Night"], attributes=SUB)], attributes=SUB)
    split = table(["84", "90"], attributes=SUB)
    assert read(table(["Town", fee], ["Velmar", split], ["Dunden", split], head=1)) == (
        "Town | Fee Day | Fee Night\nVelmar | 84 | 90\nDunden | 84 | 90\n"
    )


def test_a_sub_table_without_rows_refuses_no_file():
    rows = [["Velmar", table(attributes=SUB)], ["Dunden", "12"], ["Oste", "9"]]
    assert read(table(*rows)) == "Velmar\nDunden | 12\nOste | 9\n"


def test_a_short_table_in_a_cell_is_its_value():
    rows = [
        ["Velmar", table(["day", "84 crowns"], ["night", "90 crowns"]), "Monday"],
        ["Dunden", "12 crowns", "Friday"],
    ]
    made = read(table(["Town", "Fee", "Open"], *rows))
    assert "Velmar | day, 84 crowns; night, 90 crowns | Monday\nDunden | 12 crowns | Friday\n" in made


def test_a_text_beside_a_sub_table_is_lost_in_no_cell_and_a_raised_number_is_no_span():
    beside = f"<x:p>since May</x:p>{table(['84'], ['90'], attributes=SUB)}"
    made = read(table(["Town", "Fee"], ["Velmar", beside], ["Dunden", "12"]).replace("since May", "<x:s/>since May"))
    assert all(word in made for word in ("since May", "84", "90", "Dunden"))
    rows = table(["Town", "Fee"], ["Velmar", table(["84"], ["90"], attributes=SUB)])
    assert read(rows.replace("<t:table-cell>", '<t:table-cell t:number-columns-repeated="²">')).startswith("Town | Fee")
