"""When two questions are the same but for a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from disc_lite.qa.matching import is_negator
from disc_lite.qa.words import numbers_of, read_words, word_set

Facts = tuple[frozenset[str], int]  # the numbers of a question, and how many of its words deny


class Nearness:
    """Finds near-duplicates: word sets whose Jaccard index reaches a limit, with the same numbers and denials.

    Words are characters where a script puts no spaces between words.
    """

    def __init__(self, questions: Iterable[str], limit: float) -> None:
        self.limit = limit
        self.sets: list[frozenset[str]] = []
        self.facts: list[Facts] = []
        self.by_word: dict[str, list[int]] = {}
        for question in questions:
            self.add(question)

    def add(self, question: str) -> None:
        words = word_set(question)
        for word in words:
            self.by_word.setdefault(word, []).append(len(self.sets))
        self.sets.append(words)
        self.facts.append(_facts(question))

    def near(self, question: str) -> bool:
        """Whether one of the questions so far is the same but for a few words."""
        words, facts = word_set(question), _facts(question)
        shared = Counter(i for word in words for i in self.by_word.get(word, ()))
        return any(n / len(words | self.sets[i]) >= self.limit and facts == self.facts[i] for i, n in shared.items())


def _facts(question: str) -> Facts:
    return numbers_of(question, in_words=True), sum(map(is_negator, read_words(question)))
