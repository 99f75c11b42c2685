"""The stages before training: what will be asked, what the base writes and says.

Each leaves its result in the run folder and is not done twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from disc_lite.evaluation import own_questions
from disc_lite.grading import Nearness, Pair, Question, read_pairs
from disc_lite.questions import HELD_OUT, Harvest, score_pairs, seed_of, write_pairs
from disc_lite.retention import Spoken, apart_from, own_words
from disc_lite.run.workshop import Workshop
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl

WITH_PAIRS = ("prompt", "both", "sft")


def hold_out(shop: Workshop) -> tuple[Question, ...]:
    """The questions that are measured with: the user's, or the base's own from a separate draw."""
    path = shop.folder / "questions.jsonl"
    if not path.is_file():
        found = list(shop.inputs.questions)
        if not found:
            seed = seed_of(shop.recipe.seed, "held out")
            found = own_questions(shop.base, shop.texts, shop.recipe, seed, _telling(shop, "held-out questions"))
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
    dropped = {HELD_OUT: len(shop.inputs.pairs) - len(kept)}
    return score_pairs(shop.base, shop.texts, kept, dropped, _telling(shop, "pairs reused"))


def _written(shop: Workshop, held_out: Sequence[Question]) -> Harvest:
    seed, asked = seed_of(shop.recipe.seed, "pairs"), [q.text for q in held_out]
    return write_pairs(shop.base, shop.texts, shop.recipe, seed, asked, on_passage=_telling(shop, "pairs"))


def _telling(shop: Workshop, what: str) -> Callable[[int], None]:
    """Tells of every passage, as it is done, how many of all are, and what they brought so far."""
    total = sum(len(t.passages) for t in shop.texts)
    done, number = 0, 0

    def on_passage(found: int) -> None:
        nonlocal done, number
        done, number = done + 1, number + found
        shop.tell("questions", f"{number} {what}", done, total)

    shop.tell("questions", f"{number} {what}", done, total)
    return on_passage


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
