"""The stages before training: what will be asked, what the base writes and says.

Each leaves its result in the run folder and is not done twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from disc_lite.grading import Nearness, Pair, Question, read_pairs
from disc_lite.retention import Spoken, apart_from, own_words
from disc_lite.run.workshop import Workshop
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl
from disc_lite.synthesis import HELD_OUT, PairSet, score_pairs, seed_of, write_held_out, write_pairs

WITH_PAIRS = ("prompt", "both", "sft")


def hold_out(shop: Workshop) -> tuple[Question, ...]:
    """The questions that are measured with: the user's, or the base's own from a separate draw."""
    path = shop.folder / "questions.jsonl"
    if not path.is_file():
        found = shop.inputs.questions or _held_out(shop)
        write_jsonl(path, [asdict(q) for q in found])
    return saved_questions(path)


def _held_out(shop: Workshop) -> tuple[Question, ...]:
    wanted = shop.recipe.evaluation.questions
    held_out = write_held_out(
        shop.base, shop.texts, shop.recipe, seed_of(shop.recipe.seed, "held out"),
        lambda n: shop.tell("questions", "held-out questions", n, wanted),
    )  # fmt: skip
    write_json(shop.folder / "questions.json", {"dropped": held_out.dropped})
    return held_out.questions


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
        found = _reused(shop, held_out) if shop.inputs.pairs else _written(shop, held_out)
        write_jsonl(path, [scored.as_dict() for scored in found.scored])
        covered = found.coverage
        write_json(about, {
            "dropped": found.dropped, "coverage": None if covered is None else round(found.covered_share, 4),
            "coverage_by_passage": covered,
        })  # fmt: skip
    return read_pairs(path), read_json(about)


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

    return score_pairs(shop.base, shop.texts, kept, dropped, on_passage)


def _written(shop: Workshop, held_out: Sequence[Question]) -> PairSet:
    seed, asked = seed_of(shop.recipe.seed, "pairs"), [q.text for q in held_out]

    def on_round(pairs: int, done: int, wanted: int) -> None:
        shop.tell("questions", f"{pairs} pairs", done, wanted)

    return write_pairs(shop.base, shop.texts, shop.recipe, seed, asked, on_round)


def speak(shop: Workshop) -> tuple[list[Spoken], list[Spoken]]:
    """Neutral prompts and answers of the base: to train on, and to measure with."""
    recipe, model = shop.recipe, shop.inputs.model
    reserved = tuple(model.probes.get("reserved_names", ()))
    training = recipe.retention.weight > 0
    on = {"model": model.fingerprint, "settings": recipe.retention.model_dump(exclude={"weight", "share", "max_kl"}),
          "held_out": recipe.evaluation.neutral_prompts, "reserved": reserved, "training": training,
          "quantize": recipe.memory.quantize, "device": shop.base.device.type}  # fmt: skip
    key = sha256(json.dumps(on, sort_keys=True).encode()).hexdigest()[:32]
    total = recipe.retention.prompts + recipe.evaluation.neutral_prompts
    shop.tell("retention", "written by the model", 0, total)
    spoken, held_out = own_words(
        shop.base, recipe, key, reserved, recipe.evaluation.neutral_prompts,
        on_chunk=lambda n: shop.tell("retention", "written by the model", min(n, total), total),
    )  # fmt: skip
    apart = apart_from((t.document.text for t in shop.texts), spoken, shop.base.tokens.decode)
    if len(apart) < len(spoken):
        left_out = f"{len(spoken) - len(apart)} of {len(spoken)} neutral prompts name what the documents name: left out"
        shop.tell("retention", left_out)
    return apart, held_out
