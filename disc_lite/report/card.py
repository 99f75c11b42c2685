"""The report card: what was learned and retained, before and after, by document."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from disc_lite.evaluation.card import DRIFTS, ROWS
from disc_lite.evaluation.sentences import about_facts, choice_of_questions, in_words, interval, overlap_sentences
from disc_lite.evaluation.updates import since_rows
from disc_lite.report import charts
from disc_lite.report.charts import Item, Scale
from disc_lite.report.markup import Child, Html, beginning, element, foreign, join, paragraph, table
from disc_lite.report.reading import Row, RunFiles
from disc_lite.run.wording import counted

RULES = {"contains": "it holds an accepted answer as whole words", "exact": "it is an accepted answer"}
GRADES = {"exact": "exact", "contains": "contains", "f1": "F1"}
AXIS = charts.axis("0%", "50%", "100%")


# -- the report card -------------------------------------------------------------------------------------


def report_card(run: RunFiles) -> list[Child]:
    card = run.card
    if not card["questions"]:
        return [paragraph("This run has no questions, so recall was not measured.")]
    rows = [(name, label, card["rows"][name]) for name, label in ROWS.items()]
    bars = [
        (label, charts.bar(f"{label}: {in_words(row)}", row["share"], Scale(), _kind(name), _interval(row)),
         share(row["share"]))
        for name, label, row in rows
    ]  # fmt: skip
    cells = [
        (label, f"{row['right']} of {row['of']}", interval(row), *(share(row[rule]) for rule in GRADES))
        for _, label, row in rows
    ]
    headings = ("", "right", "95% interval", *GRADES.values())
    return [
        paragraph(
            f"{counted(card['questions'], 'question')}{about_facts(card)}. "
            f"An answer is right if {RULES[card['grading']]}. Thin lines are 95% intervals.",
            class_="note",
        ),
        paragraph(text, class_="note") if (text := choice_of_questions(card)) else None,
        charts.rows("Right answers", bars, AXIS),
        table("The report card in figures", headings, cells),
        _differences(card), paragraph(" ".join(overlap_sentences(card)), class_="note"),
    ]  # fmt: skip


def _differences(card: Row) -> Html | None:
    if not card["differences"]:
        return None
    differences = card["differences"].items()
    reach = charts.nice(max(abs(gain[end]) for _, gain in differences for end in ("low", "high")))
    scale = Scale(-reach, reach)
    items: list[Item] = []
    for pair, gain in differences:
        second, first = (ROWS.get(name, name) for name in pair.split(" - "))
        text = f"{points(gain['mean'])} ({points(gain['low'])} to {points(gain['high'])})"
        title = f"{second} minus {first}: {text}"
        label = join([second, element("span", f" minus {first}", class_="unit")])
        items.append((label, charts.difference(title, gain["mean"], gain["low"], gain["high"], scale), text))
    axis = charts.axis(f"−{100 * reach:g}", "0", f"+{100 * reach:g}")
    note = "Question by question, in percentage points. An interval that does not contain zero is more than chance."
    return join([element("h3", "Differences"), paragraph(note, class_="note"), charts.rows("Differences", items, axis)])


# -- learned against forgotten ---------------------------------------------------------------------------


def learned_and_retained(run: RunFiles) -> list[Child]:
    card = run.card
    learned = {}
    if card["questions"]:
        learned["questions, closed book"] = {"before": card["rows"]["floor"], "after": card["rows"]["adapted"]}
    learned["statements finished"] = card["completions"]
    retained = {name.replace("_", " "): row for name, row in card["retained"].items()}
    parts: list[Child] = []
    for title, group, class_ in (("Learned", learned, "adapted"), ("Retained", retained, "retained")):
        items = [_before_after(name, row, class_) for name, row in group.items() if row and row["after"]["of"]]
        if items:
            parts += [element("h3", title), charts.rows(title, items, AXIS)]
    note = "Hollow: before. Filled: after, with its 95% interval. Retained: what no document is about."
    return [paragraph(note, class_="note"), *parts, _drift(card), _benchmarks(run)] if parts else []


def _before_after(name: str, row: Row, class_: str) -> Item:
    before, after = row["before"], row["after"]
    text = f"{name}: before {in_words(before)}, after {in_words(after)}"
    drawn = charts.dots(text, before["share"], after["share"], (after["low"], after["high"]), Scale(), class_)
    change = points(after["share"] - before["share"])
    return name, drawn, f"{share(before['share'])} → {share(after['share'])} ({change})"


def _drift(card: Row) -> Html:
    listed = ", ".join(f"{card['drift'][name]:.4f} on {label}" for name, label in DRIFTS.items())
    return paragraph(
        f"Drift from the base, in nats per token of the base's own answers: {listed}. 0 is no change at all.",
        class_="note",
    )


def _benchmarks(run: RunFiles) -> Html | None:
    rows = [
        (foreign(task), metric, f"{value:.4f}", f"{row['after'][metric]:.4f}")
        for task, row in run.benchmarks.items()
        for metric, value in row["before"].items()
    ]
    return table("Benchmarks of lm-evaluation-harness", ("task", "metric", "before", "after"), rows) if rows else None


# -- since the run that was updated ------------------------------------------------------------------------


def since(run: RunFiles) -> list[Child]:
    """For an update, recall now and in the earlier run, by unchanged, changed, new and removed; else empty."""
    update = run.card["update"]
    if not update:
        return []
    items, cells = [], []
    for name, passages, rows in since_rows(update):
        before, now = rows["earlier"], rows["adapted"]
        number = "" if passages is None else f"{passages:,}"
        cells.append((name, number, _asked(before), _asked(now), interval(now) if now["of"] else ""))
        if now["of"]:
            text = f"{name}: now {in_words(now)}" + (f", before {in_words(before)}" if before["of"] else "")
            drawn = charts.bullet(text, before["share"] if before["of"] else None, now["share"], None)
            items.append((name, drawn, _asked(now)))
    note = (
        "Bar: right answers now. Hollow dot: right answers of the earlier run, of those questions that it was asked "
        "too. What is gone should fall"
    )
    note += " where it is unlearned." if update["removed"] == "unlearn" else " only where it is dropped or unlearned."
    return [
        paragraph("Passages since ", foreign(Path(update["run"]).name), ". ", note, class_="note"),
        charts.rows("Right answers before and after the update", items, AXIS) if items else None,
        table("In figures", ("", "passages", "right, before", "right, now", "95% interval"), cells),
    ]


def _asked(row: Row) -> str:
    return f"{row['right']} of {row['of']}" if row["of"] else "not asked"


# -- document by document --------------------------------------------------------------------------------


def by_document(run: RunFiles) -> list[Child]:
    documents = run.card["documents"]
    ordered = sorted(documents, key=lambda name: (documents[name]["adapted"]["share"], name))
    items = [_recall(name, documents[name]) for name in ordered]
    note = "Bar: adapted model. Hollow dot: base, closed book. Mark: base with the right passage. Least known first."
    drawn = beginning(partial(charts.rows, axis=AXIS), "Recall by document", items)
    return [paragraph(note, class_="note"), *drawn] if items else []


def _recall(name: str, row: Row) -> Item:
    floor, adapted, ceiling = (row[which] for which in ("floor", "adapted", "ceiling"))
    text = f"{floor['right']} → {adapted['right']} of {adapted['of']} (passage: {ceiling['right']})"
    return foreign(name), charts.bullet(f"{name}: {text}", floor["share"], adapted["share"], ceiling["share"]), text


def teachability(run: RunFiles) -> list[Child]:
    by_document = run.teachability
    if not by_document:
        return []
    low = set(run.summary["teachability"]["low"])
    top = charts.nice(max(0.1, *by_document.values()))
    items = [
        (foreign(name), charts.bar(f"{name}: {nats:.2f} nats", nats, Scale(0, top), "low" if name in low else "base"),
         f"{nats:.2f}".replace("-", "−") + (" (low)" if name in low else ""))
        for name, nats in sorted(by_document.items(), key=lambda pair: (pair[1], pair[0]))
    ]  # fmt: skip
    note = (
        "How much better the teacher predicts a document than the student, in nats per token. Facts that a document "
        "states only once add little: split contexts cannot teach them, question-answer pairs can."
    )
    draw = partial(charts.rows, axis=charts.axis("0", f"{top / 2:g}", f"{top:g} nats"))
    return [paragraph(note, class_="note"), *beginning(draw, "Teachability by document", items)]


# -- figures in words ------------------------------------------------------------------------------------


def share(value: float) -> str:
    return f"{value:.1%}"


def _interval(row: Row) -> tuple[float, float] | None:
    return None if row["low"] is None else (row["low"], row["high"])


def points(value: float) -> str:
    """A difference of shares in percentage points, with a typographic minus."""
    rounded = round(100 * value, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def _kind(row: str) -> str:
    return "adapted" if row.startswith("adapted") else "base"
