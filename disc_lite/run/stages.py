"""The stages of one adaptation. Each leaves its result in the run folder and is not done twice."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from disc_lite.errors import DocumentsError
from disc_lite.evaluation import (
    Score,
    drift,
    own_questions,
    probes_of,
    right_passages,
    score,
)  # fmt: skip
from disc_lite.examples import (
    Lesson,
    Pair,
    Text,
    disc_lessons,
    next_token_examples,
    prompt_lessons,
    tokenise,
)  # fmt: skip
from disc_lite.grading import Question
from disc_lite.interrupts import Interrupts
from disc_lite.models import Base, load_base
from disc_lite.questions import Harvest, seed_of, write_pairs
from disc_lite.retention import Spoken, own_words, retention_lessons
from disc_lite.run.inputs import Inputs
from disc_lite.storage import (
    append_jsonl,
    atomic_folder,
    read_json,
    read_jsonl,
    write_json,
    write_jsonl,
)  # fmt: skip
from disc_lite.teacher import TeacherStates, read_lessons, teachability
from disc_lite.training import Step, Task, train

WITH_PAIRS = ("prompt", "both", "sft")
TEACHER_TOKENS = 8192  # read at once by the teacher, which keeps nothing for a backward pass


@dataclass(frozen=True)
class Event:
    """Something to tell: a stage with how far it is, a training step, or a remark."""

    stage: str
    text: str = ""
    done: int = 0
    total: int = 0
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


@dataclass
class Workshop:
    """What the stages share: the inputs, the loaded model, whom to tell, whether to stop."""

    inputs: Inputs
    base: Base
    texts: tuple[Text, ...]
    listener: Listener
    interrupts: Interrupts
    began: float = field(default_factory=time.monotonic)

    @property
    def recipe(self) -> Any:
        return self.inputs.resolved.recipe

    @property
    def folder(self) -> Path:
        return self.inputs.folder

    def tell(self, stage: str, text: str = "", done: int = 0, total: int = 0, **data: Any) -> None:
        self.listener(Event(stage, text, done, total, data))
        if stage != "training":  # the loop stops by itself, after a save
            self.interrupts.check()


def open_workshop(inputs: Inputs, device: str | None, listener: Listener, interrupts: Interrupts) -> Workshop:
    """Load the base and tokenise the documents."""
    listener(Event("model", f"loading {inputs.model.name}"))
    recipe = inputs.resolved.recipe
    base = load_base(inputs.model.folder, recipe.memory.quantize, device)
    texts = tokenise(inputs.documents, base.tokens, recipe.documents.passage_tokens)
    shop = Workshop(inputs, base, texts, listener, interrupts)
    passages = [p for t in texts for p in t.passages]
    shop.tell(
        "documents", f"{len(texts)} documents, {len(passages)} passages, {sum(len(t.ids) for t in texts):,} tokens"
    )
    return shop


# -- what is written and measured before training --------------------------------------------------------


def hold_out(shop: Workshop) -> tuple[Question, ...]:
    """The questions that are measured with: the user's, or the base's own from a separate draw."""
    path = shop.folder / "questions.jsonl"
    if not path.is_file():
        found = list(shop.inputs.questions)
        if not found:
            shop.tell("questions", "writing held-out questions")
            found = own_questions(shop.base, shop.texts, shop.recipe, seed_of(shop.recipe.seed, "held out"))
        write_jsonl(path, [asdict(q) for q in found])
    return tuple(Question(**{**row, "answers": tuple(row["answers"])}) for row in read_jsonl(path))


def gather_pairs(shop: Workshop, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], dict[str, Any]]:
    """The training pairs: of the run folder if there, else the user's file, else newly written."""
    if shop.recipe.method not in WITH_PAIRS:
        return (), {}
    path, about = shop.folder / "pairs.jsonl", shop.folder / "pairs.json"
    if not about.is_file():
        harvest = _reused(shop.inputs.pairs) if shop.inputs.pairs else _written(shop, held_out)
        write_jsonl(path, [w.as_dict() for w in harvest.written] if isinstance(harvest, Harvest) else harvest)
        dropped = (
            {"dropped": harvest.dropped, "coverage": round(harvest.coverage, 4)} if isinstance(harvest, Harvest) else {}
        )
        write_json(about, dropped)
    pairs = tuple(Pair(r["document"], r["passage"], r["question"], r["answer"]) for r in read_jsonl(path))
    return pairs, read_json(about)


def _reused(path: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(path))


def _written(shop: Workshop, held_out: Sequence[Question]) -> Harvest:
    total = sum(len(t.passages) for t in shop.texts)
    done, number = 0, 0

    def on_passage(pairs: int) -> None:
        nonlocal done, number
        done, number = done + 1, number + pairs
        shop.tell("questions", f"{number} pairs", done, total)

    seed = seed_of(shop.recipe.seed, "pairs")
    return write_pairs(shop.base, shop.texts, shop.recipe, seed, [q.text for q in held_out], on_passage=on_passage)


def speak(shop: Workshop) -> tuple[list[Spoken], list[Spoken]]:
    """Neutral prompts and answers of the base: to train on, and to measure with."""
    recipe, model = shop.recipe, shop.inputs.model
    reserved = tuple(model.probes.get("reserved_names", ()))
    training = recipe.retention.weight > 0
    on = {"model": model.fingerprint, "settings": recipe.retention.model_dump(exclude={"weight", "share"}),
          "held_out": recipe.evaluation.neutral_prompts, "reserved": reserved, "training": training,
          "quantize": recipe.memory.quantize, "device": shop.base.device.type}  # fmt: skip
    key = sha256(json.dumps(on, sort_keys=True).encode()).hexdigest()[:32]
    total = recipe.retention.prompts + recipe.evaluation.neutral_prompts
    return own_words(
        shop.base, recipe, key, reserved, recipe.evaluation.neutral_prompts,
        on_chunk=lambda n: shop.tell("retention", "neutral prompts", min(n, total), total),
    )  # fmt: skip


def measure(shop: Workshop, held_out: Sequence[Question], neutral: Sequence[Spoken], when: str) -> dict[str, Any]:
    """Recall, completions, probes and (after) drift; `when` is before or after."""
    path = shop.folder / f"{when}.json"
    if path.is_file():
        found: dict[str, Any] = read_json(path)
        return found
    base, recipe, adapter = shop.base, shop.recipe, when == "after"
    questions = [q for q in held_out if q.kind == "question"]
    completions = [q for q in held_out if q.kind == "completion"]
    shop.tell("evaluation", f"{when}: {len(held_out)} questions")
    rows = {"recall": score(base, questions, adapter, recipe), "completions": score(base, completions, adapter, recipe)}
    if not adapter:
        rows["ceiling"] = score(base, questions, False, recipe, right_passages(questions, shop.texts))
    probes = probes_of(shop.inputs.model.probes)
    for name, asked in probes.items():
        shop.tell("evaluation", f"{when}: probe {name}, {len(asked)} questions")
        rows[f"probe {name}"] = score(base, asked, adapter, recipe)
    result: dict[str, Any] = {name: _row(s) for name, s in rows.items()}
    result["answers"] = [
        {"text": q.text, "kind": q.kind, "answers": list(q.answers), "document": q.document, "given": g}
        for name, asked in (("recall", questions), ("completions", completions))
        for q, g in zip(asked, rows[name].given, strict=True)
    ]
    result["kl"] = drift(base, neutral, recipe.train.tokens_per_batch) if adapter else 0.0
    write_json(path, result)
    return result


def _row(s: Score) -> dict[str, Any]:
    return {"share": round(s.share, 4), "right": s.right, "of": s.total}


# -- training ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curriculum:
    """What is taught, and how the teacher stood to it."""

    task: Task
    keep: Task
    teachability: dict[str, float]  # by document, of the DiSC targets
    teacher_tokens: dict[str, int]


def prepare(shop: Workshop, pairs: Sequence[Pair], spoken: Sequence[Spoken]) -> Curriculum:
    """Examples of the recipe's method, and one pass of the teacher over their lessons."""
    curriculum = _prepared(shop, pairs, spoken)
    if not curriculum.task.examples:
        raise DocumentsError(
            f"There is nothing to learn with the method `{shop.recipe.method}`.",
            "No pair of question and answer was kept, or no document has a second sentence.",
            "Add text to the documents, or choose another method (--set method=next_token).",
        )
    return curriculum


def _prepared(shop: Workshop, pairs: Sequence[Pair], spoken: Sequence[Spoken]) -> Curriculum:
    recipe, base = shop.recipe, shop.base
    keep_states = (
        _taught(shop, retention_lessons(spoken), "retention") if recipe.retention.weight > 0 and spoken else None
    )
    keep = Task(tuple(keep_states.examples) if keep_states else (), keep_states)
    if recipe.method == "next_token":
        return Curriculum(Task(tuple(next_token_examples(shop.texts, base.tokens)), None), keep, {}, {})
    prompt = prompt_lessons(shop.texts, pairs, base.tokens) if recipe.method in WITH_PAIRS else []
    if recipe.method == "sft":
        return Curriculum(Task(tuple(e for lesson in prompt for e in lesson.examples), None), keep, {}, {})
    disc = disc_lessons(shop.texts, base.tokens, recipe, recipe.seed) if recipe.method in ("disc", "both") else []
    states = _taught(shop, [*disc, *prompt], "documents")
    by_document = teachability(base, _first(states, disc), recipe.train.tokens_per_batch) if disc else {}
    tokens = {"disc": sum(x.tokens for x in disc), "prompt": sum(x.tokens for x in prompt)}
    return Curriculum(Task(tuple(states.examples), states), keep, by_document, tokens)


def _first(states: TeacherStates, lessons: Sequence[Lesson]) -> TeacherStates:
    """The part of the states that belongs to these lessons, which come first."""
    return TeacherStates(lessons, states.states)


def _taught(shop: Workshop, lessons: Sequence[Lesson], what: str) -> TeacherStates:
    total, read = sum(lesson.tokens for lesson in lessons), 0

    def on_batch(tokens: int) -> None:
        nonlocal read
        read += tokens
        shop.tell("teacher", f"reads {what}", read, total)

    folder = shop.folder / "cache" / what
    return read_lessons(shop.base, lessons, TEACHER_TOKENS, shop.recipe.memory.teacher_cache_gib, folder, on_batch)


def learn(shop: Workshop, curriculum: Curriculum) -> list[Step]:
    """Train from the newest checkpoint on, one line of `metrics.jsonl` a step."""
    path = shop.folder / "metrics.jsonl"
    rows = list(read_jsonl(path)) if path.is_file() else []
    steps = train(
        shop.base, curriculum.task, curriculum.keep, shop.recipe, shop.recipe.seed,
        shop.folder / "checkpoints", shop.interrupts.asked,
    )  # fmt: skip
    for number, step in enumerate(steps):
        if number == 0:  # what was measured after the checkpoint is measured again
            rows = [row for row in rows if row["step"] < step.step]
            write_jsonl(path, rows)
        append_jsonl(path, asdict(step))
        shop.tell("training", done=step.step, total=step.steps, **asdict(step))
    shop.interrupts.check()
    return [Step(**row) for row in read_jsonl(path)]


def save_adapter(base: Base, reference: str, target: Path) -> None:
    """Write the adapter as plain PEFT loads it: config and safetensors, nothing asked of a hub."""
    if target.is_dir():
        return
    config = base.model.peft_config["default"].to_dict()
    config.update(base_model_name_or_path=reference, inference_mode=True)
    config["target_modules"] = sorted(config["target_modules"])
    state = base.adapter_state()
    with atomic_folder(target) as temporary:
        save_file({n: t.detach().cpu().contiguous() for n, t in state.items()}, temporary / "adapter_model.safetensors")
        write_json(temporary / "adapter_config.json", {k: _plain(v) for k, v in sorted(config.items())})


def _plain(value: Any) -> Any:
    """Enums and sets of a PEFT configuration as JSON has them."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return getattr(value, "value", value)


def peak_bytes(base: Base) -> int:
    """Most memory held at once: allocated on the card, or by the process where there is no card."""
    if base.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(base.device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
