"""PDF: which letter a character is, its size, and the direction of its line."""

from disc_lite.documents.columns import Line
from disc_lite.documents.layout import text_of_columns
from tests.documents.test_pdf import LEFT, READ, RIGHT, Page
from tests.documents.written import converted

COURIER = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 6 0 R >>"


def by_hand(content, font=b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>", cmap=b""):
    """What is read from a PDF page with this content stream, whose font is `F`."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap),
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1))
    return converted("a.pdf", b"%PDF-1.4\n" + body + b"trailer << /Root 1 0 R /Size 7 >>\nstartxref\n0\n%%EOF")


def test_half_a_surrogate_pair_damages_nothing_else():
    # The font's map to Unicode gives one glyph half of a surrogate pair.
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        b"endcodespacerange 2 beginbfrange <20> <7D> <0020> endbfrange 1 beginbfchar <7E> <D83D> endbfchar endcmap end end"
    )
    text = by_hand(b"BT /F 10 Tf 50 700 Td (The ferry leaves at seven ~. It sails.) Tj ET", COURIER, cmap).text
    assert text.startswith("The ferry leaves at seven") and text.endswith("It sails.\n")
    text.encode()


def test_lines_of_chinese_have_no_blank_between():
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange 1 beginbfrange <61> <7A> <{ord('漢'):04X}> endbfrange endcmap end end"
    )
    lines = b"(abcdefghijklmnopqrstuvwxyz) Tj 0 -12 Td " * 2
    text = by_hand(b"BT /F 10 Tf 50 700 Td %s ET" % lines, COURIER, cmap.encode()).text
    assert text == "".join(chr(ord("漢") + n % 26) for n in range(52)) + "\n"


def test_a_line_of_chinese_is_as_wide_as_it_is_drawn():
    latin = Line("The ferry leaves at seven in the morning and comes back at noon, for nine crowns", 10)
    made = text_of_columns([[latin, latin, Line(""), Line("漢" * 40, 10), Line("字" * 30, 10)]])
    assert made.endswith("漢" * 40 + "字" * 30 + "\n")


def test_the_ligatures_and_quotes_of_fonts_of_pixels_are_letters():
    # As in pdflatex's output: meaningless names of glyphs, and no name of the font.
    codes = [*range(1, 32), *range(33, 256)]
    names = b" ".join(b"%d /a%d" % (code, code) for code in codes)
    glyphs = b" ".join(b"/a%d 6 0 R" % code for code in codes)
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] /FirstChar 0 /LastChar 255 "
        b"/Widths [%s] /Encoding << /Differences [%s] >> /CharProcs << %s >> >>"
    ) % (b"5 " * 256, names, glyphs)
    shown = b"\x88 The e\x1bect, coe\x1ecient and coe\x0ecient: \x1crst \x0crst \x10win\x11 on Stra\xffe 65\x1585\x05."
    text = by_hand(
        b"BT /F 10 Tf 50 700 Td <%s> Tj ET" % shown.hex().encode(), font, b"5 0 0 0 5 7 d1 0 0 5 7 re f"
    ).text
    assert text == "- The effect, coefficient and coefficient: first first “win” on Straße 65–85 .\n"


def test_an_accent_over_a_letter_is_one_with_it_and_one_beside_it_is_not():
    page = Page()
    page.pdf.add_page()
    page.pdf.set_font("times", size=11)
    x = 20.0
    for text, over in (
        ("M", ""),
        ("a", "¨"),
        ("rkisch asked Ren", ""),
        ("e", "´"),
        (" and ", ""),
        ("E", "´"),
        ("tienne for ´ here.", ""),
    ):
        width = page.pdf.get_string_width(text)
        if over:
            raised = 2.4 if text == "E" else 0
            page.pdf.text(x + (width - page.pdf.get_string_width(over)) / 2, 30 - raised, over)
        page.pdf.text(x, 30, text)
        x += width
    assert page.read() == "Märkisch asked René and Étienne for ´ here.\n"


def test_a_font_of_size_one_is_as_large_as_its_matrix_makes_it():
    shown = b"BT /F 1 Tf 20 0 0 20 50 740 Tm (Harbour Rules) Tj "
    for index, line in enumerate([*LEFT, *RIGHT]):
        shown += b"11 0 0 11 50 %d Tm 0.1 Tw 0.02 Tc (%s) Tj " % (700 - 13 * index, line.encode())
    assert by_hand(shown + b"ET").text == f"# Harbour Rules\n\n{READ}\n"


def test_a_page_that_was_turned_is_read_along_its_lines_and_words_across_a_page_are_not_read():
    lines = [(20, y, line) for y, line in zip(range(30, 66, 6), LEFT, strict=True)]
    page = Page().page(*lines)
    for angle in (90, 45, -90):
        with page.pdf.rotation(angle, 100, 150):
            page.pdf.text(100, 150, "Survival")
    upright = page.read()
    assert upright.startswith("The harbour of Velmar opens") and "urvi" not in upright and upright.count("\n") < 3
    for angle in (90, 180, 270):
        turned = Page()
        turned.pdf.add_page()
        turned.pdf.set_font("times", size=11)
        with turned.pdf.rotation(angle, 105, 148):
            for x, y, line in lines:
                turned.pdf.text(x + 30, y + 80, line)
        assert turned.read() == upright


def test_a_space_that_is_the_distance_of_two_letters_is_one_and_a_spaced_title_is_no_words():
    # As in groff's output, which moves back after the second letter.
    shown = b"BT /F 10 Tf 50 700 Td (Read the notes as the) Tj 2.5 Tc [(ya) 250] TJ 0 Tc (re hung up. %s) Tj ET"
    assert by_hand(shown % b"I") == by_hand(b"BT /F 10 Tf 50 700 Td (Read the notes as they are hung up. I) Tj ET")
    in_turn = b"(Read it i) Tj 2.5 Tc [(fav) 250] TJ 0 Tc (oice calls.) Tj"
    assert by_hand(b"BT /F 10 Tf 50 700 Td " + in_turn + b" ET").text == "Read it if a voice calls.\n"
    assert by_hand(b"BT /F 10 Tf 50 700 Td 3 Tc (VELMAR HARBOUR) Tj ET").text == "VELMAR HARBOUR\n"


def test_a_font_of_size_1_and_a_short_word_in_spaced_letters_have_no_spaces_in_words():
    # TeX and many printer drivers put the size into the matrix, and move each letter to a dot of the printer.
    moved = b"BT /F 1 Tf 10 0 0 10 50 700 Tm [(In 191) -30 (1 the crane il) -30 (luminated 1) -20 (1 ships.)] TJ ET"
    assert by_hand(moved).text == "In 1911 the crane illuminated 11 ships.\n"
    large = (
        b"BT /F 100 Tf .1 0 0 .1 50 700 Tm (Read the notes as the) Tj 25 Tc [(ya) 250] TJ 0 Tc (re hung up. I) Tj ET"
    )
    assert by_hand(large).text == "Read the notes as they are hung up. I\n"
    for word in ("FAQ", "IT"):
        spaced = b"BT /F 10 Tf 50 700 Td 2.5 Tc (%s) Tj 0 Tc 0 -30 Td (We answer at noon.) Tj ET" % word.encode()
        assert word in by_hand(spaced).text
