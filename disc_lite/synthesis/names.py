"""Names and numbers in drafts, and whether the passage has them. Does not import torch.

A name is a word with a capital that is not that of its place; in German, whose nouns have capitals, only numbers tell.
"""

from __future__ import annotations

import re

from disc_lite.qa import numbers_of
from disc_lite.qa.languages import FREQUENT

NAME = re.compile(r"[^\W\d_]\w*")  # an apostrophe ends it: O'Brien's is O, Brien and s
SENTENCE_START = re.compile(r"(?:^|[.!?:…]['\"”’)]*\s+|\n\s*)[\"'“‘(\[]*")
COMMON_CAPITALS = 0.12  # share of the words inside sentences above which capitals mark nouns (German), not names
FUNCTION_WORDS = frozenset(
    "a an the of in on at to for and or nor but is are was were be been being by with from as it its this that "
    "these those what which who whom whose when where how why much many long do does did will would can could may "
    "might must should shall has have had not no yes so than then there their they them he she his her him we our "
    "you your i my me if into over under about up out after before during between while also only just each every "
    "any some all both per der die das ein eine einen einem einer des dem den und oder ist sind war waren wird "
    "werden im am zu zum zur von vom mit für auf aus bei nach als auch nicht kein keine wie viel viele was wer wen "
    "wem wann wo warum welche welcher welches hat haben muss kann darf soll man es er sie".split()
)
# Words that begin a sentence with a capital and are no name.
OPENERS = FUNCTION_WORDS.union(
    *FREQUENT.values(),
    "since until unless although however within without anyone everyone nobody nothing nein oui".split(),
)


def names_in(text: str) -> set[str]:
    """Words with a capital that is not that of a sentence, in lower case; in German nouns are among them."""
    return {word.lower() for word in _inside_words(text) + _first_words(text) if word[0].isupper()}


def invented(text: str, source: str, is_answer: bool = False) -> bool:
    """Whether `text` has a number or a name that `source` does not have.

    In an answer number words and first words count as well; a question may count what it asks for ("What do two of them
    pay?"), and begins with a word that asks.
    """
    if numbers_of(text, in_words=is_answer) - numbers_of(source, in_words=True):
        return True
    if capitals_mark_nouns(source):
        return False
    known = {_stem(word) for word in NAME.findall(source)}
    words = _inside_words(text) + (_first_words(text) if is_answer else [])
    return any(_stem(w) not in known for w in words if w[0].isupper() and w != "I")


def _first_words(text: str) -> list[str]:
    """Words that begin a sentence, but for frequent ones and numbers: these have their capital by their place."""
    words = [word for sentence in SENTENCE_START.split(text) for word in NAME.findall(sentence)[:1]]
    return [word for word in words if word.lower() not in OPENERS and not numbers_of(word, in_words=True)]


def _inside_words(text: str) -> list[str]:
    """Words that do not begin a sentence."""
    words = []
    for sentence in SENTENCE_START.split(text):
        words += NAME.findall(sentence)[1:]
    return words


def capitals_mark_nouns(text: str) -> bool:
    """Whether many words inside sentences have a capital, as nouns have in German."""
    inside = _inside_words(text)
    if sum(word[0].isupper() for word in inside) <= COMMON_CAPITALS * len(inside):
        return False
    return bool({word.lower() for word in inside} & {"der", "die", "das", "und", "ist", "nicht", "ein", "eine"})


def _stem(word: str) -> str:
    """A name without the ending that its case gives it."""
    return word.lower()[: max(4, len(word) - 2)]
