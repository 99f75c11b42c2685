"""The stages before training: held-out questions, question-answer pairs, self-generated retention examples.

Each writes its result into the run folder and is not repeated.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from disc_lite.distillation.examples import Text
from disc_lite.errors import UsageError
from disc_lite.evaluation.asking import probes_of
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts
from disc_lite.planning.amounts import FEWEST_PROMPTS, prompts_needed
from disc_lite.qa import NearDuplicates, Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run import update
from disc_lite.run.about_pairs import about_pairs
from disc_lite.run.cache import prompts_folder
from disc_lite.run.changes import Changes
from disc_lite.run.context import RunContext
from disc_lite.run.earlier import EarlierRun, earlier_answers
from disc_lite.run.gone import steps_before, taught_before
from disc_lite.run.own_pairs import own_pairs
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject, read_json, write_json, write_jsonl
from disc_lite.synthesis.contradictions import CONTRADICTED, between_documents, contradicted
from disc_lite.synthesis.drafting import seed_of
from disc_lite.synthesis.held_out import write_held_out
from disc_lite.synthesis.pairs import HELD_OUT, write_pairs
from disc_lite.synthesis.retention import RetentionExample, generate_retention_examples, without_document_names
from disc_lite.synthesis.scoring import PairSet

LEAST_USABLE = 0.1  # of the self-generated prompts; if fewer have no name of the documents, all are trained on

LOW_COVERAGE = 0.5  # share of the sentences that answer a pair, below which a run warns


def hold_out(context: RunContext) -> tuple[Question, ...]:
    """The questions to measure with: the user's, or ones that the base writes from a separate random stream.

    It writes none that a pair of the user's asks, which could not be taught then. Those of an update are taken over
    from the earlier run, and written about what is new or changed.
    """
    folder, own = context.folder, context.inputs.questions
    if not folder.questions.is_file():
        if context.inputs.earlier and context.changes:
            found = _questions_of_update(context, context.inputs.earlier, context.changes)
        else:
            found = own or _held_out(context, context.texts, context.recipe.evaluation.questions)
        folder.write_questions(found)
    return folder.read_questions()


def _questions_of_update(context: RunContext, earlier: EarlierRun, changes: Changes) -> tuple[Question, ...]:
    kept, removed = update.kept_questions(earlier, changes)
    found = context.inputs.questions
    if not found:
        given, _ = update.pairs_about_fresh(context.texts, changes, context.inputs.pairs, ())
        kept = update.without_asked(kept, given, context.recipe)
        fresh = update.fresh_texts(context.texts, changes)
        known = [*(q.text for q in kept), *(row["question"] for row in update.kept_pairs(earlier, changes))]
        wanted = update.questions_wanted(context.texts, changes, context.recipe)
        found = (*kept, *_held_out(context, fresh, wanted, known))
    before, passages = update.questions_still_gone(earlier, context.texts)
    removed, counts, answers = [*removed, *before], changes.counts(), earlier_answers(earlier)
    write_json(context.folder.update, {
        "run": str(earlier.folder), "removed": context.recipe.update.removed,
        "passages": {**counts, "removed": counts["removed"] + passages},
        "answers": {q.text: answers[q.text] for q in (*found, *removed) if q.text in answers},
        "questions_removed": [asdict(question) for question in removed],
        "steps_before": steps_before(earlier, context.recipe),
        "taught_before": taught_before(earlier, changes, context.inputs.ledger, context.recipe),
    })  # fmt: skip
    return found


def _held_out(
    context: RunContext, texts: Sequence[Text], wanted: int, known: Sequence[str] = ()
) -> tuple[Question, ...]:
    context.tell("questions", "held-out questions", 0, wanted)
    held_out = write_held_out(
        context.base, texts, context.recipe, seed_of(context.recipe.seed, "held out"), wanted,
        lambda n: context.tell("questions", "held-out questions", n, wanted),
        [*known, *(pair.question for pair in context.inputs.pairs)],
    )  # fmt: skip
    write_json(context.folder.question_drafts, {"dropped": held_out.dropped})
    return held_out.questions


def gather_pairs(context: RunContext, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], JsonObject]:
    """The pairs to train on: from the run folder if they are there, else the user's, else newly written."""
    if not METHODS[context.recipe.method].needs_pairs:
        return (), {}
    about = context.folder.pair_drafts
    if not (about.is_file() and context.folder.pairs.is_file()):
        if context.inputs.earlier and context.changes:
            write_json(about, _updated(context, held_out, context.inputs.earlier, context.changes))
        else:
            own = context.inputs.pairs
            every = own_pairs(context, held_out, own) if own else _written(context, held_out, context.texts)
            drafted = [scored.pair for scored in every.scored]
            pair_set = every.without(contradicted(drafted), CONTRADICTED)
            write_jsonl(context.folder.pairs, [scored.as_dict() for scored in pair_set.scored])
            write_json(about, {**_about(pair_set), "contradictions": between_documents(drafted)})
    pairs = context.folder.read_pairs()
    found = {**read_json(about), "without": _without_pairs(context.texts, pairs)}
    for remark in (*found.get("remarks", ()), *about_pairs(found)):
        context.remark("questions", remark)
    return pairs, found


def _without_pairs(texts: Sequence[Text], pairs: Sequence[Pair]) -> JsonObject:
    """The documents that no pair is about, and the number of such passages, of all."""
    asked = {(pair.document, pair.passage) for pair in pairs}
    places = [update.place_of(passage) for text in texts for passage in text.passages]
    without = [place for place in places if place not in asked]
    documents = sorted({document for document, _ in without} - {document for document, _ in asked})
    return {"documents": documents, "passages": len(without), "of": len(places)}


def _about(written: PairSet) -> JsonObject:
    """Drafts that were dropped, and the share of the sentences asked about; None where that was not known, or none."""
    share = round(written.covered_share, 4) if written.sentences else None
    low = share is not None and share < LOW_COVERAGE
    return {
        "given": written.sentences is None, "remarks": list(written.remarks), "dropped": dict(written.dropped),
        "coverage": share, "coverage_by_passage": written.coverage, "low_coverage": low,
    }  # fmt: skip


def _updated(context: RunContext, held_out: Sequence[Question], earlier: EarlierRun, changes: Changes) -> JsonObject:
    """Write the pairs that are kept, those about what is new or changed, and those of what is gone."""
    forbidden = NearDuplicates([q.text for q in held_out], context.recipe.prompt.near_duplicate)
    every = update.kept_pairs(earlier, changes)
    asked = [row for row in every if not forbidden.near(row["question"])]
    written = _about_fresh(context, held_out, changes, every)
    against = between_documents([*map(update.pair_of, asked), *(scored.pair for scored in written.scored)])
    kept, written = update.agreeing(asked, written)
    fresh = [scored.as_dict() for scored in written.scored]
    removed, dropped = update.removed_pairs(earlier, changes, context.texts, [*kept, *fresh], context.recipe)
    write_jsonl(context.folder.removed, removed)
    write_jsonl(context.folder.dropped, dropped)
    write_jsonl(context.folder.pairs, [*kept, *fresh])
    of_kept = {HELD_OUT: len(every) - len(asked), CONTRADICTED: len(asked) - len(kept)}
    drafts = Counter(written.dropped) + Counter(of_kept)
    before = read_json(earlier.folder.pair_drafts).get("coverage_by_passage") or {}
    by_passage = {**update.kept_coverage(changes, before), **(written.coverage or {})}
    counts = {"kept": len(kept), "written": len(fresh), "removed": len(removed), "not_unlearned": len(dropped)}
    return {
        **_about(written), "dropped": dict(drafts), "coverage_by_passage": by_passage or None, **counts,
        "contradictions": against,
    }  # fmt: skip


def _about_fresh(
    context: RunContext, held_out: Sequence[Question], changes: Changes, kept: Sequence[JsonObject]
) -> PairSet:
    """Pairs about what is new or changed: the user's, or newly written. Raises UsageError where the user's are not."""
    if not context.inputs.pairs:
        return _written(context, held_out, update.fresh_texts(context.texts, changes))
    own, ignored = update.pairs_about_fresh(context.texts, changes, context.inputs.pairs, kept)
    if not own and (changes.new or changes.changed):
        raise UsageError(
            "None of the pairs is about what is new or changed.", "About the rest the run's own are taken over.",
            "Add pairs about the new text, or leave --pairs out: then the model writes them.",
        )  # fmt: skip
    found = own_pairs(context, held_out, own)
    return replace(found, dropped={**found.dropped, **({"about what is unchanged": ignored} if ignored else {})})


def _written(context: RunContext, held_out: Sequence[Question], texts: Sequence[Text]) -> PairSet:
    seed, held_out_texts = seed_of(context.recipe.seed, "pairs"), [q.text for q in held_out]

    state = (0, 0, 0)  # pairs, finished ones of those wanted, all wanted

    def on_round(pairs: int, done: int, wanted: int) -> None:
        nonlocal state
        state = pairs, done, wanted
        context.tell("questions", counted(pairs, "pair"), done, wanted)

    def on_drafts(what: str, drafted: int, of: int) -> None:
        pairs, done, wanted = state
        text = f"{counted(pairs, 'pair')}, {what}: {drafted} of {of}"
        context.tell("questions", text, done, wanted, part=[what, drafted, of])

    return write_pairs(context.base, texts, context.recipe, seed, held_out_texts, on_round, on_drafts)


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
    generated, held_out = _first_prompts(context, number)
    examples = _unmeasured(context, generated)
    usable = _without_document_names(context, examples)
    named = len(examples) - len(usable)
    share = f"{named:,} of {len(examples):,} prompts"
    if len(usable) < LEAST_USABLE * len(examples):
        context.remark("retention", f"{share} contain names of the documents; all are used")
        return examples, held_out
    if named:
        context.remark("retention", f"{share} left out: they contain names of the documents")
    return usable, held_out


def _first_prompts(context: RunContext, number: int) -> tuple[list[RetentionExample], list[RetentionExample]]:
    """The model's first prompts: `evaluation.drift_prompts` to measure with, then `number` to train on."""
    recipe, model = context.recipe, context.inputs.model
    reserved = tuple(model.probes.get("reserved_names", ()))
    settings = {"model": model.fingerprint, "reserved": reserved, "quantize": recipe.memory.quantize,
          "settings": recipe.retention.model_dump(include={"prompt_tokens", "answer_tokens", "temperature"}),
          "device": context.base.device.type}  # fmt: skip
    key = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]
    held_out = recipe.evaluation.drift_prompts
    total = held_out + number
    context.tell("retention", "self-generated prompts", 0, total)
    examples = generate_retention_examples(
        context.base, recipe.retention, reserved, prompts_folder() / f"{key}.txt", total,
        on_round=lambda prompts: context.tell("retention", "self-generated prompts", min(prompts, total), total),
        on_wait=_Waiting(context),
    )  # fmt: skip
    context.tell("retention", "self-generated prompts", min(len(examples), total), total)  # also where all were there
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


def _unmeasured(context: RunContext, examples: Sequence[RetentionExample]) -> list[RetentionExample]:
    """Those that ask nothing that is asked before and after training, or what is rehearsed would count as retained."""
    probes = probes_of(dict(context.inputs.model.probes))
    asked = {question.text for questions in probes.values() for question in questions}
    asked.update(instruction.prompt for instruction in load_instructions())
    asked.update(neutral_prompts())
    tokens = context.base.tokens
    measured = {_plain(tokens.decode(tokens.prompt(text))) for text in asked}
    return [example for example in examples if _plain(tokens.decode(example.prompt_ids)) not in measured]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _without_document_names(context: RunContext, examples: Sequence[RetentionExample]) -> list[RetentionExample]:
    texts = (text.document.text for text in context.texts)
    return without_document_names(texts, examples, context.base.tokens.decode)
