"""A changing folder: pocket learns two documents of the handbook, then the other ten in one update each.

`python -m bench.updates [--rehearse 2] [--start adapter] [--runs FOLDER] [--output bench/results]`
measures after every update the recall of the first two documents, what pocket still knows, and the processor time
relative to a whole run over all twelve documents. Finished runs are not repeated.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import disc_lite
from disc_lite.run.events import Event

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = ROOT / "examples" / "handbook"
FIRST = 2  # documents of the first run
GENERATED = "retention"  # its prompts are cached per model, so only the first run generates them


class Clock:
    """A listener that measures processor seconds by stage, which other programs do not affect."""

    def __init__(self) -> None:
        self.stage, self.since, self.seconds = "start", time.process_time(), Counter[str]()

    def __call__(self, event: Event) -> None:
        now = time.process_time()
        self.seconds[self.stage] += now - self.since
        self.stage, self.since = event.stage, now

    def stop(self) -> dict[str, float]:
        self(Event("end"))
        return {stage: round(seconds, 1) for stage, seconds in self.seconds.items()}


def folder_of(names: list[str], root: Path) -> tuple[Path, Path]:
    """Write a folder with these documents of the handbook, and the questions about them."""
    docs, questions = root / "docs", root / "questions.jsonl"
    for name in names:
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HANDBOOK / name, docs / name)
    lines = HANDBOOK.with_suffix(".questions.jsonl").read_text().splitlines()
    questions.write_text("".join(f"{line}\n" for line in lines if json.loads(line)["document"] in names))
    return docs, questions


def one(name: str, names: list[str], runs: Path, **options: Any) -> dict[str, Any]:
    """Make a run or an update, and return it with its processor time by stage."""
    taken = runs / f"{name}.seconds.json"
    docs, questions = folder_of(names, runs / f"{name}.in")
    clock = Clock()
    summary = disc_lite.adapt(docs, output=runs / name, questions=questions, listener=clock, **options)
    if not taken.is_file():
        taken.write_text(json.dumps(clock.stop()))
    seconds = json.loads(taken.read_text())
    recall = {document: rows["adapted"] for document, rows in summary["card"]["documents"].items()}
    kept = {probe: summary["retention"][probe]["after"] for probe in ("world", "skills", "open_book")}
    total = sum(taken for stage, taken in seconds.items() if stage != GENERATED)
    return {
        "name": name, "documents": len(names), "steps": summary["steps"], "seconds": seconds, "total": round(total, 1),
        "recall": recall, "all": summary["recall"]["after"], "retained": kept, "update": summary["card"]["update"],
    }  # fmt: skip


def share(row: dict[str, Any]) -> str:
    return f"{row['share']:.1%} ({row['right']}/{row['of']})"


def line(row: dict[str, Any], first: list[str], whole: float) -> str:
    right, of = (sum(row["recall"][name][key] for name in first) for key in ("right", "of"))
    kept = [f"{row['retained'][probe]['share']:.1%}" for probe in ("world", "skills")]
    taken = [str(row["steps"]), f"{row['total']:.0f}", f"{row['total'] / whole:.2f}"]
    cells = [row["name"], str(row["documents"]), *taken, f"{right / of:.1%} ({right}/{of})", share(row["all"]), *kept]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| run | documents | steps | processor seconds | of the whole run | **the first two documents** | all documents "
    "| held-out world | skills |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rehearse", type=float, help="update.rehearse; by default that of the recipe")
    parser.add_argument("--start", choices=("adapter", "new"), default="adapter")
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "updates")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    a = parser.parse_args()
    names = sorted(str(path.relative_to(HANDBOOK)) for path in HANDBOOK.rglob("*") if path.is_file())
    names = names[: FIRST + a.updates]
    overrides = {"update.start": a.start} | ({"update.rehearse": str(a.rehearse)} if a.rehearse is not None else {})
    rows, before = [one("first", names[:FIRST], a.runs, model="pocket")], a.runs / "first"
    label = f"{a.start}-{a.rehearse:g}" if a.rehearse is not None else a.start
    result = "updates" if label == "adapter" else f"updates-{label}"
    for n in range(1, a.updates + 1):
        run = f"{label}-{n}"
        rows.append(one(run, names[: FIRST + n], a.runs, update=before, overrides=overrides))
        before = a.runs / run
        print(line(rows[-1], names[:FIRST], 1), flush=True)
    whole = one("whole", names, a.runs, model="pocket")
    text = "\n".join([HEAD, "|" + "---|" * 9, *(line(row, names[:FIRST], whole["total"]) for row in (whole, *rows))])
    a.output.mkdir(parents=True, exist_ok=True)
    (a.output / f"{result}.md").write_text(text + "\n")
    (a.output / f"{result}.json").write_text(json.dumps({"whole": whole, "updates": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
