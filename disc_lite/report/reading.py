"""A run folder -> all that the report is made of. Reads files only: no model, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disc_lite.qa import Question, is_right
from disc_lite.run.folder import RunFolder
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


def read_run(path: Path) -> RunFiles:
    """Read a finished run. Raises UsageError where there is none."""
    folder = RunFolder(path)
    folder.require_finished()
    summary = read_json(folder.summary)
    return RunFiles(
        model=_name_of(str(folder.read_record()["model"]["name"])),
        recipe=folder.recipe.read_text(encoding="utf-8", errors="replace") if folder.recipe.is_file() else "",
        summary=summary,
        stopped=_object(folder.stopped),
        ledger=_lines(folder.ledger),
        passages=_lines(folder.passages),
        pairs=_lines(folder.pairs),
        steps=_lines(folder.metrics),
        resumes=_lines(folder.resumes),
        asked=_asked(folder, summary["card"]["grading"]),
        benchmarks=_object(folder.benchmarks),
    )


def _name_of(model: str) -> str:
    """A model folder by its own name: where it lies on this machine is nobody's business."""
    path = Path(model)
    return path.name if path.is_absolute() or model.startswith(("./", "../", "~")) else model


def _object(path: Path) -> Row:
    return dict(read_json(path)) if path.is_file() else {}


def _lines(path: Path) -> tuple[Row, ...]:
    return tuple(read_jsonl(path, missing_ok=True))


def _asked(folder: RunFolder, grading: str) -> tuple[Asked, ...]:
    """What was asked closed book, before and after; nothing where the answers are gone."""
    before, after = folder.read_answers("before"), folder.read_answers("after")
    if before is None or after is None:
        return ()
    asked = folder.read_questions()
    questions = [question for question in asked if question.kind == "question"]
    completions = [question for question in asked if question.kind == "completion"]
    return (
        *_paired(questions, before.questions["floor"], after.questions["adapted"], grading),
        *_paired(completions, before.completions, after.completions, grading),
    )


def _paired(asked: Sequence[Question], before: Sequence[str], after: Sequence[str], grading: str) -> list[Asked]:
    found = []
    for one, first, second in zip(asked, before, after, strict=True):
        rights = (is_right(given, one.answers, grading) for given in (first, second))
        found.append(Asked(one.text, one.kind, one.document, one.answers, first, second, *rights))
    return found
