"""Finds near-duplicate questions: those that ask the same in almost the same words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from disc_lite.qa.languages import FREQUENT, language_of
from disc_lite.qa.negation import is_negator
from disc_lite.qa.records import Word
from disc_lite.qa.spelling import fold
from disc_lite.qa.stems import are_forms
from disc_lite.qa.words import numbers_of, read_words

# Frequent words that decide what a question asks for, so that they are not treated as function words.
_TELLING = frozenset(
    "who whom whose when where why how from to in out with wer wen wem wann wo wie warum qui quand où comment pourquoi "
    "quién cuándo dónde cómo chi quando dove come wie wanneer waar hoe quem onde como".split()
)
_FUNCTION_CHARACTERS = frozenset("的了是在吗呢么和与及有为于はがをにのでもと")
_FUNCTION_WORDS: dict[str, frozenset[str]] = {
    name: _FUNCTION_CHARACTERS.union(map(fold, words - _TELLING)) for name, words in FREQUENT.items()
}
_AND = frozenset("and or & und oder et ou y o e en of и или 和 与 及".split())


@dataclass(frozen=True, eq=False)
class _Asked:
    """The words of a question, as they are compared."""

    language: str
    order: list[str]
    words: frozenset[str]
    content: dict[str, Word]  # the words that are not function words, by their text
    numbers: frozenset[str]
    negators: int


def _asked(question: str) -> _Asked:
    words, language = read_words(question), language_of(question)
    function_words = _FUNCTION_WORDS.get(language, _FUNCTION_CHARACTERS)
    order, content = [w.text for w in words], {w.text: w for w in words if w.text not in function_words}
    return _Asked(language, order, frozenset(order), content, numbers_of(question), sum(map(is_negator, words)))


class NearDuplicates:
    """An index of questions that finds near-duplicates.

    Two questions are near-duplicates if the Jaccard index of their word sets reaches `limit`, if they have the same
    numbers and equally many negators, and if they ask about the same things: neither has a word instead of one of the
    other's (Alpha, Beta; opens, closes), nor are two words swapped (is A faster than B, is B faster than A). They can
    differ in function words and in the forms of a word. In scripts without spaces, each character is a word.
    """

    def __init__(self, questions: Iterable[str], limit: float) -> None:
        self.limit = limit
        self.by_word: dict[str, list[_Asked]] = {}
        for question in questions:
            self.add(question)

    def add(self, question: str) -> None:
        asked = _asked(question)
        for word in self._first(asked.words):
            self.by_word.setdefault(word, []).append(asked)

    def near(self, question: str) -> bool:
        """Whether a near-duplicate of the question is in the index."""
        asked = _asked(question)
        sharing = {other for word in self._first(asked.words) for other in self.by_word.get(word, ())}
        return any(
            (asked.numbers, asked.negators) == (other.numbers, other.negators)
            and jaccard(asked.words, other.words) >= self.limit
            and not _ask_about_others(asked, other)
            for other in sharing
        )

    def _first(self, words: frozenset[str]) -> list[str]:
        """The first words of a set in an order that is the same for all sets; two sets that reach the limit share one.

        Such sets have at least `limit` of the words of each in common, so the first common word is among the first
        words of both (prefix filtering). Long words come first, because they are rare.
        """
        shared = math.ceil(self.limit * len(words) - 1e-9)
        return sorted(words, key=lambda word: (-len(word), word))[: len(words) - shared + 1]


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """The Jaccard index of two word sets: the share of their words that both have."""
    return len(first & second) / max(1, len(first | second))


def _ask_about_others(one: _Asked, other: _Asked) -> bool:
    """Whether each question has a word that the other lacks in any form, or parts of one are swapped in the other."""
    if one.content.keys() == other.content.keys() and len(one.order) == len(other.order):
        return _are_exchanged(one.order, other.order)
    language = one.language or other.language
    left = [word for text, word in one.content.items() if text not in other.words]
    right = [word for text, word in other.content.items() if text not in one.words]
    return any(not any(_is_form(word, w, language) for w in right) for word in left) and any(
        not any(_is_form(word, w, language) for w in left) for word in right
    )


def _is_form(word: Word, other: Word, language: str) -> bool:
    """Whether two words are the same, or forms of one word (opens, opening)."""
    return not word.names.isdisjoint(other.names) or are_forms(word.written, other.written, language)


def _are_exchanged(one: list[str], other: list[str]) -> bool:
    """Whether two questions differ by two swapped parts, with words between the parts and before or after them.

    Parts with only "and" or nothing between them can be swapped: "on Friday in Varn" is "in Varn on Friday".
    """
    if len(one) != len(other):
        return False
    differ = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if not differ or (differ[0] == 0 and differ[-1] == len(one) - 1):
        return False
    one, other = one[differ[0] : differ[-1] + 1], other[differ[0] : differ[-1] + 1]
    for i in range(1, len(one) - 1):
        for j in range(i + 1, len(one)):
            if other == one[j:] + one[i:j] + one[:i] and not _AND.issuperset(one[i:j]):
                return True
    return False
