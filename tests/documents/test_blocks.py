"""What starts at a line: not everything that begins like an item, a row, a heading or a block of code is one."""

import pytest

from disc_lite.documents import cut_passages, sentence_spans
from disc_lite.documents.blocks import names_columns
from tests.counting import is_quadratic
from tests.documents.test_passages import words
from tests.documents.written import document


def sentences(text, markup="markdown"):
    return [text[start:end].strip() for start, end in sentence_spans(text, 0, len(text), markup)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Die Einheit kam nach langem Streit am\n3. Oktober 1990.", "Sie war im\n19. Jahrhundert nur ein Wort."],
        ["Read the manual, section\n4.", "It is about valves between 5\n- 10 bar."],
        ["Costs were 40\n+ 5 euros for the room.", "It opens on\n12. June and in room\n5.", "Ada has the key."],
        ["To buy", "- Milk", "- Bread"],
        ["To do", "3. Open", "4. Close it on\n9. August", "5. Lock it."],
        ["To do:", "3. Open it."],
        ["It is done.", "- Ada has the key."],
        ["To do", "1. Buy milk", "1. Go home"],
        ["2.1. The rent is due.", "2.2. Pets are not allowed.", "(a) Dogs are.", "3. The key is blue."],
        ["Contents", "1. Open", "1.1. Look", "1.1.1. In May", "1.1.2. In June", "1.2. Wait", "2. Close"],
        ["The rent is in section\n2.1. of the lease, for version\n2.0. and no other."],
        ["- 1.1. Scope", "- 1.2. Fees"],
        ["1. Open", "a) Look", "b) Wait", "2. Close", "- In May", "- In June", "3. Lock"],
    ],
)
def test_a_wrapped_line_that_begins_like_an_item_is_none(expected):
    assert sentences("\n".join(expected)) == expected


def test_a_list_goes_on_below_the_one_within_its_item():
    assert sentences("3. Open\n   a. Look\n4. Close") == ["3. Open", "a. Look", "4. Close"]


@pytest.mark.parametrize(
    "expected",
    [
        ["Run `ls | sort` on\nMonday to see `a | b` there.", "Only Carla may delete one."],
        ["Use a | b here.", "Then stop."],
        ["Goods | Price. Net", "Pears | 3", "All in crowns."],
        ["| a. B | c |", "| d. E | f |"],
    ],
)
def test_a_row_has_another_one_next_to_it(expected):
    assert sentences("\n".join(expected)) == expected


@pytest.mark.parametrize("rule", ["***", "___", "*****************************", "-----------------------------------"])
def test_a_sentence_above_a_rule_is_no_heading(rule):
    text = f"# Fees\n\nAda collects the fee every week. She is in room 7.\n{rule}\nIt is due.\n"
    made = document("a.md", text)
    assert [section.heading_path for section in made.sections] == [("Fees",)]
    (passage,) = cut_passages(made, words(text), 100)
    assert sentences(text)[1:] == ["Ada collects the fee every week.", "She is in room 7.", rule, "It is due."]
    assert passage.headings == {0}


def test_titles_are_underlined_in_markdown_by_two_and_in_restructuredtext_by_all_characters():
    for markup, under, is_title in [("markdown", "====", True), ("markdown", "~~~~", False), ("rst", "~~~~", True),
                                    ("rst", "~~~", False), ("converted", "====", False)]:  # fmt: skip
        assert (sentences(f"Fees\n{under}\n\nThey are due.", markup)[0] == f"Fees\n{under}") is is_title


def test_a_line_that_begins_with_a_span_of_code_opens_no_block():
    text = "# Tool\n\n```restic init``` creates it. You need a password.\n\n## Backup\n\nIt runs at 3.\n"
    assert sentences(text)[1:] == [
        "```restic init``` creates it.", "You need a password.", "## Backup", "It runs at 3.",
    ]  # fmt: skip
    assert [section.heading_path[1:] for section in document("a.md", text).sections] == [(), ("Backup",)]
    # As in CommonMark, the closing fence may be longer than the opening one.
    assert sentences("```sh\nls. Stop\n`````\nIt is done.") == ["```sh\nls. Stop\n`````", "It is done."]


@pytest.mark.parametrize(("letter", "size"), [("a", 60_000), (" ", 160_000)])
def test_a_long_word_of_an_item_takes_no_quadratic_time(letter, size):
    assert not is_quadratic(lambda size: sentences("1. a" + letter * size + "b"), size)


@pytest.mark.parametrize("above", ["Time to the depot (min.)", "Do you have a car?"])
def test_a_long_name_of_a_column_is_no_sentence(above):
    row = f"Bus | {above}"
    assert names_columns(f"{row}\n7 | Five in the summer (approx.)", 0, len(row))
    assert not names_columns(f"{row} That is it.\n7 | Five in the summer at most.", 0, len(row) + 12)


CODE = {
    "a.py": ['"""Pumps.', 'Every pump is shut off at 16 bar.\n"""',
             "# Never raise it, because the pipes of the\n# old hall were laid in 1962.", "Ask Ada.", "LIMIT = 16 | 32"],
    "a.sh": ["#!/bin/sh\n# Copies the backup to vault-2, which keeps it\n# for 30 days.", "Only Carla has the key.",
             "ls | sort |\n  wc -l"],
    "a.go": ["func f(a ...) -> (b tuple[str, ...]) [x]"],
    "a.ts": ["/**\n * Most retries.\n */\nconst RETRIES = 5;"],
}  # fmt: skip


@pytest.mark.parametrize("name", CODE)
def test_comments_of_source_code_are_sentences_to_ask_about(name):
    text = {"a.py": "\n\n".join(CODE[name]).replace("1962.\n\n", "1962. ").replace("Ada.\n\n", "Ada.\n"),
            "a.sh": "{} {}\n\n{}".format(*CODE["a.sh"]), "a.ts": CODE["a.ts"][0], "a.go": CODE["a.go"][0]}[name]  # fmt: skip
    made = document(name, text)
    (passage,) = cut_passages(made, words(text), 1000)
    assert sentences(text, made.markup) == CODE[name]
    assert (made.markup, passage.headings) == ("code", frozenset())
