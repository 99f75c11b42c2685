"""Text -> the words that grading compares: one form for what is written in several, with all other names it has.

Numbers in words are numbers ("twenty-five" is 25), "9 am" and "9 Uhr" are times of day, "June 20" and "20th of June"
are day and month in this order, "€34" is 34 and its unit. Which words are the same is told in `matching`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from disc_lite.qa.amounts import join_number_words, mark_units, move_currencies, read_minus
from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS, lexed
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import singulars
from disc_lite.qa.times import read_dates, read_times
from disc_lite.qa.vocabulary import ARTICLES, MONTHS, TO, WEEKDAYS

STEPS = (join_number_words, read_minus, read_times, read_dates, move_currencies, mark_units)
_SURFACE_WORD = re.compile(rf"[{UNSPACED}][{UNSPACED_MARKS}]*|(?:[^\W{UNSPACED}]|[{MARKS}])+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=1024)  # an answer is graded by several rules, each against several texts
def read_words(text: str) -> tuple[Word, ...]:
    """The words of a text, articles among them, in their order but for dates and currencies."""
    words = list(lexed(text))
    for step in STEPS:
        words = step(words)
    return tuple(_mark_skipped(words))


def normalise(text: str) -> str:
    """Small letters, no accents, no punctuation, no articles, each number in one form, single spaces.

    As in SQuAD (arXiv 1606.05250), but hyphenated words stay whole and signs that carry meaning stay (C++, -40).
    """
    return " ".join(word.text for word in read_words(text) if not word.skipped)


def words_of(text: str) -> list[str]:
    """Words in lower case, in their order; one character each where a script puts no spaces between words."""
    return _SURFACE_WORD.findall(_THOUSANDS.sub("", text.lower()))


def word_set(text: str) -> frozenset[str]:
    """The different words of a text, in the form that grading compares, articles among them."""
    return frozenset(word.text for word in read_words(text))


def numbers_of(text: str, in_words: bool = False) -> frozenset[str]:
    """The numbers in a text that are written in digits, each in one form; with `in_words` those in words too.

    Ordinals and months are numbers in words; "one" is none, being as often a pronoun.
    """
    found = set[str]()
    for word in read_words(text):
        if not word.number:
            found.update(_DIGITS.findall(word.text))
        elif _DIGITS.search(word.written) or (in_words and word.text not in ("1", "one")):
            found.add(word.text)
        if in_words:
            found |= {name.removeprefix("o:") for name in word.names if name.startswith(("o:", "m:"))}
    return frozenset(found)


def _mark_skipped(words: Sequence[Word]) -> list[Word]:
    """Articles with a word after them, not in capitals as UN is; and "to" between numbers, weekdays or months."""
    found = []
    for before, word, following in zip([None, *words], words, [*words[1:], None], strict=False):
        if following is not None and not following.opens:
            is_dash = word.text in TO and before is not None and _may_begin_span(before) and _may_begin_span(following)
            if is_dash or _is_article(word):
                word = replace(word, skipped=True)
        found.append(word)
    return found


def _is_article(word: Word) -> bool:
    capital = word.written.isupper() and not (word.text in ("an", "the") or (word.text == "a" and word.opens))
    return word.text in ARTICLES and not capital


def _may_begin_span(word: Word) -> bool:
    return word.number or word.text in MONTHS or not WEEKDAYS.isdisjoint({word.text} | singulars(word.text))
