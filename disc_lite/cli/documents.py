"""The command documents: what the model will see of documents."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from disc_lite.cli.options import AS_JSON, DOCUMENTS, QUIET, RECIPE, SET
from disc_lite.cli.terminal import print_json, print_line, untrusted
from disc_lite.run.wording import counted, listed

if TYPE_CHECKING:
    from rich.console import Console

    from disc_lite.run.preview import Preview

MOST_ROWS = 40
MOST_DOUBTFUL = 20
MOST_NAMES = 3
WITH_COUNTS = 60  # columns; narrower terminals show only the names


@click.command(short_help="Show what a model will see of documents.")
@DOCUMENTS
@click.option("--show", metavar="FILE", help="Show the passages of one file, sentence by sentence.")
@click.option("--model", "-m", help="Cut passages by its recipe, with its tokenizer if it is here; else by estimate.")
@RECIPE
@SET
@click.option("--all", "show_all", is_flag=True, help=f"List all documents, not only the first {MOST_ROWS}.")
@QUIET
@AS_JSON
def documents(
    documents: tuple[str, ...], show: str | None, model: str | None, recipe: str | None, overrides: dict[str, str],
    show_all: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show what a model will see of DOCUMENTS (folders or files): the outcome of every file, and the passages.

    Nothing is trained or written. Files that need a look come first: those that were refused, then those that seem to
    have been read wrongly.
    """
    from disc_lite.cli.progress import display
    from disc_lite.run.preview import preview

    with display(quiet) as progress:
        seen = preview(documents, model=model, recipe=recipe, overrides=overrides, show=show, listener=progress)
    if as_json:
        print_json(asdict(seen))
        return
    from rich.console import Console

    if show is None:
        _show_all(seen, Console(), show_all)
    else:
        _show_one(seen, Console())


def _show_all(seen: Preview, console: Console, show_all: bool) -> None:
    _show_unread(seen, console)
    doubtful = [view for view in seen.documents if view.doubts]
    if doubtful:
        print_line(
            console, 0, f"Look at these first: {len(doubtful):,} of {counted(len(seen.documents), 'document')}", "bold"
        )
    most_doubtful, most_rows = (len(seen.documents),) * 2 if show_all else (MOST_DOUBTFUL, MOST_ROWS)
    for view in doubtful[:most_doubtful]:
        print_line(console, 2, view.name, "yellow")
        for doubt in view.doubts:
            print_line(console, 4, doubt)
    _say_how_many_more(len(doubtful) - most_doubtful, console)
    _show_table(seen, console, most_rows)
    for line in _totals(seen):
        print_line(console, 0, line)
    first = shlex.quote(seen.documents[0].name)
    print_line(console, 0, f"Next: add --show {first} to see its passages", "dim")


def _show_unread(seen: Preview, console: Console) -> None:
    """Print the files that are not documents, one line per reason."""
    from rich.table import Table

    names: dict[tuple[str, str], list[str]] = {}
    for entry in seen.ledger:
        if entry.outcome != "read":
            names.setdefault((entry.outcome, entry.reason), []).append(entry.name)
    grid = Table.grid(padding=(0, 2))
    for (outcome, reason), files in names.items():
        count = f"{len(files):,} files: " if len(files) > 1 else ""
        style = "red" if outcome == "refused" else ""
        grid.add_row(untrusted(outcome, style), untrusted(count + listed(files, MOST_NAMES)))
        grid.add_row("", untrusted(reason, "dim"))
    if names:
        console.print(grid)
        console.print()


def _show_table(seen: Preview, console: Console, most: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("document", overflow="fold")
    headings = ("language", "tokens" if seen.counted else "~ tokens", "sentences", "passages")
    shown = headings if console.width >= WITH_COUNTS else headings[1:2]
    for heading in shown:
        table.add_column(heading, justify="left" if heading == "language" else "right", no_wrap=True)
    for view in seen.documents[:most]:
        style = "yellow" if view.doubts else ""
        counts = (f"{number:,}" for number in (view.tokens, view.sentences, view.passages))
        cells = dict(zip(headings, (view.language or "?", *counts), strict=True))
        table.add_row(untrusted(view.name, style), *(cells[heading] for heading in shown))
    console.print(table)
    _say_how_many_more(len(seen.documents) - most, console)


def _say_how_many_more(number: int, console: Console) -> None:
    if number > 0:
        print_line(console, 0, f"… and {number:,} more (--all lists them)")


def _totals(seen: Preview) -> tuple[str, ...]:
    outcomes = Counter(entry.outcome for entry in seen.ledger)
    languages = Counter(view.language or "unknown" for view in seen.documents).most_common()
    tokens, passages = sum(v.tokens for v in seen.documents), sum(v.passages for v in seen.documents)
    return (
        f"{counted(len(seen.ledger), 'file')}: {outcomes['read']:,} read, {outcomes['refused']:,} refused, "
        f"{counted(outcomes['duplicate'], 'duplicate')}.",
        f"{counted(tokens, 'token')}{'' if seen.counted else ' (estimated)'} in {counted(passages, 'passage')} "
        f"of at most {seen.passage_tokens}.",
        f"Languages: {', '.join(f'{name} {number:,}' for name, number in languages)}.",
    )


def _show_one(seen: Preview, console: Console) -> None:
    from rich.table import Table

    (entry,) = seen.ledger
    print_line(console, 0, entry.name, "bold")
    if not seen.documents:
        print_line(console, 0, f"{entry.outcome}: {entry.reason}")
        return
    (view,) = seen.documents
    about = "" if seen.counted else "about "
    print_line(console, 0, f"{view.title}: {view.language or 'language unknown'}")
    counts = f"{counted(view.sentences, 'sentence')}, {counted(view.passages, 'passage')}"
    print_line(console, 0, f"{counted(view.characters, 'character')}, {about}{counted(view.tokens, 'token')}, {counts}")
    for doubt in view.doubts:
        print_line(console, 0, doubt, "yellow")
    for number, passage in enumerate(view.shown):
        console.print()
        headings = " > ".join(passage.heading_path)
        print_line(console, 0, f"Passage {number}: {about}{counted(passage.tokens, 'token')}  {headings}", "bold")
        numbered = Table.grid(padding=(0, 2))
        numbered.add_column(justify="right", width=5, style="dim")
        for place, sentence in enumerate(passage.sentences, 1):
            numbered.add_row(str(place), untrusted(sentence))
        console.print(numbered)
