"""The stage before training in which the base generates its own prompts and answers, for the retention term.

They do not depend on the documents, so they are cached for all runs of a model; each run also has a copy of those that
it uses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from disc_lite.distillation.examples import AnsweredPrompt
from disc_lite.errors import RunFailed
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts
from disc_lite.planning.amounts import FEWEST_PROMPTS, prompts_needed
from disc_lite.run.context import RunContext
from disc_lite.run.events import InParts
from disc_lite.synthesis.retention import (
    BEGINNINGS,
    generate_retention_examples,
    read_examples,
    without_document_names,
    write_examples,
)

LEAST_USABLE = 0.1  # share of the prompts without names of the documents, below which all are trained on
UNSAVED = (
    "Self-generated prompts are saved for this run only: {}. Set DISC_LITE_CACHE to a writable folder, and other runs "
    "of the model need not generate them."
)
NO_PROMPTS = "the model generated no prompts, so it is trained without the term against forgetting"
WAITS = "waiting for another run, which generates prompts of this model"


def prompts_folder() -> Path:
    """The folder of cached self-generated prompts: in `$DISC_LITE_CACHE`, or in the user's cache folder."""
    root = os.environ.get("DISC_LITE_CACHE")
    beside = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(root) if root else Path(beside) / "disc-lite") / "retention"


def retention_of_run(context: RunContext, task_tokens: int) -> list[AnsweredPrompt]:
    """The prompts and answers that this run is trained on; generates them, and those for the drift, if missing.

    A continued run reads them from its folder, so they are the same on any machine and device.
    Raises RunFailed if `retention.max_kl` limits the drift and there is no prompt to measure it with.
    """
    folder = context.folder
    if not (folder.retention.is_file() and folder.self_generated.is_file()):
        examples, held_out = generate_retention(context, task_tokens)
        write_examples(folder.retention, examples)
        write_examples(folder.self_generated, held_out)
    if context.recipe.retention.max_kl and not read_examples(folder.self_generated):
        raise RunFailed(
            "The drift cannot be held to retention.max_kl.", "The model generated no prompts to measure it with.",
            "Leave retention.max_kl at 0, with another --output; --pairs reuses the pairs of this run.",
        )  # fmt: skip
    return read_examples(folder.retention)


def generate_retention(context: RunContext, task_tokens: int) -> tuple[list[AnsweredPrompt], list[AnsweredPrompt]]:
    """Generate prompts and answers: (those to train on, held-out ones to measure the drift with).

    The number to train on depends on `task_tokens`, the tokens of the task in all epochs.
    """
    recipe, remark = context.recipe, cache(partial(context.remark, "retention"))  # tells each remark once
    if recipe.retention.weight == 0:
        return _first_prompts(context, 0, remark)
    sample, _ = _first_prompts(context, min(FEWEST_PROMPTS, recipe.retention.prompts), remark)
    # Examples that are left out are not trained on, so they add no tokens.
    read = sum(example.tokens for example in _without_document_names(context, sample))
    number = prompts_needed(task_tokens, read / max(1, len(sample)), recipe.retention)
    generated, held_out = _first_prompts(context, number, remark)
    if not generated:
        remark(NO_PROMPTS)
    examples = _unmeasured(context, generated)
    usable = _without_document_names(context, examples)
    number_named = len(examples) - len(usable)
    named = f"{number_named:,} of {len(examples):,} prompts"
    if len(usable) < LEAST_USABLE * len(examples):
        remark(f"{named} contain names of the documents; all are used")
        return examples, held_out
    if number_named:
        remark(f"{named} left out: they contain names of the documents")
    return usable, held_out


def _first_prompts(
    context: RunContext, number: int, remark: Callable[[str], None]
) -> tuple[list[AnsweredPrompt], list[AnsweredPrompt]]:
    """(prompts to train on, held-out ones): the model's first `evaluation.drift_prompts` are held out."""
    recipe = context.recipe
    reserved = context.inputs.model.probes.reserved_names
    held_out = recipe.evaluation.drift_prompts
    total = held_out + number
    tell_once = cache(partial(context.tell, "retention", WAITS))

    def on_wait() -> None:
        tell_once()
        context.interrupts.check()

    progress = InParts(context.tell, "retention")

    def on_round(prompts: int) -> None:
        progress.whole("self-generated prompts", min(prompts, total), total)

    on_round(0)
    examples = generate_retention_examples(
        context.base, recipe.retention, reserved, _cache_of(context, reserved), total,
        on_round=on_round, on_wait=on_wait, on_drafts=progress.part,
        on_unsaved=lambda error: remark(UNSAVED.format(f"{error.what.removesuffix('.')} ({error.why})")),
    )  # fmt: skip
    on_round(len(examples))  # also if all were cached
    if len(examples) < total and number:  # with fewer prompts than wanted, some are still held out to measure with
        held_out = min(held_out, len(examples) // 4)
    return examples[held_out:], examples[:held_out]


def _cache_of(context: RunContext, reserved: Sequence[str]) -> Path:
    """The cache file of these prompts, named by the hash of everything that they depend on."""
    recipe = context.recipe
    key = {
        "model": context.inputs.model.fingerprint, "reserved": reserved, "quantize": recipe.memory.quantize,
        "settings": recipe.retention.model_dump(include={"prompt_tokens", "answer_tokens", "temperature"}),
        "device": context.base.device.type, "beginnings": BEGINNINGS,
    }  # fmt: skip
    return prompts_folder() / f"{sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.txt"


def _unmeasured(context: RunContext, examples: Sequence[AnsweredPrompt]) -> list[AnsweredPrompt]:
    """Leaves out prompts that the evaluation asks: training on them would make their answers count as retained."""
    probes = context.inputs.model.probes.questions
    asked = {question.text for questions in probes.values() for question in questions}
    asked.update(instruction.prompt for instruction in load_instructions())
    asked.update(neutral_prompts())
    tokens = context.base.tokens
    measured = {_plain(tokens.decode(tokens.prompt(text))) for text in asked}
    return [example for example in examples if _plain(tokens.decode(example.prompt_ids)) not in measured]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _without_document_names(context: RunContext, examples: Sequence[AnsweredPrompt]) -> list[AnsweredPrompt]:
    texts = (text.document.text for text in context.texts)
    return without_document_names(texts, examples, context.base.tokens.decode)
