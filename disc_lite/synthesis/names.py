"""Names and numbers in drafts, and whether the passage has them. Does not import torch.

A name is a word with a capital that is not that of its place. In German, whose nouns have capitals, and in scripts
without capitals only the names of the worked examples tell: small models take these over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, zip_longest

from disc_lite.prompts import writing
from disc_lite.qa import language_of, numbers_of
from disc_lite.qa.function_words import OPENERS, ORDINARY
from disc_lite.qa.languages import FREQUENT
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import fold
from disc_lite.qa.stems import are_forms
from disc_lite.qa.vocabulary import FOREIGN_NUMBERS, LETTER_UNITS, MONTH_NAMES, MONTHS, NUMBERS_IN, SHORT_WEEKDAYS
from disc_lite.qa.words import read_words
from disc_lite.synthesis.terms import has_another_unit, number_forms

BEGINNINGS = ORDINARY | OPENERS | {"better", "people"}  # of answers; and yet there may be two people, and a better one
NAME = re.compile(r"[^\W\d_]\w*")  # an apostrophe ends it: O'Brien's is O, Brien and s
UNIT = re.compile(rf"(?<=\d)(?: ?(?:{'|'.join(sorted(LETTER_UNITS))})|[KMB])\b")  # 5 PM, 180 L, $1.2M
SENTENCE_START = re.compile(r"(?:^|[.!?:…]['\"”’)]*\s+|\n\s*)[\"'“‘(\[]*")
# Chinese has no blanks between words. In lower case: a question about "the blue anchor" would vouch for its answer.
COPIED = re.compile(
    "|".join(name if name[0] >= "一" else rf"\b{re.escape(name.lower())}\b" for name in sorted(writing.NAMES))
)


def names_in(text: str) -> set[str]:
    """Words within a sentence that have a capital, in lower case; in German nouns are among them."""
    return {word.lower() for word in _inside_words(text) if word[0].isupper()}


def invented(text: str, *sources: str, is_answer: bool = False, language: str = "") -> bool:
    """Whether `text` has a number or a name that no source, of this language if it is known, has, or a number with
    another unit than there.

    In an answer number words and first words count as well; a question may count what it asks for ("What do two of them
    pay?"), and begins with a word that asks. Which first words are no names is known of the languages with a list of
    frequent words; elsewhere a name has to stand inside a sentence to be seen.
    """
    if _has_new_number(text, sources, is_answer) or has_another_unit(text, *sources):
        return True
    source = "\n".join(sources)
    if set(COPIED.findall(text.lower())).difference(COPIED.findall(source.lower())):
        return True
    language = language or language_of(source) or language_of(f"{source}\n{text}")
    if language == "German":
        return False
    known = {_whole(word) for word in NAME.findall(source)}
    text = UNIT.sub("", text)
    words = _inside_words(text) + (_first_words(text) if is_answer and language in FREQUENT else [])
    names = [_whole(w) for w in words if w[0].isupper() and w != "I"]
    return any(not any(are_forms(name, w, language) for w in known) for name in names)


def _whole(word: str) -> str:
    """Monday for Mon, and each month by one name; any other word as it is."""
    month = MONTHS.get(fold(word))
    return MONTH_NAMES[month - 1] if month else SHORT_WEEKDAYS.get(word, word)


def _has_new_number(text: str, sources: Iterable[str], in_words: bool) -> bool:
    """Whether a number of `text` is in no source in any reading: "9 am" is in "9:00-17:00", and 84 in "$84.00"."""
    known = frozenset[str]().union(*map(_known_numbers, sources))
    return any(known.isdisjoint(forms) for forms in _numbers(read_words(text), in_words))


@lru_cache(maxsize=64)  # of a passage that is asked about again and again
def _known_numbers(source: str) -> frozenset[str]:
    """The forms of all numbers of a text."""
    words = read_words(source)
    ones = (word.names for word in words if word.text == "one")
    as_numbers = {str(FOREIGN_NUMBERS[word.text]) for word in words if word.text in NUMBERS_IN}  # "dos" of a short text
    after_articles = {f"1 {following.text}" for word, following in pairwise(words) if word.skipped}  # "eine Stunde"
    return frozenset[str]().union(*_numbers(words, in_words=True), *ones, as_numbers, after_articles)


def _numbers(words: Sequence[Word], in_words: bool) -> Iterator[frozenset[str]]:
    """The forms of every number in digits; with `in_words` also of those in words, of ordinals and of months."""
    for word, following in zip_longest(words, words[1:]):
        digits, forms = re.findall(r"\d+", word.written), number_forms(word)
        if word.number and (digits or (in_words and word.text != "one")):
            yield forms | ({f"1 {following.text}"} if following and word.text == "1" else set())
        elif not word.number:
            yield from (frozenset({run}) for run in digits)  # of "12a"
            if in_words and forms:
                yield forms


def _first_words(text: str) -> list[str]:
    """Words that begin a sentence, but for frequent ones and numbers: these have their capital by their place."""
    words = [word for sentence in SENTENCE_START.split(text) for word in NAME.findall(sentence)[:1]]
    return [word for word in words if word.lower() not in BEGINNINGS and not numbers_of(word)]


def _inside_words(text: str) -> list[str]:
    """Words that do not begin a sentence."""
    words = []
    for sentence in SENTENCE_START.split(text):
        words += NAME.findall(sentence)[1:]
    return words
