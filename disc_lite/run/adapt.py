"""One adaptation, from documents to adapter: the public `disc_lite.adapt`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from disc_lite.run.folder import Answers, Retained, When
from disc_lite.run.inputs import Inputs, begin, gather
from disc_lite.run.interrupts import Interrupts, listening
from disc_lite.storage import lock, read_json, sweep, write_json
from disc_lite.version import __version__

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
RECALL = {"before": "floor", "after": "adapted", "ceiling": "ceiling"}  # of the card's rows
LOW_TEACHABILITY = 0.1  # nats per target token


def adapt(
    documents: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    model: str,
    *,
    recipe: str | None = None,
    output: str | Path | None = None,
    questions: str | Path | None = None,
    pairs: str | Path | None = None,
    overrides: Mapping[str, str] | None = None,
    seed: int | None = None,
    device: str | None = None,
    listener: Any = None,
) -> dict[str, Any]:
    """Teach a model the knowledge in documents; returns the summary, also in `summary.json`.

    The same call on the same output folder continues what was interrupted, and returns at once what
    is finished. `listener` gets an `Event` for everything that happens.

    Raises DiscLiteError; its `exit_code` tells whether the call, the machine or the run was at fault.
    """
    named = [documents] if isinstance(documents, (str, os.PathLike)) else list(documents)
    inputs = gather(named, model, recipe, output, questions, pairs, overrides or {}, seed)
    folder = inputs.folder
    if folder.summary.is_file():
        summary: dict[str, Any] = read_json(folder.summary)
        return summary
    with lock(folder.path), listening() as interrupts:
        for path in (folder.path, folder.checkpoints, folder.within):
            sweep(path)
        begin(inputs)
        # torch and transformers load here, after every mistake that can be told without them.
        from disc_lite.run.context import within_memory

        with within_memory(inputs.resolved.recipe):
            return _perform(inputs, device, listener or (lambda event: None), interrupts)


def _perform(inputs: Inputs, device: str | None, listener: Any, interrupts: Interrupts) -> dict[str, Any]:
    """The stages in their order."""
    from disc_lite.distillation.schedule import task_tokens
    from disc_lite.run import context, fit, measuring, synthesis, training

    began = time.monotonic()
    shop = context.open_workshop(inputs, device, listener, interrupts)
    held_out = synthesis.hold_out(shop)
    pairs, about_pairs = synthesis.gather_pairs(shop, held_out)
    lessons = training.lessons_of(shop, pairs)
    # After the pairs: how many prompts are needed follows from what is learned.
    retention, neutral = synthesis.generate_retention(shop, task_tokens(lessons.examples, shop.recipe))
    recipe, folder = shop.recipe, shop.folder
    exam = measuring.compose(held_out, folder.read_passages(), inputs.model.probes, neutral)
    answers: dict[When, Answers] = {}
    retained: dict[When, Retained] = {}
    tell = partial(shop.tell, "evaluation")
    answers["before"] = measuring.measure_answers(shop.model, recipe, exam, folder, "before", tell)
    retained["before"] = measuring.measure_retained(shop.model, recipe, exam, folder, "before", tell)
    shop.base.attach(recipe.lora.rank, recipe.lora.alpha, recipe.seed, recipe.train.gradient_checkpointing)
    curriculum = training.prepare(shop, lessons, retention)
    steps = training.learn(shop, curriculum, pairs, neutral)
    training.save_adapter(shop.base, inputs.model.reference, inputs.folder.adapter)
    answers["after"] = measuring.measure_answers(shop.model, recipe, exam, folder, "after", tell)
    retained["after"] = measuring.measure_retained(shop.model, recipe, exam, folder, "after", tell)
    card = measuring.card_of(exam, pairs, recipe, answers, retained)
    card["fit"] = fit.last_measured(folder)
    summary = _summary(shop, curriculum, steps, card, about_pairs, len(pairs))
    summary["seconds"] = round(time.monotonic() - began, 1)
    summary["peak_bytes"] = context.peak_bytes(shop.base)
    write_json(folder.summary, summary)
    return summary


def _summary(
    shop: Any, curriculum: Any, steps: Sequence[Any], card: dict[str, Any], about_pairs: dict[str, Any], pairs: int,
) -> dict[str, Any]:  # fmt: skip
    """What a run is told by: learned, forgotten, spent."""
    inputs = shop.inputs
    outcomes = [entry.outcome for entry in inputs.ledger]
    examples = curriculum.task.examples
    losses = [step.loss for step in steps if not step.skipped]
    return {
        "run": str(inputs.folder),
        "model": inputs.model.name,
        "method": shop.recipe.method,
        "recipe": shop.recipe.name,
        "documents": {kind: outcomes.count(kind) for kind in ("read", "refused", "duplicate")},
        "passages": sum(len(text.passages) for text in shop.texts),
        "examples": {m: sum(e.method == m for e in examples) for m in sorted({e.method for e in examples})},
        "pairs": {"accepted": pairs, **about_pairs},
        "teachability": _teachability(curriculum),
        "teacher_tokens": curriculum.teacher_tokens,
        "steps": len(steps),
        "stopped_at": read_json(stopped) if (stopped := inputs.folder.stopped).is_file() else None,
        "skipped_steps": sum(step.skipped for step in steps),
        "loss": {"first": losses[0], "last": losses[-1]} if losses else {},
        "recall": {when: card["rows"][row] for when, row in RECALL.items()},
        "completions": card["completions"],
        "retention": {
            "kl": card["drift"]["self_generated"],
            "kl_general": card["drift"]["general"],
            **card["retained"],
        },
        "card": card,
        "adapter": str(inputs.folder.adapter),
        "versions": {"disc-lite": __version__, **{package: version(package) for package in PACKAGES}},
    }


def _teachability(curriculum: Any) -> dict[str, Any]:
    documents = {name: round(nats, 4) for name, nats in sorted(curriculum.teachability.items())}
    low = [name for name, nats in documents.items() if nats < LOW_TEACHABILITY]
    mean = sum(documents.values()) / len(documents) if documents else None
    return {"mean": None if mean is None else round(mean, 4), "documents": documents, "low": low}
