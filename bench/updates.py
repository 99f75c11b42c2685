"""A changing folder: the first documents of a handbook are learned, then the others in one update each.

`python -m bench.updates [--model FOLDER] [--set KEY=VALUE] [--set-update KEY=VALUE] [--first RUN] [--no-whole]`
measures after every update the recall of the first documents, what the model still knows, and the processor time
relative to a whole run over all documents. Pocket learns `examples/handbook`, other models `bench.real.sections`, from
pairs of their own. If it is repeated, the command continues the interrupted run and reads the finished ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import disc_lite
from bench.real import sections
from bench.real.clock import StageClock, read_measured
from bench.real.runs import about, short_name
from disc_lite.storage import read_json, write_json, write_text

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = ROOT / "examples" / "handbook"
GENERATED = "retention"  # its prompts are cached per model, so only the first run generates them

Row = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """Documents in the order in which they are added, and questions about them, each with its `document`."""

    files: dict[str, bytes]
    questions: list[Row]
    first: int  # documents of the first run

    def write(self, names: Sequence[str], folder: Path) -> tuple[Path, Path]:
        """Write these documents and the questions about them; returns the folder and the file."""
        for name in names:
            path = folder / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.files[name])
        lines = [json.dumps(row, ensure_ascii=False) for row in self.questions if row["document"] in names]
        write_text(folder / "questions.jsonl", "".join(f"{line}\n" for line in lines))
        return folder / "docs", folder / "questions.jsonl"


def corpus_for(model: str) -> Corpus:
    if model != "pocket":
        texts = sections.documents()
        files = {name: text.encode() for name, text in texts.items()}
        return Corpus(files, sections.questions(texts), len(sections.FIRST))
    names = sorted(str(path.relative_to(HANDBOOK)) for path in HANDBOOK.rglob("*") if path.is_file())
    lines = HANDBOOK.with_suffix(".questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    return Corpus({name: (HANDBOOK / name).read_bytes() for name in names}, questions, 2)


def one(name: str, corpus: Corpus, names: Sequence[str], runs: Path, **options: Any) -> Row:
    """Make a run or an update, or read a finished one; returns it with its processor time by stage."""
    path = runs / f"{name}.stages.json"
    clock = StageClock(path, about(None), fresh=not (runs / name).is_dir(), now=time.process_time)
    documents, questions = corpus.write(names, runs / f"{name}.in")
    try:
        summary = disc_lite.adapt(documents, output=runs / name, questions=questions, listener=clock, **options)
    finally:
        clock.close()
    return row_of(name, len(names), summary, read_measured(path)["seconds"])


def row_of(name: str, documents: int, summary: Row, seconds: Mapping[str, float]) -> Row:
    card = summary["card"]
    recall = {document: rows["adapted"] for document, rows in card["documents"].items()}
    total = sum(taken for stage, taken in seconds.items() if stage != GENERATED)
    return {
        "name": name, "documents": documents, "steps": summary["steps"], "seconds": seconds, "total": round(total, 1),
        "recall": recall, "all": card["rows"]["adapted"], "ceiling": card["rows"]["ceiling"],
        "retention": {"kl_general": card["drift"]["general"], **card["retained"]}, "update": card["update"],
    }  # fmt: skip


def retained(retention: Mapping[str, Any]) -> list[str]:
    """Return the cells of what was retained: of pocket what it knew, of other models instructions and drift."""
    if "world" in retention:
        return [f"{retention[probe]['after']['share']:.1%}" for probe in ("world", "skills")]
    kept = retention["instructions"]
    return [f"{kept['before']['right']} → {kept['after']['right']}", f"{retention['kl_general']:.3f}"]


def share(rows: Sequence[Mapping[str, Any]]) -> str:
    right, of = (sum(row[key] for row in rows) for key in ("right", "of"))
    return f"{right / of:.1%} ({right}/{of})"


def line(row: Row, first: Sequence[str], whole: Row | None) -> str:
    """Return a row of the table; its time is relative to the whole run if there is one."""
    times = [f"{row['total']:,.0f}", f"{row['total'] / whole['total']:.2f}" if whole else ""]
    recalls = [share([row["recall"][name] for name in first]), share([row["all"]])]
    cells = [row["name"], row["documents"], row["steps"], *times, *recalls, *retained(row["retention"])]
    return f"| {' | '.join(map(str, cells))} |"


def table(rows: Sequence[Row], first: Sequence[str], whole: Row | None) -> str:
    probes = ["held-out world", "skills"] if "world" in rows[0]["retention"] else ["instructions", "drift, nats"]
    head = ["run", "documents", "steps", "processor seconds", "of the whole run", "**the first documents**"]
    head += ["all documents", *probes]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(line(row, first, whole) for row in [*([whole] if whole else []), *rows])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for the first and whole runs")
    parser.add_argument("--set-update", action="append", default=[], metavar="KEY=VALUE", help="for every update")
    parser.add_argument("--first", type=Path, metavar="RUN", help="a finished run about the first documents")
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--whole", action=argparse.BooleanOptionalAction, default=True, help="also one run over all")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "updates")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    a = parser.parse_args()
    of_first, of_update = (dict(setting.split("=", 1) for setting in given) for given in (a.set, a.set_update))
    corpus = corpus_for(a.model)
    names = list(corpus.files)[: corpus.first + a.updates]
    first = names[: corpus.first]
    result = a.output / ("updates" if a.model == "pocket" else f"updates-{short_name(a.model)}")
    if a.first:
        before, rows = a.first, [row_of("first", len(first), read_json(a.first / "summary.json"), {})]
    else:
        before, rows = a.runs / "first", [one("first", corpus, first, a.runs, model=a.model, overrides=of_first)]
    for n in range(1, a.updates + 1):
        run = f"update-{n}"
        rows.append(one(run, corpus, names[: corpus.first + n], a.runs, update=before, overrides=of_update))
        before = a.runs / run
        print(line(rows[-1], first, None), flush=True)
    whole = one("whole", corpus, names, a.runs, model=a.model, overrides=of_first) if a.whole else None
    write_text(result.with_suffix(".md"), table(rows, first, whole))
    write_json(result.with_suffix(".json"), {"whole": whole, "updates": rows, "about": about(None)})


if __name__ == "__main__":
    main()
