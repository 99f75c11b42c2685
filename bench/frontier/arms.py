"""What is compared: every method with what makes it itself; one run of it, read off its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import disc_lite
from bench.frontier.corpus import Corpus
from disc_lite.grading import is_right

NO_TERM = {"retention.weight": "0"}
ARMS: dict[str, dict[str, str]] = {
    "both + retention": {"method": "both"},
    "both": {"method": "both", **NO_TERM},
    "prompt + retention": {"method": "prompt"},
    "prompt": {"method": "prompt", **NO_TERM},
    "disc + retention": {"method": "disc", "train.epochs": "20"},
    "disc": {"method": "disc", "train.epochs": "20", **NO_TERM},
    "disc as published": {
        "method": "disc", "disc.targets": "paper", "disc.anchor": "none", "loss.temperature": "2",
        "train.epochs": "120", **NO_TERM,
    },
    "next_token": {"method": "next_token", **NO_TERM},
    "next_token + 0.1 KL": {"method": "next_token", "retention.weight": "0.1"},
    "sft": {"method": "sft", **NO_TERM},
}  # fmt: skip
RATES = (2e-4, 6e-4, 2e-3, 6e-3)
WITH_PAIRS = ("both", "prompt", "sft")


@dataclass(frozen=True)
class Point:
    """One run: what it learned and forgot, as (right, of), and what it took."""

    arm: str
    rate: float
    seed: int
    recall: dict[str, tuple[int, int]]  # by kind of fact, and "all", "statements", "floor", "rag", "ceiling"
    kept: dict[str, tuple[int, int]]  # after; before stands in `base`
    base: dict[str, tuple[int, int]]
    kl: float
    student_tokens: int
    seconds: float


def run_point(arm: str, rate: float, seed: int, corpus: Corpus, folder: Path) -> Point:
    """Adapt, or take what is finished; arms with pairs share those of the seed's first such run."""
    name = f"{arm.replace(' ', '_')}-{rate:g}-{seed}"
    shared = folder / f"pairs-{seed}.jsonl"
    overrides = {**ARMS[arm], "train.learning_rate": str(rate)}
    pairs = shared if overrides["method"] in WITH_PAIRS and shared.is_file() else None
    run = folder / name
    # A run that wrote the pairs itself was begun without them, and is continued so.
    if (run / "run.json").is_file() and (folder / f"{name}.first").is_file():
        pairs = None
    elif pairs is None:
        (folder / f"{name}.first").touch()
    summary = disc_lite.adapt(
        corpus.documents, "pocket", output=run, questions=corpus.questions, pairs=pairs, overrides=overrides, seed=seed
    )
    if overrides["method"] in WITH_PAIRS and not shared.is_file():
        shared.write_bytes((run / "pairs.jsonl").read_bytes())
    return _read(arm, rate, seed, corpus, run, summary)


def _read(arm: str, rate: float, seed: int, corpus: Corpus, run: Path, summary: dict[str, Any]) -> Point:
    card = summary["card"]
    recall = {row: _counts(card["rows"][row]) for row in ("floor", "rag", "ceiling")}
    recall["all"], recall["statements"] = _counts(card["rows"]["adapted"]), _counts(card["completions"]["after"])
    asked = [json.loads(line) for line in (run / "questions.jsonl").read_text().splitlines()]
    asked = [q for q in asked if q["kind"] == "question"]
    given = json.loads((run / "after.json").read_text())["questions"]["adapted"]
    for kind in ("once", "restated", "update"):
        of_kind = [(q, g) for q, g in zip(asked, given, strict=True) if corpus.kinds[q["text"]] == kind]
        recall[kind] = (sum(is_right(g, q["answers"], "exact") for q, g in of_kind), len(of_kind))
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    kept = card["kept"]
    return Point(
        arm, rate, seed, recall,
        {name: _counts(row["after"]) for name, row in kept.items()},
        {name: _counts(row["before"]) for name, row in kept.items()},
        summary["retention"]["kl"], sum(m["tokens"] for m in metrics), summary["seconds"],
    )  # fmt: skip


def _counts(row: dict[str, Any]) -> tuple[int, int]:
    return row["right"], row["of"]
