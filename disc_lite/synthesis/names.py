"""Finds names and numbers in drafts, and whether the passage has them. Does not import torch.

A name is a word with a capital that is not due to its place. In German, whose nouns have capitals, it is a word after
a form of address (Frau Brink); in Chinese and Japanese a word in Latin letters or a title in quotation marks. Code,
weekdays and the names of the worked examples, which small models copy, are recognised in every language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, zip_longest

from disc_lite.prompts import writing
from disc_lite.qa import language_of, numbers_of
from disc_lite.qa.details import WORD_OF_CODE
from disc_lite.qa.foreign_numbers import foreign_number
from disc_lite.qa.function_words import OPENERS, ORDINARY
from disc_lite.qa.languages import FREQUENT
from disc_lite.qa.numberwords import NUMBERS_IN
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import fold
from disc_lite.qa.stems import are_forms
from disc_lite.qa.vocabulary import CURRENCY_CODES, LETTER_UNITS, MONTH_NAMES, MONTHS, SHORT_WEEKDAYS, UNITS
from disc_lite.qa.weekdays import is_weekday, weekdays_known, weekdays_named
from disc_lite.qa.words import is_unspaced, read_words
from disc_lite.synthesis.terms import has_another_unit, number_forms

# Words that begin answers and are not names, such as "People", "Better" and "Weekly". "Don" is part of "don't".
BEGINNINGS = ORDINARY | OPENERS.union(
    "above anything based behind below beside better daily don earlier either everything monthly neither next none "
    "other others people several something twice weekly yearly".split()
)
NAME = re.compile(r"[^\W\d_]\w*")  # an apostrophe ends it: O'Brien's is O, Brien and s
# A capital after digits does not make a name: 5 PM, 180 L, 20 Euros, $1.2M, 100 degrees Celsius.
_UNITS = "|".join(sorted(LETTER_UNITS | {unit.title() for unit in UNITS if unit.isalpha()}))
UNIT = re.compile(rf"(?<=\d)(?:(?: degrees?)? ?(?:{_UNITS})|[KMB])\b")
DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")  # U.S.
SENTENCE_START = re.compile(r"(?:^|[.!?:…]['\"”’)]*\s+|\n\s*)[\"'“‘(\[]*")
# Chinese has no blanks between words. The names are matched in lower case: otherwise a question about "the blue anchor"
# would pass, and with it every answer that has the name.
_COPIED = re.compile(
    "|".join(name if name[0] >= "一" else rf"\b{re.escape(name.lower())}\b" for name in sorted(writing.NAMES))
)
_CODE = re.compile(rf"`[^`\n]+`|{WORD_OF_CODE.pattern}")
_TITLED = re.compile(r"\b(?:Herrn?|Frau|Familie|Dr\.|Prof\.) (?!Dr\.|Prof\.)([A-ZÄÖÜ]\w+)")  # in German
_IDENTIFIER = re.compile(r"(?<!\w)(?!https?:|www\.)[^\W\d][\w-]*[^\W_]")
_TITLE = re.compile("[《「『]([^》」』]+)[》」』]")
_LATIN = re.compile("[A-Za-z][A-Za-z0-9+-]*[A-Za-z0-9]")


def names_in(text: str) -> set[str]:
    """Return words with a capital inside a sentence, in lower case; in German these include nouns."""
    return {word.lower() for word in _inside_words(text) if word[0].isupper()}


def invented(text: str, *sources: str, is_answer: bool = False, language: str = "") -> bool:
    """Whether `text` has a name, number, weekday or word of code that no source has, or a number with another unit.

    `language` is that of the sources, if known. In an answer, number words and first words count as well; a question
    can count what it asks for ("What do two of them pay?"), and begins with an interrogative. In languages without a
    list of frequent words, only names inside a sentence are found.
    """
    if _has_new_number(text, sources, is_answer) or has_another_unit(text, *sources):
        return True
    source = "\n".join(sources)
    if not weekdays_named(text) <= weekdays_known(source) or _has_new_mark(text, source.lower()):
        return True
    known = frozenset[str]().union(*map(_known_names, sources))
    # A table can have too few words to tell its language, but what is written about it is in the same one.
    readings = (source, f"{source}\n{text}", "\n".join((*sources[1:], text)))
    language = language or next(filter(None, map(language_of, readings)), "")
    if language == "German":
        names = set(_TITLED.findall(text))
    else:
        text = DOTTED.sub(lambda match: " " if match[0].replace(".", "") in known else match[0], UNIT.sub("", text))
        words = _inside_words(text) + (_first_words(text) if is_answer and language in FREQUENT else [])
        words = [word for word in words if word[0].isupper() and word not in ("I", *CURRENCY_CODES)]
        names = {_whole(word) for word in words if not is_weekday(word)}
    return any(not any(are_forms(name, w, language) for w in known) for name in names)


def _has_new_mark(text: str, source: str) -> bool:
    """Whether a text has code, a title in quotation marks or a copied name that the source (in lower case) lacks.

    In a text without spaces between words this holds for words in Latin letters too.
    """
    lower = text.lower()
    if set(_COPIED.findall(lower)).difference(_COPIED.findall(source)):
        return True
    marked = [word for span in _CODE.findall(text) for word in _IDENTIFIER.findall(span)]
    if is_unspaced(text):
        marked += _TITLE.findall(text) + [word for word in _LATIN.findall(text) if word.lower() not in UNITS]
    return any(word.lower() not in source for word in marked)


@lru_cache(maxsize=64)
def _known_names(source: str) -> frozenset[str]:
    """Return all words of a text, including US for "U.S." and the months of its dates: 2024-03-05 is in March."""
    words = NAME.findall(source) + [found.replace(".", "") for found in DOTTED.findall(source)]
    months = (key[2:] for key in _known_numbers(source) if key.startswith("m:"))
    return frozenset(map(_whole, words)).union(MONTH_NAMES[int(month) - 1] for month in months)


def _whole(word: str) -> str:
    """Return Monday for Mon, and the same name for all forms of a month; any other word as it is."""
    month = MONTHS.get(fold(word))
    return MONTH_NAMES[month - 1] if month else SHORT_WEEKDAYS.get(word, word)


def _has_new_number(text: str, sources: Iterable[str], in_words: bool) -> bool:
    """Whether a number of `text` is in no source in any reading: "9 am" is in "9:00-17:00", and 84 in "$84.00"."""
    known = frozenset[str]().union(*map(_known_numbers, sources))
    return any(known.isdisjoint(forms) for forms in _numbers(read_words(text), in_words))


@lru_cache(maxsize=64)  # many drafts are compared with the same passage
def _known_numbers(source: str) -> frozenset[str]:
    """Return the forms of all numbers of a text."""
    words = read_words(source)
    ones = (word.names for word in words if word.text == "one")
    as_numbers = {str(foreign_number(word.text)) for word in words if word.text in NUMBERS_IN}  # "dos" of a short text
    after_articles = {f"1 {following.text}" for word, following in pairwise(words) if word.skipped}  # "eine Stunde"
    return frozenset[str]().union(*_numbers(words, in_words=True), *ones, as_numbers, after_articles)


def _numbers(words: Sequence[Word], in_words: bool) -> Iterator[frozenset[str]]:
    """Yield the forms of each number in digits; with `in_words` also of number words, ordinals and months."""
    for word, following in zip_longest(words, words[1:]):
        digits, forms = re.findall(r"\d+", word.written), number_forms(word)
        if word.number and (digits or (in_words and word.text != "one")):
            yield forms | ({f"1 {following.text}"} if following and word.text == "1" else set())
        elif not word.number:
            yield from (frozenset({run}) for run in digits)  # the 12 of "12a"
            if in_words and forms:
                yield forms


def _first_words(text: str) -> list[str]:
    """Return words that begin a sentence, except frequent ones and numbers, whose capital is due to their place."""
    words = [word for sentence in SENTENCE_START.split(text) for word in NAME.findall(sentence)[:1]]
    return [word for word in words if word.lower() not in BEGINNINGS and not numbers_of(word)]


def _inside_words(text: str) -> list[str]:
    """Return words that do not begin a sentence."""
    words = []
    for sentence in SENTENCE_START.split(text):
        words += NAME.findall(sentence)[1:]
    return words
