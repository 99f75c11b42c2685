"""Numbers of a table in answers: whether it is said of which row they are."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.cells import names_no_row
from disc_lite.synthesis.screening import NO_ROW, answer_fault

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


def test_such_an_answer_is_dropped() -> None:
    assert answer_fault("What does a boat cost?", "A boat costs 18 crowns.", BOATS) == NO_ROW
    assert answer_fault("What does the Otter cost?", "The Otter costs 25 crowns.", BOATS) == ""
