"""The facts of answers: when two have the same, and when one has those of another."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.facts import is_yes_no, recalls, same_facts

LONG = "who joined the firm in 1911, has led its old office since last spring and is seldom seen there on a Monday."


@pytest.mark.parametrize(
    ("answer", "says_so"),
    [
        ("Yes it does.", True), ("No, it is closed.", True), ("No.", True), ("没有。", True), ("Nein", True),
        ("No fee is charged.", False), ("No. 7 Harbour Street", False), ("没有任何费用。", False), ("Si pagano 4 euro.", False),
    ],
)  # fmt: skip
def test_no_before_a_noun_does_not_answer_no(answer: str, says_so: bool) -> None:
    assert is_yes_no(answer) == says_so


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Ada Brink runs the mill.", "The mill is run by Ada Brink.", True),
        (
            "Ada Brink",
            "Ada Brink has run it since her father died.",
            False,
        ),  # more is said than the likeliest answer says
        ("Ada Brink runs the mill.", "Otto Brink runs the mill.", False),
        ("It grinds 40 sacks a day in Ostwick for Varn.", "It grinds 41 sacks a day in Ostwick for Varn.", False),
        ("It grinds 1,000 sacks.", "1000 sacks", True),
        ("1,000 sacks", "It is 1000 sacks.", True),
        ("It grinds forty sacks.", "It grinds fifty sacks.", False),
        (f"Ada Brink, {LONG}", f"Otto Lind, {LONG}", False),
        (f"Ada Brink, {LONG}", f"The mill is run by Ada Brink, {LONG}", True),
        ("No dogs are allowed.", "No fee is charged.", False),
        ("Yes.", "Yes, Ada runs it.", True),
        ("Yes.", "No, Otto does.", False),
        ("40 sacks", "", False),
    ],
)
def test_answers_agree_in_facts_and_numbers_whatever_their_wording(first: str, second: str, same: bool) -> None:
    assert same_facts("Who runs the mill, or how many sacks a day?", first, second) == same
    assert same_facts("Who runs the mill, or how many sacks a day?", second, first) == same


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        (f"Ada Brink, {LONG}", f"Ada Brink, {LONG}", True),
        (f"Ada Brink, {LONG}", f"It is Ada Brink, {LONG}".replace("and is seldom seen there", "and"), True),
        (f"Ada Brink, {LONG}", f"Otto Lind, {LONG}", False),
        (f"Ada Brink, {LONG}", f"Ada Brink, {LONG}".replace("1911", "1912"), False),
        ("It takes eighteen months from the day of delivery.", "It takes 18 months from the day of delivery.", True),
        ("It takes eighteen months from the day of delivery.", "It takes twelve months from the day of delivery.", False),
        ("三月十一日图书馆开门。", "三月十二日图书馆开门。", False),
    ],
)  # fmt: skip
def test_an_answer_is_recalled_with_every_name_and_number(expected: str, given: str, right: bool) -> None:
    assert recalls("Who leads it, and how long does it take?", expected, given) == right
