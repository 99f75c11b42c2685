"""Objects and folders that several tests start from.

`recipe_of`, `document_of`   a recipe from its sections, a document from its text
`with_adapter`               a `Base` with an untrained adapter that changes the logits
`finished_run`               a run folder as `adapt` leaves it; `write_merged` a model with its adapter merged
`SmallTraining`              base, examples and teacher states, ready for the training loop
`SmallAdapt`                 documents, questions and pairs for an `adapt` that takes a second
`noted`                      records a file that a test changed, as if the run had written it
`adapter_sha256`, `newest_checkpoint`   of a run folder
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.disc import disc_lessons
from disc_lite.distillation.examples import AnsweredPrompt, retention_lesson, tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.distillation.teacher import read_lessons
from disc_lite.distillation.training import Callbacks, train
from disc_lite.documents import Document
from disc_lite.documents.headings import cut_sections, find_headings
from disc_lite.hub.source import open_model
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe
from disc_lite.run.adapt import adapt
from disc_lite.run.folder import FORMAT
from disc_lite.run.training import save_adapter
from disc_lite.storage import begin_digests, sha256_of, write_json, write_jsonl, write_text
from disc_lite.storage.digests import digest_of, note
from tests.tiny_models import CORPUS

FAST = {
    "epochs": 3, "learning_rate": 0.01, "tokens_per_batch": 400, "least_steps": 0, "warmup_fraction": 0.0,
    "schedule": "constant",
}  # fmt: skip
PAIRS = [Pair("guide.md", 0, f"Who keeps key {n}?", "Ada Brink" * (1 + n % 3)) for n in range(7)]
SMALL = {
    "method": "both", "documents.passage_tokens": "32", "prompt.answer_tokens": "8", "train.epochs": "2", "train.tokens_per_batch": "128",
    "execution.checkpoint_minutes": "0", "train.learning_rate": "0.01", "lora.rank": "4", "lora.alpha": "8", "evaluation.drift_prompts": "1",
    "evaluation.answer_tokens": "4", "evaluation.long_answer_tokens": "4", "retention.prompts": "4", "retention.prompt_tokens": "8", "retention.answer_tokens": "8",
}  # fmt: skip


def recipe_of(**sections: Any) -> Any:
    """A checked recipe: the defaults, and the sections (or top-level settings) that are given."""
    return Recipe.model_validate(sections)


def document_of(text: str, name: str = "guide.md") -> Any:
    """A document with this text, as `read_documents` returns it."""
    sections = cut_sections(text, find_headings(text, "markdown"), "Guide")
    return Document(name, "Guide", text, sections, sha256(text.encode()).hexdigest(), "markdown")


def with_adapter(base: Any, rank: int, b: float = 0.05, recomputed: int | None = 0) -> Any:
    """Attach an untrained adapter that changes the base's outputs, because B is random too."""
    base.attach(rank, 2.0 * rank, 0, recomputed)
    rng = torch.Generator().manual_seed(1)
    for key, parameter in base.adapter_parameters().items():
        if "lora_B" in key and b:
            parameter.data.normal_(0.0, b, generator=rng)
    return base


def finished_run(root: Path, folder: Path, base: Any, **sections: Any) -> Path:
    """Write a run folder as `adapt` leaves it, with the adapter that is on `base`."""
    root.mkdir()
    begin_digests(root)
    few = {"answer_tokens": 8}  # for each answer that the proof of an export compares
    recipe = {"memory": {"quantize": base.quantize}, "lora": {"rank": 4, "alpha": 8}, "evaluation": few, **sections}
    write_text(root / "recipe.yaml", json.dumps(recipe))  # JSON is YAML
    model = open_model(str(folder))
    write_json(
        root / "run.json",
        {
            "identity": {"format": FORMAT, "model": model.fingerprint},
            "model": {"name": str(folder), "reference": str(folder)},
        },
    )
    save_adapter(base, str(folder), root / "adapter")
    rows = [{"name": "a|b\n# <c>.md", "outcome": "read", "reason": "", "bytes": 1, "sha256": "ab" * 32, "characters": 1},
            {"name": "refused.pdf", "outcome": "refused", "reason": "x", "bytes": 1, "sha256": "", "characters": 0}]  # fmt: skip
    write_jsonl(root / "ledger.jsonl", rows)
    asked = [{"question": f"Who runs the {w}?", "answers": ["x"]} for w in ("workshop", "saw", "hall", "keys", "north")]
    write_jsonl(root / "questions.jsonl", asked)
    row = {"right": 3, "of": 4, "share": 0.75, "low": 0.3, "high": 0.95}
    skills = {"before": row, "after": row, "lost": 0, "gained": 0}
    card = {"questions": 4, "self_written": 0, "rows": {"floor": row, "adapted": row}, "retained": {"skills": skills}}
    write_json(root / "summary.json", {"card": card, "steps": 7, "versions": {"torch": "2"}})
    return root


def write_merged(folder: Path, base: Path, adapter: Path) -> Path:
    """Write a model with W + alpha / rank · B·A, computed directly from the files."""
    shutil.copytree(base, folder)
    config, lora = (
        json.loads((adapter / "adapter_config.json").read_text()),
        load_file(adapter / "adapter_model.safetensors"),
    )
    weights = load_file(base / "model.safetensors")
    for name in (n for n in lora if "lora_A" in n):
        delta = lora[name.replace("lora_A", "lora_B")] @ lora[name] * (config["lora_alpha"] / config["r"])
        weights[name.removeprefix("base_model.model.").replace(".lora_A", "")] += delta
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class SmallTraining:
    """A tiny base with an adapter, examples of both kinds with teacher states, and retention examples."""

    def __init__(self, load: Callable[..., Any], folder: Path, name: str = "llama", **sections: Any) -> None:
        self.base = load(name, sections.pop("quantize", "none"), rank=sections.pop("rank", 4), checkpointing=True)
        self.recipe = recipe_of(**{"train": FAST, "loss": {"temperature": 1.0}, **sections})
        tokens = self.base.tokens
        self.texts = tokenise([document_of(CORPUS[:400]), document_of("Other. " * 9, "b.md")], tokens, 64)
        lessons = [
            *disc_lessons(self.texts, tokens, self.recipe),
            *prompt_lessons(self.texts, PAIRS, AnswerPrompts(tokens)),
        ]
        spoken = [AnsweredPrompt(tuple(tokens.prompt(f"a {n}")), (*range(20, 25 + n), 1)) for n in range(5)]
        self.task = self.taught(lessons, folder / "task")
        self.retention = self.taught(list(map(retention_lesson, spoken)), folder / "retention")
        self.folder = folder

    @property
    def data(self) -> TrainingData:
        return TrainingData(self.task, self.retention)

    def taught(self, lessons: Any, folder: Path) -> Task:
        states = read_lessons(self.base, lessons, folder)
        return Task.of(states)

    def train(self, stop_after: int | None = None) -> list[Any]:
        """Train, and return the steps; if `stop_after` is given, stop after that many, as a signal would."""
        seen: list[Any] = []
        folder = self.folder / "checkpoints"
        steps = train(self.base, self.data, self.recipe, folder, Callbacks(lambda: len(seen) == stop_after))
        for step in steps:
            seen.append(step)
        return seen

    def weights(self) -> list[torch.Tensor]:
        return [p.detach().clone() for p in self.base.adapter_parameters().values()]


class SmallAdapt:
    """Documents, questions and pairs for a run that takes a second."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.model = root, model
        self.settings: dict[str, str] = {}  # in addition to SMALL
        (root / "docs").mkdir(parents=True)
        (root / "docs" / "guide.md").write_text(CORPUS[:420])
        (root / "docs" / "other.txt").write_text("The hall is cold. Nobody sweeps it. Ada Brink keeps the keys of it.")
        self.questions = self.write("questions", {"question": "Who runs it?", "answers": ["Ada"]})
        pair = {"document": "other.txt", "passage": 0, "question": "Who keeps the keys?", "answer": "Ada Brink."}
        self.pairs = self.write("pairs", pair, {**pair, "question": "What is cold?", "answer": "The hall."})

    def write(self, name: str, *rows: dict[str, Any]) -> Path:
        path = self.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def adapt(self, run: Path, seed: int = 0, listener: Any = None, **changes: str) -> dict[str, Any]:
        os.environ["DISC_LITE_CACHE"] = str(run.with_suffix(".cache"))
        return adapt(
            self.root / "docs", str(self.model), recipe="default", output=run, questions=self.questions, pairs=self.pairs,
            overrides={**SMALL, **self.settings, **changes}, seed=seed, device="cpu", listener=listener,
        )  # fmt: skip

    def command(self, run: Path) -> list[str]:
        sets = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
        return [
            "disc-lite", "adapt", str(self.root / "docs"), "--model", str(self.model), "--output", str(run), "--device", "cpu",
            "--questions", str(self.questions), "--pairs", str(self.pairs), "--recipe", "default", "--seed", "0", "--quiet", *sets,
        ]  # fmt: skip


def noted(path: Path) -> Path:
    note({path: digest_of(path.read_bytes())})
    return path


def adapter_sha256(run: Path) -> str:
    return sha256_of(run / "adapter" / "adapter_model.safetensors")


def newest_checkpoint(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("step-*"))


def continuation_of(tokens: Any, text: str, log_p: float = 0.0, ended: bool = True) -> Any:
    """The result of generation when it has written `text`, each token with this log-probability."""
    from disc_lite.models.generation import Continuation

    ids = tuple(tokens.text(text))
    return Continuation(ids, 1 if ended else None, (log_p,) * (len(ids) + ended))
