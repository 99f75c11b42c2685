"""Number words of other languages than English: in one word, in several, and words that only look like them."""

from __future__ import annotations

import pytest

from disc_lite.qa import is_right, numbers_of
from disc_lite.qa.details import details_of
from disc_lite.qa.foreign_numbers import foreign_number
from disc_lite.qa.spelling import fold


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("dreihundertfuenfzig", 350), ("hunderteins", 101), ("tausendundeins", 1001), ("zweitausendfünfhundert", 2500),
        ("einhundertfünfzigtausend", 150_000), ("neunhundertneunundneunzig", 999), ("eintausend", 1000),
        ("tweehonderd", 200), ("honderdeneen", 101), ("tweeduizendvijfhonderd", 2500),
        ("cento", 100), ("centottanta", 180), ("centotto", 108), ("duemilacinquecento", 2500), ("milleduecento", 1200),
        ("quatre-vingt-dix-neuf", 99), ("cent-vingt", 120), ("deux-mille-cinq-cents", 2500),
        ("cien", 100), ("quinientas", 500), ("novecentos", 900), ("двести", 200), ("тысяча", 1000),
    ],
)  # fmt: skip
def test_a_number_in_one_word(word: str, value: int) -> None:
    assert foreign_number(fold(word)) == value


@pytest.mark.parametrize(
    "word",
    [
        "cent", "cents", "recent", "centro", "accento", "innocente", "milano", "mila", "millefoglie", "tausende",
        "hundertprozentig", "jahrhundert", "duizenden", "honderden", "vingt-cent", "deux-temps", "-", "",
    ],
)  # fmt: skip
def test_a_word_that_looks_like_a_number(word: str) -> None:
    assert foreign_number(word) == 0


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("deux mille cinq cents euros", "2 500 €"), ("mille deux cent trente-quatre", "1234"),
        ("trois cent mille euros", "300.000 Euro"), ("quatre-vingt mille", "80000"), ("cent vingt et un", "121"),
        ("doscientos cincuenta euros", "250 €"), ("mil quinientos", "1500"), ("ciento veinte", "120"),
        ("dos mil trescientos cuarenta y cinco", "2345"), ("dos millones quinientos mil", "2500000"),
        ("duzentos e cinquenta", "250"), ("mil e duzentos", "1200"), ("cento e vinte e cinco", "125"),
        ("две тысячи пятьсот двадцать пять рублей", "2525 рублей"), ("сто один", "101"), ("двадцать пять тысяч", "25000"),
        ("zwei Millionen", "2000000"), ("tausend Euro", "1000 Euro"), ("duizend euro", "1000 euro"),
    ],
)  # fmt: skip
def test_a_number_in_several_words(words: str, digits: str) -> None:
    assert is_right(words, [digits], "exact") and is_right(digits, [words], "exact")


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("entre vingt et trente jours", {"20", "30"}), ("vingt, deux ou trois", {"20", "2", "3"}),
        ("veinte por ciento de dos", {"20", "2"}), ("zwanzig um acht", {"20", "8"}), ("cinq, cents", {"5"}),
    ],
)  # fmt: skip
def test_numbers_that_are_not_one_number(words: str, numbers: set[str]) -> None:
    assert numbers_of(words) >= numbers
    assert not numbers_of(words) & {"50", "22", "28", "500"}


@pytest.mark.parametrize(
    ("sentence", "language", "details"),
    [
        ("Le dépôt est de deux mille cinq cents euros.", "French", ("deux mille cinq cents",)),
        ("Une pénalité est due tous les dix jours.", "French", ("dix jours",)),  # "due" is two in Italian only
        ("Das sei nach sechs Tagen erlaubt.", "German", ("sechs Tagen",)),  # "sei" is six in Italian only
        ("El 20 por ciento paga ciento veinte euros.", "Spanish", ("20", "ciento veinte euros")),
    ],
)
def test_a_number_word_is_a_detail_in_its_own_language(sentence: str, language: str, details: tuple[str, ...]) -> None:
    assert details_of(sentence, language) == details
