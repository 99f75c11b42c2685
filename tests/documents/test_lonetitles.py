"""Titles without markup become headings, and other lines do not."""

from __future__ import annotations

import pytest

from disc_lite.documents.lonetitles import with_headings
from disc_lite.documents.reading import document_of
from disc_lite.documents.source import Converted

PAGE = """Expenses and the grey card

The company pays back what you spend.

How to claim

Fill in a claim and attach your receipts. Claims must arrive
by the 12th of the next month.

Who approves

Your team lead does.

What we pay

- 0.41 euros a kilometre
- 48 euros for a dinner
"""


def test_lines_alone_above_a_text_are_titles() -> None:
    document = document_of("expenses.txt", Converted(PAGE, "markdown"))
    assert document.title == "Expenses and the grey card"
    paths = [section.heading_path for section in document.sections]
    assert paths == [(document.title, *rest) for rest in ((), ("How to claim",), ("Who approves",), ("What we pay",))]
    assert [line for line in document.text.split("\n") if line and line not in PAGE.split("\n")] == [
        "# Expenses and the grey card", "## How to claim", "## Who approves", "## What we pay",
    ]  # fmt: skip


def test_a_title_in_bold_stands_below_the_heading_above_it() -> None:
    text = "# Guide\n\n## Money\n\n**Who approves**\n\nYour team lead does.\n\n## Time\n\nWork starts at nine.\n"
    assert with_headings(text, "markdown") == text.replace("**Who approves**", "### Who approves")


@pytest.mark.parametrize(
    "text",
    [
        "The company pays.\n\nHow to claim\n\nFill in a claim.\n",  # a single lone line can be anything
        PAGE.replace("How to claim", "How to claim:")
        .replace("Who approves", "Who approves?")
        .replace("What we pay", "Pay."),
        "# A\n\n## B\n\nLater\n\nFill in a claim.\n\nSooner\n\nYour team lead does.\n",  # the author has headings
        "Kind regards\n\nAnna Mott\n\nHead of Sales\n\nTarn Street 4\n",  # no lone line has a text below it
        "A rose.\n\n```\nFirst\n\nIt is code.\n\nSecond\n\nIt is code.\n```\n",
        "It is 5 | 6.\n\n    Indented\n\nIt is code.\n\n    More\n\nIt is code.\n",
        "and so on\n\nIt goes.\n\n- an item\n\nIt goes.\n\n1. First\n\nIt goes.\n",
        "",
    ],
)
def test_other_lines_stay_as_they_are(text: str) -> None:
    assert with_headings(text, "markdown") == text


def test_a_text_of_many_lines_is_read_at_once() -> None:
    text = "Title\n\nIt is so.\n\n" * 20_000
    assert with_headings(text, "markdown").count("## Title") == 19_999
    assert with_headings(blank := "A\n" + "\n" * 100_000 + (" " * 10_000 + "\n") * 100, "markdown") == blank
