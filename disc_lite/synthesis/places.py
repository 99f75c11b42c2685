"""Finds the passages that the pairs of a file are about, and pairs to warn about. Does not import torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from disc_lite.documents import Passage
from disc_lite.qa import Pair, language_of, word_set
from disc_lite.qa.function_words import FUNCTION_WORDS
from disc_lite.qa.languages import words_without_meaning
from disc_lite.qa.records import UNKNOWN_PASSAGE
from disc_lite.synthesis.facts import has_none

if TYPE_CHECKING:
    from disc_lite.prompts.texts import Text


@dataclass(frozen=True)
class Placed:
    """Pairs at their passages, and those that their owner should be warned about."""

    pairs: tuple[Pair, ...]
    lost: tuple[Pair, ...]  # belong to no passage here
    moved: tuple[Pair, ...]  # written by hand; no passage has their index, so their words were used to find one
    unstated: tuple[Pair, ...]  # written by hand; their passage has no fact of the answer


def placed(texts: Sequence[Text], pairs: Sequence[Pair]) -> Placed:
    """Find the passage of every pair."""
    places = Places(texts)
    results = [(pair, places.find(pair)) for pair in pairs]
    by_hand = [(pair, here) for pair, here in results if here and not pair.passage_sha256]
    # Passage by passage, so that each is read only once, however the pairs are mixed.
    in_order = sorted(range(len(by_hand)), key=lambda n: (by_hand[n][1].document, by_hand[n][1].passage))
    unstated = {n for n in in_order if has_none(places.shown(here := by_hand[n][1]), here.question, here.answer)}
    return Placed(
        tuple(here for _, here in results if here),
        tuple(pair for pair, here in results if not here),
        tuple(pair for pair, here in by_hand if pair.passage not in (here.passage, UNKNOWN_PASSAGE)),
        tuple(pair for n, (pair, _) in enumerate(by_hand) if n in unstated),
    )


class Places:
    """Finds where pairs belong, though passages can now be cut differently, have other words or be in another file."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self.texts = {text.document.name: text for text in texts}
        self.passages = {(text.document.name, p.index): p for text in texts for p in text.passages}
        self.by_digest: dict[str, list[Passage]] = {}
        for passage in self.passages.values():
            digest = self.texts[passage.document].passage_sha256(passage)
            self.by_digest.setdefault(digest, []).append(passage)
        # By document, computed on demand: its passages in one line each, and which of them have a word.
        self.lines: dict[str, list[str]] = {}
        self.having: dict[str, dict[str, list[int]]] = {}

    def shown(self, pair: Pair) -> str:
        """Return the passage of a pair that was found, as prompts show it."""
        return self.texts[pair.document].passage_text(self.passages[pair.document, pair.passage])

    def find(self, pair: Pair) -> Pair | None:
        """Return the pair, moved to its passage: the one with the same words, else one of its document with its source.

        Among several passages with the same words, the one with the pair's document and index is preferred. A pair
        written by hand has neither words nor source: it gets the passage with its index, or else the one with most of
        the words of its question and answer.
        """
        if not (pair.source or pair.passage_sha256):
            return self._by_number(pair) or self._by_words(pair)
        same = self.by_digest.get(pair.passage_sha256, ())
        if same:
            here = min(same, key=lambda p: (p.document != pair.document, p.index != pair.passage))
            return replace(pair, document=here.document, passage=here.index)
        text, source = self.texts.get(pair.document), " ".join(pair.source.split())
        if text is None or not source:
            return None
        if pair.document not in self.lines:
            self.lines[pair.document] = [" ".join(text.passage_text(passage).split()) for passage in text.passages]
        lines = zip(text.passages, self.lines[pair.document], strict=True)
        holding = [passage for passage, line in lines if source in line]
        if not holding:
            return None
        here = min(holding, key=lambda p: p.index != pair.passage)
        return replace(pair, passage=here.index, passage_sha256=text.passage_sha256(here))

    def _by_number(self, pair: Pair) -> Pair | None:
        return pair if (pair.document, pair.passage) in self.passages else None

    def _by_words(self, pair: Pair) -> Pair | None:
        """Return the pair at the passage that has most of its words; rare words count more, function words nothing."""
        text = self.texts.get(pair.document)
        if text is None:
            return None
        having = self._having(text)
        wanted = word_set(f"{pair.question} {pair.answer}") & having.keys()
        shares = defaultdict[int, float](float)
        for word in sorted(wanted):
            for number in having[word]:
                shares[number] += 1 / len(having[word])
        if not shares:
            return None
        best = text.passages[min(shares, key=lambda number: (-shares[number], number))]
        return replace(pair, passage=best.index, passage_sha256=text.passage_sha256(best))

    def _having(self, text: Text) -> dict[str, list[int]]:
        """Return word -> the numbers of the passages that have it, without function words."""
        name = text.document.name
        if name not in self.having:
            self.having[name] = {}
            empty = words_without_meaning(language_of(text.document.text)) | FUNCTION_WORDS
            for number, passage in enumerate(text.passages):
                for word in word_set(text.passage_text(passage)) - empty:
                    self.having[name].setdefault(word, []).append(number)
        return self.having[name]
