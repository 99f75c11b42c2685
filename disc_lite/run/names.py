"""Maps the document names in files of questions and pairs to the names of documents in the run."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TypeVar

from disc_lite.errors import UsageError
from disc_lite.qa import Pair, Question, rows_about
from disc_lite.qa.shapes import Contents
from disc_lite.run.wording import listed

_MOST_NAMED = 5
_COMPARED = 100  # characters of a name; comparing takes quadratic time
Asked = TypeVar("Asked", Question, Pair)


def is_called(name: str, typed: str) -> bool:
    """Whether `typed` may mean the file `name`: it is the end of the name, or a path that ends in the name."""
    typed = unicodedata.normalize("NFC", typed)
    return f"/{typed}".endswith(f"/{name}") or name.endswith(f"/{typed}")


def file_called(typed: str, names: Sequence[str]) -> str:
    """The file that `typed` names, in full or by its end. Raises UsageError, with the most similar name, if unclear."""
    ending = [name for name in names if is_called(name, typed)]
    found = [typed] if typed in names else ending
    if len(found) == 1:
        return found[0]
    near = ending or sorted(names, key=lambda name: _likeness(name, typed))[-1:]
    what = "Several files are" if ending else "No file is"
    raise UsageError(f"{what} called {typed}.", "", f"Did you mean {' or '.join(near[:_MOST_NAMED])}?" if near else "")


def _likeness(name: str, typed: str) -> tuple[bool, float]:
    """Sort key: a name that ends in `typed` ranks above one that is only similar."""
    name, typed = name.lower()[-_COMPARED:], typed.lower()[-_COMPARED:]
    return name.endswith(typed), SequenceMatcher(None, name, typed).ratio()


def pairs_as_named(pairs: Iterable[Pair], known: Collection[str], files: Sequence[Path] = ()) -> tuple[Pair, ...]:
    """The pairs of files under the names of the known documents; if there is only one, a pair need not name it.

    Raises UsageError if a pair names another document and has no digest of its passage.
    """
    return as_named([_with_document(pair, known) for pair in pairs], known, "pairs", files)


def _with_document(pair: Pair, known: Collection[str]) -> Pair:
    if pair.document:
        return pair
    if len(known) == 1:
        return replace(pair, document=next(iter(known)))
    raise UsageError(
        f"A pair names no document: {pair.question}", f"{len(known):,} documents were read.",
        'Add the document that has its answer, as in "document": "guide.md".',
    )  # fmt: skip


def as_named(
    rows: Iterable[Asked], known: Collection[str], what: Contents, files: Sequence[Path] = ()
) -> tuple[Asked, ...]:
    """The rows of files, each with the known document that it names or that its path ends in.

    Raises UsageError if a row names another document.
    """
    named: list[Asked] = []
    unread = dict[str, None]()
    for row in rows:
        typed = row.document
        # A pair with a digest is placed by the words of its passage, whatever the file is called.
        is_found = not typed or typed in known or (isinstance(row, Pair) and row.passage_sha256)
        name = typed if is_found else _longest_end(typed, known)
        if name is None:
            unread[typed] = None
        named.append(row if name in (typed, None) else replace(row, document=name))
    if unread:
        raise _not_read(list(unread), known, what, files)
    return tuple(named)


def _longest_end(path: str, known: Collection[str]) -> str | None:
    """The longest end of a path that is a known name, or None; a set lookup, as there may be tens of thousands."""
    parts = path.split("/")
    return next((end for n in range(len(parts)) if (end := "/".join(parts[n:])) in known), None)


def _not_read(unread: Sequence[str], known: Collection[str], what: Contents, files: Sequence[Path]) -> UsageError:
    here = sorted(known)
    alike = [[name for name in here if is_called(name, typed)] for typed in unread[:_MOST_NAMED]]
    near = [names[0] for names in alike if names]
    rows = "; ".join(filter(None, (rows_about(file, what, set(unread)) for file in files)))
    one = len(unread) == 1
    remedy = [f"Did you mean {listed(near, _MOST_NAMED)}?"] * bool(near)
    if len(near) < len(unread):
        remedy.append("Remove these, or use" if rows else "Use")
        remedy.append(f"{what} about these documents.")
    return UsageError(
        f"The {what} name {'a document' if one else 'documents'} that {'was' if one else 'were'} not read: "
        f"{listed(unread, _MOST_NAMED)}{f' ({rows})' if rows else ''}.",
        f"Documents that were read: {listed(here, _MOST_NAMED)}.", " ".join(remedy),
    )  # fmt: skip
