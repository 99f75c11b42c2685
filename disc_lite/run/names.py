"""The documents that questions and pairs are about: by their names in the run, however a file names them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TypeVar

from disc_lite.errors import UsageError
from disc_lite.qa import Pair, Question
from disc_lite.run.wording import listed

_MOST_NAMED = 5
_COMPARED = 100  # characters of a name; comparing takes quadratic time
Asked = TypeVar("Asked", Question, Pair)


def is_called(name: str, typed: str) -> bool:
    """Whether a file of this name may be meant by what was typed: its end, or a path that ends so."""
    typed = unicodedata.normalize("NFC", typed)
    return f"/{typed}".endswith(f"/{name}") or name.endswith(f"/{typed}")


def file_called(typed: str, names: Sequence[str]) -> str:
    """The one of these files whose name was typed, or its end. Raises UsageError with the most similar one."""
    ending = [name for name in names if is_called(name, typed)]
    found = [typed] if typed in names else ending
    if len(found) == 1:
        return found[0]
    near = ending or sorted(names, key=lambda name: _likeness(name, typed))[-1:]
    what = "Several files are" if ending else "No file is"
    raise UsageError(f"{what} called {typed}.", "", f"Did you mean {' or '.join(near[:_MOST_NAMED])}?" if near else "")


def _likeness(name: str, typed: str) -> tuple[bool, float]:
    """A name that ends in what was typed comes before one that is only similar."""
    name, typed = name.lower()[-_COMPARED:], typed.lower()[-_COMPARED:]
    return name.endswith(typed), SequenceMatcher(None, name, typed).ratio()


def questions_as_named(questions: Iterable[Question], known: Collection[str]) -> tuple[Question, ...]:
    """The questions with the names of these documents. Raises UsageError where one names another."""
    return tuple(_as_named(question, known, "questions") if question.document else question for question in questions)


def pairs_as_named(pairs: Iterable[Pair], known: Collection[str]) -> tuple[Pair, ...]:
    """The pairs with the names of these documents; where there is one only, pairs need not name it.

    Raises UsageError where one names another document, and has no digest of its passage to be found by.
    """
    return tuple(_pair_as_named(pair, known) for pair in pairs)


def _pair_as_named(pair: Pair, known: Collection[str]) -> Pair:
    if pair.document:
        # One with a digest finds its passage by its words, in whatever file it is.
        return pair if pair.passage_sha256 else _as_named(pair, known, "pairs")
    if len(known) == 1:
        return replace(pair, document=next(iter(known)))
    raise UsageError(
        f"A pair names no document: {pair.question}", f"{len(known):,} documents were read.",
        'Add the document that has its answer, as in "document": "guide.md".',
    )  # fmt: skip


def _as_named(asked: Asked, known: Collection[str], what: str) -> Asked:
    """With the name of the document that it names, or that is the end of the path which it names."""
    typed = asked.document
    if typed in known:
        return asked
    ends = [name for name in known if f"/{typed}".endswith(f"/{name}")]
    if ends:
        return replace(asked, document=max(ends, key=len))
    near = [name for name in sorted(known) if is_called(name, typed)]
    raise UsageError(
        f"The {what} name a document that was not read: {typed}.",
        f"Documents that were read: {listed(sorted(known), _MOST_NAMED)}.",
        f"Did you mean {near[0]}?" if near else f"Use {what} about these documents.",
    )
