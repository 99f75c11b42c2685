"""Remarks about the questions that a user gives, before any work is done."""

from __future__ import annotations

from typing import Any

from disc_lite.qa import Question
from disc_lite.qa.words import read_words
from disc_lite.run import user_files
from disc_lite.run.user_files import unstated_remark
from tests.counting import Counted, names_compared
from tests.made import document_of

PRICES = document_of("# Prices\n\nThe sauna is 6 euros.\n\nThe bath is 4 euros.\n", "prices.md")
RULES = document_of("# Rules\n\nInes Valdor (chair), Tom Brekke.\n\nOnly water may be boiled.\n", "rules.md")


def test_questions_that_no_document_answers_are_named() -> None:
    asked = [
        Question("How much is the sauna?", ("6 € per visit",), "prices.md"),
        Question("How much is the bath?", ("4 €", "4 euros"), "prices.md"),
        Question("How much is the bath?", ("4 euros",), "rules.md"),  # this is stated in another document
        Question("Who came?", ("Ines Valdor and Tom Brekke",)),
        Question("May milk be boiled?", ("no",)),
        Question("Which?", ("C",), choices=("A", "C")),
        Question("It writes its own.", ("in other words",), "rules.md", passage_index=0),
    ]
    said = unstated_remark(asked, [PRICES, RULES])
    assert said.startswith("3 of 7 questions accept no answer that the documents state")
    assert said.endswith('"answers": ["6 euros", "6 €"], in CSV 6 euros|6 € under "answers".')
    assert "“How much is the sauna?” (6 € per visit)" in said and "“Who came?”" in said
    assert "more" not in said
    assert unstated_remark(asked[1:2], [PRICES, RULES]) == unstated_remark([], [PRICES]) == ""
    assert "and 1 more" in unstated_remark([asked[0]] * 4, [PRICES])


def test_text_without_blank_lines_is_searched_in_parts_and_each_is_read_once(monkeypatch: Any) -> None:
    """Logs and tables are one paragraph. It used to be read whole, and again for every question that found it."""
    rows = [f"order {n} of lot {n % 7} is {n * 3} kg" for n in range(1_500)]
    log = document_of("\n".join(rows), "log.txt")
    asked = [Question(f"What is order {n}?", (f"{n * 3} kg",)) for n in range(0, 1_500, 75)]
    lost = [Question(f"What is order {n}?", (f"{n} tons",)) for n in range(0, 1_500, 75)]
    looked: list[str] = []
    stated = user_files.is_stated
    monkeypatch.setattr(user_files, "is_stated", lambda q, text: looked.append(text) or stated(q, text))
    read_words.cache_clear()
    assert unstated_remark([*asked, *lost], [log]).startswith("20 of 40 questions")
    assert max(map(len, looked)) <= 2_000
    once = len(set(looked)) + sum(len(q.answers) for q in (*asked, *lost))
    assert len(looked) > 3 * once and read_words.cache_info().misses < 1.2 * once


def test_no_answer_is_lost_where_a_long_paragraph_is_cut() -> None:
    words = " ".join(f"w{n}" for n in range(1_200))
    for first in range(0, 1_100, 9):
        phrase = " ".join(f"w{n}" for n in range(first, first + 9))
        assert unstated_remark([Question("Which?", (phrase,))], [document_of(words, "one.txt")]) == ""
    unspaced = "".join(chr(0x4E00 + n) for n in range(5_000))
    for first in (1_690, 1_845, 1_995, 3_850):
        answer = unspaced[first : first + 10]
        assert unstated_remark([Question("哪个?", (answer,))], [document_of(unspaced, "two.txt")]) == ""


def test_thousands_of_questions_are_not_each_compared_with_thousands_of_documents() -> None:
    names = [Counted(f"{n}.md") for n in range(100)]
    documents = [document_of(f"Boat {n} is green.", name) for n, name in enumerate(names)]
    asked = [Question("Which boat is green?", ("none",), name) for name in names]
    assert names_compared(unstated_remark, asked, documents) < 30 * len(names)
