"""The report card of a finished run, on its own questions or on others: the public `disc_lite.evaluate`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.documents.tokens import estimated_tokens, tokenizer_of
from disc_lite.errors import UsageError
from disc_lite.evaluation.benchmarks import SUFFIXES, check_tasks, require_known, run_benchmarks
from disc_lite.evaluation.card import share_of
from disc_lite.evaluation.grading import grade_all
from disc_lite.hub.adapters import WEIGHTS
from disc_lite.prompts.answering import join_passages, judge_task
from disc_lite.qa import Question, read_questions
from disc_lite.run.card import card_of
from disc_lite.run.events import Event, Listener, Teller, silent
from disc_lite.run.finished import FinishedRun, load_run, open_run
from disc_lite.run.folder import RunFolder
from disc_lite.run.interrupts import catch_signals
from disc_lite.run.measuring import Measurement, eval_set_of
from disc_lite.run.names import as_named
from disc_lite.run.overhead import overhead_of
from disc_lite.run.user_files import check_lengths
from disc_lite.storage import (
    Journal,
    JsonObject,
    begin_digests,
    disk,
    lock,
    read_json,
    require_writable,
    sha256_of,
    sweep,
    write_json,
)

if TYPE_CHECKING:
    from disc_lite.models import Base

JUDGE_TOKENS = 200  # enough for a sentence or two of reasoning and the verdict
# The second group matches if a judge repeats the choice in its prompt ("right or wrong").
VERDICT = re.compile(
    r"verdict\s*:[\s*\[]*(right|wrong)\b(?:[\s*\]]*(?:or|/|\|)\s*(?:verdict\s*:[\s*]*)?(right|wrong))?", re.IGNORECASE
)


def evaluate(
    run: str | Path, questions: str | Path | None = None, *, judge: bool = False, benchmarks: Sequence[str] = (),
    limit: int | None = None, output: str | Path | None = None, device: str | None = None,
    listener: Listener | None = None,
) -> JsonObject:  # fmt: skip
    """The report card of a finished run, on its own questions or on those of a file.

    Answers are saved in the run folder, or in `output` if the run is read-only. So an interrupted evaluation continues
    and a repeated one costs nothing.
    With `judge` the base judges the answers too, with the passage in its prompt.
    `benchmarks` are tasks of lm-evaluation-harness, each of at most `limit` questions. `listener` is
    called with an `Event` for everything that happens.

    Raises UsageError if the folder holds no finished run, or the questions are about other documents or too long;
    Interrupted if a signal asks it to stop.
    """
    finished = open_run(Path(run))
    check_tasks(benchmarks)
    run_folder = finished.folder
    saved = _saved_in(run_folder, output)
    require_known(_not_run(benchmarks, limit, saved))
    asked = _questions_of(finished, questions, listener or silent)
    own = saved.evaluation(asked) if questions else None
    added = own or saved
    with lock(saved.path), catch_signals() as interrupts, ExitStack() as loaded:
        teller = Teller(listener or silent, interrupts)
        tell = partial(teller.tell, "evaluation")
        opened = cache(lambda: loaded.enter_context(closing(_load(finished, saved, device, teller))))
        begin_digests(saved.path)
        with disk.reporting(f"{added} cannot be written."):
            disk.make_parents(added.path)
        sweep(added.path)
        removed = () if questions else run_folder.read_questions_removed()
        eval_set = eval_set_of(asked, run_folder, finished.model.probes, removed)
        elsewhere = None if saved == run_folder else saved
        measured = Measurement(opened, finished.recipe, eval_set, run_folder, tell, own, elsewhere)
        card = card_of(measured, run_folder.read_pairs())
        if judge:
            card["judge"] = _judge(measured, added)
        if benchmarks:
            with interrupts.at_once():  # the harness may load data for minutes, without a forward pass
                card["benchmarks"] = _run_benchmarks(opened, benchmarks, limit, saved, tell)
    return card


def _saved_in(run_folder: RunFolder, output: str | Path | None) -> RunFolder:
    """The folder in which new answers are saved. Raises EnvironmentNotReady if it is not writable.

    `output` has a subfolder for each adapter, so that answers of several runs are never confused.
    """
    of_adapter = sha256_of(run_folder.adapter / WEIGHTS)[:12] if output else ""
    saved = RunFolder(Path(output) / of_adapter) if output else run_folder
    require_writable(saved.path, "Name a folder for the answers: --output FOLDER.")
    return saved


def _questions_of(run: FinishedRun, path: str | Path | None, tell: Listener) -> tuple[Question, ...]:
    """The questions of the file, checked against the run's documents and context; without a file, those of the run."""
    if path:
        found = read_questions(Path(path), lambda text: tell(Event("evaluation", text, is_remark=True)))
        passages = run.folder.read_passages()
        questions = as_named(found, {document for document, _ in passages}, "questions", [Path(path)])
        tokenizer = tokenizer_of(run.model.folder) or estimated_tokens
        longest = max((len(tokenizer(text)) for _, text in passages), default=0)
        check_lengths(questions, (), run.recipe, run.model, overhead_of(run.model.folder), longest)
        return questions
    questions = run.folder.read_questions()
    if not questions:
        raise UsageError(
            f"The run in {run.folder} has no questions.", "The model wrote none that could be graded.",
            "Give a file of your own: disc-lite eval RUN --questions FILE.",
        )  # fmt: skip
    return questions


def _load(finished: FinishedRun, saved: RunFolder, device: str | None, teller: Teller) -> Base:
    teller.tell("evaluation", f"loading {finished.model.name}")
    with teller.interrupts.at_once():
        base = load_run(finished, device)
    for warning in base.warnings:
        teller.remark("evaluation", warning)
    base.before_each_forward(teller.interrupts.check)
    of_run = finished.folder.journal
    base.journal = Journal(saved.journal, None if saved == finished.folder else of_run)
    return base


def _judge(measured: Measurement, folder: RunFolder) -> JsonObject:
    """The base's verdict on every answer of the adapted model, and how often it agrees with exact match.

    Verdicts on unchanged answers are read from the run folder.
    """
    asked, answers = measured.asked, measured.answers("after").questions["adapted"]
    tasks = [
        join_passages([p] if p else []) + judge_task(q.text, q.answers, a)
        for q, a, p in zip(asked.questions, answers, asked.right, strict=True)
    ]
    about = sha256("\0".join(tasks).encode()).hexdigest()
    known = read_json(folder.judge) if folder.judge.is_file() else {}
    if known.get("tasks_sha256") != about:
        from disc_lite.evaluation.asking import generate_answers
        from disc_lite.run.asking import Progress

        base = measured.opened()
        on_finished = Progress(measured.tell, len(tasks)).part("the base judges the answers", len(tasks))
        judged = generate_answers(base, tasks, JUDGE_TOKENS, adapter=False, on_finished=on_finished)
        known = {"tasks_sha256": about, "replies": [base.tokens.decode(answer.answer_ids) for answer in judged]}
        write_json(folder.judge, known, may_differ=True)
    verdicts = [verdict_in(text) for text in known["replies"]]
    exact = [each.exact for each in grade_all(asked.questions, answers)]
    decided = [(v, e) for v, e in zip(verdicts, exact, strict=True) if v is not None]
    return {
        **share_of([v for v, _ in decided]), "undecided": verdicts.count(None),
        "agreement": share_of([v == e for v, e in decided]),
    }  # fmt: skip


def _run_benchmarks(
    opened: Callable[[], Base], tasks: Sequence[str], limit: int | None, folder: RunFolder, tell: Callable[[str], None]
) -> JsonObject:  # fmt: skip
    """Results of the tasks; those that were run before with the same limit are read from the run folder.

    Results of a task in a file are stored with the file's SHA-256, since it may be edited later.
    """
    known = folder.read_benchmarks()
    if missing := _not_run(tasks, limit, folder):
        for task, row in run_benchmarks(opened, missing, limit, tell):
            known[_name_in_file(task, limit)] = {**row, **_edition(task)}
            write_json(folder.benchmarks, known, may_differ=True)
    return {name: known[name] for name in (_name_in_file(task, limit) for task in tasks)}


def _not_run(tasks: Sequence[str], limit: int | None, folder: RunFolder) -> list[str]:
    """The tasks without a valid result in the run folder, each once."""
    known = folder.read_benchmarks()
    rows = {task: known.get(_name_in_file(task, limit)) for task in tasks}
    return [task for task, row in rows.items() if row is None or row.get("sha256") != _edition(task).get("sha256")]


def _name_in_file(task: str, limit: int | None) -> str:
    return f"{task} ({limit or 'all'})"


def _edition(task: str) -> JsonObject:
    """`{"sha256": …}` of the file of a task; empty for a task of the harness."""
    return {"sha256": sha256_of(Path(task))} if task.endswith(SUFFIXES) else {}


def verdict_in(text: str) -> bool | None:
    """The last verdict in a judge's reply, or None. "right or wrong", the choice in its prompt, is no verdict."""
    verdicts = [first.lower() for first, second in VERDICT.findall(text) if not second]
    return verdicts[-1] == "right" if verdicts else None
