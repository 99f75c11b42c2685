"""A run folder -> all that the report is made of. Reads files only: no model, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.qa import is_right
from disc_lite.run.finished import require_finished
from disc_lite.storage import read_json, read_jsonl

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question of the evaluation (or a statement to finish) with the answers before and after."""

    text: str
    kind: str
    document: str
    expected: tuple[str, ...]
    before: str
    after: str
    right_before: bool
    right_after: bool


@dataclass(frozen=True)
class RunFiles:
    """What a finished run left; what it did not leave is empty."""

    model: str
    recipe: str
    summary: Row
    stopped: Row
    ledger: tuple[Row, ...]
    passages: tuple[Row, ...]
    pairs: tuple[Row, ...]
    steps: tuple[Row, ...]  # lines of `metrics.jsonl`
    resumes: tuple[Row, ...]  # after which steps training was taken up again
    asked: tuple[Asked, ...]
    benchmarks: Row  # task -> {before, after} -> metric -> value

    @property
    def card(self) -> Row:
        found: Row = self.summary["card"]
        return found

    @property
    def teachability(self) -> dict[str, float]:
        return dict(self.summary.get("teachability", {}).get("documents", {}))


def read_run(folder: Path) -> RunFiles:
    """Read a finished run. Raises UsageError where there is none."""
    require_finished(folder)
    summary = read_json(folder / "summary.json")
    if "card" not in summary:
        raise UsageError(
            f"The run in {folder} has no report card.", "An older disc-lite made it.", "Adapt again in another folder."
        )
    recipe = folder / "recipe.yaml"
    return RunFiles(
        model=_name_of(str(read_json(folder / "run.json")["model"]["name"])),
        recipe=recipe.read_text(encoding="utf-8", errors="replace") if recipe.is_file() else "",
        summary=summary,
        stopped=_object(folder / "stopped.json"),
        ledger=_lines(folder / "ledger.jsonl"),
        passages=_lines(folder / "passages.jsonl"),
        pairs=_lines(folder / "pairs.jsonl"),
        steps=_lines(folder / "metrics.jsonl"),
        resumes=_lines(folder / "resumes.jsonl"),
        asked=_asked(folder, summary["card"]["grading"]),
        benchmarks=_object(folder / "benchmarks.json"),
    )


def _name_of(model: str) -> str:
    """A model folder by its own name: where it lies on this machine is nobody's business."""
    path = Path(model)
    return path.name if path.is_absolute() or model.startswith(("./", "../", "~")) else model


def _object(path: Path) -> Row:
    return dict(read_json(path)) if path.is_file() else {}


def _lines(path: Path) -> tuple[Row, ...]:
    return tuple(read_jsonl(path)) if path.is_file() else ()


def _asked(folder: Path, grading: str) -> tuple[Asked, ...]:
    """What was asked closed book, before and after; nothing where the answers are gone."""
    if not ((folder / "before.json").is_file() and (folder / "after.json").is_file()):
        return ()
    before, after = read_json(folder / "before.json"), read_json(folder / "after.json")
    rows = _lines(folder / "questions.jsonl")
    questions = [row for row in rows if row["kind"] == "question"]
    completions = [row for row in rows if row["kind"] == "completion"]
    return (
        *_paired(questions, before["questions"]["floor"], after["questions"]["adapted"], grading),
        *_paired(completions, before["completions"], after["completions"], grading),
    )


def _paired(rows: Sequence[Row], before: Sequence[str], after: Sequence[str], grading: str) -> list[Asked]:
    found = []
    for row, first, second in zip(rows, before, after, strict=True):
        rights = (is_right(said, row["answers"], grading) for said in (first, second))
        found.append(Asked(row["text"], row["kind"], row["document"], tuple(row["answers"]), first, second, *rights))
    return found
