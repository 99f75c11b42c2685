"""One run of the bench: adapts a model with one method to one domain, then reads the results from its folder."""

from __future__ import annotations

import json
import os
import platform
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import disc_lite
from bench.real.clock import StageClock, read_measured
from disc_lite.errors import DiscLiteError, Interrupted, RunFailed
from disc_lite.evaluation.card import share_of
from disc_lite.qa import is_right
from disc_lite.recipe import load_recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.schema import MethodName
from disc_lite.run.answers import BEFORE_AND_AFTER
from disc_lite.run.folder import RunFolder
from disc_lite.storage import write_text

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).resolve().parent / "corpus"
ORDER: tuple[MethodName, ...] = ("both", "prompt", "disc", "next_token", "sft")  # order in the tables
LANGUAGES = {"german": "handbook", "chinese": "handbook"}  # domain in another language -> its recipe
TAGS = ("once", "twice", "two", "update")
LEFT_OUT = ("misses", "farthest")  # parts of the card that are long; the run folder has them


@dataclass(frozen=True)
class Plan:
    """One planned run."""

    model: str
    domain: str
    method: MethodName
    output: Path
    overrides: Mapping[str, str] = field(default_factory=dict)  # besides the method, including those of --quick
    quick: bool = False
    pairs: Path | None = None
    device: str | None = None
    corpus: Path = CORPUS
    document: str = ""  # take only this file of the domain and the questions about it

    @property
    def title(self) -> str:
        """The domain, or one document of it."""
        return f"{self.domain}/{self.document}" if self.document else self.domain

    @property
    def reused(self) -> Path | None:
        """The pairs file, for a method that learns from pairs."""
        return self.pairs if METHODS[self.method].needs_pairs else None

    @property
    def recipe(self) -> str:
        """The recipe with the domain's name; for a domain in another language, that of its kind of documents."""
        return LANGUAGES.get(self.domain, self.domain)

    @property
    def name(self) -> str:
        """The name of the run folder, by which the same plan finds its run again."""
        digest = sha256(json.dumps(sorted(self.overrides.items())).encode())
        if self.reused:
            digest.update(self.reused.read_bytes())
        digest.update(self.document.encode())
        return f"{short_name(self.model)}-{self.domain}-{self.method}-{digest.hexdigest()[:8]}"

    @property
    def folder(self) -> Path:
        return self.output / self.name

    @property
    def documents(self) -> Path:
        return self.corpus / self.domain / self.document

    @property
    def questions(self) -> Path:
        return self.corpus / f"{self.domain}.questions.jsonl"

    def about_document(self, rows: Path | None) -> Path | None:
        """Return a file of questions or pairs, cut down to those about the plan's one document if it has one."""
        if rows is None or not self.document:
            return rows
        lines = [line for line in rows.read_text(encoding="utf-8").splitlines() if line.strip()]
        path = self.output / f"{self.name}.{rows.name}"
        write_text(path, "".join(f"{line}\n" for line in lines if json.loads(line)["document"] == self.document))
        return path


@dataclass(frozen=True)
class Measured:
    """The results of a run, or why it failed."""

    model: str
    domain: str  # or domain/document
    method: str
    run: str  # name of the run folder
    seed: int
    quick: bool
    overrides: dict[str, str]
    pairs: str  # name of the file that the pairs were taken from, or empty
    summary: dict[str, Any]  # the summary of `adapt` without long lists; empty if the run failed
    tags: dict[str, dict[str, dict[str, Any]]]  # tag -> row of the card -> right, of, share
    seconds: dict[str, float]  # by stage, over all calls
    calls: list[dict[str, Any]]  # machine, cores, commit and date of each
    failed: str = ""


def short_name(model: str) -> str:
    """Return the last part of a path or a hub id."""
    return Path(os.path.abspath(os.path.expanduser(model))).name


def measure(plan: Plan) -> Measured:
    """Make or continue a run, or read a finished one. A failed run is a result, an interrupted one is not."""
    path = plan.output / f"{plan.name}.stages.json"

    def on_stage(stage: str) -> None:
        print(f"{plan.name}: {stage}", flush=True)

    clock = StageClock(path, about(plan.device), fresh=not plan.folder.is_dir(), on_stage=on_stage)
    summary: dict[str, Any] = {}
    tags: dict[str, dict[str, dict[str, Any]]] = {}
    failed = ""
    try:
        summary = disc_lite.adapt(
            plan.documents, plan.model, recipe=plan.recipe, output=plan.folder,
            questions=plan.about_document(plan.questions), pairs=plan.about_document(plan.reused),
            overrides={**plan.overrides, "method": plan.method}, device=plan.device, listener=clock,
        )  # fmt: skip
        tags = by_tag(RunFolder(plan.folder), tags_of(plan.questions), summary["card"]["grading"])
    except Interrupted:
        raise
    except DiscLiteError as error:
        failed = " ".join(error.lines())
    finally:
        clock.close()
    spent = read_measured(path)
    return Measured(
        short_name(plan.model), plan.title, plan.method, plan.name,
        load_recipe(plan.recipe, plan.overrides).recipe.seed, plan.quick, dict(plan.overrides),
        plan.reused.name if plan.reused else "", _shortened(summary), tags,
        spent.get("seconds", {}), spent.get("calls", []), failed,
    )  # fmt: skip


def measure_apart(plan: Plan) -> Measured:
    """Call `measure` in a new process, since peak memory is counted by process and no run may affect the next."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        running = pool.submit(measure, plan)
        try:
            return running.result()
        except BrokenProcessPool as error:
            raise RunFailed(
                f"The process of {plan.name} died.", "The machine may have run out of memory.",
                "Repeat the command: it continues from the last checkpoint.",
            ) from error  # fmt: skip
        except KeyboardInterrupt:  # the run saves its state and ends; leaving the block waits for it
            for child in active_children():
                if child.pid:
                    os.kill(child.pid, signal.SIGTERM)
            raise


def tags_of(questions: Path) -> dict[str, str]:
    """Return the tag of each question of the corpus."""
    rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {row["question"].strip(): row["tag"] for row in rows if "question" in row}


def by_tag(folder: RunFolder, tags: Mapping[str, str], grading: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the share of right answers in every row of the card, by tag of the questions."""
    asked = [question for question in folder.read_questions() if question.kind == "question"]
    both = [answers for when in BEFORE_AND_AFTER if (answers := folder.read_answers(when))]
    right = {
        row: [is_right(a, q.answers, grading) for q, a in zip(asked, given, strict=True)]
        for answers in both for row, given in answers.questions.items()
    }  # fmt: skip
    found = {}
    for tag in TAGS:
        places = [i for i, question in enumerate(asked) if tags[question.text] == tag]
        if places:
            found[tag] = {row: share_of([of_row[i] for i in places]) for row, of_row in right.items()}
    return found


def about(device: str | None) -> dict[str, Any]:
    """Return the machine, the commit and the date of a call."""
    import torch

    from bench.gpu.machine import commit, device_name

    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    machine = device_name(where) if where.type == "cuda" else _cpu_name()
    return {"machine": machine, "cores": os.cpu_count(), "commit": commit(), "date": time.strftime("%Y-%m-%d")}


def _cpu_name() -> str:
    path = Path("/proc/cpuinfo")  # `platform.processor` is empty on many Linuxes
    lines = path.read_text().splitlines() if path.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _shortened(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary without paths of this machine and without the longest lists of the card."""
    short = {key: value for key, value in summary.items() if key not in ("run", "adapter", "model")}
    if "card" in short:
        short["card"] = {key: value for key, value in short["card"].items() if key not in LEFT_OUT}
    return short
