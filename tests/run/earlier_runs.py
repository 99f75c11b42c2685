"""Earlier runs for the tests of updates: made of passages and pairs, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import RunFolder
from tests.made import recipe_of

BOATS = "Two boats lie in the harbour. Ada Brink rows the smaller one on Monday. The larger one is green."


def earlier_of(tmp_path: Path, pairs: list[dict[str, Any]], passages: list[tuple[str, str]], **more: Any) -> EarlierRun:
    return EarlierRun(
        RunFolder(tmp_path), "m", "f", recipe_of(), tuple(passages), tuple(pairs), more.get("questions", ()),
        more.get("removed", ()), more.get("questions_removed", ()), dropped=more.get("dropped", ()),
    )  # fmt: skip


def pair_of(document: str, passage: int, question: str, source: str = "") -> dict[str, Any]:
    return {"document": document, "passage": passage, "question": question, "answer": "x", "source": source}
