"""One document of a run: its passages, what was asked about each, and what the model says of it before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.qa import is_right, word_set
from disc_lite.report.reading import Asked, Row, RunFiles, read_run
from disc_lite.run.folder import RunFolder

LIKE = 100  # characters of a name that are compared: it takes quadratic time


def inspect_document(run: Path, document: str) -> dict[str, Any]:
    """What a finished run knows of one document, as JSON has it.

    Of each question of the evaluation: `stands_in`, the passages that hold an accepted answer, those
    first that share most words with the question, and `nearest_pair`, the training pair whose question
    is most like it (Jaccard index of the word sets, and of which passage it is), if any shares a word.

    Raises UsageError where there is no such document, with the name most like it.
    """
    files = read_run(run)
    entry = _entry(files, document)
    passages = [row for row in files.passages if row["document"] == document]
    pairs = [row for row in files.pairs if row["document"] == document]
    asked = [one for one in files.asked if one.document == document]
    return {
        "document": document, "outcome": entry["outcome"], "reason": entry["reason"],
        "teachability": files.teachability.get(document),
        "recall": files.card["documents"].get(document, {}),
        "passages": [_passage(row, pairs) for row in passages],
        "questions": [_question(one, passages, pairs) for one in asked],
    }  # fmt: skip


def _entry(files: RunFiles, document: str) -> Row:
    entries = {row["name"]: row for row in files.ledger}
    if document in entries:
        return entries[document]
    nearest = max(sorted(entries), key=lambda name: _likeness(name, document), default="")
    remedy = f"Did you mean {nearest}?" if nearest else ""
    raise UsageError(
        f"{document} is no document of this run.", f"Names are those of its {RunFolder.ledger.name}.", remedy
    )


def _likeness(name: str, document: str) -> tuple[bool, float]:
    """A name that ends in what was typed is meant more likely than one that only looks alike."""
    typed = document.lower()[-LIKE:]
    return name.lower().endswith(f"/{typed}"), SequenceMatcher(None, name.lower()[-LIKE:], typed).ratio()


def _passage(row: Row, pairs: Sequence[Row]) -> dict[str, Any]:
    keys = ("question", "answer", "with_passage", "without_passage")
    own = [{key: pair.get(key) for key in keys} for pair in pairs if pair["passage"] == row["passage"]]
    return {**{key: row[key] for key in ("passage", "tokens", "text", "sentences")}, "pairs": own}


def _question(one: Asked, passages: Sequence[Row], pairs: Sequence[Row]) -> dict[str, Any]:
    words = word_set(one.text)
    holding = [row for row in passages if is_right(row["text"], one.expected, "contains")]
    holding.sort(key=lambda row: -len(words & word_set(row["text"])))
    return {
        **{key: value for key, value in asdict(one).items() if key != "document"},
        "expected": list(one.expected),
        "stands_in": [row["passage"] for row in holding],
        "nearest_pair": _nearest(words, pairs),
    }


def _nearest(words: frozenset[str], pairs: Sequence[Row]) -> dict[str, Any] | None:
    likeness, place = max(
        ((_jaccard(words, word_set(pair["question"])), -i) for i, pair in enumerate(pairs)), default=(0.0, 0)
    )
    if not likeness:
        return None
    found = pairs[-place]
    return {**{key: found[key] for key in ("passage", "question", "answer")}, "likeness": round(likeness, 4)}


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / max(1, len(first | second))
