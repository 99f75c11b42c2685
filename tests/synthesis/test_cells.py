"""Numbers of a table in answers: whether it is said of which row they are."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.cells import names_no_row, takes_another_row
from disc_lite.synthesis.screening import ANOTHER_ROW, NO_ROW, answer_fault

BOATS = """# Boats

The landing is free, and the jetty is 25 m long.

| Boat | Seats | Price per hour |
|:---|---:|---:|
| Heron | 4 | 18 crowns |
| Otter | 6 | 25 crowns |
| Raft | 12 | free |
"""
SCALE = """| Property | Value | Remark |
|---|---|---|
| Weight | 3 kg | without battery |
| Width | 30 cm | |
"""
PRICES = "| Becken | Länge | Eintritt |\n|---|---|---|\n| Ostbad | 25 m | 4 Euro |\n| Westbad | 50 m | 6 Euro |\n"
BOATS_IN_CHINESE = "| 船 | 座位 | 价格 |\n|---|---|---|\n| 苍鹭 | 4 | 18元 |\n| 水獭 | 6 | 25元 |\n"
FEES = "| Length of hull | Annual fee |\n|---|---|\n| Less than 6 metres | 85 crowns |\n| 6 metres and more | 190 crowns |\n"
ERRORS = """# Errors

| Code | Class | Cause |
|---|---|---|
| S-307 | `Overflow` | too many requests in a minute |
| S-512 | `Backwater` | a storage node is restarting |

After S-512, wait 85 seconds.
"""
TWO_COLUMNS = "| Weight | 3 kg |\n|---|---|\n| Load | 40 kg |\n| Battery | 1 kg |\n"


@pytest.mark.parametrize(
    ("question", "answer", "passage", "none"),
    [
        ("What does a boat cost?", "A boat costs 18 crowns.", BOATS, True),
        ("How many seats does a boat have?", "It has six seats.", BOATS, True),
        ("What does the Heron cost?", "It costs 18 crowns.", BOATS, False),
        ("What does a boat cost?", "The Heron costs 18 crowns.", BOATS, False),
        ("Which boat costs 18 crowns?", "The Heron.", BOATS, False),
        ("What does the boat with four seats cost?", "It costs 18 crowns.", BOATS, False),
        ("How long is the jetty?", "It is 25 m long.", BOATS, False),  # a number of the text as well
        ("How many boats are there?", "There are three boats.", BOATS, False),  # of no cell
        ("How wide is it?", "It is 30 cm wide.", SCALE, False),  # no other row has a number of that unit
        ("How heavy is the scale?", "It weighs 3 kg.", TWO_COLUMNS, False),  # "weight", in another word
        ("What is the annual fee for a mooring licence?", "The annual fee is 190 crowns.", FEES, True),
        ("How high is the annual fee?", "It is 85 crowns.", FEES, True),
        ("What is the annual fee for less than 6 metres?", "The annual fee is 85 crowns.", FEES, False),
        ("What does a long hull cost?", "It costs 190 crowns.", FEES, False),  # perhaps in other words
        ("Was kostet der Eintritt?", "Der Eintritt kostet 6 Euro.", PRICES, True),
        ("Was kostet das Westbad?", "Der Eintritt kostet 6 Euro.", PRICES, False),
        ("租船多少钱？", "租船要18元。", BOATS_IN_CHINESE, True),
        ("苍鹭多少钱？", "租船要18元。", BOATS_IN_CHINESE, False),
        ("What does a boat cost?", "A boat costs 18 crowns.", "A boat costs 18 crowns.", False),
    ],
)
def test_a_number_of_a_table_needs_its_row(question: str, answer: str, passage: str, none: bool) -> None:
    assert names_no_row(question, answer, passage) == none


def test_a_year_in_a_header_is_of_no_row() -> None:
    table = "| Harbour | 2021 | 2022 |\n|---|---|---|\n| Ildeth | 310 | 350 |\n| Varn | 90 | 80 |\n"
    assert not names_no_row("In which year came most ships?", "Most ships came in 2022.", table)
    assert names_no_row("How many ships came in 2022?", "In 2022 came 350 ships.", table)
    assert not names_no_row("How many ships came to Ildeth in 2022?", "350 ships came.", table)


@pytest.mark.parametrize(
    ("question", "answer", "passage", "wrong"),
    [
        ("What causes S-307?", "A storage node is restarting.", ERRORS, True),
        ("What causes S-307?", "Too many requests in a minute.", ERRORS, False),
        ("Which class does S-512 have?", "It has the class `Overflow`.", ERRORS, True),
        ("Which code means that a storage node is restarting?", "S-307", ERRORS, True),
        ("Which code means that a storage node is restarting?", "The code S-512 means that.", ERRORS, False),
        ("What does one do after S-512?", "One waits 85 seconds.", ERRORS, False),  # not in the table
        ("What is S-307?", "S-307 is an error code.", ERRORS, False),
        ("Which error is raised besides S-307?", "Backwater", ERRORS, False),
        ("Which boat costs 18 crowns?", "The Otter costs 18 crowns.", BOATS, True),
        ("Which boat costs 18 crowns?", "The Heron costs 18 crowns.", BOATS, False),
        ("Which boat has more seats than the Heron?", "The Otter.", BOATS, False),
        ("Is a raft on the lake priced as a Heron?", "It is free.", BOATS, False),  # also about another row
        ("What do the Heron and the Otter cost?", "They cost 18 and 25 crowns.", BOATS, False),
        ("Was kostet das Ostbad?", "Das Ostbad kostet 6 Euro.", PRICES, True),
        ("苍鹭有几个座位？", "苍鹭有6个座位。", BOATS_IN_CHINESE, True),
        ("苍鹭有几个座位？", "苍鹭有4个座位。", BOATS_IN_CHINESE, False),
    ],
)
def test_an_answer_is_from_the_row_that_its_question_names(
    question: str, answer: str, passage: str, wrong: bool
) -> None:
    assert takes_another_row(question, answer, passage) == wrong
    assert not wrong or answer_fault(question, answer, passage) in (ANOTHER_ROW, NO_ROW)


def test_a_question_with_a_word_of_another_row_can_be_about_that_one() -> None:
    table = "| Boat | Price | Hire |\n|---|---|---|\n| Grey Heron | 18 crowns | hourly |\n| Old Raft | free | daily |\n"
    assert takes_another_row("What does the Grey Heron cost?", "It is free.", table)
    assert not takes_another_row("Is the raft priced as the Grey Heron?", "It is free.", table)


def test_such_an_answer_is_dropped() -> None:
    assert answer_fault("What does a boat cost?", "A boat costs 18 crowns.", BOATS) == NO_ROW
    assert answer_fault("What does the Otter cost?", "The Otter costs 25 crowns.", BOATS) == ""
