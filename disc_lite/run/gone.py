"""What documents say no more since an earlier run: the pairs about it, and the files that the adapter was taught.

Does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from disc_lite.documents import LedgerEntry
from disc_lite.recipe import Recipe
from disc_lite.run.changes import Changes, Passages, places_of
from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import RunFolder
from disc_lite.storage import JsonObject, read_json


@dataclass(frozen=True)
class Gone:
    """Pairs about what the documents say no more, each with its passage (`shown`) and the SHA-256 of its file."""

    passages: list[JsonObject]  # of whole passages: those that are gone now, and those that were rehearsed since
    sentences: list[JsonObject]  # at most these are about what a passage that has changed says no more
    dropped: list[JsonObject]  # of either kind, which went before and were neither rehearsed nor unlearned


def what_is_gone(earlier: EarlierRun, changes: Changes, shown: Passages) -> Gone:
    """By the passages of now. Nothing of it is said again: neither its passage, nor its sentence under its headings."""
    said: dict[str, list[str]] = {}
    for _, text in shown:
        said.setdefault(_headings(text), []).append(_flat(text))
    here = {text for texts in said.values() for text in texts}

    def is_gone(row: JsonObject) -> bool:
        source = _flat(row.get("source") or "")
        again = bool(source) and any(source in text for text in said.get(_headings(row["shown"]), ()))
        return not again and _flat(row["shown"]) not in here

    before = dict(zip(places_of(earlier.passages), (text for _, text in earlier.passages), strict=True))
    files, gone, replaced = earlier.files, set(changes.removed), set(changes.changed.values())
    passages, sentences = list(earlier.removed), list[JsonObject]()
    for row in earlier.pairs:
        place = (row["document"], row["passage"])
        if place in gone or (place in replaced and row.get("source")):
            more = {"shown": before[place], "sha256": files.get(row["document"], "")}
            (passages if place in gone else sentences).append({**row, **more})
    return Gone(*(list(filter(is_gone, rows)) for rows in (passages, sentences, earlier.dropped)))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _headings(shown: str) -> str:
    """The headings with which a passage begins as prompts show it."""
    return "\n".join(takewhile(lambda line: line.startswith("#"), filter(None, shown.splitlines())))


def taught_before(
    earlier: EarlierRun, changes: Changes, ledger: Sequence[LedgerEntry], recipe: Recipe
) -> list[JsonObject]:
    """The files that an adapter was taught before its update and that are not here: name, SHA-256, what became of it.

    `replaced` says whether passages of it are in a later version, or in another file. `removed` is what holds unless
    pairs of the file are rehearsed, dropped or unlearned now, which `versions_before` knows; none where a new adapter
    knows nothing of it.
    """
    lives = {document for document, _ in (*changes.now, *changes.changed.values())}
    rows: list[JsonObject] = [
        {"name": name, "sha256": sha256, "replaced": name in lives, "removed": "drop"}
        for name, sha256 in earlier.files.items()
    ]
    rows += versions_before(earlier.folder)
    here = {entry.sha256 for entry in ledger if entry.outcome == "read"}
    starts_anew = recipe.update.start == "new"
    return [
        {**row, "removed": None if starts_anew else "unlearn" if row["removed"] == "unlearn" else "drop"}
        for row in rows if row["sha256"] not in here
    ]  # fmt: skip


def versions_before(folder: RunFolder) -> list[JsonObject]:
    """The files that the adapter of a run was taught before, and what became of what the documents say no more.

    `removed` is `rehearse`, `unlearn`, or `drop`: neither, so the adapter may still know it.
    """
    record = folder.read_update()
    found = {row.get("sha256"): record["removed"] for row in folder.read_removed()}
    found |= {row.get("sha256"): "drop" for row in folder.read_dropped()}
    rows = [{**row, "removed": found.get(row["sha256"], row["removed"])} for row in record.get("taught_before", [])]
    return [row for row in rows if row["removed"]]


def saved_steps(summary: Mapping[str, Any]) -> int:
    """The steps of a run up to its adapter: training may have gone on after that."""
    return int((summary.get("stopped_at") or {}).get("adapter_step", summary["steps"]))


def steps_before(earlier: EarlierRun, recipe: Recipe) -> list[int] | None:
    """The steps of each of the runs whose training an update takes up, the first one first; None where unknown."""
    record = earlier.folder.read_update()
    before = record.get("steps_before") if record else []
    if recipe.update.start == "new":
        return []
    return None if before is None else [*before, saved_steps(read_json(earlier.folder.summary))]
