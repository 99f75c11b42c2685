"""The files of a run folder, for the report. Loads no model and does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from disc_lite.evaluation.grading import grade_all
from disc_lite.qa import Question
from disc_lite.run.folder import RunFolder, by_kind
from disc_lite.storage import JsonObject, read_bytes, read_json, read_log

Row = JsonObject


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question (or a statement to finish) with its answers before and after."""

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
    """The content of a finished run; missing files are empty."""

    model: str
    recipe: str
    summary: Row
    stopped: Row
    ledger: tuple[Row, ...]
    passages: tuple[Row, ...]
    pairs: tuple[Row, ...]
    steps: tuple[Row, ...]  # lines of `metrics.jsonl`
    resumes: tuple[Row, ...]  # the steps after which training was continued
    computed: tuple[Row, ...]  # how the run was computed, a row for every change
    questions: tuple[AnsweredQuestion, ...]
    benchmarks: Row  # task -> {before, after} -> metric -> value

    @property
    def card(self) -> Row:
        card: Row = self.summary["card"]
        return card

    @property
    def teachability(self) -> dict[str, float]:
        return dict(self.summary["teachability"]["documents"])


def read_run(path: Path) -> RunFiles:
    """Read a finished run. Raises UsageError if there is none."""
    folder = RunFolder(path)
    folder.require_finished()
    summary = read_json(folder.summary)
    return RunFiles(
        model=_name_of(str(folder.read_record()["model"]["name"])),
        recipe=read_bytes(folder.recipe).decode("utf-8", "replace") if folder.recipe.is_file() else "",
        summary=summary,
        stopped=read_json(folder.stopped) if folder.stopped.is_file() else {},
        ledger=tuple(read_log(folder.ledger)),
        passages=tuple(read_log(folder.passages)),
        pairs=tuple(read_log(folder.pairs)),
        steps=tuple(read_log(folder.metrics)),
        resumes=tuple(read_log(folder.resumes)),
        computed=tuple(read_log(folder.computed)),
        questions=_questions(folder, summary["card"]["grading"]),
        benchmarks=folder.read_benchmarks(),
    )


def _name_of(model: str) -> str:
    """The name of a model folder without its path on this machine."""
    path = Path(model)
    return path.name if path.is_absolute() or model.startswith(("./", "../", "~")) else model


def _questions(folder: RunFolder, grading: str) -> tuple[AnsweredQuestion, ...]:
    """Closed-book questions with their answers; empty if one of the files is missing."""
    before, after = folder.read_answers("before"), folder.read_answers("after")
    if before is None or after is None or not folder.questions.is_file():
        return ()
    questions, completions = by_kind(folder.read_questions())
    return (
        *_paired(questions, before.questions["floor"], after.questions["adapted"], grading),
        *_paired(completions, before.completions, after.completions, grading),
    )


def _paired(
    questions: Sequence[Question], before: Sequence[str], after: Sequence[str], grading: str
) -> list[AnsweredQuestion]:
    grades = (grade_all(questions, before), grade_all(questions, after))
    return [
        AnsweredQuestion(
            one.text, one.kind, one.document, one.answers, first, second, *(each.right(grading) for each in rights)
        )
        for one, first, second, *rights in zip(questions, before, after, *grades, strict=True)
    ]
