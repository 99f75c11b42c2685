"""Compares the passages of two runs: which are unchanged, changed, new or removed.

Does not import torch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from disc_lite.documents import Passage
from disc_lite.evaluation.retrieval import Passages, Place, places_of
from disc_lite.qa import jaccard, word_set
from disc_lite.run.wording import counted

State = Literal["unchanged", "changed", "new"]
STATES: tuple[State, ...] = ("unchanged", "changed", "new")
Titles = Mapping[str, str]  # document -> title, for documents whose title is their file name

LIKE = 0.4  # least Jaccard index of the word sets of a changed passage and the one that it replaces
COMMON = 64  # a word that is in more texts than this is not used to find similar passages


@dataclass(frozen=True)
class Changes:
    """The passages of two runs, matched: places are in the present run unless called earlier."""

    now: Mapping[Place, Place]  # earlier place -> where the same text is now
    unchanged: frozenset[Place]
    changed: Mapping[Place, Place]  # place -> the earlier place of the passage that it replaces
    new: tuple[Place, ...]
    removed: tuple[Place, ...]  # earlier places of passages that nothing replaces

    def state(self, place: Place) -> State:
        return "unchanged" if place in self.unchanged else "changed" if place in self.changed else "new"

    def counts(self) -> dict[str, int]:
        return {**{state: len(getattr(self, state)) for state in STATES}, "removed": len(self.removed)}

    def __str__(self) -> str:
        """`12 passages unchanged, 1 changed, 2 new, 0 gone`"""
        counts = self.counts()
        unchanged = counted(counts["unchanged"], "passage")
        return (
            f"{unchanged} unchanged, {counts['changed']:,} changed, {counts['new']:,} new, {counts['removed']:,} gone"
        )


def place_of(passage: Passage) -> Place:
    return passage.document, passage.index


def compare(before: Passages, now: Passages, file_titles: tuple[Titles, Titles] = ({}, {})) -> Changes:
    """Match the passages of two runs by their text, ignoring white space: first equal ones, then the most similar.

    The text is what a prompt shows, with its headings: "Price: 26 crowns" under another heading is another fact.
    Texts in files that were moved and texts that occur twice are matched too. Where the title of a document is its file
    name, a renamed file is matched without that title: `file_titles` are those titles, before and now.
    """
    old, new = _by_text(before), _by_text(now)
    same = {
        place: place if place in new[text] else new[text][0]
        for text, places in old.items() if text in new for place in places
    }  # fmt: skip
    unchanged = frozenset(place for text, places in new.items() if text in old for place in places)
    old, new = _in_renamed_files(old, file_titles[0], now), _in_renamed_files(new, file_titles[1], before)
    for text in filter(new.__contains__, old):
        same.update({place: new[text][0] for place in old[text] if place not in same})
        unchanged |= set(new[text])
    gone = {text: places for text, places in old.items() if text not in new}
    fresh = {text: places for text, places in new.items() if text not in old}
    changed = _alike(gone, fresh)
    return Changes(same, unchanged, changed, _without(fresh, changed), _without(gone, set(changed.values())))


def _without(by_text: Mapping[str, Sequence[Place]], places: Collection[Place]) -> tuple[Place, ...]:
    return tuple(place for every in by_text.values() for place in every if place not in places)


def _by_text(passages: Passages) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place, (_, text) in zip(places_of(passages), passages, strict=True):
        found.setdefault(" ".join(text.split()), []).append(place)
    return found


def _in_renamed_files(
    by_text: Mapping[str, Sequence[Place]], titles: Titles, others: Passages
) -> dict[str, list[Place]]:
    """Text -> places; the file name above a text is removed if `others` has no file of that name."""
    there = {document for document, _ in others}
    found: dict[str, list[Place]] = {}
    for text, places in by_text.items():
        for place in places:
            title = titles.get(place[0]) if place[0] not in there else None
            bare = text.removeprefix(f"# {' '.join(title.split())} ") if title else text
            found.setdefault(bare, []).append(place)
    return found


def _alike(gone: Mapping[str, Sequence[Place]], fresh: Mapping[str, Sequence[Place]]) -> dict[Place, Place]:
    """New place -> the earlier place that it replaces, each used once; the same document first, then most similar."""
    words = {text: word_set(text) for text in gone}
    by_word: dict[str, list[str]] = {}
    for text, found in words.items():
        for word in found:
            by_word.setdefault(word, []).append(text)
    ranked = []
    for text, places in fresh.items():
        own = word_set(text)
        for earlier in _sharing(own, by_word):
            likeness = jaccard(own, words[earlier])
            if likeness >= LIKE:
                pairs = _paired(places, gone[earlier])
                ranked += [(place[0] != was[0], -likeness, place, was) for place, was in pairs]
    taken: dict[Place, Place] = {}
    replaced = set[Place]()
    for _, _, place, other in sorted(ranked):
        if place not in taken and other not in replaced:
            taken[place] = other
            replaced.add(other)
    return taken


def _paired(now: Sequence[Place], before: Sequence[Place]) -> list[tuple[Place, Place]]:
    """Pairs the places of two similar texts, each used once: first within one document, then the others in order."""
    left: dict[str, deque[Place]] = {}
    for place in before:
        left.setdefault(place[0], deque()).append(place)
    pairs, others = [], []
    for place in now:
        if here := left.get(place[0]):
            pairs.append((place, here.popleft()))
        else:
            others.append(place)
    return [*pairs, *zip(others, (place for places in left.values() for place in places), strict=False)]


def _sharing(words: Iterable[str], by_word: Mapping[str, Sequence[str]]) -> set[str]:
    """The texts that contain one of the words, ignoring words that are in more than COMMON texts."""
    lists = [by_word[word] for word in words if word in by_word]
    return {text for texts in lists if len(texts) <= COMMON for text in texts}
