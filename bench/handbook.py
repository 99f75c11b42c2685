"""What pocket learns from `examples/handbook`, and what it forgets, over methods and seeds.

`python bench/handbook.py [--seeds 0 1 2] [--methods both prompt disc next_token] [--output bench/results]`
Runs are in the folder `--runs`; finished ones are not repeated, interrupted ones are continued.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import disc_lite

ROOT = Path(__file__).resolve().parents[1]
# No rate of next-token training is published for this model, so several are tried and the best is reported.
RATES = {"next_token": (3e-4, 1e-3, 3e-3)}


def one(method: str, seed: int, rate: float | None, runs: Path) -> dict[str, Any]:
    overrides = {"method": method} | ({"train.learning_rate": str(rate)} if rate else {})
    name = f"{method}-{seed}" + (f"-{rate:g}" if rate else "")
    summary = disc_lite.adapt(
        ROOT / "examples" / "handbook",
        "pocket",
        output=runs / name,
        questions=ROOT / "examples" / "handbook.questions.jsonl",
        overrides=overrides,
        seed=seed,
    )
    # The whole report card of every run, with all misses, is in the run folders.
    card = {key: summary["card"][key] for key in ("rows", "completions", "retained", "drift")}
    return {**{key: value for key, value in summary.items() if key != "card"}, **card}


def pooled(summaries: list[dict[str, Any]], *path: str) -> str:
    """Return the share of right answers over all seeds, with its counts."""
    rows = []
    for summary in summaries:
        for key in path:
            summary = summary[key]
        rows.append(summary)
    right, total = sum(r["right"] for r in rows), sum(r["of"] for r in rows)
    return f"{right / max(1, total):.1%} ({right}/{total})"


def row(name: str, found: list[dict[str, Any]]) -> str:
    cells = [name, str(len(found))]
    cells += [pooled(found, "rows", asked) for asked in ("floor", "rag", "ceiling", "adapted", "adapted_rag")]
    cells.append(pooled(found, "completions", "after"))
    cells += [
        f"{pooled(found, 'retained', probe, 'before').split()[0]} → {pooled(found, 'retained', probe, 'after')}"
        for probe in ("world", "skills", "open_book")
    ]
    kl = sum(s["drift"]["self_generated"] for s in found) / len(found)
    seconds = sorted(s["seconds"] for s in found)[len(found) // 2]
    return "| " + " | ".join([*cells, f"{kl:.4f}", f"{seconds:.0f}"]) + " |"


HEAD = (
    "| method | seeds | questions before | RAG | with the passage | **after** | after + RAG | **completions after** "
    "| held-out world | skills | open book | KL | seconds |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=["both", "prompt", "disc", "next_token"])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "bench")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    a = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for method in a.methods:
        for rate in RATES.get(method, (None,)):
            name = method + (f" at {rate:g}" if rate else "")
            for seed in a.seeds if rate is None else a.seeds[:1]:
                found.setdefault(name, []).append(one(method, seed, rate, a.runs))
                print(row(name, found[name]), flush=True)
    about = {
        "date": time.strftime("%Y-%m-%d"), "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        **{package: version(package) for package in ("torch", "transformers", "peft", "bitsandbytes")},
    }  # fmt: skip
    lines = [HEAD, "|" + "---|" * HEAD.count(" | ") + "---|", *(row(name, rows) for name, rows in found.items())]
    text = "\n".join([", ".join(f"{k} {v}" for k, v in about.items()), "", *lines]) + "\n"
    a.output.mkdir(parents=True, exist_ok=True)
    (a.output / "handbook.md").write_text(text)
    (a.output / "handbook.json").write_text(json.dumps({"about": about, "runs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
