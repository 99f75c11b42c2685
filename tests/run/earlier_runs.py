"""Earlier runs for the tests of updates, made from passages and pairs without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from disc_lite.evaluation.retrieval import Passages
from disc_lite.run.changes import Changes, compare
from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import RunFolder
from disc_lite.run.since import Since, what_is_gone
from tests.made import recipe_of

BOATS = "Two boats lie in the harbour. Ada Brink rows the smaller one on Monday. The larger one is green."


def earlier_of(tmp_path: Path, pairs: list[dict[str, Any]], passages: list[tuple[str, str]], **more: Any) -> EarlierRun:
    return EarlierRun(
        RunFolder(tmp_path), "m", "f", recipe_of(), tuple(passages), tuple(pairs), more.get("questions", ()),
        more.get("removed", ()), more.get("questions_removed", ()), dropped=more.get("dropped", ()),
    )  # fmt: skip


def since_of(earlier: EarlierRun, shown: Passages, changes: Changes | None = None) -> Since:
    """What became of a run's passages, given the present ones."""
    changes = changes or compare(earlier.passages, shown)
    return Since(earlier, changes, what_is_gone(earlier, changes, shown))


def pair_of(document: str, passage: int, question: str, source: str = "") -> dict[str, Any]:
    return {"document": document, "passage": passage, "question": question, "answer": "x", "source": source}
