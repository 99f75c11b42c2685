"""Prints the summary and the report card of a finished run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from disc_lite.cli.terminal import escape_controls, print_line, untrusted
from disc_lite.evaluation import sentences
from disc_lite.evaluation.card import DRIFTS, ROWS
from disc_lite.evaluation.grading import answer_begins
from disc_lite.evaluation.updates import since_rows, since_update, still_known
from disc_lite.run.about_pairs import about_pairs, sentences_asked
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import counted, data_size, duration, listed
from disc_lite.storage import JsonObject

SENTENCES = (
    sentences.unreadable, sentences.unstated, sentences.shortfall, since_update, still_known,
    sentences.verdict, sentences.choice_of_questions, sentences.forgotten, sentences.terser,
)  # fmt: skip
SHOWN_MISSES = 5
SHOWN_CHARACTERS = 300  # of a passage
SHOWN_DOCUMENTS = 40
# Short headings for the rows of a card, so that names have room.
SHORT = {"floor": "base", "rag": "RAG", "ceiling": "passage", "adapted": "adapted", "adapted_rag": "+ RAG"}
WITH_RULES = 76  # columns; narrower terminals show right answers, but no other rules and not every interval
SHOWN_REASONS = 3  # reasons for dropped drafts that are named; also documents in a remark


def show_summary(summary: JsonObject, console: Console) -> None:
    """Print the report card with time, memory and remarks."""
    if idle := summary.get("nothing_to_teach"):
        console.print(untrusted(f"{idle} Nothing was done."))
        return
    if file := summary.get("pairs_only"):
        console.print(untrusted(f"{counted(summary['pairs']['accepted'], 'pair')}: {file}"))
        if "card" not in summary:  # else they are taught
            console.print("The same command without --pairs-only teaches them.", highlight=False)
        return
    read = summary["documents"]["read"]
    console.print(Text.assemble((escape_controls(summary["model"]), "bold"), f" after {counted(read, 'document')}"))
    show_card(summary["card"], console)
    for remark in remarks(summary):
        console.print(untrusted(remark))


def show_card(card: JsonObject, console: Console, documents: bool = False) -> None:
    """Print the report card; with `documents` also by document, with misses."""
    headings = ("exact", "contains", "F1") if console.width >= WITH_RULES else ()
    asked = f"{counted(card['questions'], 'question')}{sentences.about_facts(card)}"
    table = _table(f"Learned: {asked}", "right", "95%", *headings)
    for name, label in ROWS.items():
        if card["questions"]:
            row, bold = card["rows"][name], name == "adapted"
            rules, name_of_row = _rules(row)[: len(headings)], Text(label, "bold" if bold else "")
            table.add_row(name_of_row, _share(row, bold), _span(row), *rules)
    for when, row in card["completions"].items():
        if row["of"]:
            table.add_row(f"statements, {when}", _share(row), _span(row), *_rules(row)[: len(headings)])
    console.print(table)
    _show_update(card["update"], console)
    _show_retained(card, console)
    if documents:
        _show_documents(card, console)
        _show_misses(card, console)
    for line in _said(card):
        console.print(untrusted(line))


def _table(title: str, *headings: str) -> Table:
    """A table of names (left, wrapped if long) and figures (right) that fits into 80 columns."""
    table = Table(title=untrusted(title, "bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _show_update(update: JsonObject, console: Console) -> None:
    """Print what was known before an update and is known now, by unchanged, changed, new and removed passages."""
    if not update:
        return
    headings = ("95%",) if console.width >= WITH_RULES else ()
    table = _table(
        f"Since {update['run']} (before: of the questions asked then too)",
        "passages",
        "right, before",
        "right, now",
        *headings,
    )
    for label, passages, rows in since_rows(update):
        before, now = rows["earlier"], rows["adapted"]
        figures = (_share(before) if before["of"] else "", _share(now), _span(now)) if now["of"] else ("", "", "")
        names = ("  statements", "") if passages is None else (label, f"{passages:,}")  # about the same as above
        table.add_row(*names, *figures[: 2 + len(headings)])
    console.print(table)


def _show_retained(card: JsonObject, console: Console) -> None:
    table = _table("Retained", "before", "after", "lost")
    for name, row in card["retained"].items():
        lost = f"{row['lost']} of {row['before']['right']}"
        table.add_row(untrusted(name.replace("_", " ")), _share(row["before"]), _share(row["after"]), lost)
    for name, label in DRIFTS.items():
        table.add_row(f"drift, {label}", "", f"{card['drift'][name]:.4f} nats", "")
    for task, row in card.get("benchmarks", {}).items():
        for metric, value in row["before"].items():
            table.add_row(untrusted(f"{task}: {metric}"), f"{value:.4f}", f"{row['after'][metric]:.4f}", "")
    console.print(table)


def _show_documents(card: JsonObject, console: Console) -> None:
    if not card["documents"]:
        return
    rows = tuple(SHORT) if console.width >= WITH_RULES else ("floor", "ceiling", "adapted")
    table = _table("By document, least known first", *(SHORT[name] for name in rows))
    ordered = sorted(card["documents"].items(), key=lambda item: item[1]["adapted"]["share"])
    for document, row in ordered[:SHOWN_DOCUMENTS]:
        table.add_row(untrusted(document), *(f"{row[name]['right']}/{row[name]['of']}" for name in rows))
    console.print(table)
    if (more := len(ordered) - SHOWN_DOCUMENTS) > 0:
        console.print(f"… and {more:,} more (--json lists them)", highlight=False)


def _show_misses(card: JsonObject, console: Console) -> None:
    shown = card["misses"][:SHOWN_MISSES]
    if shown:
        wrong = card["rows"]["adapted"]["of"] - card["rows"]["adapted"]["right"]
        console.print(f"Wrong answers, closed book: {len(shown)} of {wrong:,}", style="bold", highlight=False)
    for miss in shown:
        question, document = map(escape_controls, (miss["question"], miss["document"]))
        console.print(Text.assemble((question, "bold"), f"  {document}"))
        print_line(console, 2, " / ".join(miss["expected"]), label="expected ")
        print_line(console, 2, miss["adapted"], label="answer   ")
        if miss["passage"]:
            print_line(console, 2, _shortened(miss["passage"], miss["expected"]), "dim", "passage  ")


def _shortened(passage: str, answers: Sequence[str]) -> str:
    """At most SHOWN_CHARACTERS of a passage, from the sentence that gives one of the answers, if any does."""
    start = answer_begins(passage, answers)
    text = " ".join(passage[start:].split())
    text = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
    return f"… {text}" if start else text


def _said(card: JsonObject) -> list[str]:
    """The sentences of the card."""
    lines = [part(card) for part in SENTENCES]
    for pair, gain in card["differences"].items():
        mean, low, high = (100 * gain[name] for name in ("mean", "low", "high"))
        lines.append(f"{sentences.compared(pair)}: {mean:+.1f} points (95% interval: {low:+.1f} to {high:+.1f})")
    judge = card.get("judge")
    if judge and not judge["of"]:
        lines.append("The base as judge gave no verdict on any answer.")
    elif judge:
        lines.append(
            f"The base as judge finds {sentences.in_words(judge)} right ({judge['undecided']} without a verdict); "
            f"it agrees with exact match on {sentences.in_words(judge['agreement'])}."
        )
    lines += sentences.overlap_sentences(card)
    return [line for line in lines if line]


def remarks(summary: JsonObject) -> list[str]:
    """The remarks below the table, and the next command."""
    documents, pairs = summary["documents"], summary["pairs"]
    lines = [
        f"{counted(summary['steps'], 'step')}; the command that finished the run took {duration(summary['seconds'])}, "
        f"peak memory {data_size(summary['peak_bytes'])}. Adapter: {summary['adapter']}"
    ]
    ledger = RunFolder(Path(summary["run"])).ledger
    if documents["refused"] or documents["duplicate"]:
        counts = f"{counted(documents['refused'], 'file')} refused, {counted(documents['duplicate'], 'duplicate')}"
        lines.append(f"{counts}: see {ledger}")
    if documents["damaged"]:
        lines.append(f"{counted(documents['damaged'], 'file')} read with a warning: see {ledger}")
    if pairs.get("dropped"):
        lines.append(_dropped(pairs))
    lines += pairs.get("remarks", ())
    if "kept" in pairs:
        lines.append(
            f"{counted(pairs['kept'], 'pair')} taken over, {pairs['written']} about new or changed passages; "
            f"{pairs['removed']} about removed ones."
        )
    lines += about_pairs(pairs)
    if low := summary["teachability"]["low"]:
        only_pairs = "only pairs teach them" if pairs["accepted"] else "use method: prompt (or both)"
        lines.append(
            f"Low teachability: {listed(low, SHOWN_REASONS)}. Facts that these documents state only once "
            f"cannot be taught by split contexts; {only_pairs}."
        )
    return [*lines, f'Next: disc-lite ask {shlex.quote(summary["run"])} "…" --base']


def _dropped(pairs: JsonObject) -> str:
    """The number of pairs that are taught, and what became of the user's other pairs or the model's other drafts."""
    counts = sorted(pairs["dropped"].items(), key=lambda item: -item[1])
    why = listed([f"{reason}: {number:,}" for reason, number in counts], SHOWN_REASONS)
    number = sum(pairs["dropped"].values())
    if pairs.get("given"):
        return f"{counted(pairs['accepted'], 'pair')} taught, {number:,} left out ({why})."
    drafts = f"{counted(number, 'draft')}{' and earlier pairs' * ('kept' in pairs)} dropped ({why})"
    # The coverage is unknown in an update of a run whose pairs were given; a low one is told by `few_pairs`.
    known = pairs["coverage"] is not None and not pairs.get("low_coverage")
    return f"{counted(pairs['accepted'], 'pair')} accepted, {drafts}" + (
        f"; {pairs['coverage']:.0%} of the {sentences_asked(pairs)} have a pair." if known else "."
    )


def _share(row: JsonObject, bold: bool = False) -> Text:
    return Text(f"{row['share']:.1%} ({row['right']}/{row['of']})", "bold" if bold else "")


def _span(row: JsonObject) -> str:
    """The interval of a row; empty if it has none because the questions were chosen by it."""
    return "" if row["low"] is None else f"{100 * row['low']:.0f} to {100 * row['high']:.0f}%"


def _rules(row: JsonObject) -> tuple[str, ...]:
    return tuple(f"{row[rule]:.0%}" for rule in ("exact", "contains", "f1"))
