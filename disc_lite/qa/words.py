"""Text -> normalised words, each with its synonyms.

"twenty-five" becomes 25, "9 am" and "9 Uhr" become times of day, "June 20" and "20th of June" become day and month in
this order, "€34" becomes 34 and its unit. `lexing` finds the words, `STEPS` combine them, and `matching` decides which
words are the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from disc_lite.qa.amounts import digits_of, join_number_words, mark_units, move_currencies, read_minus
from disc_lite.qa.languages import frequent_words
from disc_lite.qa.lexing import MARKS, UNSPACED, UNSPACED_MARKS, lexed
from disc_lite.qa.numberwords import NUMBERS_IN
from disc_lite.qa.operators import PREFIXES
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import singulars
from disc_lite.qa.times import read_dates, read_parts_of_day, read_periods, read_times
from disc_lite.qa.vocabulary import ARTICLES, MONTHS, TO, WEEKDAYS

STEPS = (
    join_number_words, read_minus, read_times, read_dates, move_currencies, mark_units, read_periods, read_parts_of_day,
)  # fmt: skip
_CHARACTER = rf"[{UNSPACED}][{UNSPACED_MARKS}]*"
_SURFACE_WORD = re.compile(rf"{_CHARACTER}|(?:[^\W{UNSPACED}]|[{MARKS}])+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=1024)  # the same prediction is compared with several answers, and by several callers
def read_words(text: str) -> tuple[Word, ...]:
    """The normalised words of a text, articles included, in their order except in dates and amounts of money."""
    words = _without_other_numbers(list(lexed(text)))
    for step in STEPS:
        words = step(words)
    return tuple(_mark_skipped(words))


def normalise(text: str) -> str:
    """The text in lower case without accents, punctuation and articles, with numbers in one form and single spaces.

    This is the SQuAD rule (arXiv 1606.05250), except that hyphenated words and meaningful symbols (C++, -40) are kept.
    """
    return " ".join(word.text for word in read_words(text) if not word.skipped)


def has_words(text: str) -> bool:
    """Whether a text has a word, number or symbol, so that it is not empty when normalised."""
    return next(lexed(text), None) is not None


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, in their order; single characters in scripts without spaces between words."""
    return _SURFACE_WORD.findall(_THOUSANDS.sub("", text.lower()))


def is_unspaced(text: str) -> bool:
    """Whether most words of a text are single characters of scripts without spaces between words."""
    words = words_of(text)
    return 2 * sum(re.fullmatch(_CHARACTER, word) is not None for word in words) > len(words)


def word_set(text: str) -> frozenset[str]:
    """The normalised words of a text, articles included."""
    return frozenset(word.text for word in read_words(text))


def numbers_of(text: str) -> frozenset[str]:
    """The numbers in a text, each in one form; number words, ordinals and months count as numbers.

    "One" does not count, because it is often a pronoun.
    """
    result = set[str]()
    for word in read_words(text):
        if not word.number:
            result.update(_DIGITS.findall(word.text), [digits_of(word)] if digits_of(word) else [])
        elif _DIGITS.search(word.written) or word.text not in ("1", "one"):
            result.add(word.text)
        result |= {name.removeprefix("o:") for name in word.names if name.startswith(("o:", "m:"))}
    return frozenset(result)


def _without_other_numbers(words: list[Word]) -> list[Word]:
    """The words; "due", "dort" and the like do not count as numbers if another language fits the other words better."""
    others = [word.written for word in words if word.written.lower() not in NUMBERS_IN]
    if len(others) == len(words):
        return words
    _, hits = frequent_words(" ".join(others))
    most = max(hits.values())
    wrong = {word for word, language in NUMBERS_IN.items() if (hits[language] if language else 0) < most}
    return [
        replace(word, names=word.names - {digits_of(word)}) if word.written.lower() in wrong else word for word in words
    ]


def _mark_skipped(words: Sequence[Word]) -> list[Word]:
    """Mark as skipped: articles that precede a word (not UN), and "to" between numbers, weekdays or months."""
    result = []
    for before, word, following in zip([None, *words], words, [*words[1:], None], strict=False):
        if following is not None and not following.opens:
            is_dash = word.text in TO and before is not None and _may_begin_span(before) and _may_begin_span(following)
            is_operand = following.operator not in ("", *PREFIXES)  # a = b
            if is_dash or (_is_article(word) and not is_operand):
                word = replace(word, skipped=True)
        result.append(word)
    return result


def _is_article(word: Word) -> bool:
    capital = word.written.isupper() and not (word.text in ("an", "the") or (word.text == "a" and word.opens))
    return word.text in ARTICLES and not capital


def _may_begin_span(word: Word) -> bool:
    return word.number or word.text in MONTHS or not WEEKDAYS.isdisjoint(word.names | singulars(word.text))
