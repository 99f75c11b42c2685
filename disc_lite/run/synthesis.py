"""The stages before training: what will be asked, what the base writes about the documents and about nothing.

Each leaves its result in the run folder and is not done twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from disc_lite.distillation.methods import METHODS
from disc_lite.qa import Nearness, Pair, Question
from disc_lite.run.context import Workshop
from disc_lite.storage import read_json, write_json, write_jsonl
from disc_lite.synthesis import HELD_OUT, PairSet, score_pairs, seed_of, write_held_out, write_pairs
from disc_lite.synthesis.retention import (
    FEWEST,
    RetentionExample,
    apart_from,
    cache_folder,
    generate_retention_examples,
    prompts_needed,
)


def hold_out(shop: Workshop) -> tuple[Question, ...]:
    """The questions that are measured with: the user's, or the base's own from a separate draw."""
    if not shop.folder.questions.is_file():
        shop.folder.write_questions(shop.inputs.questions or _held_out(shop))
    return shop.folder.read_questions()


def _held_out(shop: Workshop) -> tuple[Question, ...]:
    wanted = shop.recipe.evaluation.questions
    shop.tell("questions", "held-out questions", 0, wanted)
    held_out = write_held_out(
        shop.base, shop.texts, shop.recipe, seed_of(shop.recipe.seed, "held out"),
        lambda n: shop.tell("questions", "held-out questions", n, wanted),
    )  # fmt: skip
    write_json(shop.folder.question_drafts, {"dropped": held_out.dropped})
    return held_out.questions


def gather_pairs(shop: Workshop, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], dict[str, Any]]:
    """The training pairs: of the run folder if there, else the user's, else newly written."""
    if not METHODS[shop.recipe.method].needs_pairs:
        return (), {}
    about = shop.folder.pair_drafts
    if not about.is_file():
        found = _reused(shop, held_out) if shop.inputs.pairs else _written(shop, held_out)
        write_jsonl(shop.folder.pairs, [scored.as_dict() for scored in found.scored])
        covered = found.coverage
        write_json(about, {
            "dropped": found.dropped, "coverage": None if covered is None else round(found.covered_share, 4),
            "coverage_by_passage": covered,
        })  # fmt: skip
    return shop.folder.read_pairs(), read_json(about)


def _reused(shop: Workshop, held_out: Sequence[Question]) -> PairSet:
    """The user's pairs, but for those that the evaluation asks; scored again, for they may be edited."""
    forbidden = Nearness([q.text for q in held_out], shop.recipe.prompt.near_duplicate)
    kept = [pair for pair in shop.inputs.pairs if not forbidden.near(pair.question)]
    dropped = {HELD_OUT: len(shop.inputs.pairs) - len(kept)}
    total, done = len(kept), 0

    def on_passage(pairs: int) -> None:
        nonlocal done
        done += pairs
        shop.tell("questions", "pairs reused", done, total)

    shop.tell("questions", "pairs reused", 0, total)
    return score_pairs(shop.base, shop.texts, kept, shop.recipe.prompt.worked_examples, dropped, on_passage)


def _written(shop: Workshop, held_out: Sequence[Question]) -> PairSet:
    seed, asked = seed_of(shop.recipe.seed, "pairs"), [q.text for q in held_out]

    def on_round(pairs: int, done: int, wanted: int) -> None:
        shop.tell("questions", f"{pairs} pairs", done, wanted)

    return write_pairs(shop.base, shop.texts, shop.recipe, seed, asked, on_round)


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
    shop.tell("retention", "self-generated prompts", 0, total)
    examples = generate_retention_examples(
        shop.base, recipe.retention, reserved, cache_folder() / "retention" / f"{key}.jsonl", total,
        on_round=lambda prompts: shop.tell("retention", "self-generated prompts", min(prompts, total), total),
    )  # fmt: skip
    if len(examples) < total and number:  # a model that has fewer to say than asked for is measured all the same
        held_out = min(held_out, len(examples) // 4)
    return examples[held_out:], examples[:held_out]


def _apart(shop: Workshop, examples: Sequence[RetentionExample]) -> list[RetentionExample]:
    return apart_from((t.document.text for t in shop.texts), examples, shop.base.tokens.decode)
