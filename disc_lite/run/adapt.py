"""One adaptation, from documents to adapter: the public `disc_lite.adapt`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.recipe.schema import Execution
from disc_lite.run.advice import advice_on
from disc_lite.run.cache import require_cache
from disc_lite.run.earlier import EarlierRun, nothing_to_teach
from disc_lite.run.events import Event, Listener
from disc_lite.run.folder import Answers, Retained, RunFolder, When
from disc_lite.run.given import PairFiles
from disc_lite.run.inputs import Inputs, begin, gather
from disc_lite.run.interrupts import Interrupts, catch_signals
from disc_lite.run.plan import planned_execution
from disc_lite.run.room import Limits, Size, limited_to_plan
from disc_lite.storage import JsonObject, lock, read_json, read_jsonl, sweep, write_json
from disc_lite.storage.disk import remove
from disc_lite.version import __version__

if TYPE_CHECKING:
    import torch

    from disc_lite.run.context import RunContext

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
RECALL = {"before": "floor", "after": "adapted", "ceiling": "ceiling"}  # of the card's rows
LOW_TEACHABILITY = 0.1  # nats per target token


def adapt(
    documents: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    model: str | None = None,
    *,
    recipe: str | None = None,
    output: str | Path | None = None,
    questions: str | Path | None = None,
    pairs: PairFiles = None,
    update: str | Path | None = None,
    overrides: Mapping[str, object] | None = None,
    seed: int | None = None,
    device: str | None = None,
    max_vram: Size = None,
    host_ram: Size = None,
    listener: Listener | None = None,
) -> JsonObject:
    """Teach a model the knowledge in documents; returns the summary, also in `summary.json`.

    The same call with the same output folder continues an interrupted run, and returns the summary of a finished
    one at once. How it is computed follows from the memory that is free, of which `max_vram` and `host_ram` ("8GB")
    let it use less. `listener` is called with an `Event` for everything that happens.

    `pairs` are files of pairs, or runs whose pairs are taught instead of new ones: those of several runs together.
    `update` is a finished run whose documents have changed since: what is unchanged is taken over from it, and its
    model and recipe are the default. Where there is nothing to teach, its summary is returned, with `nothing_to_teach`.

    Raises DiscLiteError; its `exit_code` says whether the call, the machine or the run was at fault.
    """
    named = [documents] if isinstance(documents, (str, os.PathLike)) else list(documents)
    limits = Limits(device, max_vram, host_ram)
    inputs = gather(
        named, model, recipe, output, questions, pairs, overrides or {}, seed, listener,
        before_download=lambda found: planned_execution(found, limits), update=update,
    )  # fmt: skip
    known = _known_summary(inputs, listener)
    if known is not None:
        return known
    require_cache()
    tell = listener or (lambda event: None)
    for remark in inputs.remarks:
        tell(Event("model", remark, is_remark=True))
    return _adapt_in_folder(inputs, limits, tell)


def _known_summary(inputs: Inputs, listener: Listener | None) -> JsonObject | None:
    """The summary of a finished run, or of the earlier one where an update has nothing to teach."""
    if inputs.folder.summary.is_file():
        return _summary_in(inputs.folder)
    if inputs.earlier and (idle := idle_update(inputs, inputs.earlier, listener)):
        return {**_summary_in(inputs.earlier.folder), "nothing_to_teach": idle}
    return None


def _summary_in(folder: RunFolder) -> JsonObject:
    """The summary of a finished run, which may have been moved or copied since it was written."""
    return {**read_json(folder.summary), "run": str(folder), "adapter": str(folder.adapter)}


def _adapt_in_folder(inputs: Inputs, limits: Limits, listener: Listener) -> JsonObject:
    """All stages, with the folder locked and the signals caught."""
    folder = inputs.folder
    with lock(folder.path), catch_signals() as interrupts:
        for path in (folder.path, folder.checkpoints, folder.within):
            sweep(path)
        with interrupts.at_once():
            # torch and transformers are imported here, after all errors that can be found without them.
            from disc_lite.models.device import device_of
            from disc_lite.run.context import report_out_of_memory

        where = device_of(limits.device)
        planned = planned_execution(inputs, limits)
        begin(inputs)
        with limited_to_plan(limits, where), report_out_of_memory(inputs.resolved.recipe):
            return _run_stages(inputs, where, planned, listener, interrupts)


def _run_stages(
    inputs: Inputs, device: torch.device, planned: Execution, listener: Listener, interrupts: Interrupts
) -> JsonObject:
    """All stages in their order."""
    from disc_lite.distillation.schedule import task_tokens
    from disc_lite.run import fit, measuring, synthesis, training
    from disc_lite.run.context import open_context, peak_bytes, reset_peak

    began = time.monotonic()
    reset_peak(device)
    context = open_context(inputs, device, planned, listener, interrupts)
    held_out = synthesis.hold_out(context)
    pairs, about_pairs = synthesis.gather_pairs(context, held_out)
    recipe, folder = context.recipe, context.folder
    if not folder.is_trained:
        lessons = training.lessons_of(context, pairs)
        # After the pairs: how many prompts are needed depends on how much is learned.
        retention, drift_prompts = synthesis.generate_retention(context, task_tokens(lessons.examples, recipe))
        folder.write_examples("self_generated", drift_prompts)
    eval_set = measuring.eval_set_of(
        held_out, folder.read_passages(), inputs.model.probes, folder.read_examples("self_generated"),
        folder.read_questions_removed(),
    )  # fmt: skip
    answers: dict[When, Answers] = {}
    retained: dict[When, Retained] = {}
    tell = partial(context.tell, "evaluation")
    answers["before"] = measuring.measure_answers(context.model, recipe, eval_set, folder, "before", tell)
    retained["before"] = measuring.measure_retained(context.model, recipe, eval_set, folder, "before", tell)
    if folder.is_trained:
        context.base.load_adapter(folder.adapter)
    else:
        training.make_adapter(context, lessons, retention, drift_prompts, pairs)
    remove(folder.cache)
    answers["after"] = measuring.measure_answers(context.model, recipe, eval_set, folder, "after", tell)
    retained["after"] = measuring.measure_retained(context.model, recipe, eval_set, folder, "after", tell)
    card = measuring.card_of(eval_set, pairs, recipe, answers, retained)
    card["fit"] = fit.last_measured(folder)
    card["advice"] = advice_on(folder, recipe)
    card["update"] = measuring.by_state(eval_set, folder, recipe, answers)
    summary = _summary(context, card, about_pairs, len(pairs))
    summary["seconds"] = round(time.monotonic() - began, 1)
    summary["peak_bytes"] = peak_bytes(context.base)
    write_json(folder.summary, summary, may_differ=True)  # in its seconds
    return summary


def idle_update(inputs: Inputs, earlier: EarlierRun, listener: Listener | None) -> str:
    """A sentence where an update has nothing to teach; tells what has changed."""
    recipe = inputs.resolved.recipe
    changes = earlier.changes(inputs.documents, inputs.model.folder, recipe.documents.passage_tokens)
    if changes is None:
        return ""
    if listener:
        listener(Event("documents", f"since {earlier.folder}: {changes}"))
    return nothing_to_teach(earlier, changes, recipe)


def _summary(context: RunContext, card: JsonObject, about_pairs: JsonObject, pairs: int) -> JsonObject:
    """What the run learned, retained and took, as JSON."""
    inputs, taught, steps = context.inputs, read_json(context.folder.teacher), read_jsonl(context.folder.metrics)
    outcomes = [entry.outcome for entry in inputs.ledger]
    damaged = sum(bool(entry.warning) for entry in inputs.ledger)
    losses = [step["loss"] for step in steps if not step["skipped"]]
    return {
        "run": str(inputs.folder),
        "model": inputs.model.name,
        "method": context.recipe.method,
        "recipe": context.recipe.name,
        "documents": {kind: outcomes.count(kind) for kind in ("read", "refused", "duplicate")} | {"damaged": damaged},
        "passages": sum(len(text.passages) for text in context.texts),
        "examples": taught["examples"],
        "pairs": {"accepted": pairs, **about_pairs},
        "teachability": _teachability(taught["teachability"]),
        "teacher_tokens": taught["tokens"],
        "steps": len(steps),
        "stopped_at": read_json(stopped) if (stopped := inputs.folder.stopped).is_file() else None,
        "skipped_steps": sum(step["skipped"] for step in steps),
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


def _teachability(nats_by_document: dict[str, float]) -> JsonObject:
    documents = {name: round(nats, 4) for name, nats in sorted(nats_by_document.items())}
    low = [name for name, nats in documents.items() if nats < LOW_TEACHABILITY]
    mean = sum(documents.values()) / len(documents) if documents else None
    return {"mean": None if mean is None else round(mean, 4), "documents": documents, "low": low}
