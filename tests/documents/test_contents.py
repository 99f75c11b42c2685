"""Tables of contents in PDFs: entries are left out if their titles stand on the pages that they name."""

from disc_lite.documents.contents import without_contents
from disc_lite.documents.pdf import pdf_text
from disc_lite.documents.pieces import Piece
from disc_lite.documents.source import Source
from tests.documents.test_pdf import PROSE, Page


def rows(*texts, top=700):
    """A page with one row for each text, whose cells are separated by ` | `."""
    return [
        [
            Piece(72 + 200 * column, 72 + 200 * column + 5 * len(cell), top - 14 * number, 10, cell)
            for column, cell in enumerate(text.split(" | "))
        ]
        for number, text in enumerate(texts)
    ]


def left(*pages):
    """The rows of the first page that are left without its table of contents."""
    return [" | ".join(piece.text for piece in row) for row in without_contents(pages)[0]]


BODY = [rows("1 Scope", PROSE), rows("2 Fees of the", "harbour", PROSE), rows(PROSE, "3 Rooms"), rows("4 Index")]
ENTRIES = ("1 | Scope | 1", "2 | Fees of the", "harbour | 2", "3 | Rooms | 3")


def test_a_table_of_contents_is_left_out():
    pages = Page().page((20, 20, "Boats", 16), (20, 30, "Contents", 14), *[
        (x, 40 + 6 * number, cell)
        for number, cells in enumerate(((1, "Weighing", 1), (2, "The crane and its keeper", 2), (3, "Eels", 3)))
        for x, cell in zip((20, 26, 188), map(str, cells), strict=True)
    ])  # fmt: skip
    titles = ["1 Weighing", "2 The crane and its keeper", "3 Eels"]
    for title in titles:
        pages.page((20, 40, title, 14), (20, 50, f"{title}: that is told of here."))
    text = [f"## {title}\n\n{title}: that is told of here.\n" for title in titles]
    assert pages.read() == "\n".join(["# Boats\n", *text])


def test_entries_of_two_rows_and_pages_before_the_first_one_that_is_counted():
    assert left(rows("Boats", "Contents", *ENTRIES), rows("Preface"), *BODY) == ["Boats"]
    assert left(rows("Contents", "Preface | iii", *ENTRIES), rows("Preface"), *BODY) == []


def test_a_list_of_what_is_in_a_box_stays():
    box = ["Contents", "Lamp | 1", "Cable, 2 m | 1", "Wall anchors | 4", "Screws, 30 mm | 4"]
    about = [
        rows(PROSE),
        rows("Lamp", PROSE),
        rows("Cable, 2 m", PROSE),
        rows("Wall anchors", "Screws, 30 mm"),
        rows(""),
    ]
    assert left(rows(*box), *about) == box
    same = ["Contents", "Lamp | 1", "Cable, 2 m | 1", "Wall anchors | 1"]
    assert left(rows(*same), rows("Lamp", "Cable, 2 m", "Wall anchors")) == same


def test_what_stands_below_a_table_of_contents_stays():
    text = ["Scope", "The fees hold for all rooms.", "Room A per day | 5", "Room B per day | 6"]
    assert left(rows("Contents", *ENTRIES, *text), *BODY) == text
    unfound = ["Glossary | 7", "Lists | 8", "Rooms"]
    assert left(rows("Contents", *ENTRIES, *unfound), *BODY) == unfound
    # A row that is not an entry does not end the table if entries follow.
    assert left(rows("Contents", ENTRIES[0], "Part II", *ENTRIES[1:], "Index | 4", "Room A | 5"), *BODY) == [
        "Room A | 5"
    ]


def test_each_page_is_searched_a_few_times_however_many_say_contents():
    class Counted(list):
        times = 0

        def __iter__(self):
            self.times += 1
            return super().__iter__()

    for head in ("Field | Contents", "Contents"):
        pages = [Counted(rows(head, *[PROSE] * 5)) for _ in range(40)]
        assert without_contents(pages) == pages
        assert max(page.times for page in pages) <= 4


def test_the_layout_of_each_page_has_its_own_time_limit():
    steps = []
    pages = Page()
    for _ in range(5):
        pages.page((20, 40, PROSE))
    pdf_text(Source(bytes(pages.pdf.output()), on_step=lambda: steps.append(1)))
    assert len(steps) > 2 * 5
