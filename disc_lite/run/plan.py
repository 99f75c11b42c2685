"""The plan of a run before it starts: the public `disc_lite.plan`, and the execution that `adapt` follows.

`plan` reads the documents and no weights; it downloads nothing and does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import EnvironmentNotReady, NothingToTeach, UsageError, WillNotFit
from disc_lite.hub.aliases import ALIASES, resolve
from disc_lite.planning.cards import card_named, usable_bytes
from disc_lite.planning.corpus import TakenOver, corpus_of
from disc_lite.planning.estimate import Budget, Plan, on_smallest_card, plan_run
from disc_lite.planning.memory import ALL_LAYERS
from disc_lite.planning.shapes import shape_of_alias, shape_of_folder
from disc_lite.planning.sizes import GIB
from disc_lite.planning.workload import workload_of
from disc_lite.recipe.execution import Execution
from disc_lite.recipe.schema import Update
from disc_lite.run.budget import WITHOUT_VRAM, Limits, Size, as_planned, budget_of, require_room, require_room_for_base
from disc_lite.run.earlier import pair_of
from disc_lite.run.events import Listener, silent
from disc_lite.run.execution import idle_on_host
from disc_lite.run.gathering import (
    AnyPath,
    Arguments,
    Documents,
    PairFiles,
    check_context,
    check_pairs_belong,
    nothing_to_learn,
    read_inputs,
)
from disc_lite.run.inputs import Inputs, check_same_run
from disc_lite.run.overhead import overhead_of
from disc_lite.run.since import Since, nothing_to_teach


def plan(
    documents: Documents, model: str | None = None, *, recipe: str | None = None, output: AnyPath | None = None,
    questions: AnyPath | None = None, pairs: PairFiles = None, update: AnyPath | None = None,
    overrides: Mapping[str, object] | None = None, seed: int | None = None, device: str | None = None,
    max_vram: Size = None, host_ram: Size = None, listener: Listener | None = None, card: str | None = None,
    here: bool = False,
) -> Plan:  # fmt: skip
    """What `adapt` with these arguments needs: memory by stage, disk, operations, minutes.

    `max_vram` is the memory of a GPU ("8GB", or 8), `host_ram` that of the machine; `card` is the name of a GPU, for
    the minutes. Without any of them the plan is for the smallest card on which the run fits, or for the CPU if `device`
    is "cpu". `here` plans for this machine, with the memory that is free now.
    Raises what `adapt` raises before it loads the model (about its run folder only if that is named, or `here`), and
    EnvironmentNotReady if the sizes of the model are not known here.
    """
    arguments = Arguments(documents, model, recipe, output, questions, pairs, update, overrides, seed)
    limits = Limits(device, max_vram, host_ram)
    if here and card:
        raise UsageError("`here` plans for this machine, and `card` for another.", "", "Leave one of them out.")
    budget = None if here else _budget(limits, card)
    inputs = local_inputs(arguments, listener or silent, here or output is not None)
    return plan_within(budget or budget_of(limits, inputs.folder.path), inputs)


def _budget(limits: Limits, card: str | None) -> Budget:
    """The memory that a run may use on a machine that need not be this one."""
    if card and limits.device in WITHOUT_VRAM:
        raise UsageError("--cpu plans without a GPU, and --card names one.", "", "Leave one of them out.")
    if limits.device in WITHOUT_VRAM:
        eight_bits = limits.device != "mps"
        return Budget(None, limits.host_bytes, limits.host_bytes, None, cuda=False, eight_bits=eight_bits)
    whose, usable = card_named(card) if card else None, limits.usable_vram
    if usable is None and whose:
        usable = usable_bytes(round(whose.memory_gib * GIB))
    return Budget(whose, usable, limits.host_bytes, None)


def local_inputs(arguments: Arguments, tell: Listener, in_folder: bool) -> Inputs:
    """Read and check the inputs of `adapt` that are on this machine.

    Raises what `adapt` raises, about its run folder only if `in_folder`; and EnvironmentNotReady for an update whose
    model is not here, since what changed cannot be found without its tokenizer.
    """
    inputs = read_inputs(arguments, tell, in_folder)
    reference = inputs.model.reference
    if inputs.earlier and not inputs.model.is_here:
        raise EnvironmentNotReady(
            f"{reference} is not on this machine.", "Its tokenizer is needed to find what has changed since the run.",
            f"Download it once: hf download {reference} config.json tokenizer.json",
        )  # fmt: skip
    if inputs.model.is_here:
        check_context(inputs)
        check_pairs_belong(inputs)
    if in_folder and inputs.model.fingerprint:
        check_same_run(inputs)
    return inputs


def plan_within(budget: Budget, inputs: Inputs) -> Plan:
    """The plan with remarks on settings; if no GPU is named, for the smallest one on which the run fits.

    Raises EnvironmentNotReady if the sizes of the model are not known.
    """
    found = _plan(inputs, budget)
    if found is None:
        raise EnvironmentNotReady(
            f"The size of {inputs.model.reference} is not known.",
            "It is not a name of `disc-lite models`, and its `config.json` is not on this machine.",
            f"Download it once: hf download {inputs.model.reference} config.json tokenizer.json",
        )
    if budget.cuda and budget.card_bytes is None:
        found = on_smallest_card(found)
    named, taken = found.recipe.execution, found.choice and as_planned(found.recipe, found.choice)
    on_host = idle_on_host(named, taken, budget.cuda) if taken else []
    return replace(found, remarks=tuple(dict.fromkeys([*(text for _, text in inputs.remarks), *on_host])))


def _plan(inputs: Inputs, budget: Budget) -> Plan | None:
    """The plan, or None if the sizes of the model are not known.

    Raises UsageError if an update has nothing to teach, DocumentsError if the documents give no example.
    """
    recipe = inputs.resolved.recipe
    folder = inputs.model.folder if inputs.model.is_here else None
    shape = shape_of_folder(folder) if folder else None
    if shape is None and (alias := resolve(inputs.model.name).alias):
        shape = shape_of_alias(ALIASES[alias])
    if shape is None:
        return None
    since = inputs.since
    if since and (idle := nothing_to_teach(since, recipe)):
        raise NothingToTeach(idle, "", "There is nothing to do.")
    taken_over = _taken_over(since, recipe.update) if since else TakenOver()
    refused = sum(entry.outcome == "refused" for entry in inputs.ledger)
    corpus = corpus_of(inputs.documents, refused, tokenizer_of(folder), recipe, inputs.pairs, taken_over)
    corpus = replace(corpus, since=since.changes.counts() if since else None)
    work = workload_of(corpus, recipe, len(inputs.questions), replace(overhead_of(folder), apart=shape.apart))
    if not inputs.earlier and not any(work.examples.values()):
        raise nothing_to_learn(recipe.method)
    return plan_run(replace(shape, name=inputs.model.name), recipe, corpus, work, budget)


def _taken_over(since: Since, update: Update) -> TakenOver:
    """What an update takes over instead of teaching it, and the questions that it unlearns."""
    if update.start == "new":
        return TakenOver()
    gone = since.gone
    rows = [*since.kept_pairs, *(gone.passages if update.removed == "rehearse" else [])]
    every = (*gone.passages, *gone.sentences, *gone.dropped) if update.removed == "unlearn" else ()
    questions = list(dict.fromkeys(row["question"] for row in every))
    return TakenOver(since.changes.unchanged, [pair_of(row) for row in rows], questions)


def planned_execution(inputs: Inputs, limits: Limits, trains: bool = True) -> Execution:
    """How a run is computed with the memory that is free now; its model need not be downloaded.

    Raises WillNotFit if it does not fit. For a model whose sizes are not known the recipe's settings are used, and if
    it names no number of layers to compute again, all are. Without training (`trains`) only the base has to fit: how
    many texts it writes at once depends on the free memory.
    """
    named = inputs.resolved.recipe.execution
    if trains and limits.device == "mps" and named.optimizer_bits == 8:
        raise WillNotFit(
            "AdamW in 8 bits does not run on Apple's GPUs.", "bitsandbytes does not support them.",
            "Leave execution.optimizer_bits at 0, or use --device cpu.",
        )  # fmt: skip
    found = _plan(inputs, budget_of(limits, inputs.folder.path))
    if found is not None and not trains:
        require_room_for_base(found)
    elif found is not None:
        return require_room(found)
    again = named.recomputed_layers or ALL_LAYERS
    return named.model_copy(update={"optimizer_bits": named.optimizer_bits or 32, "recomputed_layers": again})
