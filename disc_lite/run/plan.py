"""The plan of a run before anything is spent: the public `disc_lite.plan`, and what `adapt` follows.

`plan` reads the documents and no weights; it downloads nothing and does not import torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import EnvironmentNotReady, NothingToTeach, UsageError, WillNotFit
from disc_lite.hub.aliases import ALIASES, resolve
from disc_lite.hub.context import context_tokens
from disc_lite.hub.source import local_folder, local_model
from disc_lite.planning.cards import card_of, usable_bytes
from disc_lite.planning.corpus import TakenOver, corpus_of
from disc_lite.planning.estimate import Budget, Plan, on_smallest_card, plan_run
from disc_lite.planning.shapes import shape_of_alias, shape_of_folder
from disc_lite.planning.sizes import GIB
from disc_lite.planning.workload import workload_of
from disc_lite.qa import Pair, read_questions
from disc_lite.recipe import at_width, load_recipe, within_context
from disc_lite.recipe.schema import Execution
from disc_lite.run.changes import Changes
from disc_lite.run.earlier import check_place, check_same, nothing_to_teach, shown_without_model
from disc_lite.run.execution import idle_on_host
from disc_lite.run.folder import RunFolder
from disc_lite.run.frames import frame_of
from disc_lite.run.given import PairFiles, about_documents, pairs_of
from disc_lite.run.gone import what_is_gone
from disc_lite.run.inputs import (
    Inputs,
    check_context,
    check_same_run,
    earlier_of,
    folder_of,
    model_of,
    nothing_to_learn,
    read_with_progress,
)
from disc_lite.run.room import Limits, Size, as_planned, budget_of, bytes_of, keep_tight, require_room


def plan(
    documents: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], model: str | None = None, *,
    recipe: str | None = None, questions: str | Path | None = None, pairs: PairFiles = None,
    update: str | Path | None = None, overrides: Mapping[str, str] | None = None, max_vram: Size = None,
    host_ram: Size = None, card: str | None = None, cpu: bool = False,
) -> Plan:  # fmt: skip
    """What a run of `adapt` with these arguments needs: memory by stage, disk, operations, minutes.

    `max_vram` is the memory of a GPU ("8GB", or 8), `host_ram` that of the machine; `card` a GPU by name, for the
    minutes. Without any of them it is the plan for the smallest card on which the run fits.
    Raises what `adapt` raises before it loads the model, and EnvironmentNotReady where the sizes of the model are not
    known here.
    """
    named = [documents] if isinstance(documents, (str, os.PathLike)) else list(documents)
    whose = card_of(card) if card else None
    if cpu and (card or max_vram):
        raise UsageError("--cpu plans without a GPU, and --card and --max-vram name one.", "", "Leave one of them out.")
    of_card, of_host = bytes_of(max_vram, "--max-vram"), bytes_of(host_ram, "--host-ram")
    inputs, told = _read(named, model, recipe, questions, pairs, update, overrides or {})
    if of_card is None and whose:
        of_card = round(whose.memory_gib * GIB)
    usable = of_host if cpu else None if of_card is None else usable_bytes(of_card)
    found = _known(inputs, Budget(whose, usable, of_host, None, cuda=not cpu))
    named_none = not cpu and of_card is None
    return _with_remarks(on_smallest_card(found) if named_none else found, told)


def _read(
    documents: Sequence[str | os.PathLike[str]], model: str | None, recipe: str | None, questions: str | Path | None,
    pairs: PairFiles, update: str | Path | None, overrides: Mapping[str, str], seed: int | None = None,
) -> tuple[Inputs, list[str]]:  # fmt: skip
    """What `adapt` would read, but a run folder and what is not on this machine; and remarks on it.

    Raises what `adapt` raises, and EnvironmentNotReady for an update whose model is not here: nobody can tell then
    what has changed.
    """
    told: list[str] = []
    earlier = earlier_of(update)
    name = model_of(model, earlier)
    if earlier:
        check_place(earlier, resolve(name), name)
    here = local_model(name)
    asked, own_pairs = read_questions(Path(questions), told.append) if questions else (), pairs_of(pairs)
    usual = str(earlier.folder.recipe) if earlier else here.recipe
    resolved = load_recipe(recipe or usual, overrides, seed)
    is_here = here.folder != Path() and (here.folder / "config.json").is_file()
    if earlier and not is_here:
        raise EnvironmentNotReady(
            f"{here.reference} is not on this machine.", "Its tokenizer tells what has changed since the run.",
            f"Download it once: hf download {here.reference} config.json tokenizer.json",
        )  # fmt: skip
    if is_here:
        if shape := shape_of_folder(here.folder):
            resolved = at_width(resolved, shape.hidden)
        resolved = within_context(resolved, context_tokens(here.folder))
    if earlier:
        check_same(earlier, resolved.recipe, here if here.fingerprint else None)
    read, ledger = read_with_progress([Path(d) for d in documents], resolved.recipe, None)
    asked, own_pairs = about_documents(asked, own_pairs, read, resolved.recipe)
    inputs = Inputs(RunFolder(Path()), here, resolved, read, ledger, asked, own_pairs, earlier)
    if is_here:
        check_context(inputs)
    return inputs, [*told, *inputs.remarks]


def _known(inputs: Inputs, budget: Budget) -> Plan:
    """The plan. Raises EnvironmentNotReady where the sizes of the model are not known."""
    found = _plan(inputs, budget)
    if found is None:
        raise EnvironmentNotReady(
            f"The sizes of {inputs.model.reference} are not known here.",
            "It is no name of `disc-lite models`, and there is no `config.json` on this machine that says them.",
            f"Download it once: hf download {inputs.model.reference} config.json tokenizer.json",
        )
    return found


def _with_remarks(plan: Plan, on_recipe: Sequence[str]) -> Plan:
    """The plan with what is to be said of settings; those about the host depend on how it is computed."""
    named, taken = plan.recipe.execution, plan.choice and as_planned(plan.recipe, plan.choice)
    on_host = idle_on_host(named, taken, plan.budget.cuda) if taken else []
    return replace(plan, remarks=tuple(dict.fromkeys([*on_recipe, *on_host])))


def _plan(inputs: Inputs, budget: Budget) -> Plan | None:
    """None where the sizes of the model are not known.

    Raises UsageError where an update has nothing to teach, DocumentsError where the documents give no example.
    """
    source, recipe, earlier = resolve(inputs.model.name), inputs.resolved.recipe, inputs.earlier
    documents, folder = inputs.documents, local_folder(source)
    shape = shape_of_folder(folder) if folder else None
    if shape is None and source.alias is not None:
        shape = shape_of_alias(ALIASES[source.alias])
    if shape is None:
        return None
    changes, taken_over = _taken_over(inputs, folder) if earlier and folder else (None, TakenOver())
    refused = len(inputs.ledger) - len(documents)
    corpus = corpus_of(documents, refused, tokenizer_of(folder), recipe, inputs.pairs, taken_over)
    corpus = replace(corpus, since=changes.counts() if changes else None)
    work = workload_of(corpus, recipe, len(inputs.questions), frame_of(folder))
    if not earlier and not any(work.examples.values()):
        raise nothing_to_learn(recipe.method)
    return plan_run(replace(shape, name=inputs.model.name), recipe, corpus, work, budget)


def _taken_over(inputs: Inputs, folder: Path) -> tuple[Changes | None, TakenOver]:
    """What has changed since the run that is updated, and what its update need not teach, or unlearns.

    Nothing where only the model's own code can tell. Raises UsageError where there is nothing to teach.
    """
    earlier, documents, recipe = inputs.earlier, inputs.documents, inputs.resolved.recipe
    shown = shown_without_model(documents, folder, recipe.documents.passage_tokens)
    if earlier is None or shown is None:
        return None, TakenOver()
    changes = earlier.changes_to(shown, documents)
    if idle := nothing_to_teach(earlier, changes, recipe):
        raise NothingToTeach(idle, "", "There is nothing to do.")
    if recipe.update.start == "new":
        return changes, TakenOver()
    gone = what_is_gone(earlier, changes, shown)
    rows = [row for row in earlier.pairs if (row["document"], row["passage"]) in changes.now]
    rows += gone.passages if recipe.update.removed == "rehearse" else []
    pairs = [Pair(row["document"], row["passage"], row["question"], row["answer"]) for row in rows]
    every = (*gone.passages, *gone.sentences, *gone.dropped) if recipe.update.removed == "unlearn" else ()
    return changes, TakenOver(changes.unchanged, pairs, list(dict.fromkeys(row["question"] for row in every)))


def planned_execution(inputs: Inputs, limits: Limits) -> Execution:
    """How a run is computed with the memory that is free now; its model need not be downloaded.

    Raises WillNotFit where it does not fit. A model whose sizes are not known runs as the recipe says.
    """
    found = _plan(inputs, budget_of(limits, inputs.folder.path))
    if found is not None:
        keep_tight(found)
        execution = require_room(found)
        if limits.device == "mps" and execution.optimizer_bits == 8:
            raise WillNotFit(
                "AdamW in 8 bits does not run on Apple's GPUs.", "bitsandbytes has none for them.",
                "Free some memory, lower lora.rank, and leave execution.optimizer_bits at 0; or use --device cpu.",
            )  # fmt: skip
        return execution
    named = inputs.resolved.recipe.execution
    return named.model_copy(update={"optimizer_bits": named.optimizer_bits or 32})


def dry_run(
    documents: Sequence[str], model: str | None, limits: Limits, *, output: str | None = None,
    recipe: str | None = None, questions: str | Path | None = None, pairs: PairFiles = None,
    update: str | Path | None = None, overrides: Mapping[str, str] | None = None, seed: int | None = None,
    in_folder: bool = True,
) -> Plan:  # fmt: skip
    """The plan of an `adapt` with these arguments on this machine; as `plan`, but with the memory that is free here.

    Raises what `adapt` raises about its run folder, unless none is to be made.
    """
    inputs, told = _read(documents, model, recipe, questions, pairs, update, overrides or {}, seed)
    path = Path(output or "")
    if in_folder:
        folder = folder_of(output, Path(documents[0]), inputs.model.name, inputs.earlier)
        path = folder.path
        if inputs.model.fingerprint:
            check_same_run(replace(inputs, folder=folder))
    return _with_remarks(_known(inputs, budget_of(limits, path)), told)
