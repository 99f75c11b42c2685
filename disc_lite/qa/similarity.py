"""Near-duplicate questions."""

from __future__ import annotations

from collections.abc import Iterable

from disc_lite.qa.matching import is_negator
from disc_lite.qa.words import numbers_of, read_words, word_set

Distinctions = tuple[frozenset[str], int]  # the numbers of a question, and how many negators it has


class NearDuplicates:
    """An index of questions that finds near-duplicates.

    Two questions are near-duplicates if the Jaccard index of their word sets reaches a limit and if they have the same
    numbers and as many negators. Words are single characters in scripts without spaces between words.
    """

    def __init__(self, questions: Iterable[str], limit: float) -> None:
        self.limit = limit
        self.sets: list[frozenset[str]] = []
        self.distinctions: list[Distinctions] = []
        self.by_word: dict[str, list[int]] = {}
        for question in questions:
            self.add(question)

    def add(self, question: str) -> None:
        words = word_set(question)
        for word in words:
            self.by_word.setdefault(word, []).append(len(self.sets))
        self.sets.append(words)
        self.distinctions.append(_distinctions(question))

    def near(self, question: str) -> bool:
        """Whether a near-duplicate of the question is in the index."""
        words, distinctions = word_set(question), _distinctions(question)
        sharing = {i for word in words for i in self.by_word.get(word, ())}
        return any(distinctions == self.distinctions[i] and jaccard(words, self.sets[i]) >= self.limit for i in sharing)


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard index of two word sets: the share of their words that both have."""
    return len(first & second) / max(1, len(first | second))


def _distinctions(question: str) -> Distinctions:
    return numbers_of(question, in_words=True), sum(map(is_negator, read_words(question)))
