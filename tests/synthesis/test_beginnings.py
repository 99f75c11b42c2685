"""How a document begins, and whether a question names what that is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from disc_lite.documents import Document
from disc_lite.synthesis.beginnings import LONGEST, beginning_of, names_more
from tests.made import document_of

HARBOUR = "Opening hours. The harbour office of Ostrand is next to the crane."


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("# Opening hours\n\n## Summer\n\nThe harbour office\nof Ostrand is open. It closes at six.",
         "Guide. The harbour office of Ostrand is open."),
        ("# Ostrand\n\nThe Guide to Ostrand is here.", "The Guide to Ostrand is here."),
        # Only prose says what a page is about.
        ("# Fees\n\n| Boat | Fee |\n|---|---|\n| Small | 3 |\n\n```\npay --now for this\n```\n\n![](a.png)\n\nPay in May.",
         "Guide. Pay in May."),
        (f"# Fees\n\n{'very ' * (LONGEST // 5)}long.\n\nPay in May.", "Guide. Pay in May."),
        ("# 青榆图书社规章\n\n青榆图书社每天开门。星期二休息。", "Guide. 青榆图书社每天开门。"),
        ("# Fees", "Guide."),
        ("", "Guide."),
    ],
)  # fmt: skip
def test_a_document_begins_with_its_title_and_its_first_sentence(text: str, beginning: str) -> None:
    assert beginning_of(document_of(text)) == beginning


def test_titles_from_file_names_are_left_out_and_others_get_a_stop() -> None:
    document: Document = replace(document_of("The crane is old. It creaks."), named_by_file=True)
    assert beginning_of(document) == "The crane is old."
    question = replace(document_of("We all do."), title="Who runs Ostrand?")
    assert beginning_of(question) == "Who runs Ostrand? We all do."


@pytest.mark.parametrize(
    ("question", "original", "page", "more"),
    [
        ("When does the harbour office of Ostrand open?", "When does it open?", HARBOUR, True),
        ("When does the office open in Ostrand?", "When does the office open?", HARBOUR, True),
        ("When does the office in Ostrand open?", "When does the office of Ostrand open?", HARBOUR, False),
        ("When does the office open on Mondays?", "When does the office open?", HARBOUR, False),
        ("When does this office open?", "When does the office open?", HARBOUR, False),
        ("Wo steht im Lindenhof das Rad?", "Wo steht das Rad?", "Hausordnung. Im Lindenhof gilt Nachtruhe.", True),
        ("Wo steht denn das Rad?", "Wo steht das Rad?", "Hausordnung. Im Lindenhof gilt Nachtruhe.", False),
        ("青榆图书社几点开门？", "几点开门？", "青榆图书社规章。每天上午开门。", True),
        ("早上几点开门？", "几点开门？", "青榆图书社规章。每天上午开门。", False),
    ],
)  # fmt: skip
def test_a_question_names_more_only_with_new_words_of_the_beginning(
    question: str, original: str, page: str, more: bool
) -> None:
    assert names_more(question, original, page) is more
