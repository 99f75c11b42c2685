"""The stages before training: held-out questions, question-answer pairs, self-generated retention examples.

Each writes its result into the run folder and is not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from disc_lite.planning.amounts import FEWEST_PROMPTS, prompts_needed
from disc_lite.qa import NearDuplicates, Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run.context import RunContext
from disc_lite.storage import JsonObject, read_json, write_json, write_jsonl
from disc_lite.synthesis import HELD_OUT, PairSet, score_pairs, seed_of, write_held_out, write_pairs
from disc_lite.synthesis.retention import (
    RetentionExample,
    cache_folder,
    generate_retention_examples,
    without_document_names,
)


def hold_out(context: RunContext) -> tuple[Question, ...]:
    """The questions to measure with: the user's, or ones that the base writes from a separate random stream."""
    if not context.folder.questions.is_file():
        context.folder.write_questions(context.inputs.questions or _held_out(context))
    return context.folder.read_questions()


def _held_out(context: RunContext) -> tuple[Question, ...]:
    wanted = context.recipe.evaluation.questions
    context.tell("questions", "held-out questions", 0, wanted)
    held_out = write_held_out(
        context.base, context.texts, context.recipe, seed_of(context.recipe.seed, "held out"),
        lambda n: context.tell("questions", "held-out questions", n, wanted),
    )  # fmt: skip
    write_json(context.folder.question_drafts, {"dropped": held_out.dropped})
    return held_out.questions


def gather_pairs(context: RunContext, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], JsonObject]:
    """The pairs to train on: from the run folder if they are there, else the user's, else newly written."""
    if not METHODS[context.recipe.method].needs_pairs:
        return (), {}
    about = context.folder.pair_drafts
    if not (about.is_file() and context.folder.pairs.is_file()):
        pair_set = _reused(context, held_out) if context.inputs.pairs else _written(context, held_out)
        write_jsonl(context.folder.pairs, [scored.as_dict() for scored in pair_set.scored])
        covered = pair_set.coverage
        write_json(about, {
            "dropped": pair_set.dropped, "coverage": None if covered is None else round(pair_set.covered_share, 4),
            "coverage_by_passage": covered,
        })  # fmt: skip
    return context.folder.read_pairs(), read_json(about)


def _reused(context: RunContext, held_out: Sequence[Question]) -> PairSet:
    """The user's pairs without those that are held-out questions; scored again, since they may have been edited."""
    forbidden = NearDuplicates([q.text for q in held_out], context.recipe.prompt.near_duplicate)
    pairs = [pair for pair in context.inputs.pairs if not forbidden.near(pair.question)]
    dropped = {HELD_OUT: len(context.inputs.pairs) - len(pairs)}
    total, done = len(pairs), 0

    def on_passage(number: int) -> None:
        nonlocal done
        done += number
        context.tell("questions", "pairs reused", done, total)

    context.tell("questions", "pairs reused", 0, total)
    return score_pairs(context.base, context.texts, pairs, context.recipe.prompt.worked_examples, dropped, on_passage)


def _written(context: RunContext, held_out: Sequence[Question]) -> PairSet:
    seed, held_out_texts = seed_of(context.recipe.seed, "pairs"), [q.text for q in held_out]

    state = (0, 0, 0)  # pairs, finished ones of those wanted, all wanted

    def on_round(pairs: int, done: int, wanted: int) -> None:
        nonlocal state
        state = pairs, done, wanted
        context.tell("questions", f"{pairs} pairs", done, wanted)

    def on_drafts(what: str, drafted: int, of: int) -> None:
        pairs, done, wanted = state
        context.tell("questions", f"{pairs} pairs, drafting {what}: {drafted} of {of}", done, wanted)

    return write_pairs(context.base, context.texts, context.recipe, seed, held_out_texts, on_round, on_drafts)


def generate_retention(context: RunContext, task_tokens: int) -> tuple[list[RetentionExample], list[RetentionExample]]:
    """Self-generated prompts and answers: those to train on, and held-out ones to measure with.

    How many are trained on follows from `task_tokens`, the tokens of the task in all epochs.
    """
    recipe = context.recipe
    if recipe.retention.weight == 0:
        return _first_prompts(context, 0)
    sample, _ = _first_prompts(context, min(FEWEST_PROMPTS, recipe.retention.prompts))
    # Examples that are left out are not trained on, so they add no tokens.
    read = sum(example.tokens for example in _without_document_names(context, sample))
    number = prompts_needed(task_tokens, read / max(1, len(sample)), recipe.retention)
    examples, held_out = _first_prompts(context, number)
    usable = _without_document_names(context, examples)
    if len(usable) < len(examples):
        left_out = (
            f"{len(examples) - len(usable)} of {len(examples)} prompts left out: they contain names of the documents"
        )
        context.tell("retention", left_out)
    return usable, held_out


def _first_prompts(context: RunContext, number: int) -> tuple[list[RetentionExample], list[RetentionExample]]:
    """The model's first prompts: `evaluation.neutral_prompts` to measure with, then `number` to train on."""
    recipe, model = context.recipe, context.inputs.model
    reserved = tuple(model.probes.get("reserved_names", ()))
    settings = {"model": model.fingerprint, "reserved": reserved, "quantize": recipe.memory.quantize,
          "settings": recipe.retention.model_dump(include={"prompt_tokens", "answer_tokens", "temperature"}),
          "device": context.base.device.type}  # fmt: skip
    key = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]
    held_out = recipe.evaluation.neutral_prompts
    total = held_out + number
    context.tell("retention", "self-generated prompts", 0, total)
    examples = generate_retention_examples(
        context.base, recipe.retention, reserved, cache_folder() / "retention" / f"{key}.txt", total,
        on_round=lambda prompts: context.tell("retention", "self-generated prompts", min(prompts, total), total),
        on_wait=_Waiting(context),
    )  # fmt: skip
    if len(examples) < total and number:  # with fewer prompts than wanted, some are still held out to measure with
        held_out = min(held_out, len(examples) // 4)
    return examples[held_out:], examples[:held_out]


@dataclass
class _Waiting:
    """Says once that another run generates the prompts; answers signals all the time."""

    context: RunContext
    told: bool = False

    def __call__(self) -> None:
        if not self.told:
            self.context.tell("retention", "another run generates prompts of this model; this one waits for them")
        self.told = True
        self.context.interrupts.check()


def _without_document_names(context: RunContext, examples: Sequence[RetentionExample]) -> list[RetentionExample]:
    texts = (text.document.text for text in context.texts)
    return without_document_names(texts, examples, context.base.tokens.decode)
