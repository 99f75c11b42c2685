"""PDF in Arabic and Hebrew: whatever order a program draws the letters in, the text is that which is read."""

import pytest

from tests.documents.test_pdf_letters import COURIER, by_hand

WIDTH, SIZE = 6, 10  # of a letter of Courier


def read(lines, first, is_drawn_backward):
    """The text of lines as they are seen: (left edge, letters from the left); small ones are those of a script."""
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange 2 beginbfrange <20> <5A> <0020> <61> <7A> <{ord(first):04X}> endbfrange "
        "1 beginbfchar <7E> <06440627> endbfchar endcmap end end"
    )
    shown = []
    for number, (left, letters) in enumerate(lines):
        places = [(left + WIDTH * at, letter) for at, letter in enumerate(letters) if letter != " "]
        for x, letter in reversed(places) if is_drawn_backward else places:
            escaped = letter.replace("(", r"\(").replace(")", r"\)")
            shown.append(f"1 0 0 1 {x} {700 - 12 * number} Tm ({escaped}) Tj")
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


def test_the_right_column_is_read_first():
    right = [(320, "dcba dcba dcba dcba dcb" + letter) for letter in "efghij"]
    left = [(60, "qpon qpon qpon qpon qpo" + letter) for letter in "rstuvw"]
    rows = [row for pair in zip(left, right, strict=True) for row in pair]
    text = read(rows, "א", is_drawn_backward=False).text
    letters = [chr(ord("א") + "abcdefghijklmnopqrstuvwxyz".index(letter)) for letter in "efghijrstuvw"]
    assert [text.count(letter) for letter in letters] == [1] * 12
    assert sorted(letters, key=text.index) == letters
