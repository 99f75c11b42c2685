"""The terms of a text: its words that can be facts, each with all forms used to compare it. Does not import torch.

Two terms are the same if they have a form in common: a spelling, a reading of a number ("9", "9:00" and "nine"), or
the stem in their language: "Saturday" is in "Saturdays", but Anna is not Anne.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from disc_lite.qa.amounts import digits_of
from disc_lite.qa.function_words import FUNCTION_WORDS, TELLING
from disc_lite.qa.languages import words_without_meaning
from disc_lite.qa.numbers import clock_names_of, in_thousands, without_zeros
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import singulars
from disc_lite.qa.stems import stem
from disc_lite.qa.vocabulary import ONE_ARTICLES, UNITS
from disc_lite.qa.words import read_words

_END = Word("", "", frozenset())
_ONE = ("1", "one")  # in letters: a number, a pronoun, or an article


@dataclass(frozen=True)
class Term:
    """A word, number or unit."""

    written: str
    forms: frozenset[str]
    number: bool  # whether it is a number, a month or an ordinal


@lru_cache(maxsize=2048)  # answers are compared with each other, and with one sentence after another
def terms_of(text: str, language: str) -> tuple[Term, ...]:
    """Return the words of a text, except those that are only grammatical."""
    # A frequent character can be part of a name.
    frequent = frozenset[str]() if language in ("Chinese", "Japanese") else words_without_meaning(language)
    empty = (FUNCTION_WORDS | frequent if language == "English" else frequent or FUNCTION_WORDS) - TELLING
    words = (word for word in read_words(text) if not word.skipped)
    terms = (term for whole in words for word in _parts(whole) for term in _terms(word, language))
    return tuple(term for term in terms if term.written.lower() not in empty and term.written != "&")


def forms_of(terms: Iterable[Term]) -> frozenset[str]:
    """Return all forms of these terms."""
    return frozenset[str]().union(*(term.forms for term in terms))


def missing(terms: Iterable[Term], others: Iterable[Term]) -> list[Term]:
    """Return the terms that equal none of the others."""
    known = forms_of(others)
    return [term for term in terms if known.isdisjoint(term.forms)]


def number_forms(word: Word) -> frozenset[str]:
    """Return the forms of a number, also of a number word, an ordinal or a month; empty for other words."""
    digits = digits_of(word)
    keys = {name.removeprefix("o:") for name in word.names if name.startswith(("o:", "m:"))}
    if not digits and not keys:
        return frozenset()
    if digits:
        keys |= {digits, in_thousands(digits) or without_zeros(digits)}  # 2.000 can be 2000, so it is not 2
        keys |= word.names if word.number else clock_names_of(digits)
    return frozenset(keys)


def has_another_unit(text: str, *sources: str) -> bool:
    """Whether a number of `text` has a unit, and the sources have it only with other units: 50 euros, 50 minutes.

    False if a source gives that number without a unit, as below the head of a column, or with an unknown one: lb,
    60-minütig, 6'.
    """
    known = [amount for source in sources for amount in (*_amounts(source), *_periods(source))]
    for forms, unit in _amounts(text):
        units = {other for number, other in known if not forms.isdisjoint(number)}
        if unit and units and units.isdisjoint({unit, ""}):
            return True
    return False


@lru_cache(maxsize=64)  # many drafts are compared with the same passage
def _amounts(text: str) -> tuple[tuple[frozenset[str], str], ...]:
    """Return the forms of every number, and the unit after it, or ""."""
    words = pairwise((*read_words(text), _END))
    numbers = ((number_forms(word), following) for word, following in words)
    return tuple((forms, _unit(following) if following.counted else "") for forms, following in numbers if forms)


@lru_cache(maxsize=64)
def _periods(text: str) -> tuple[tuple[frozenset[str], str], ...]:
    """Return every article before a unit as one of it: "a minute" can be one minute, even if `read_words` doubts it."""
    words = pairwise(read_words(text))
    units = (_unit(following) for word, following in words if word.written.lower() in ONE_ARTICLES)
    return tuple((frozenset(_ONE), unit) for unit in units if unit)


def _unit(word: Word) -> str:
    """Return the unit that a word is, or ""; minutes count as metres, since `5m` can be either."""
    unit = UNITS.get(word.text, "")
    return "m" if unit == "min" else unit


def _terms(word: Word, language: str) -> Iterator[Term]:
    """Yield the word, and before it its operator, if any: `x != 1` is not `x == 1`, and `-v` is not `-V`."""
    if word.option:
        yield Term(word.option, frozenset({word.option}), False)
        return
    if word.operator:
        yield Term(word.operator, frozenset({word.operator}), False)
    numbers = number_forms(word)
    stems = {f"s:{stem(word.written, language)}"} if not word.number else set()
    forms = numbers | word.names | singulars(word.text) | (stems - {"s:"})
    is_article = word.text in _ONE and not any(map(str.isdigit, word.written))
    yield Term(word.written, frozenset(forms), bool(numbers) and not is_article)


def _parts(word: Word) -> Iterable[Word]:
    """Return the words that a hyphen connects: another text can have them as separate words.

    Numbers (dix-huit) and what begins with "no" (no-smoking, --no-cache) are not taken apart.
    """
    pieces = word.written.replace("_", "-").split("-") if word.parts and not digits_of(word) else []
    if len(pieces) < 2 or not all(pieces) or pieces[0].lower() == "no":
        return [word]
    return [read for piece in pieces for read in read_words(piece)]
