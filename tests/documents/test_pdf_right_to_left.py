"""PDF in Arabic and Hebrew: in whatever order a program draws the letters, the text is in reading order."""

import pytest

from disc_lite.documents.pieces import Char
from disc_lite.documents.righttoleft import from_the_right
from tests.documents.test_pdf_letters import COURIER, by_hand

WIDTH, SIZE = 6, 10  # of a letter of Courier


def read(lines, first, is_drawn_backward, is_turned=False):
    """The text read of lines (left edge, letters from the left); small letters are those of a script from `first` on."""
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange 2 beginbfrange <20> <5A> <0020> <61> <7A> <{ord(first):04X}> endbfrange "
        "1 beginbfchar <7E> <06440627> endbfchar endcmap end end"
    )
    shown = []
    for number, (left, letters) in enumerate(lines):
        places = [(left + WIDTH * at, letter) for at, letter in enumerate(letters) if letter != " "]
        if letters.upper() == letters or is_turned:
            places = [(left, letters)]
        for x, letter in reversed(places) if is_drawn_backward else places:
            escaped = letter.replace("(", r"\(").replace(")", r"\)")
            place = f"0 1 -1 0 {100 + 12 * number} {x}" if is_turned else f"1 0 0 1 {x} {700 - 12 * number}"
            shown.append(f"{place} Tm ({escaped}) Tj")
    return by_hand(f"BT /F {SIZE} Tf {' '.join(shown)} ET".encode(), COURIER, cmap.encode())


@pytest.mark.parametrize("is_drawn_backward", [False, True])
def test_hebrew_is_read_from_the_right_and_numbers_and_latin_words_from_the_left(is_drawn_backward):
    lines = [(302, "HALL B (ed) 48,500 cba"), (320, ".12% 03-555-1234 gf")]
    made = read(lines, "א", is_drawn_backward)
    assert made.text == "אבג 48,500 (דה) HALL B וז 03-555-1234 12%.\n"
    assert made.warning == ""


@pytest.mark.parametrize("is_drawn_backward", [False, True])
def test_beside_arabic_a_number_ends_at_a_hyphen_and_a_ligature_is_two_letters_in_order(is_drawn_backward):
    lines = [(314, "2025-2024 %15 b~ba"), (326, ".A@B.C b 18:30 dcb")]
    assert read(lines, "ا", is_drawn_backward).text == "ابلاب 15% 2024-2025 بةت 18:30 ب A@B.C.\n"


def test_a_page_that_was_turned_is_read_along_its_lines():
    made = read([(302, "fed 48,500 cba"), (302, "ihg 18:30 cba")], "א", is_drawn_backward=False, is_turned=True)
    assert made.text == "אבג 48,500 דהו אבג 18:30 זחט\n"


def test_the_right_column_is_read_first():
    right = [(320, "dcba dcba dcba dcba dcb" + letter) for letter in "efghij"]
    left = [(60, "qpon qpon qpon qpon qpo" + letter) for letter in "rstuvw"]
    rows = [row for pair in zip(left, right, strict=True) for row in pair]
    text = read(rows, "א", is_drawn_backward=False).text
    letters = [chr(ord("א") + "abcdefghijklmnopqrstuvwxyz".index(letter)) for letter in "efghijrstuvw"]
    assert [text.count(letter) for letter in letters] == [1] * 12
    assert sorted(letters, key=text.index) == letters


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        ("ba GB 8 ba", "אב 8 GB אב"),
        ("ba GB RAM 512 ba", "אב 512 GB RAM אב"),
        ("ba 8 GB ba", "אב 8 GB אב"),  # drawn as a part that runs from the left
        ("ba IPAD 15 ba", "אב IPAD 15 אב"),
        ("ba APPLE ,2024 ba", "אב 2024, APPLE אב"),
        (".ba (.APPLE INC( ba", "אב (APPLE INC.) אב."),
        (".ba )48 ba) ba", "אב (אב 48) אב."),
        ('.ba POTTER 7" (2007)" ba', 'אב "POTTER 7" (2007) אב.'),
        (".ba )dc MSFT( WINDOWS ba", "אב WINDOWS (MSFT גד) אב."),
        ("03-555- ba", "אב 03-555-"),  # the rest is on the next line
        ("5- ba", "אב -5"),
    ],
)
def test_numbers_beside_latin_words_and_brackets(drawn, text):
    made = read([(320, drawn), *[(260, "dcba fedc hgfe jihg lkji ba")] * 2], "א", is_drawn_backward=False)
    assert made.text.removeprefix("# ").split("אב טיךכ")[0].strip() == text


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (".ץוחב C° 25-ו km/h 120", "120 km/h ו-25 °C בחוץ."),
        (".ץוחב 25 °C-ב GB/s 8", "8 GB/s ב-25 °C בחוץ."),
        ("٣٫٥ ةبسن", "نسبة ٣٫٥"),
        (".بطر (V 5( ٢٠٢٤-٢٠١٩", "٢٠١٩-٢٠٢٤ (5 V) رطب."),
    ],
)
def test_units_and_the_digits_of_arabic(drawn, text):
    # An Arabic number is drawn from the left; of two numbers with a hyphen between, the first is on the right.
    chars = [Char(at, one, False, 6.0 * at, 6.0 * at, 6.0 * at + 6, 0.0, 10.0) for at, one in enumerate(drawn)]
    read_from_the_right = from_the_right([char for char in chars if char.text != " "])
    assert "".join(" " * char.has_space + char.text for char in read_from_the_right) == text


def test_lines_of_latin_letters_on_such_a_page_are_read_from_the_left():
    english = [(60, "IT IS OPEN FROM 9:30 TO"), (60, "18:00 ON EVERY DAY.")]
    made = read([(300, "dcba fedc hgfe jihg"), *english, *[(300, "dcba fedc hgfe jihg")] * 3], "א", True)
    assert "IT IS OPEN FROM 9:30 TO 18:00 ON EVERY DAY." in made.text


@pytest.mark.parametrize("is_drawn_backward", [False, True])
def test_lines_of_arabic_and_hebrew_on_a_latin_page_are_read_from_the_right(is_drawn_backward):
    lines = [(60, "THE HALL IS OPEN FROM NINE"), (260, ".48,500 (ed) cba"), (60, "IT WAS BUILT IN MAY")]
    made = read(lines, "א", is_drawn_backward)
    assert "אבג (דה) 48,500." in made.text and "NINE" in made.text and "IT WAS BUILT" in made.text
    assert made.warning == ""


def test_a_hebrew_word_in_an_english_line_is_told_and_the_line_is_as_it_is_drawn():
    made = read([(60, "THE WORD cba MEANS PEACE AND MORE")] * 3, "א", is_drawn_backward=False)
    assert made.text.startswith("THE WORD ") and " MEANS PEACE AND MORE" in made.text
    assert "of its letters are Arabic or Hebrew" in made.warning


@pytest.mark.parametrize(
    ("drawn", "text", "told"),
    [
        ("cba 2024-2025", "2024-2025 ابة", ""),  # as drawn by a program that lays out each line alone
        ("cba 2025-2024", "2024-2025 ابة", ""),
        ("cba 03-555-1234", "03-555-1234 ابة", "03-555-1234"),
        ("cba 12-15 cb", "بة 15-12 ابة", "15-12"),
        ("cba 15-12 cb", "بة 12-15 ابة", ""),
        ("03-555-1234", "03-555-1234", ""),  # a cell or a paragraph by itself
    ],
)
def test_a_range_that_may_be_turned_is_told(drawn, text, told):
    made = read([(300, drawn), (260, "dcba fedc hgfe jihg lkji ba")], "ا", is_drawn_backward=False)
    assert made.text.removeprefix("# ").startswith(text)
    assert (f"1 here, such as {told}; compare" in made.warning) if told else (made.warning == "")
