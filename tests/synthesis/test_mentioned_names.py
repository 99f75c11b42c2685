"""Which names of a passage questions should contain, and how many questions each of them lacks."""

from __future__ import annotations

import pytest

from disc_lite.synthesis import mentioned_names
from disc_lite.synthesis.mentioned_names import contains, is_name, places_of_names, still_lacking
from disc_lite.synthesis.terms import terms_of


@pytest.mark.parametrize("name", ["Anna Vind", "Mill 7", "Gauge Day", "B3", "--dry-run", "May Brown", "Ostmühle"])
def test_names_and_code_are_names(name: str) -> None:
    assert is_name(name, "English")


@pytest.mark.parametrize(
    ("name", "language"),
    [("Monday Club", "English"), ("青い錨", "Japanese"), ("ジョン・スミス", "Japanese"), ("三国演义", "Chinese")],
)
def test_names_can_begin_like_dates_and_numbers(name: str, language: str) -> None:
    assert is_name(name, language)


@pytest.mark.parametrize(
    "detail",
    [
        "143 euros", "three days", "third", "sixth day", "1 April", "April 1", "January", "Monday", "4 May 2023", "Sat",
        "Monday, 4 May", "Friday to Sunday", "A",
    ],
)  # fmt: skip
def test_numbers_and_dates_are_no_names(detail: str) -> None:
    assert not is_name(detail, "English")


@pytest.mark.parametrize(
    ("detail", "language"),
    [
        ("März", "German"), ("mardi", "French"), ("lundi 3 mai 2021", "French"), ("lunes 3 de mayo de 2021", "Spanish"),
        ("вторник", "Cyrillic"), ("星期二", "Chinese"), ("第三届", "Chinese"), ("二十七名", "Chinese"), ("第3回", "Japanese"),
        ("333メートル", "Japanese"), ("deux euros", "French"), ("Deux Parisiens", "French"), ("due euro", "Italian"),
        ("lunedì", "Italian"), ("miércoles", "Spanish"), ("Anfang Mai", "German"), ("月曜日", "Japanese"), ("两小时", "Chinese"),
    ],
)  # fmt: skip
def test_numbers_and_dates_of_other_languages_are_no_names(detail: str, language: str) -> None:
    assert not is_name(detail, language)


@pytest.mark.parametrize("cell", ["how long data is kept", "The key has expired", "up to 58 characters"])
def test_a_statement_in_a_cell_is_no_name(cell: str) -> None:
    assert not is_name(cell, "English")
    assert is_name(cell.title(), "English")


@pytest.mark.parametrize(
    "name", ["Dry cough", "harbour reeve", "KTRN4", "sift(channel, since, until)", "Bank of Ardel"]
)
def test_terms_and_codes_are_names(name: str) -> None:
    assert is_name(name, "English")


def test_a_name_with_an_article_and_without_one_is_one_name() -> None:
    sentences = ['Between Pennick Quay ("the Company") and Ada Brink.', "It is paid to the Company."]
    assert places_of_names(sentences, "English") == {"the Company": 0, "Pennick Quay": 0, "Ada Brink": 0}


def test_a_name_is_placed_in_its_first_sentence_and_a_cell_of_several_rows_in_none() -> None:
    sentences = [
        "It opens on 4 May.",
        "| Basic | 12 euros | monthly | Ada Brink |",
        "| Standard | 20 euros | monthly | Bo Ek |",
        "| Premium | 90 euros | yearly | Ada Brink |",
        "The mill belongs to Ada Brink and to Bo Ek.",
    ]
    # "Who is billed monthly?" has two answers. Ada Brink has a sentence besides the two rows.
    assert places_of_names(sentences, "English") == {
        "Basic": 1, "Standard": 2, "Bo Ek": 2, "Premium": 3, "yearly": 3, "Ada Brink": 4
    }  # fmt: skip


def test_every_question_that_contains_a_name_counts_in_any_form() -> None:
    questions = ["What does Ada Brink run?", "Was leitet Ada Brink?", "Where is Brink's mill?", "What is in Mill 7?"]
    assert still_lacking(["Ada Brink", "Mill 7", "Bo Ek"], questions, "English", 3) == {
        "Ada Brink": 1, "Mill 7": 2, "Bo Ek": 3
    }  # fmt: skip
    assert still_lacking(["Ada Brink"], questions, "English", 2) == {}
    assert contains("When do the mills open?", "Mill", "English")
    assert not contains("What does Ada run?", "Ada Brink", "English")
    # Who somebody is can be left out.
    assert contains("Was hat Ruth Avenarius gezeichnet?", "Architektin Ruth Avenarius", "German")
    assert not contains("Was hat Frau Avenarius gezeichnet?", "Architektin Ruth Avenarius", "German")


def test_each_name_and_each_question_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """360 names and 1,440 questions took 15 s in each of five rounds while every two of them were compared as texts."""
    read = list[str]()
    monkeypatch.setattr(
        mentioned_names, "terms_of", lambda text, language: read.append(text) or terms_of(text, language)
    )
    names, questions = [f"Mill {n}" for n in range(20)], [f"What is in Mill {n}?" for n in range(30)]
    assert set(still_lacking(names, questions, "English", 3).values()) == {2}
    assert sorted(read) == sorted([*names, *questions])
    read.clear()
    assert still_lacking([], questions, "English", 3) == {} and read == []
