"""A finished run is examined: its own report card, or one on other questions. The public `disc_lite.evaluate`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from disc_lite.errors import GateFailed, UsageError
from disc_lite.evaluation.card import counted, forgetting
from disc_lite.prompts.answering import join_passages, judge_task
from disc_lite.qa import is_right, read_questions
from disc_lite.run.folder import BEFORE_AND_AFTER, FinishedRun, RunFolder, load_run, open_run
from disc_lite.run.inputs import check_documents
from disc_lite.run.interrupts import Interrupts, listening
from disc_lite.storage import lock, read_json, sweep, write_json

JUDGE_TOKENS = 200  # a sentence or two of reasoning, and the verdict
VERDICT = re.compile(r"verdict\s*:\s*\**\s*(right|wrong)", re.IGNORECASE)


def evaluate(
    run: str | Path, questions: str | Path | None = None, *, judge: bool = False, benchmarks: Sequence[str] = (),
    limit: int | None = None, device: str | None = None, listener: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """The report card of a finished run, on its own questions or on those of a file.

    What was asked once is kept in the run folder, so an interrupted evaluation goes on where it was
    and a repeated one costs nothing. `judge` lets the base decide as well, with the passage before it.
    `benchmarks` are tasks of lm-evaluation-harness, each of at most `limit` questions. `listener` gets an
    `Event` for everything that happens.

    Raises UsageError where the folder holds no finished run, or the questions are of other documents;
    Interrupted where a signal asks it to stop.
    """
    finished = open_run(Path(run))
    from disc_lite.run import fit, measuring

    run_folder = finished.folder
    passages = run_folder.read_passages()
    if questions:
        asked = read_questions(Path(questions))
        check_documents("questions", (q.document for q in asked), {name for name, _ in passages})
        folder = run_folder.evaluation(asked)
    else:
        asked, folder = run_folder.read_questions(), run_folder
    if not asked:
        raise UsageError(
            f"The run in {run_folder} has no questions.", "The model wrote none that its passages support.",
            "Name a file of your own: disc-lite eval RUN --questions FILE.",
        )  # fmt: skip
    with lock(run_folder.path), listening() as interrupts:
        tell = partial(_tell, listener, interrupts)
        opened = cache(partial(_load, finished, device, interrupts, tell))
        folder.path.mkdir(parents=True, exist_ok=True)
        sweep(folder.path)
        exam = measuring.compose(asked, passages, finished.model.probes, ())
        answers = {
            when: measuring.measure_answers(opened, finished.recipe, exam, folder, when, tell)
            for when in BEFORE_AND_AFTER
        }
        retained = {
            when: measuring.measure_retained(opened, finished.recipe, exam, run_folder, when, tell)
            for when in BEFORE_AND_AFTER
        }
        card = measuring.card_of(exam, run_folder.read_pairs(), finished.recipe, answers, retained)
        card["fit"] = fit.last_measured(run_folder)
        if judge:
            card["judge"] = _judged(opened, exam, answers["after"].questions["adapted"], folder, tell)
        if benchmarks:
            card["benchmarks"] = _benchmarked(opened, benchmarks, limit, run_folder.benchmarks, tell)
    return card


def _load(finished: FinishedRun, device: str | None, interrupts: Interrupts, tell: Any) -> Any:
    tell(f"loading {finished.model.name}")
    base = load_run(finished, device)
    base.before_each_forward(interrupts.check)
    return base


def _tell(listener: Any, interrupts: Interrupts, text: str, done: int = 0, total: int = 0) -> None:
    from disc_lite.run.context import Event

    if listener is not None:
        listener(Event("evaluation", text, done, total))
    interrupts.check()


def check_gates(card: Mapping[str, Any], min_recall: float | None, max_forgetting: float | None) -> None:
    """Raises GateFailed where the adapted model knows too little, or forgot too much."""
    recall = card["rows"]["adapted"]["share"]
    if min_recall is not None and recall < min_recall:
        raise GateFailed(
            f"The adapted model answers {recall:.1%}, less than {min_recall:.1%}.", "",
            "More epochs, a higher rate or more questions per passage may teach it.",
        )  # fmt: skip
    lost, what = forgetting(card)
    if max_forgetting is not None and lost > max_forgetting:
        raise GateFailed(
            f"It forgot {lost:.1%} of: {what}. Allowed are {max_forgetting:.1%}.", "",
            "A lower rate or a larger retention.weight keeps more.",
        )  # fmt: skip


def _judged(opened: Any, exam: Any, given: Sequence[str], folder: RunFolder, tell: Any) -> dict[str, Any]:
    """The base's verdict on every answer of the adapted model, and how often it agrees with exact match."""
    from disc_lite.evaluation.asking import generate_answers
    from disc_lite.run.measuring import Progress

    path = folder.judge
    if not path.is_file():
        tasks = [
            join_passages([p] if p else []) + judge_task(q.text, q.answers, g)
            for q, g, p in zip(exam.questions, given, exam.right, strict=True)
        ]
        base, on_finished = opened(), Progress(tell, len(tasks)).part("the base judges the answers", len(tasks))
        judged = generate_answers(base, tasks, JUDGE_TOKENS, False, on_finished)
        write_json(path, [base.tokens.decode(answer.answer_ids) for answer in judged])
    verdicts = [verdict_in(text) for text in read_json(path)]
    exact = [is_right(g, q.answers, "exact") for q, g in zip(exam.questions, given, strict=True)]
    decided = [(v, e) for v, e in zip(verdicts, exact, strict=True) if v is not None]
    return {
        **counted([v for v, _ in decided]), "undecided": verdicts.count(None),
        "agreement": counted([v == e for v, e in decided]),
    }  # fmt: skip


def _benchmarked(opened: Any, tasks: Sequence[str], limit: int | None, path: Path, tell: Any) -> dict[str, Any]:
    """Results of the tasks; those asked before with the same limit come from the run folder."""
    from disc_lite.evaluation.benchmarks import run_benchmarks

    known = read_json(path) if path.is_file() else {}
    named = {task: f"{task} ({limit or 'all'})" for task in tasks}
    missing = [task for task, name in named.items() if name not in known]
    if missing:
        found = run_benchmarks(opened(), missing, limit, tell)
        known.update({named[task]: row for task, row in zip(missing, found.values(), strict=True)})
        write_json(path, known)
    return {name: known[name] for name in named.values()}


def verdict_in(text: str) -> bool | None:
    """What the last verdict of a judge's reply says; None where there is none."""
    found = VERDICT.findall(text)
    return found[-1].lower() == "right" if found else None
