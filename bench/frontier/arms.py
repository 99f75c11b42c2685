"""The arms of the comparison (a method and its settings), and one run of an arm with its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import disc_lite
from bench.frontier.corpus import Corpus, write_corpus
from disc_lite.qa import is_right
from disc_lite.recipe.methods import METHODS
from disc_lite.run.folder import RunFolder
from disc_lite.run.gathering import Arguments, gather
from disc_lite.run.inputs import begin
from disc_lite.storage import read_jsonl, write_text

NO_TERM = {"retention.weight": "0"}
ARMS: dict[str, dict[str, str]] = {
    "both + retention": {"method": "both"},
    "prompt + retention": {"method": "prompt"},
    "both": {"method": "both", **NO_TERM},
    "prompt": {"method": "prompt", **NO_TERM},
    "disc": {"method": "disc", **NO_TERM},
    # As many student tokens as `disc`, from about a third of the targets, without anchors.
    "disc as published": {
        "method": "disc", "disc.targets": "paper", "disc.anchor": "none", "loss.temperature": "2",
        "train.epochs": "420", **NO_TERM,
    },
    "next_token": {"method": "next_token", "train.epochs": "100", **NO_TERM},
    "next_token + 0.1 KL": {"method": "next_token", "train.epochs": "100", "retention.weight": "0.1"},
    "sft": {"method": "sft", **NO_TERM},
    "sft + retention": {"method": "sft"},
}  # fmt: skip
RATES = (3e-4, 1e-3, 2e-3, 3e-3)  # 1e-2 was tried: it destroys every method
# The base's answers are the same in every run of a seed.
OF_THE_BASE = (RunFolder.answers_before, RunFolder.retained_before, RunFolder.neutral)


@dataclass(frozen=True)
class Point:
    """One run: what it learned and forgot, as (right, of), its student tokens and seconds."""

    arm: str
    rate: float
    seed: int
    recall: dict[str, tuple[int, int]]  # by kind of fact, and "all", "statements", "floor", "rag", "ceiling"
    retained: dict[str, tuple[int, int]]  # after training; `base` has the figures before it
    base: dict[str, tuple[int, int]]
    kl: float
    student_tokens: int
    seconds: float


def prepare(seed: int, folder: Path) -> Corpus:
    """Write the documents of a seed, and adapt briefly to get the pairs and base answers that all runs share."""
    corpus = write_corpus(folder / f"corpus-{seed}", seed)
    disc_lite.adapt(
        corpus.documents, "pocket", output=folder / f"base-{seed}", questions=corpus.questions,
        overrides={"method": "both", "train.epochs": "1"}, seed=seed,
    )  # fmt: skip
    return corpus


def run_point(arm: str, rate: float, seed: int, corpus: Corpus, folder: Path) -> Point:
    """Adapt, or read a finished run, and return its figures."""
    base, run = (RunFolder(folder / name) for name in (f"base-{seed}", f"{arm.replace(' ', '_')}-{rate:g}-{seed}"))
    overrides = {**ARMS[arm], "train.learning_rate": str(rate)}
    pairs = base.pairs if METHODS[ARMS[arm]["method"]].needs_pairs else None
    begin(gather(Arguments(
        corpus.documents, "pocket", None, run.path, corpus.questions, pairs, overrides=overrides, seed=seed
    )))  # fmt: skip
    for entry in OF_THE_BASE:
        if not (run.path / entry.name).exists():
            write_text(run.path / entry.name, (base.path / entry.name).read_text(encoding="utf-8"))
    summary = disc_lite.adapt(
        corpus.documents,
        "pocket",
        output=run.path,
        questions=corpus.questions,
        pairs=pairs,
        overrides=overrides,
        seed=seed,
    )
    return _read(arm, rate, seed, corpus, run, summary)


def _read(arm: str, rate: float, seed: int, corpus: Corpus, run: RunFolder, summary: dict[str, Any]) -> Point:
    card = summary["card"]
    recall = {row: _counts(card["rows"][row]) for row in ("floor", "rag", "ceiling")}
    recall["all"], recall["statements"] = _counts(card["rows"]["adapted"]), _counts(card["completions"]["after"])
    asked = [question for question in run.read_questions() if question.kind == "question"]
    answers = run.read_answers("after")
    assert answers is not None
    for kind in ("once", "restated", "update"):
        of_kind = [
            (q, a) for q, a in zip(asked, answers.questions["adapted"], strict=True) if corpus.kinds[q.text] == kind
        ]
        recall[kind] = (sum(is_right(a, q.answers, "exact") for q, a in of_kind), len(of_kind))
    metrics = read_jsonl(run.metrics)
    retained = card["retained"]
    return Point(
        arm, rate, seed, recall,
        {name: _counts(row["after"]) for name, row in retained.items()},
        {name: _counts(row["before"]) for name, row in retained.items()},
        card["drift"]["self_generated"], sum(m["tokens"] for m in metrics), summary["seconds"],
    )  # fmt: skip


def _counts(row: dict[str, Any]) -> tuple[int, int]:
    return row["right"], row["of"]
