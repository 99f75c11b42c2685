"""What is said of the questions that a user gives, before anything is spent."""

from __future__ import annotations

from disc_lite.qa import Question
from disc_lite.run.given import unstated_remark
from tests.made import document_of

PRICES = document_of("# Prices\n\nThe sauna is 6 euros.\n\nThe bath is 4 euros.\n", "prices.md")
RULES = document_of("# Rules\n\nInes Valdor (chair), Tom Brekke.\n\nOnly water may be boiled.\n", "rules.md")


def test_questions_that_no_document_answers_are_named() -> None:
    asked = [
        Question("How much is the sauna?", ("6 € per visit",), "prices.md"),
        Question("How much is the bath?", ("4 €", "4 euros"), "prices.md"),
        Question("How much is the bath?", ("4 euros",), "rules.md"),  # it stands in another document
        Question("Who came?", ("Ines Valdor and Tom Brekke",)),
        Question("May milk be boiled?", ("no",)),
        Question("Which?", ("C",), choices=("A", "C")),
        Question("It writes its own.", ("in other words",), "rules.md", passage_index=0),
    ]
    said = unstated_remark(asked, [PRICES, RULES])
    assert said.startswith("3 of 7 questions accept no answer that the documents state")
    assert "“How much is the sauna?” (6 € per visit)" in said and "“Who came?”" in said
    assert "more" not in said
    assert unstated_remark(asked[1:2], [PRICES, RULES]) == unstated_remark([], [PRICES]) == ""
    assert "and 1 more" in unstated_remark([asked[0]] * 4, [PRICES])
