"""The commands eval, report and inspect, for a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from disc_lite.cli.options import AS_JSON, DEVICE, PATH, QUIET
from disc_lite.cli.terminal import print_json, print_line
from disc_lite.errors import UsageError
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject

if TYPE_CHECKING:
    from rich.console import Console


@click.command("eval", short_help="Show the report card of a run: what was learned and retained.")
@click.argument("run", type=PATH)
@click.option("--questions", "-q", type=PATH, help="Other questions to measure with (JSON, CSV or SQuAD).")
@click.option("--judge", is_flag=True, help="Let the base judge the answers too, with the passage in its prompt.")
@click.option("--benchmarks", metavar="TASK,…", help="Tasks of lm-evaluation-harness, or YAML files of tasks.")
@click.option("--limit", type=click.IntRange(1), help="Largest number of questions per benchmark.")
@click.option(
    "--output", "-o", type=PATH,
    help="Folder for new answers, if RUN is read-only; by default RUN.",
)  # fmt: skip
@click.option("--min-recall", type=click.FloatRange(0, 1), help="Exit code 5 if the recall is lower (0.8 for 80%).")
@click.option("--max-forgetting", type=click.FloatRange(0, 1), help="Exit code 5 if a larger share is forgotten.")
@DEVICE
@QUIET
@AS_JSON
def evaluate(
    run: Path, questions: Path | None, judge: bool, benchmarks: str | None, limit: int | None, output: Path | None,
    min_recall: float | None, max_forgetting: float | None, device: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show the report card of a RUN: answers of the base, of retrieval and of the adapted model; what was retained.

    Answers saved in RUN, or in --output, are not generated again.
    """
    from rich.console import Console

    from disc_lite.cli.progress import display
    from disc_lite.cli.summary import show_card
    from disc_lite.run.evaluate import evaluate as run_evaluate
    from disc_lite.run.events import Event
    from disc_lite.run.finished import open_run
    from disc_lite.run.gates import check_gates, remark_on_forgetting, require_shares

    require_shares(min_recall, max_forgetting)  # now rather than after hours: NaN passes click's range check
    if limit and not benchmarks:
        raise UsageError("--limit needs --benchmarks.", "", "Add --benchmarks TASK, or leave --limit out.")
    tasks = [task.strip() for task in (benchmarks or "").split(",") if task.strip()]
    if benchmarks is not None and not tasks:
        raise UsageError("--benchmarks names no task.", "", "Name a task, or leave --benchmarks out.")
    with display(quiet) as show:
        if max_forgetting is not None:
            remark = remark_on_forgetting(open_run(run).summary["card"], max_forgetting)
            if remark:
                show(Event("evaluation", remark, is_remark=True))
        card = run_evaluate(
            run, questions, judge=judge, benchmarks=tasks, limit=limit, output=output, device=device, listener=show
        )
    if as_json:
        print_json(card)
    else:
        show_card(card, Console(), documents=True)
    check_gates(card, min_recall, max_forgetting)


@click.command(short_help="Write a run's report as one HTML page.")
@click.argument("run", type=PATH)
@click.option("--output", "-o", type=PATH, help="HTML file; by default RUN/report.html.")
def report(run: Path, output: Path | None) -> None:
    """Write RUN/report.html: report card, training curves and answers in one file."""
    from disc_lite.report import write_report

    click.echo(write_report(run, output))


@click.command(short_help="Show one document of a run: its passages, pairs and answers.")
@click.argument("run", type=PATH)
@click.argument("document")
@AS_JSON
def inspect(run: Path, document: str, as_json: bool) -> None:
    """Show one DOCUMENT of a RUN: its passages with their pairs, and its questions with the answers.

    The document is named as in the run's ledger.jsonl, by the end of that name, or by a path that ends in it.
    """
    from rich.console import Console

    from disc_lite.report import inspect_document

    content = inspect_document(run, document)
    if as_json:
        print_json(content)
    else:
        show_document(content, Console())


def show_document(content: JsonObject, console: Console) -> None:
    """Print passages with their sentences and pairs, then the questions of the evaluation."""
    from disc_lite.evaluation.card import ROWS

    print_line(console, 0, content["document"], "bold")
    if content["outcome"] != "read":
        print_line(console, 0, f"{content['outcome']}: {content['reason']}")
        return
    if content["teachability"] is not None:
        print_line(console, 0, f"teachability {content['teachability']:.2f} nats per token")
    if recall := content["recall"]:
        shares = (f"{ROWS[name]} {row['right']}/{row['of']}" for name, row in recall.items())
        print_line(console, 0, f"right answers: {'; '.join(shares)}")
    for passage in content["passages"]:
        _show_passage(passage, console)
    if content["questions"]:
        console.print()
        print_line(console, 0, f"Evaluation: {counted(len(content['questions']), 'question')}", "bold")
    for question in content["questions"]:
        _show_question(question, console)


def _show_passage(passage: JsonObject, console: Console) -> None:
    console.print()
    numbers = {"token": passage["tokens"], "sentence": len(passage["sentences"]), "pair": len(passage["pairs"])}
    counts = ", ".join(counted(number, what) for what, number in numbers.items())
    print_line(console, 0, f"Passage {passage['passage']}: {counts}", "bold")
    for number, sentence in enumerate(passage["sentences"], 1):
        print_line(console, 2, " ".join(sentence.split()), label=f"{number:>3}  ")
    for pair in passage["pairs"]:
        print_line(console, 2, pair["question"], "cyan")
        print_line(console, 4, pair["answer"])
        if pair["with_passage"] is not None and pair["without_passage"] is not None:
            scores = f"{_score(pair['with_passage'])} with the passage, {_score(pair['without_passage'])} without"
            print_line(console, 4, f"log-probability in nats per token: {scores}", "dim")


def _show_question(question: JsonObject, console: Console) -> None:
    print_line(console, 2, question["question"], "bold")
    print_line(console, 4, " / ".join(question["expected"]), label="expected  ")
    for when in ("before", "after"):
        right = question[f"right_{when}"]
        mark = "right" if right else "wrong"
        print_line(console, 4, f"{question[when]}  ({mark})", "green" if right else "red", f"{when:<8}  ")
    places = ", ".join(str(number) for number in question["stands_in"])
    print_line(console, 4, f"answer in passage {places}" if places else "answer in no passage", "dim")
    if pair := question["nearest_pair"]:
        nearest = f"nearest pair (passage {pair['passage']}, similarity {pair['likeness']:.2f}): {pair['question']}"
        print_line(console, 4, f"{nearest}  {pair['answer']}", "dim")


def _score(value: float) -> str:
    return f"{value:.2f}".removeprefix("-") if abs(value) < 0.005 else f"{value:.2f}"
