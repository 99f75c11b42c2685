"""Notes on cells are read with their cells; comments, which discuss a file, are not, and the ledger counts them."""

import io
import re
import zipfile

import docx
import pytest
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font

from tests.documents import test_containers as containers
from tests.documents.written import converted, zipped

ROWS = [["Spring"], ["Item", "Price", "Stock"], ["Dunden", 12, 4], ["Loaf", 3], ["Roll", 1, 2], [], ["", "See", "Ada"]]


def workbook(**notes):
    book = Workbook()
    for row in ROWS:
        book.active.append(row)
    for cell, note in notes.items():
        book.active[cell].comment = Comment(note, "Ada Berg")
    return book


def saved(book):
    book.save(buffer := io.BytesIO())
    return buffer.getvalue()


def read(book):
    made = converted("a.xlsx", saved(book))
    assert made.warning == ""
    return made.text


def test_a_note_is_in_brackets_after_the_value_of_its_cell_and_one_of_a_header_is_a_line():
    plain = "Spring\n\n- Item: Dunden\n- Price: 12\n- Stock: 4\n\n- Item: Loaf\n- Price: 3\n"
    assert read(workbook()).startswith(plain)
    noted = workbook(
        A1="Of 2026", B2="Ada Berg:\nIn crowns,\nwithout tax.", A3="with raisins", B3="until May", C4="Not counted yet."
    )
    noted.active["B3"].font = Font(bold=True)
    assert read(noted).startswith(
        "Spring (Of 2026)\n\nPrice: In crowns, without tax.\n\n- Item: Dunden (with raisins)\n- Price: 12 (until May)\n"
        "- Stock: 4\n\n- Item: Loaf\n- Price: 3\n- Stock: Not counted yet.\n"
    )


def test_a_note_changes_neither_the_header_nor_the_names_of_rows():
    book = workbook(B1="One.", C2="In boxes of six, each of which weighs about 12 kg.", A3="x" * 80)
    headings = [heading.title for heading in converted("a.xlsx", saved(book)).headings]
    assert headings[-5:-1] == ["", "Dunden", "Loaf", "Roll"]


def test_a_note_far_from_the_table_comes_after_it_and_one_of_what_is_not_seen_is_not_read():
    far = workbook(H20="Older lists are in the cellar.")
    assert read(far) == f"{read(workbook())}\nOlder lists are in the cellar.\n"
    gone = workbook(B3="struck", A4="in a hidden row", C5="in a hidden column")
    gone.active["B3"].font = Font(strike=True)
    gone.active.row_dimensions[4].hidden = gone.active.column_dimensions["C"].hidden = True
    assert "(" not in converted("a.xlsx", saved(gone)).text


def test_the_notes_of_a_header_of_two_rows_and_of_merged_cells_are_read():
    book = Workbook()
    for row in (["Town", "Sales", None], [None, "2024", "2025"], ["Oslo", 10, 12], [None, 20, 22]):
        book.active.append(row)
    for cells in ("A1:A2", "B1:C1", "A3:A4"):
        book.active.merge_cells(cells)
    for cell, note in (("A1", "All."), ("B1", "Net."), ("C2", "Estimated."), ("A3", "the harbour")):
        book.active[cell].comment = Comment(note, "Ada")
    assert read(book) == (
        "Town: All.\n\nSales 2024: Net.\n\nSales 2025: Net. Estimated.\n\n"
        "- Town: Oslo (the harbour)\n- Sales 2024: 10\n- Sales 2025: 12\n\n"
        "- Town: Oslo (the harbour)\n- Sales 2024: 20\n- Sales 2025: 22\n"
    )


def test_lines_and_rows_without_a_header_have_their_notes():
    book = Workbook()
    for row in (["Founded:", 1998], ["Town:", "Oslo"]):
        book.active.append(row)
    book.active["B1"].comment = Comment("as a shop", "Ada")
    book.active["A3"], book.active["B3"].comment = "Fee:", Comment("not yet known", "Ada")
    assert read(book) == "- Founded: 1998 (as a shop)\n\n- Town: Oslo\n\n- Fee: not yet known\n"
    lines = Workbook()
    for row in (["Rules"], ["No noise"], ["No dogs"]):
        lines.active.append(row)
    lines.active["A2"].comment = Comment("after nine", "Ada")
    lines.active["A1"].comment = Comment("Of the hotel.", "Ada")
    lines.active["C3"].comment = Comment("but guides", "Ada")
    assert read(lines) == "Rules: Of the hotel.\n\nNo noise (after nine)\n\nNo dogs (but guides)\n"


def test_the_name_of_a_group_has_its_note():
    book = Workbook()
    for row in (
        ["Item", "Price", "Stock"],
        ["Pumps"],
        ["P-1", 1, 2],
        ["P-2", 3, 4],
        ["Valves"],
        ["V-1", 5, 6],
        ["V-2", 7, 8],
    ):
        book.active.append(row)
    book.active["A5"].comment = Comment("In pairs.", "Ada")
    assert "Stock: 4\n\nValves: In pairs.\n\n- Item: V-1\n" in read(book)
    made = converted("a.xlsx", saved(book))
    start = made.text.index("Valves: In")
    assert [heading.title for heading in made.headings if heading.start == start] == ["Valves", ""]


def excel_with_a_thread():
    book = workbook(B3="until May")
    book.active["B4"].comment = Comment("[Threaded comment]\n\nYour version of Excel …", "tc={1}")
    book.save(buffer := io.BytesIO())
    with zipfile.ZipFile(buffer) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    rels = "xl/worksheets/_rels/sheet1.xml.rels"
    kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
    added = f'<Relationship Id="t" Type="{kind}" Target="../threadedComments/1.xml"/></Relationships>'
    parts[rels] = parts[rels].replace("</Relationships>", added)
    thread = '<threadedComment ref="B4" id="{1}"><text>Is this right?</text></threadedComment>'
    parts["xl/threadedComments/1.xml"] = (
        f"<ThreadedComments>{thread}{re.sub('Is.*?[?]', 'Yes.', thread)}</ThreadedComments>"
    )
    return zipped(parts)


def word():
    made = docx.Document()
    for line in ("The fee is 84 euros.", "It is due in May."):
        made.add_comment(made.add_paragraph(line).runs, text="Is this right?", author="Ada")
    made.save(buffer := io.BytesIO())
    return buffer.getvalue()


def slides():
    rels = "ppt/slides/_rels/1.xml.rels"
    more = '<r Id="c" Type="x/comments" Target="../comments/1.xml"/></rs>'
    comments = "<cmLst><cm><text>Is this right?</text><replyLst><reply><t>Yes.</t></reply></replyLst></cm></cmLst>"
    return zipped(
        containers.PPTX | {rels: containers.PPTX[rels].replace("</rs>", more), "ppt/comments/1.xml": comments}
    )


@pytest.mark.parametrize(
    ("name", "made", "count"),
    [
        ("a.xlsx", excel_with_a_thread, "2 comments"),
        ("a.docx", word, "2 comments"),
        ("a.odt", lambda: zipped({"content.xml": containers.ODT}), "1 comment"),
        ("a.pptx", slides, "2 comments"),
    ],
)
def test_comments_are_counted_and_not_read(name, made, count):
    found = converted(name, made())
    assert found.warning == f"{count} not read: put into the text what belongs there"
    assert not re.search(r"right|Yes|why|version", found.text)
    assert "(until May)" in found.text or name != "a.xlsx"
