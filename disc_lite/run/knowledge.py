"""The stages before training: what will be asked, what the base writes about the documents and about nothing.

Each leaves its result in the run folder and is not done twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from disc_lite.evaluation import own_questions
from disc_lite.grading import Nearness, Pair, Question, read_pairs
from disc_lite.questions import HELD_OUT, Harvest, score_pairs, seed_of, write_pairs
from disc_lite.retention import (
    FEWEST,
    RetentionExample,
    apart_from,
    cache_folder,
    generate_retention_examples,
    prompts_needed,
)
from disc_lite.run.workshop import Workshop
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl

WITH_PAIRS = ("prompt", "both", "sft")


def hold_out(shop: Workshop) -> tuple[Question, ...]:
    """The questions that are measured with: the user's, or the base's own from a separate draw."""
    path = shop.folder / "questions.jsonl"
    if not path.is_file():
        found = list(shop.inputs.questions)
        if not found:
            shop.tell("questions", "writing held-out questions")
            found = own_questions(shop.base, shop.texts, shop.recipe, seed_of(shop.recipe.seed, "held out"))
        write_jsonl(path, [asdict(q) for q in found])
    return saved_questions(path)


def saved_questions(path: Path) -> tuple[Question, ...]:
    """The `questions.jsonl` of a run folder."""
    rows = read_jsonl(path)
    return tuple(Question(**{**r, "answers": tuple(r["answers"]), "choices": tuple(r["choices"])}) for r in rows)


def digest(asked: Sequence[Question]) -> str:
    """Twelve hexadecimal digits that stand for these questions."""
    return sha256(repr(tuple(asked)).encode()).hexdigest()[:12]


def gather_pairs(shop: Workshop, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], dict[str, Any]]:
    """The training pairs: of the run folder if there, else the user's, else newly written."""
    if shop.recipe.method not in WITH_PAIRS:
        return (), {}
    path, about = shop.folder / "pairs.jsonl", shop.folder / "pairs.json"
    if not about.is_file():
        harvest = _reused(shop, held_out) if shop.inputs.pairs else _written(shop, held_out)
        write_jsonl(path, [w.as_dict() for w in harvest.written])
        coverage = None if harvest.coverage is None else round(harvest.coverage, 4)
        write_json(about, {"dropped": harvest.dropped, "coverage": coverage})
    return read_pairs(path), read_json(about)


def _reused(shop: Workshop, held_out: Sequence[Question]) -> Harvest:
    """The user's pairs, but for those that the evaluation asks; scored again, for they may be edited."""
    forbidden = Nearness([q.text for q in held_out], shop.recipe.prompt.near_duplicate)
    kept = [pair for pair in shop.inputs.pairs if not forbidden.near(pair.question)]
    shop.tell("questions", f"{len(kept)} pairs reused")
    return score_pairs(shop.base, shop.texts, kept, {HELD_OUT: len(shop.inputs.pairs) - len(kept)})


def _written(shop: Workshop, held_out: Sequence[Question]) -> Harvest:
    total = sum(len(t.passages) for t in shop.texts)
    done, number = 0, 0

    def on_passage(pairs: int) -> None:
        nonlocal done, number
        done, number = done + 1, number + pairs
        shop.tell("questions", f"{number} pairs", done, total)

    seed = seed_of(shop.recipe.seed, "pairs")
    return write_pairs(shop.base, shop.texts, shop.recipe, seed, [q.text for q in held_out], on_passage=on_passage)


def generate_retention(shop: Workshop, task_tokens: int) -> tuple[list[RetentionExample], list[RetentionExample]]:
    """Self-generated prompts and answers: to train on, as many as `task_tokens` ask for, and to measure with.

    `task_tokens` are those of the task in all epochs.
    """
    recipe = shop.recipe
    if recipe.retention.weight == 0:
        return _first_prompts(shop, 0)
    sample, _ = _first_prompts(shop, min(FEWEST, recipe.retention.prompts))
    # Of those that are left out nothing is read.
    read = sum(example.tokens for example in _apart(shop, sample))
    number = prompts_needed(task_tokens, read / max(1, len(sample)), recipe.retention)
    examples, held_out = _first_prompts(shop, number)
    apart = _apart(shop, examples)
    if len(apart) < len(examples):
        left_out = f"{len(examples) - len(apart)} of {len(examples)} prompts name what the documents name: left out"
        shop.tell("retention", left_out)
    return apart, held_out


def _first_prompts(shop: Workshop, number: int) -> tuple[list[RetentionExample], list[RetentionExample]]:
    """The model's first prompts: `evaluation.neutral_prompts` to measure with, then `number` to train on."""
    recipe, model = shop.recipe, shop.inputs.model
    reserved = tuple(model.probes.get("reserved_names", ()))
    on = {"model": model.fingerprint, "reserved": reserved, "quantize": recipe.memory.quantize,
          "settings": recipe.retention.model_dump(include={"prompt_tokens", "answer_tokens", "temperature"}),
          "device": shop.base.device.type}  # fmt: skip
    key = sha256(json.dumps(on, sort_keys=True).encode()).hexdigest()[:32]
    held_out = recipe.evaluation.neutral_prompts
    total = held_out + number
    examples = generate_retention_examples(
        shop.base, recipe.retention, reserved, cache_folder() / "retention" / f"{key}.jsonl", total,
        on_round=lambda prompts: shop.tell("retention", "self-generated prompts", min(prompts, total), total),
    )  # fmt: skip
    if len(examples) < total and number:  # a model that has fewer to say than asked for is measured all the same
        held_out = min(held_out, len(examples) // 4)
    return examples[held_out:], examples[:held_out]


def _apart(shop: Workshop, examples: Sequence[RetentionExample]) -> list[RetentionExample]:
    return apart_from((t.document.text for t in shop.texts), examples, shop.base.tokens.decode)
