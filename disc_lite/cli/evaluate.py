"""The commands eval, report and inspect, for a finished run."""

from __future__ import annotations

from pathlib import Path

import click

from disc_lite.cli.options import AS_JSON, DEVICE, QUIET
from disc_lite.cli.terminal import print_json
from disc_lite.errors import UsageError


@click.command("eval", short_help="The report card of a run: what was learned and retained.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--questions", "-q", type=click.Path(path_type=Path), help="Other questions to measure with (JSON, CSV or SQuAD)."
)
@click.option("--judge", is_flag=True, help="Let the base judge the answers too, with the passage in its prompt.")
@click.option("--benchmarks", metavar="TASK,…", help="Tasks of lm-evaluation-harness, or YAML files of tasks.")
@click.option("--limit", type=click.IntRange(1), help="Largest number of questions of a benchmark.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path),
    help="Folder for new answers, where RUN may only be read; by default RUN.",
)  # fmt: skip
@click.option("--min-recall", type=click.FloatRange(0, 1), help="Exit code 5 if the recall is lower (0.8 for 80%).")
@click.option("--max-forgetting", type=click.FloatRange(0, 1), help="Exit code 5 if more of what was right is lost.")
@DEVICE
@QUIET
@AS_JSON
def evaluate(
    run: Path, questions: Path | None, judge: bool, benchmarks: str | None, limit: int | None, output: Path | None,
    min_recall: float | None, max_forgetting: float | None, device: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """The report card of a RUN: what was learned, by base, retrieval and adapted model; what was retained.

    Answers that are saved in RUN, or in --output, are not generated again.
    """
    from rich.console import Console

    from disc_lite.cli.display import show_card
    from disc_lite.cli.progress import display
    from disc_lite.run.evaluate import evaluate as run_evaluate
    from disc_lite.run.gates import check_gates

    if limit and not benchmarks:
        raise UsageError(
            "--limit is about benchmarks, and none is named.", "", "Add --benchmarks TASK, or leave it out."
        )
    tasks = [task.strip() for task in (benchmarks or "").split(",") if task.strip()]
    with display(quiet) as show:
        card = run_evaluate(
            run, questions, judge=judge, benchmarks=tasks, limit=limit, output=output, device=device, listener=show
        )
    if as_json:
        print_json(card)
    else:
        show_card(card, Console(), documents=True)
    check_gates(card, min_recall, max_forgetting)


@click.command(short_help="Write a run's report as one HTML page.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="HTML file; by default RUN/report.html."
)
def report(run: Path, output: Path | None) -> None:
    """Write RUN/report.html: report card, training curves, answers, in one file."""
    from disc_lite.report import write_report

    click.echo(write_report(run, output))


@click.command(short_help="One document of a run: its passages, pairs and answers.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("document")
@AS_JSON
def inspect(run: Path, document: str, as_json: bool) -> None:
    """One DOCUMENT of a RUN: its passages with their pairs, and its questions with the answers.

    The document is named as in the run's ledger.jsonl, or by a path that ends so.
    """
    from rich.console import Console

    from disc_lite.cli.inspection import show_document
    from disc_lite.report import inspect_document

    content = inspect_document(run, document)
    if as_json:
        print_json(content)
    else:
        show_document(content, Console())
