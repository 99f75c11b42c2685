"""One adaptation, from documents to adapter: the public `disc_lite.adapt`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from disc_lite.recipe.execution import Execution
from disc_lite.run.budget import Limits, Size, limited_to_plan
from disc_lite.run.events import Event, Listener, Teller, silent
from disc_lite.run.finished import saved_summary, summary_of
from disc_lite.run.gathering import AnyPath, Arguments, Documents, PairFiles, gather
from disc_lite.run.inputs import Inputs, begin
from disc_lite.run.interrupts import catch_signals
from disc_lite.run.plan import planned_execution
from disc_lite.run.since import nothing_to_teach
from disc_lite.storage import JsonObject, lock, sweep, write_json
from disc_lite.storage.disk import remove

if TYPE_CHECKING:
    import torch

    from disc_lite.run.context import RunContext


def adapt(
    documents: Documents,
    model: str | None = None,
    *,
    recipe: str | None = None,
    output: AnyPath | None = None,
    questions: AnyPath | None = None,
    pairs: PairFiles = None,
    update: AnyPath | None = None,
    overrides: Mapping[str, object] | None = None,
    seed: int | None = None,
    device: str | None = None,
    max_vram: Size = None,
    host_ram: Size = None,
    pairs_only: bool = False,
    listener: Listener | None = None,
) -> JsonObject:
    """Teach a model the knowledge in documents; returns the summary, also in `summary.json`.

    The same call with the same output folder continues an interrupted run, and returns the summary of a finished
    one at once. The free memory decides how the run is computed; `max_vram` and `host_ram` ("8GB") limit what it may
    use. `listener` is called with an `Event` for everything that happens.

    `pairs` are files of pairs or runs, one or several, whose pairs are taught instead of new ones.
    `update` is a finished run whose documents have changed since: what is unchanged is taken over from it, and its
    model and recipe are the default. If there is nothing to teach, its summary is returned with `nothing_to_teach`.
    With `pairs_only` the run ends when its pairs are written and returns their number; so a model that is too large
    to be trained here can write pairs for another one. The same call without `pairs_only` continues the run.

    Raises DiscLiteError; its `exit_code` says whether the call, the machine or the run was at fault.
    """
    arguments = Arguments(documents, model, recipe, output, questions, pairs, update, overrides, seed, pairs_only)
    limits, tell = Limits(device, max_vram, host_ram), listener or silent
    inputs = gather(
        arguments, tell, before_download=lambda found: planned_execution(found, limits, trains=not pairs_only)
    )
    known = _known_summary(inputs, tell, pairs_only)
    if known is not None:
        return known
    for stage, remark in inputs.remarks:
        tell(Event(stage, remark, is_remark=True))
    return _adapt_in_folder(inputs, limits, tell, pairs_only)


def _known_summary(inputs: Inputs, listener: Listener, pairs_only: bool) -> JsonObject | None:
    """The summary of a finished run, or of the earlier run if an update has nothing to teach; else None."""
    folder = inputs.folder
    if folder.summary.is_file():
        return saved_summary(folder) | ({"pairs_only": str(folder.pairs)} if pairs_only else {})
    if since := inputs.since:
        earlier = since.earlier.folder
        listener(Event("documents", f"since {earlier}: {since.changes}"))
        if idle := nothing_to_teach(since, inputs.resolved.recipe):
            return {**saved_summary(earlier), "nothing_to_teach": idle}
    return None


def _adapt_in_folder(inputs: Inputs, limits: Limits, listener: Listener, pairs_only: bool) -> JsonObject:
    """Run all stages, or those up to the pairs, with the folder locked and signals caught."""
    folder = inputs.folder
    with lock(folder.path), catch_signals() as interrupts:
        for path in (folder.path, folder.checkpoints, folder.within):
            sweep(path)
        listener(Event("model", "loading PyTorch"))
        with interrupts.at_once():
            # torch and transformers are imported here, after all errors that can be found without them.
            from disc_lite.models.device import device_of
            from disc_lite.run.context import report_out_of_memory

        where = device_of(limits.device)
        planned = planned_execution(inputs, limits, trains=not (pairs_only or folder.is_trained))
        begin(inputs)
        with limited_to_plan(limits, where), report_out_of_memory(inputs.resolved.recipe):
            return _run_stages(inputs, where, planned, Teller(listener, interrupts), pairs_only)


def _run_stages(
    inputs: Inputs, device: torch.device, planned: Execution, teller: Teller, pairs_only: bool
) -> JsonObject:
    """Load the model, run all stages or those up to the pairs, and free the model; returns the summary."""
    from disc_lite.run.context import open_context, peak_bytes, reset_peak

    began = time.monotonic()
    reset_peak(device)
    context = open_context(inputs, device, planned, teller)
    with closing(context.base):
        summary = _stages(context, pairs_only)
        if not pairs_only:
            summary |= {"seconds": round(time.monotonic() - began, 1), "peak_bytes": peak_bytes(context.base)}
            write_json(context.folder.summary, summary, may_differ=True)  # in `seconds` and `peak_bytes`
    return summary


def _stages(context: RunContext, pairs_only: bool) -> JsonObject:
    """Run the stages; returns the summary without time and memory, or with `pairs_only` the number of pairs."""
    from disc_lite.distillation.schedule import task_tokens
    from disc_lite.run import self_generated, synthesis, training
    from disc_lite.run.card import card_of
    from disc_lite.run.context import tell_execution
    from disc_lite.run.measuring import Measurement, eval_set_of

    recipe, folder, base = context.recipe, context.folder, context.base
    held_out = synthesis.hold_out(context)
    pairs, about_pairs = synthesis.gather_pairs(context, held_out)
    if pairs_only:
        return {"run": str(folder), "pairs": {"accepted": len(pairs), **about_pairs}, "pairs_only": str(folder.pairs)}
    if not folder.is_trained:
        tell_execution(context)
        lessons = training.lessons_of(context, pairs)
        # After the pairs, because the number of prompts depends on the number of task tokens.
        retention = self_generated.retention_of_run(context, task_tokens(lessons.examples, recipe))
    eval_set = eval_set_of(held_out, folder, context.inputs.model.probes, folder.read_questions_removed())
    measurement = Measurement(lambda: base, recipe, eval_set, folder, partial(context.tell, "evaluation"))
    measurement.ask("before")
    if folder.is_trained:
        base.load_adapter(folder.adapter)
    else:
        training.make_adapter(context, lessons, retention, pairs)
    remove(folder.cache)
    measurement.ask("after")
    return summary_of(context, card_of(measurement, pairs), about_pairs, len(pairs))
