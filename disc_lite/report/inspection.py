"""One document of a run: its passages with their pairs, and its questions with the answers before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from disc_lite.qa import is_right, jaccard, word_set
from disc_lite.report.reading import AnsweredQuestion, Row, read_run
from disc_lite.run.folder import RunFolder
from disc_lite.run.names import file_called, is_called
from disc_lite.run.since import taken_out
from disc_lite.storage import JsonObject


def inspect_document(run: str | Path, document: str) -> JsonObject:
    """One document of a finished run as JSON; for a document that an update took out, what became of it.

    Each question has `stands_in`, the passages that contain an accepted answer, sorted by the number of words that they
    share with the question; and `nearest_pair`, the training pair with the most similar question (Jaccard index of the
    word sets), if any shares a word.

    Raises UsageError, with the most similar name, if there is no such document.
    """
    files = read_run(Path(run))
    entries = {row["name"]: row for row in files.ledger}
    if not any(is_called(name, document) for name in entries):
        gone = taken_out(RunFolder(Path(run)))
        entries |= {name: {"outcome": "removed", "reason": reason} for name, reason in gone.items()}
    document = file_called(document, tuple(entries))
    entry = entries[document]
    passages = [row for row in files.passages if row["document"] == document]
    pairs = [row for row in files.pairs if row["document"] == document]
    questions = [one for one in files.questions if one.document == document]
    return {
        "document": document, "outcome": entry["outcome"], "reason": entry["reason"],
        "teachability": files.teachability.get(document),
        "recall": files.card["documents"].get(document, {}),
        "passages": [_passage(row, pairs) for row in passages],
        "questions": [_question(one, passages, pairs) for one in questions],
    }  # fmt: skip


def _passage(row: Row, pairs: Sequence[Row]) -> JsonObject:
    keys = ("question", "answer", "with_passage", "without_passage")
    own = [{key: pair.get(key) for key in keys} for pair in pairs if pair["passage"] == row["passage"]]
    return {**{key: row[key] for key in ("passage", "tokens", "text", "sentences")}, "pairs": own}


def _question(one: AnsweredQuestion, passages: Sequence[Row], pairs: Sequence[Row]) -> JsonObject:
    words = word_set(one.text)
    holding = [row for row in passages if is_right(row["text"], one.expected, "contains")]
    holding.sort(key=lambda row: -len(words & word_set(row["text"])))
    return {
        "question": one.text, "kind": one.kind, "expected": list(one.expected),
        "before": one.before, "right_before": one.right_before, "after": one.after, "right_after": one.right_after,
        "stands_in": [row["passage"] for row in holding],
        "nearest_pair": _nearest(words, pairs),
    }  # fmt: skip


def _nearest(words: frozenset[str], pairs: Sequence[Row]) -> JsonObject | None:
    likeness = [jaccard(words, word_set(pair["question"])) for pair in pairs]
    most = max(likeness, default=0.0)
    if not most:
        return None
    found = pairs[likeness.index(most)]
    return {**{key: found[key] for key in ("passage", "question", "answer")}, "likeness": round(most, 4)}
