"""The stages before and after training: what is asked, written, said and measured.

Each leaves its result in the run folder and is not done twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from disc_lite.evaluation import Score, drift, own_questions, probes_of, right_passages, score
from disc_lite.grading import Pair, Question, read_pairs
from disc_lite.questions import HELD_OUT, Harvest, Nearness, score_pairs, seed_of, write_pairs
from disc_lite.retention import Spoken, own_words
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
    return tuple(Question(**{**row, "answers": tuple(row["answers"])}) for row in read_jsonl(path))


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
