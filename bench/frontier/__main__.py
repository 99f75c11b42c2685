"""Recall against forgetting, for every method on the same documents: `python -m bench.frontier [--quick]`.

Each method has four learning rates and three seeds. Finished runs are not repeated, so the command can be
interrupted and repeated. `--quick` takes two rates, one seed and the arms that matter most. Since so small a model
gains little from threads, by default as many runs as there are cores work at once, with one thread each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from importlib.metadata import version
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import torch

from bench.frontier.arms import ARMS, RATES, Point, prepare, run_point
from bench.frontier.corpus import ROOT
from bench.frontier.picture import draw

QUICK = ("both + retention", "next_token")
LIMITS = (0.01, 0.05)  # forgetting that may be acceptable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "frontier")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    a = parser.parse_args()
    rates = RATES[1:3] if a.quick else RATES
    seeds = a.seeds or ([0] if a.quick else [0, 1, 2])
    arms = a.arms or (list(QUICK) if a.quick else list(ARMS))
    a.runs.mkdir(parents=True, exist_ok=True)
    points: list[Point] = []
    began = time.monotonic()
    pool = _workers(a.jobs)
    try:
        corpora = dict(zip(seeds, pool.map(prepare, seeds, repeat(a.runs)), strict=True))
        wanted = [(arm, rate, seed) for seed in seeds for rate in rates for arm in arms]
        running = [pool.submit(run_point, *one, corpora[one[2]], a.runs) for one in wanted]
        for done in as_completed(running):
            points.append(done.result())
            print(line(points[-1].arm, points[-1].rate, points[-1:]), f"seed {points[-1].seed}", flush=True)
            in_order = sorted(points, key=lambda p: (arms.index(p.arm), p.rate, p.seed))
            save(in_order, a.output, "frontier-quick" if a.quick else "frontier", a.jobs)
    finally:  # if interrupted, runs in progress save their state and no other begins
        pool.shutdown(cancel_futures=True)
    print(f"{(time.monotonic() - began) / 60:.0f} minutes")


def _workers(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of processes with few threads each; libraries read the environment when a process loads them."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    return ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (threads,))


def share(points: list[Point], where: str, key: str) -> float:
    """Return the share of right answers over these points."""
    counts = [getattr(p, where)[key] for p in points if key in getattr(p, where)]
    return sum(right for right, _ in counts) / max(1, sum(of for _, of in counts))


def forgetting(points: list[Point]) -> float:
    """Return the larger of the losses in the held-out world and the skills."""
    return max(share(points, "base", probe) - share(points, "retained", probe) for probe in ("world", "skills"))


HEAD = "| method | rate | all | once | restated | update | statements | world | skills | open book | KL | tokens | s |"


def line(arm: str, rate: float, points: list[Point]) -> str:
    shares = [share(points, "recall", k) for k in ("all", "once", "restated", "update", "statements")]
    shares += [share(points, "retained", k) for k in ("world", "skills", "open_book")]
    kl = sum(p.kl for p in points) / len(points)
    tokens = sum(p.student_tokens for p in points) // len(points)
    seconds = sorted(p.seconds for p in points)[len(points) // 2]
    cells = [arm, f"{rate:g}", *(f"{s:.1%}" for s in shares), f"{kl:.4f}", f"{tokens:,}", f"{seconds:.0f}"]
    return "| " + " | ".join(cells) + " |"


def best(points: list[Point], limit: float) -> str:
    """Return the best recall over the rates at which forgetting is within the limit (the papers' rule)."""
    by_rate = {rate: [p for p in points if p.rate == rate] for rate in sorted({p.rate for p in points})}
    allowed = {rate: share(p, "recall", "all") for rate, p in by_rate.items() if forgetting(p) <= limit}
    rate = max(allowed, key=allowed.__getitem__, default=None)
    return "none" if rate is None else f"{allowed[rate]:.1%} at {rate:g}"


def save(points: list[Point], output: Path, name: str, jobs: int) -> None:
    output.mkdir(parents=True, exist_ok=True)
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {jobs} runs at once",
        **{package: version(package) for package in ("torch", "transformers", "peft", "bitsandbytes")},
    }  # fmt: skip
    groups: dict[tuple[str, float], list[Point]] = {}
    for point in points:
        groups.setdefault((point.arm, point.rate), []).append(point)
    reference = {row: share(points, "recall", row) for row in ("floor", "rag", "ceiling")}
    arms = list(dict.fromkeys(p.arm for p in points))
    text = [
        ", ".join(f"{k} {v}" for k, v in about.items()), "",
        f"Seeds {sorted({p.seed for p in points})}. Questions: "
        + ", ".join(f"{row} {value:.1%}" for row, value in reference.items()) + ".",
        "", HEAD, "|" + "---|" * (HEAD.count("|") - 1),
        *(line(arm, rate, found) for (arm, rate), found in groups.items()),
        "", "Best recall over the rates, with world and skills down by at most:", "",
        "| method | " + " | ".join(f"{limit:.0%}" for limit in LIMITS) + " |", "|" + "---|" * (len(LIMITS) + 1),
        *(f"| {arm} | " + " | ".join(best([p for p in points if p.arm == arm], limit) for limit in LIMITS) + " |"
          for arm in arms),
    ]  # fmt: skip
    (output / f"{name}.md").write_text("\n".join(text) + "\n")
    (output / f"{name}.json").write_text(
        json.dumps({"about": about, "points": [asdict(p) for p in points]}, indent=1) + "\n"
    )
    curves = {
        arm: [(100 * max(0.0, forgetting(found)), 100 * share(found, "recall", "all"), f"{rate:g}")
              for (a, rate), found in groups.items() if a == arm]
        for arm in arms
    }  # fmt: skip
    (output / f"{name}.svg").write_text(draw(curves, {k: 100 * v for k, v in reference.items()}))


if __name__ == "__main__":
    main()
