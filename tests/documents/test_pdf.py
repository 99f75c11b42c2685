"""PDF: columns, tables, running lines, code and raised letters are recognised by the places of the characters."""

import re

from fpdf import FPDF

from tests.documents.written import converted

LEFT = ["The harbour of Velmar opens at six in", "the morning and closes at nine in the", "evening. The harbour master is Ida",
        "Brandt. Goods are weighed in the cus-", "toms house. The crane lifts twelve ton-", "nes and is painted green. A keeper"]  # fmt: skip
RIGHT = ["watches it by night and writes down", "each ship that comes in. Fish is sold", "on the east quay, for a fee to the mas-",
         "ter. The lighthouse was built in 1874", "and its lamp is seen for thirty miles.", "Its keeper is called Tom Arend."]  # fmt: skip
READ = (
    "The harbour of Velmar opens at six in the morning and closes at nine in the evening. The harbour master is Ida "
    "Brandt. Goods are weighed in the customs house. The crane lifts twelve tonnes and is painted green. A keeper "
    "watches it by night and writes down each ship that comes in. Fish is sold on the east quay, for a fee to the "
    "master. The lighthouse was built in 1874 and its lamp is seen for thirty miles. Its keeper is called Tom Arend."
)
PROSE = (
    "The prices below hold from the first of May. They are in crowns and include the tax that the town takes on sales."
)


class Page:
    """A PDF drawn line by line, with positions in millimetres from the top left."""

    def __init__(self):
        self.pdf = FPDF()
        self.pdf.set_auto_page_break(False)

    def page(self, *lines, size=11, style=""):
        self.pdf.add_page()
        for x, y, text, *other in lines:
            chosen = other[0] if other else size
            font, style_ = ("courier", "") if chosen == "code" else ("times", style)
            self.pdf.set_font(font, style_, size=size if chosen == "code" else chosen)
            self.pdf.text(x, y, text)
        return self

    def read(self):
        return converted("a.pdf", bytes(self.pdf.output())).text


def two_columns(by_row):
    lines = [(20, 30 + 6 * i, line) for i, line in enumerate(LEFT)] + [
        (110, 30 + 6 * i, line) for i, line in enumerate(RIGHT)
    ]
    return sorted(lines, key=lambda line: (line[1], line[0])) if by_row else lines


def test_columns_are_read_one_after_the_other_however_they_are_drawn():
    for by_row in (False, True):
        text = Page().page((20, 20, "Opening and weighing", 14), *two_columns(by_row)).read()
        assert text == f"# Opening and weighing\n\n{READ}\n"


def test_a_line_across_the_columns_stands_between_what_is_above_and_below():
    above = [
        (20, y, "A line that is as wide as the page and that says what the two columns below are about, all of it.")
        for y in (20, 26)
    ]
    text = Page().page(*above, *[(x, y + 10, line) for x, y, line in two_columns(True)]).read()
    assert text.index("all of it") < text.index("The harbour of Velmar") < text.index("watches it by night")


def test_running_heads_and_feet_and_page_numbers_are_left_out():
    pages = Page()
    for number, title in enumerate(("Weighing", "The fish market", "Penalties"), start=1):
        pages.page(
            (20, 10, "Harbour Rules of Velmar", 9),
            (20, 20, title, 14),
            *[(20, 30 + 6 * i, f"{line} {title} and so on until the line is full.") for i, line in enumerate(LEFT[:3])],
            (20, 285, "Port Office, internal", 9),
            (100, 285, f"Page {number} of 3", 9),
        )
    text = pages.read()
    assert "Harbour Rules" not in text and "Port Office" not in text and "of 3" not in text
    assert [line for line in text.split("\n") if line.startswith("#")] == [
        "# Weighing",
        "# The fish market",
        "# Penalties",
    ]


def test_a_head_with_the_name_of_its_chapter_is_left_out():
    pages = Page()
    for number in range(1, 9):
        body = [
            (20, 30 + 6 * i, f"Word {number} {line} and so on until the line is full.") for i, line in enumerate(LEFT)
        ]
        pages.page((20, 10, f"Chapter {1 + number // 3}: Boats", 9), (180, 10, f"{number + 4}", 9), *body)
    text = pages.read()
    assert "Chapter" not in text and "Word 8 The harbour" in text


def test_the_same_line_on_two_pages_is_text_where_it_is_part_of_it():
    pages = Page()
    for number in (1, 2):
        pages.page(
            (20, 20, "The fee is nine crowns for each of the boats that come in."),
            (20, 25, f"It is paid on day {number}."),
        )
    assert pages.read().count("The fee is nine crowns") == 2


def table(rows, top=40, step=8):
    return [
        (20 + 45 * column, top + step * row, cell)
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
        if cell
    ]


def test_the_cells_of_a_table_keep_their_columns_and_empty_ones_their_places():
    rows = [("Goods", "Small", "Large", "Note"), ("Apples", "4", "", "by the sack"), ("Pears", "", "9", "")]
    text = Page().page((20, 20, "Price list", 14), (20, 30, PROSE), *table(rows)).read()
    assert text.endswith(f"{PROSE}\n\nGoods | Small | Large | Note\nApples | 4 | | by the sack\nPears | | 9 |\n")


def test_the_caption_below_a_table_is_no_row_of_it():
    rows = table([("Pears", "a small and a large sack"), ("Eggs", "a box of ten"), ("Cod", "by weight")])
    text = Page().page((20, 30, PROSE), *rows, (72, 66, "Table 2.1: How goods are sold"), (20, 71, PROSE)).read()
    assert text.endswith(f"Cod | by weight\n\nTable 2.1: How goods are sold\n\n{PROSE}\n")


def test_a_word_over_two_lines_of_a_cell_is_whole_and_a_compound_keeps_its_hyphen():
    goods = [("Cod", "sold on the quay by the mas-"), ("Eels", "sold at the south-east"), ("Pike", "not sold")]
    lines = table(goods)
    below = [
        (lines[1][0], lines[0][1] + 4.5, "ter, by weight, at the south-"),
        (lines[1][0], lines[0][1] + 9, "east quay"),
    ]
    spread = [(x, y + 9 * (y > lines[0][1]), text) for x, y, text in lines]
    title = [(20, 14, "Rules of the harbour-", 16), (20, 21, "masters", 16)]
    text = Page().page(*title, (20, 30, PROSE), *spread, *below).read()
    assert text.startswith("# Rules of the harbourmasters\n\n")
    assert "Cod | sold on the quay by the master, by weight, at the south-east quay\nEels | sold" in text


def test_a_short_first_line_of_a_paragraph_is_no_heading():
    column = [
        "The crane lifts twelve tons.",
        "Each of the ships pays the",
        "Master of the harbour ten crowns.",
        "Ada keeps the key.",
    ]
    note = [
        "1) It holds by the order of the month of May for all ships that are longer than ten metres.",
        "But not for the ferry.",
    ]
    lines = [
        *[(20, 30 + 5 * i, line) for i, line in enumerate(column)],
        *[(20, 90 + 4 * i, line, 7) for i, line in enumerate(note)],
    ]
    assert "#" not in Page().page(*lines).read()


def test_levels_follow_the_sizes_of_the_headings():
    lines = [(20, 20, "Harbour Rules", 20), (20, 35, "Weighing", 14), (20, 45, PROSE), (20, 60, "Fish", 14), (20, 70, PROSE), (20, 85, "Eels", 12.5),
             (20, 92, PROSE), (20, 105, "Cod", 12.5), (20, 112, PROSE)]  # fmt: skip
    text = Page().page(*lines).read()
    assert [line for line in text.split("\n") if line.startswith("#")] == [
        "# Harbour Rules",
        "## Weighing",
        "## Fish",
        "### Eels",
        "### Cod",
    ]


def test_the_lines_of_one_cell_stay_in_its_row():
    lines = [*table([("Goods", "Small"), ("Apples", "4"), ("Pears", "9")]), (20, 64, "Smoked trout from"), (65, 67, "12"),
             (20, 70, "the upper lakes"), (20, 78, "Eggs"), (65, 78, "1")]  # fmt: skip
    assert "Smoked trout from the upper lakes | 12\nEggs | 1" in Page().page((20, 30, PROSE), *lines).read()


def test_code_keeps_its_lines_and_its_indentation():
    code = [(30, 40, "if open:", "code"), (39.3, 45, "# ring twice", "code"), (39.3, 50, 'ring(2)  # "now"', "code")]
    text = Page().page((20, 30, PROSE), *code, (20, 60, "The bell rings.")).read()
    lines = text.split("```")[1].strip("\n").split("\n")
    assert [line.strip() for line in lines] == ["if open:", "# ring twice", 'ring(2)  # "now"']
    indents = [len(line) - len(line.lstrip()) for line in lines]
    assert indents[1] == indents[2] == indents[0] + 4
    assert text.endswith("```\n\nThe bell rings.\n")


def test_a_hyphen_that_the_text_writes_elsewhere_stays():
    lines = ["The well-known bell of Velmar is rung at six by the keeper, who is a well-", "known man of the town. THE USE OF IT IS AT YOUR OWN RISK, EXPRESS OR IM-", "PLIED, and the customs officer is a cus-", "toms man."]  # fmt: skip
    text = Page().page(*[(20, 30 + 5 * i, line) for i, line in enumerate(lines)]).read()
    more = ["The machine is dependent on wind, and so it is a machine-", "dependent figure that is up-", "to-date."]
    assert (
        "machine-dependent figure that is up-to-date"
        in Page().page(*[(20, 30 + 5 * i, line) for i, line in enumerate(more)]).read()
    )
    assert "a well-known man" in text and "IMPLIED, and" in text and "a customs man." in text


def test_a_name_of_an_address_is_no_word_that_a_hyphen_breaks():
    lines = ["The guide is at wiki.example.org/VelmarTown/Guide and tells of the well. The Velmar-Town-Hall", "has a bell, and the council met at six, and so the keeper of the town asked for the Velmar-", "Town-Guides."]  # fmt: skip
    text = Page().page(*[(20, 30 + 5 * i, line) for i, line in enumerate(lines)]).read()
    assert "asked for the Velmar-Town-Guides." in text


def test_raised_numbers_keep_their_meaning():
    page = Page()
    page.page(
        (20, 30, "The pump moves 10"),
        (49.5, 28.6, "6", 7),
        (51.5, 30, "litres an hour, built in 1911."),
        (95.5, 28.6, "4", 7),
        (98, 30, "Then"),
    )
    text = page.read()
    assert text.startswith("The pump moves 10^6 litres an hour, built in 1911. Then"), text


def test_what_is_drawn_like_markup_is_text():
    text = (
        Page()
        .page((20, 30, "# Counts the arguments that were given in the one long line that this is, so it is prose."))
        .read()
    )
    assert text.startswith("\\# Counts")


def test_a_footnote_does_not_interrupt_a_sentence_that_runs_to_the_next_page():
    pages = Page()
    first = [(20, 30 + 5 * i, f"{PROSE}") for i in range(3)]
    pages.page(
        *first, (20, 45, "The harbour master, who keeps the key,"), (20, 60, "1 He has kept it since the year 1911.", 8)
    )
    pages.page(
        (20, 30, "rings the bell at six and at noon."), (20, 35, PROSE), (20, 60, "2 He is called Tom Arend.", 8)
    )
    text = pages.read()
    assert "who keeps the key, rings the bell at six and at noon." in text
    assert text.endswith("1 He has kept it since the year 1911.\n\n2 He is called Tom Arend.\n")


def test_tables_of_contents_are_left_out():
    page = Page().page(
        (20, 20, "Boats", 16),
        (20, 30, "1 Weighing . . . . . . . . . . . . . . 3"),
        (20, 40, PROSE),
        (20, 46, "They are paid in advance."),
    )
    assert page.read() == f"# Boats\n\n{PROSE} They are paid in advance.\n"


def test_an_address_over_two_lines_is_one_and_a_word_behind_one_is_none():
    lines = ["The rules of the harbour are at https://www.", "velmar.example/rules.html and the prices are at https://velmar.example/-",
             "prices/2026, those of the market are at https://market.example/", "for all who sell there."]  # fmt: skip
    text = Page().page(*[(20, 30 + 5 * i, line) for i, line in enumerate(lines)]).read()
    assert text == (
        "The rules of the harbour are at https://www.velmar.example/rules.html and the prices are at "
        "https://velmar.example/prices/2026, those of the market are at https://market.example/ for all who sell there.\n"
    )
    kept = [
        ("Read https://velmar.example/", "e.g. on a Monday."), ("It is on www.velmar.example/", "and/or on the wall."),
        ("Is it www.velmar.example?", "nobody has told us."), ("It is https://velmar.example.", "the rest is not."),
    ]  # fmt: skip
    for lines in kept:
        page = Page().page(*[(20, 30 + 5 * i, line) for i, line in enumerate(lines)])
        assert page.read().split() == " ".join(lines).split()


def test_a_line_of_code_that_ends_a_sentence_belongs_to_it():
    lines = [
        (20, 30, PROSE),
        (20, 35, PROSE.replace("sales.", "sales of goods, see")),
        (20, 40, "market-prices(2026).", "code"),
    ]
    text = (
        Page().page(*lines, (20, 50, "To ring the bell at six:"), (20, 55, "ring(2)", "code"), (20, 65, PROSE)).read()
    )
    assert "of goods, see market-prices(2026).\n\nTo ring the bell at six:\n\n```\nring(2)\n```" in text


def test_the_number_of_a_chapter_is_no_number_of_a_page():
    pages = Page()
    for number, title in enumerate(("Weighing", "The fish market", "Penalties", "The crane"), start=1):
        lines = [(20, 40 + 6 * i, f"{line} {title} and so on until the line is full.") for i, line in enumerate(LEFT)]
        pages.page((100, 10, f"Rules {number}"), (20, 20, f"{number} {title}", 16), *lines)
    assert [line for line in pages.read().split("\n") if line.startswith("#")] == [
        "# 1 Weighing",
        "# 2 The fish market",
        "# 3 Penalties",
        "# 4 The crane",
    ]
    pages = Page()
    for number in range(1, 6):
        lines = [(20, 60 + 6 * i, f"{line} {number} and so on until the line is full.") for i, line in enumerate(LEFT)]
        title = [(20, 30, "1 Scope of these rules")] if number == 1 else [(170, 10, f"Boats {number}")]
        pages.page(*title, *lines, (100, 280, f"{number}"))
    assert pages.read().startswith("# 1 Scope of these rules\n")


def test_a_heading_above_another_one_is_no_row():
    lines = [(20, 20, "Harbour Rules", 20), (20, 35, PROSE), (20, 50, "6", 16), (32, 50, "Weighing of goods", 16),
             (20, 58, "6.1", 13), (32, 58, "The crane", 13), (20, 66, PROSE)]  # fmt: skip
    text = Page().page(*lines).read()
    assert "# 6 Weighing of goods\n\n" in text and "# 6.1 The crane\n\nThe prices" in text and "|" not in text


def test_a_bold_header_right_above_a_row_is_no_line_of_it():
    page = Page().page((20, 30, PROSE), *table([("Pears", "9"), ("Eggs", "1"), ("Cod", "2")], top=44))
    page.pdf.set_font("times", "B", 11)
    for x, cell in ((20, "Goods"), (65, "Price")):
        page.pdf.text(x, 40, cell)
    assert page.read().endswith("Goods | Price\nPears | 9\nEggs | 1\nCod | 2\n")


def test_bold_lines_of_a_manual_page_are_headings_and_terms_without_a_gap_above():
    texts = [
        (30, 26, PROSE),
        (30, 31, PROSE),
        (40, 41, "It lifts twelve tons."),
        (40, 51, "It is lit at six."),
        (30, 63, PROSE),
    ]
    page = Page().page(*texts, (30, 68, PROSE))
    for x, y, title, size in (
        (20, 20, "NAME", 12),
        (30, 36, "crane", 11),
        (30, 46, "lamp", 11),
        (20, 57, "LIFTING", 12),
    ):
        page.pdf.set_font("times", "B", size)
        page.pdf.text(x, y, title)
    text = page.read()
    assert text.startswith(f"# NAME\n\n{PROSE} {PROSE}"), text
    assert f"tons.\n\nlamp\nIt is lit at six.\n\n# LIFTING\n\n{PROSE}" in text


def test_a_bold_numbered_title_with_a_stop_is_a_heading():
    page = Page().page((20, 20, "Harbour Rules", 16), *[(20, y, PROSE) for y in (30, 35, 40, 65, 70)])
    page.pdf.set_font("times", "B", 11)
    page.pdf.text(20, 55, "2.1.1 Weighing.")
    assert "\n\n## 2.1.1 Weighing.\n\nThe prices" in page.read()


def test_small_numbers_of_lines_in_the_margin_are_left_out_and_those_of_rows_stay():
    numbers = [(12, 30 + 6 * i, str(i + 9), 6) for i in range(len(LEFT + RIGHT))]
    lines = [(20, 30 + 6 * i, line) for i, line in enumerate(LEFT + RIGHT)]
    assert Page().page(*numbers, *lines).read() == f"{READ}\n"
    goods = table([("1", "Pears"), ("2", "Eggs"), ("3", "Cod")])
    assert Page().page((20, 30, PROSE), *goods).read().endswith("1 | Pears\n2 | Eggs\n3 | Cod\n")


def test_small_numbers_of_ranks_verses_and_notes_are_no_numbers_of_lines():
    def numbered(*lines, rise=0.0, x=20):
        beside = [(x + 6, 30 + 5 * i, line) for i, line in enumerate(lines)]
        return Page().page(*[(x, y - rise, str(i), 7) for i, (_, y, _) in enumerate(beside, start=1)], *beside).read()

    assert numbered("Lift the lid.", "Pour the water in.") == "1 | Lift the lid.\n2 | Pour the water in.\n"
    assert numbered("apples", "pears", "plums") == "1 | apples\n2 | pears\n3 | plums\n"
    verses = ("The keeper lights the lamp of the house", "as the night falls over the northern quay", "and waits.")
    assert numbered(*verses, rise=1.2).startswith(f"1 | {verses[0]}\n2 | {verses[1]}\n3 | ")
    assert numbered(*verses) == f"{' '.join(verses)}\n"


def test_small_numbers_of_a_listing_are_left_out_in_letters_of_any_width_and_beside_text_without_them():
    lines = [(26, 30, r"\let\x\y"), (26, 40, r"\def\lamp{"), (26, 45, "two"), (26, 50, "}")]
    numbers = [(20, y, str(i), 6) for i, (_, y, _) in enumerate(lines, start=1)]
    text = Page().page(*numbers, *lines, (20, 35, PROSE), (20, 60, PROSE)).read()
    assert not re.search(r"\d", text) and r"\let" in text


def test_bold_lines_that_are_a_little_larger_are_no_heading_where_they_are_labels_or_as_long_as_text():
    lines = (
        "Name of the ship:",
        "Port:",
        "The crane lifts twelve tons and is painted green all over its long arm and foot",
    )
    page = Page().page(*[(20, y, PROSE) for y in (20, 25, 30, 90, 95)])
    page.pdf.set_font("times", "B", 11.8)
    for y, line in zip((50, 55, 70), lines, strict=True):
        page.pdf.text(20, y, line)
    assert page.read() == f"{PROSE} {PROSE} {PROSE}\n\n{lines[0]}\n\n{lines[1]}\n\n{lines[2]}\n\n{PROSE} {PROSE}\n"


def test_a_large_line_below_a_table_of_its_size_is_no_part_of_the_last_row():
    page = Page().page(
        (20, 20, PROSE), *[(x, y, cell, 13) for y in (40, 46) for x, cell in ((20, "Cod"), (90, "Sold"))]
    )
    page.page(*[(20, y, PROSE) for y in range(20, 90, 5)])
    page.pdf.page = 1
    page.pdf.set_font("times", "B", 13)
    page.pdf.text(20, 52, "The lamp")
    assert "Cod | Sold\n\n# The lamp\n\n" in page.read()
