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
_DECISIVE = frozenset(
    "who whom whose when where why how from to in out with wer wen wem wann wo wie warum qui quand où comment pourquoi "
    "quién cuándo dónde cómo chi quando dove come wie wanneer waar hoe quem onde como".split()
)
_FUNCTION_CHARACTERS = frozenset("的了是在吗呢么和与及有为于はがをにのでもと")
_FUNCTION_WORDS: dict[str, frozenset[str]] = {
    name: _FUNCTION_CHARACTERS.union(map(fold, words - _DECISIVE)) for name, words in FREQUENT.items()
}
_AND = frozenset("and or & und oder et ou y o e en of и или 和 与 及".split())


@dataclass(frozen=True, eq=False)
class _QuestionWords:
    """The words of a question, as they are compared."""

    language: str
    order: list[str]
    words: frozenset[str]
    content: dict[str, Word]  # the words that are not function words, by their text or option
    numbers: frozenset[str]
    negators: int


def _words_of(question: str) -> _QuestionWords:
    words, language = read_words(question), language_of(question)
    function_words = _FUNCTION_WORDS.get(language, _FUNCTION_CHARACTERS)
    order = [w.option or w.text for w in words]
    content = {text: word for text, word in zip(order, words, strict=True) if word.text not in function_words}
    return _QuestionWords(language, order, frozenset(order), content, numbers_of(question), sum(map(is_negator, words)))


class NearDuplicates:
    """An index of questions that finds near-duplicates.

    Two questions are near-duplicates if the Jaccard index of their word sets reaches `limit`, if they have the same
    numbers and equally many negators, and if they ask about the same things: neither has a word instead of one of the
    other's (Alpha, Beta; opens, closes), nor are two words swapped (is A faster than B, is B faster than A). They can
    differ in function words and in the forms of a word. In scripts without spaces, each character is a word.
    """

    def __init__(self, questions: Iterable[str], limit: float) -> None:
        self.limit = limit
        self.by_word: dict[str, list[_QuestionWords]] = {}
        for question in questions:
            self.add(question)

    def add(self, question: str) -> None:
        entry = _words_of(question)
        for word in self._first(entry.words):
            self.by_word.setdefault(word, []).append(entry)

    def near(self, question: str) -> bool:
        """Whether a near-duplicate of the question is in the index."""
        query = _words_of(question)
        sharing = {other for word in self._first(query.words) for other in self.by_word.get(word, ())}
        return any(
            (query.numbers, query.negators) == (other.numbers, other.negators)
            and jaccard(query.words, other.words) >= self.limit
            and not _ask_different_things(query, other)
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


def _ask_different_things(first: _QuestionWords, second: _QuestionWords) -> bool:
    """Whether each question has a word that the other lacks in any form, or parts of one are swapped in the other."""
    if first.content.keys() == second.content.keys() and len(first.order) == len(second.order):
        return _have_swapped_parts(first.order, second.order)
    language = first.language or second.language
    left = [word for text, word in first.content.items() if text not in second.words]
    right = [word for text, word in second.content.items() if text not in first.words]
    return any(not any(_is_form(word, w, language) for w in right) for word in left) and any(
        not any(_is_form(word, w, language) for w in left) for word in right
    )


def _is_form(word: Word, other: Word, language: str) -> bool:
    """Whether two words are the same, or forms of one word (opens, opening)."""
    if word.option and other.option:
        return word.option == other.option
    return not word.names.isdisjoint(other.names) or are_forms(word.written, other.written, language)


def _have_swapped_parts(first: list[str], second: list[str]) -> bool:
    """Whether two questions differ by two swapped parts, with words between the parts and before or after them.

    Parts with only "and" or nothing between them can be swapped: "on Friday in Varn" is "in Varn on Friday".
    """
    if len(first) != len(second):
        return False
    differ = [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if not differ or (differ[0] == 0 and differ[-1] == len(first) - 1):
        return False
    first, second = first[differ[0] : differ[-1] + 1], second[differ[0] : differ[-1] + 1]
    for i in range(1, len(first) - 1):
        for j in range(i + 1, len(first)):
            if second == first[j:] + first[i:j] + first[:i] and not _AND.issuperset(first[i:j]):
                return True
    return False
