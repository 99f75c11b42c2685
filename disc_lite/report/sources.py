"""The inputs of the run: the ledger of the documents, and the recipe."""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.report.markup import Child, beginning, element, folded, foreign, paragraph, table
from disc_lite.report.reading import Row, RunFiles
from disc_lite.run.folder import RunFolder

NO_PAIR = "no question-answer pair is about it"
OUTCOMES = ("refused", "duplicate", "read")  # in the order of the table


def ledger(run: RunFiles) -> list[Child]:
    if not run.ledger:
        return []
    ordered = sorted(run.ledger, key=lambda row: (OUTCOMES.index(row["outcome"]), row["name"]))
    counts = ", ".join(f"{sum(r['outcome'] == o for r in ordered)} {o}" for o in reversed(OUTCOMES))
    without = set(run.summary["pairs"].get("without", {}).get("documents", ()))
    lines = [_line(row, row["name"] in without) for row in ordered]
    headings = ("file", "outcome", "reason or warning", "bytes", "characters")
    tables = beginning(lambda caption, some: table(caption, headings, some), "Files", lines)
    return [paragraph(f"Every file has one outcome: {counts}.", class_="note"), *tables]


def _line(row: Row, has_no_pair: bool) -> Sequence[Child]:
    why = "; ".join(filter(None, [row["reason"], row.get("warning"), NO_PAIR if has_no_pair else ""]))
    reason = foreign(why) if why else None
    length = f"{row['characters']:,}" if row["characters"] else ""
    return foreign(row["name"]), row["outcome"], reason, f"{row['bytes']:,}", length


def recipe(run: RunFiles) -> list[Child]:
    if not run.recipe:
        return []
    text = element(
        "pre", element("code", run.recipe), class_="scroll", tabindex=0, role="region", aria_label=RunFolder.recipe.name
    )
    note = "Every resolved setting with its source."
    return [paragraph(note, class_="note"), folded(RunFolder.recipe.name, text)]
