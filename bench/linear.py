"""Whether the cost of a run is proportional to its documents: `adapt` on 2, 8 and 32 of the same size.

`python -m bench.linear`: pocket, method `disc`, one epoch, one question; some minutes on one core. Each size runs in a
process of its own; stages are measured in processor seconds, memory as the peak of resident memory. Writes
`results/linear.json` and `results/linear.md`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench.reading import pages

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
SIZES = (2, 8, 32)  # documents
CHARACTERS = 700  # of a document
STAGES = ("documents", "teacher", "training")  # stages that grow; loading and evaluation do not
SETTINGS = {
    "method": "disc", "train.epochs": "1", "train.least_steps": "0", "retention.prompts": "8",
    "retention.prompt_tokens": "16", "retention.answer_tokens": "16", "evaluation.drift_prompts": "1",
    "evaluation.answer_tokens": "4", "evaluation.long_answer_tokens": "4",
}  # fmt: skip


def write_documents(folder: Path, documents: int) -> None:
    folder.mkdir()
    for number, page in enumerate(islice(pages(Random(0)), documents)):
        (folder / f"{number:03}.md").write_text(page[:CHARACTERS].rpartition("\n\n")[0] + "\n", encoding="utf-8")


def measure(documents: int) -> dict[str, Any]:
    """Make a whole run in this process; return its processor seconds by stage and its peak MiB."""
    from disc_lite import adapt, plan

    spent, last = Counter[str](), time.process_time()

    def listen(event: Any) -> None:
        nonlocal last
        now = time.process_time()
        spent[event.stage] += now - last
        last = now

    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_documents(root / "docs", documents)
        (root / "questions.jsonl").write_text('{"question": "What is it?", "answers": ["nothing"]}\n')
        asked = {"recipe": "pocket", "questions": root / "questions.jsonl", "overrides": SETTINGS}
        planned = plan(root / "docs", "pocket", **asked, device="cpu")
        spent["plan"], last = time.process_time() - last, time.process_time()
        made = adapt(root / "docs", "pocket", output=root / "run", device="cpu", listener=listen, **asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "documents": documents, "tokens": planned.corpus.tokens, "steps": made["steps"],
        "peak_mib": peak // (1 << 20 if sys.platform == "darwin" else 1 << 10),
        "cpu_seconds": {stage: round(seconds, 2) for stage, seconds in spent.items()},
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    stages = ("plan", *STAGES)
    lines = [
        f"| documents | tokens | steps | {' | '.join(f'{stage}, ms each' for stage in stages)} | peak MiB |",
        "|" + "---|" * (len(stages) + 4),
    ]
    for row in rows:
        each = (f"{1000 * row['cpu_seconds'].get(stage, 0) / row['documents']:.0f}" for stage in stages)
        lines.append(
            f"| {row['documents']} | {row['tokens']:,} | {row['steps']} | {' | '.join(each)} | {row['peak_mib']:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linear", description=__doc__)
    parser.add_argument("--documents", type=int, help=argparse.SUPPRESS)  # of the child
    asked = parser.parse_args()
    if asked.documents:
        print(json.dumps(measure(asked.documents)))
        return
    rows = []
    for documents in SIZES:
        command = [sys.executable, "-m", "bench.linear", "--documents", str(documents)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(table(rows), flush=True)
    (RESULTS / "linear.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "linear.md").write_text(table(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
