"""Whether a long training with a checkpoint after every step grows in memory, open files or files on disk.

    python -m bench.reliability.endurance --minutes 120 [--output bench/results]

Trains pocket on two made-up documents until the time is over, then stops itself with SIGTERM, as a user would. Writes
endurance.json. Exits 1 if, after the first quarter, memory grows by more than LIMIT_MIB an hour or files increase.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

import disc_lite
from disc_lite.errors import Interrupted
from disc_lite.run.events import Event

LIMIT_MIB = 20  # per hour: each step adds two losses and a line of metrics, and glibc's heap settles slowly
SETTINGS = {
    "train.epochs": "10000", "train.tokens_per_batch": "64", "lora.rank": "8", "lora.alpha": "16",
    "execution.checkpoint_minutes": "0", "retention.prompts": "64", "evaluation.drift_prompts": "8",
    "evaluation.questions": "4", "evaluation.long_answer_tokens": "4", "prompt.questions_per_passage": "6",
}  # fmt: skip
TEXTS = {
    "lamps.md": "# Lamps\n\nThe Dunden lamp costs 40 marks. It is made in Norora. It weighs two pounds.\n",
    "workshop.md": "# Workshop\n\nAda Brink leads the workshop in Ularic. It opens on Monday. It has nine benches.\n",
}


@dataclass
class Watch:
    """A listener that samples this process every few seconds of training and stops it when the time is over."""

    run: Path
    minutes: float
    process: psutil.Process = field(default_factory=psutil.Process)
    rows: list[dict[str, float]] = field(default_factory=list)
    began_s: float | None = None

    def __call__(self, event: Event) -> None:
        if event.stage != "training" or not event.data:
            return
        now_s = time.monotonic()
        self.began_s = self.began_s or now_s
        if now_s - self.began_s >= self.minutes * 60:
            os.kill(os.getpid(), signal.SIGTERM)
        if not self.rows or now_s - self.began_s - self.rows[-1]["s"] >= 2:
            self.rows.append(self.sample(now_s - self.began_s, event.done))

    def sample(self, seconds: float, step: int) -> dict[str, float]:
        files = [path for path in self.run.rglob("*") if path.is_file()]
        return {
            "s": round(seconds, 1), "step": step, "rss_mib": round(self.process.memory_info().rss / 2**20, 1),
            "descriptors": self.process.num_fds(), "threads": self.process.num_threads(), "files": len(files),
            "checkpoints": len(list((self.run / "checkpoints").glob("*"))),
        }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Whether a long training grows in memory or files.")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "results")
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        docs, run = Path(scratch, "docs"), Path(scratch, "run")
        docs.mkdir()
        for name, text in TEXTS.items():
            (docs / name).write_text(text)
        watch = Watch(run, asked.minutes)
        try:
            disc_lite.adapt(docs, "pocket", output=run, overrides=SETTINGS, device="cpu", listener=watch)
        except Interrupted as stop:
            code = stop.exit_code
        else:
            raise SystemExit("the training ended before its time: give it more epochs")
    found = {"date": f"{datetime.now(timezone.utc):%Y-%m-%d}", "exit_code": code, **judged(watch.rows)}
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "endurance.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return 0 if found["passed"] else 1


def judged(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Return the growth over the last three quarters of the time, when everything has been loaded."""
    late = rows[len(rows) // 4 :]
    hours = [row["s"] / 3600 for row in late]
    slope = statistics.linear_regression(hours, [row["rss_mib"] for row in late]).slope
    kinds = ("rss_mib", "descriptors", "threads", "files", "checkpoints")
    ranges = {kind: [min(row[kind] for row in late), max(row[kind] for row in late)] for kind in kinds}
    steady = all(ranges[kind][1] <= late[0][kind] + 1 for kind in ("descriptors", "threads", "checkpoints"))
    # The count includes temporary files of a save in progress, at most one more checkpoint folder.
    steady = steady and ranges["files"][1] <= ranges["files"][0] + 8
    return {
        "minutes": round(rows[-1]["s"] / 60, 1), "steps": int(rows[-1]["step"]),
        "checkpoints_written": int(rows[-1]["step"]), "rss_mib_an_hour": round(slope, 2), "after_first_quarter": ranges,
        "passed": steady and slope <= LIMIT_MIB, "rows": rows[:: max(1, len(rows) // 60)],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
