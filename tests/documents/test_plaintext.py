"""Plain text: RFCs, manual pages, laws and numbered sections have headings; pages are joined."""

import pytest

from disc_lite.documents.headings import find_headings
from tests.counting import is_quadratic
from tests.documents.written import converted, document, sections


def text_of(text):
    return converted(".txt", text.encode()).text


def headings(text):
    return [(one.level, one.title) for one in find_headings(text_of(text), "markdown")]


def page(number, *lines):
    head = "RFC 9999              The Bell Protocol                May 2031\n\n" if number > 1 else ""
    return (
        head
        + "\n".join(lines)
        + f"\n\nStone                        Informational                      [Page {number}]\n"
    )


RFC = "\f\n".join(
    [
        page(1, "Network Working Group                              A. Stone", "", "               The Bell Protocol", "",
             "Abstract", "", "   This memo says how bells are rung.", "", "Table of Contents", "",
             "   1.  Introduction . . . . . . . . . . . . . . 2", "   2.  Ringing ......................... 2", "     2.1.  Chimes"),
        page(2, "1.  Introduction", "", "   A bell is rung by a client.  The port is 4711, and the", "   server answers"),
        page(3, "   within two seconds.", "", "   It ends.", "", "2.  Ringing", "", "2.1.  Chimes", "", "   # is the mark of a chime."),
    ]
)  # fmt: skip


def test_an_rfc_has_its_sections_and_no_page_breaks():
    assert headings(RFC) == [
        (1, "The Bell Protocol"),
        (2, "Abstract"),
        (2, "1. Introduction"),
        (2, "2. Ringing"),
        (3, "2.1. Chimes"),
    ]
    text = text_of(RFC)
    assert "and the\nserver answers\nwithin two seconds.\n" in text
    assert "[Page" not in text and "RFC 9999" not in text and ". . ." not in text and "\f" not in text
    assert "\\# is the mark of a chime." in text
    assert text.count("Chimes") == 1


MANUAL = """\
BELL(1)                     General Commands Manual                    BELL(1)

NAME
       b\bbe\bel\bll\bl - ring a bell

DESCRIPTION
       It rings the bell that is named in the config‐
       uration file. The configuration is read once. A command‐
       line option is used; see command-line. Ring and config: see ring‐
       config(1).

   Options in short
       -n times
              Ring so often.

bell 2.1                          May 2031                          BELL(1)
"""


@pytest.mark.parametrize("part", ["\n", "NAME\n\n\n", "a", "a-\n"])
def test_no_manual_page_takes_quadratic_time(part):
    def read(size):
        converted("a.txt", f"ls(1)  User Commands  ls(1)\n\nNAME\n    {part * size}\n    ls")

    assert not is_quadratic(read, 40_000)


def test_a_manual_page_has_its_sections_and_whole_words():
    assert headings(MANUAL) == [(1, "bell(1)"), (2, "NAME"), (2, "DESCRIPTION"), (3, "Options in short")]
    assert text_of(MANUAL).split("## DESCRIPTION\n")[1] == (
        "It rings the bell that is named in the configuration\nfile. The configuration is read once. A command-line\n"
        "option is used; see command-line. Ring and config: see ring-config(1).\n\n### Options in short\n-n times\n       Ring so often.\n\n"
    )


LAW = "Harbours Act\n\nPart I\n\n§ 1 Scope\n\nIt applies to § 2.\n\n§ 2 Fees\n\n(1) Nine crowns.\n\nPart II\n\n§ 3 Penalties\n\nNone.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LAW,
            [
                (1, "Harbours Act"),
                (2, "Part I"),
                (3, "§ 1 Scope"),
                (3, "§ 2 Fees"),
                (2, "Part II"),
                (3, "§ 3 Penalties"),
            ],
        ),
        ("Article 1\n\nIt is so.\n\nArticle 2.\n\nArticle 1 holds.\n", [(2, "Article 1"), (2, "Article 2.")]),
        ("Статья 1. Цены\n\nТак.\n\nСтатья 2. Сроки\n\nДа.\n", [(2, "Статья 1. Цены"), (2, "Статья 2. Сроки")]),
        (
            "1. Scope\n\nIt holds.\n\n2. Fees\n\n2.1 Boats\n\nTen.\n",
            [(2, "1. Scope"), (2, "2. Fees"), (3, "2.1 Boats")],
        ),
        ("List\n\n1. Apples\n\n2. Pears\n\n3. Plums\n", []),
        # A title without a blank line below it: the break after it is not a wrapped line.
        (
            "Dog Act\n\n§ 1 Scope\n(1) It applies here.\n\n§ 2 Leads\n(1) Dogs are kept on a lead of\n2 m.\n",
            [(1, "Dog Act"), (2, "§ 1 Scope"), (2, "§ 2 Leads")],
        ),
        (
            "Minutes\nof May\n\n1. Opening\nThe chair opened at nine.\n\n2. Budget\nIt was agreed.\n",
            [(2, "1. Opening"), (2, "2. Budget")],
        ),
        ("See\n\nSection 5 of the act says that\nAda pays.\n\nSection 6 of the act says that\nBen pays.\n", []),
        ("See\n\nArticle 5 of the act says nothing of it.\n\nArticle 6 does neither.\n", []),
        ("It was in\n\n1911 Spring\n\nand later.\n", []),
    ],
)
def test_laws_and_numbered_sections(text, expected):
    assert headings(text) == expected


def test_text_without_such_structure_stays_as_it_is():
    text = "Bells\n=====\n\nThey ring.\n  1. One\n\n    # code\n"
    assert text_of(text) == text


def test_pages_that_were_printed_with_a_margin_lose_it_and_their_running_lines():
    def page(number, *lines):
        body = [*lines, *[""] * (36 - len(lines))]
        return [
            f"        Guide to Dunden        {number}",
            "",
            *body,
            "",
            f"        Edition 3        May {number + 2}, 2026",
            "",
        ]

    pages = [
        page(1, "        1.  The bells", "", "             The bells of Dunden are rung", "        at nine."),
        page(2, "        2.  The wall", "", "             It is eight feet high, and"),
        page(3, "        # is the sign of", "        the keeper."),
        page(4, "        3.  The gate", "", "             It is shut at ten."),
    ]
    made = document("a.txt", "\n".join(line for one in pages for line in one))
    assert sections(made) == [
        (("1. The bells",), "## 1.  The bells\n\n     The bells of Dunden are rung\nat nine."),
        (("2. The wall",), "## 2.  The wall\n\n     It is eight feet high, and\n\n\\# is the sign of\nthe keeper."),
        (("3. The gate",), "## 3.  The gate\n\n     It is shut at ten."),
    ]


BOOK = """\
                    The Mill

Table of Contents

1. Use
    1.1. How is the mill
    started?
    1.2. Stopping
2. Repair ........ 7

Chapter 1. Use

Contents

1.1. How is the mill started?
1.2. Stopping

1.1.\xa0How is the mill started?

    Turn the key to the left and wait until the wheel stands.

1.2. Stopping

    Pull the brake slowly until the wheel does not turn.

                    Chapter 2. Repair

    Oil the wheel every day with the oil from the cellar.
"""


def test_a_table_of_contents_is_left_out_and_chapters_have_numbered_sections():
    for book in (
        BOOK,
        BOOK.replace("    ", "").replace("Chapter 2", "        Chapter 2"),
    ):  # as a printer and a browser write it
        read = [one for one in headings(book) if one[0] > 1]
        assert read == [
            (2, "Chapter 1. Use"), (3, "1.1. How is the mill started?"), (3, "1.2. Stopping"), (2, "Chapter 2. Repair"),
        ]  # fmt: skip
        assert text_of(book).count("Stopping") == text_of(book).count("Repair") == 1
    assert headings(BOOK)[0] == (1, "The Mill")


def test_a_list_that_is_called_contents_stays():
    for below in ("1. one wheel\n2. two bolts\n\n3. a key", "The box holds a wheel.", "  - a wheel"):
        assert text_of(f"Contents\n\n{below}\n\nOil the wheel.\n").startswith(f"Contents\n\n{below}")


def test_titles_are_read_that_are_underlined_with_other_characters_than_in_markdown():
    text = "Mill\n****\n\nIt grinds.\n\nUse\n===\n\nTurn the key.\n\nRepair\n======\n\nOil it.\n"
    assert headings(text) == [(1, "Mill"), (2, "Use"), (2, "Repair")]
    assert text_of(text).startswith("# Mill\n\nIt grinds.\n\n## Use\n\nTurn")


def test_numbers_that_do_not_count_up_are_no_headings():
    assert headings("It has owners.\n\n2. Ada Berg\n\nShe mills.\n\n7. Olle Lind\n\nHe bakes.\n") == []
