"""The first stages: held-out questions and question-answer pairs, the user's or written by the base.

Each writes its result into the run folder and is not repeated. An update takes over questions and pairs about unchanged
passages from the earlier run, and asks about the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from disc_lite.prompts.texts import Text
from disc_lite.qa import NearDuplicates, Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run.about_pairs import about_pairs
from disc_lite.run.changes import place_of
from disc_lite.run.context import RunContext
from disc_lite.run.earlier import earlier_answers, pair_of
from disc_lite.run.events import InParts, adding_up
from disc_lite.run.folder import question_row
from disc_lite.run.since import Since, steps_before, taught_before
from disc_lite.run.update import (
    agreeing,
    fresh_texts,
    kept_questions,
    questions_still_gone,
    questions_wanted,
    removed_pairs,
    without_asked,
)
from disc_lite.run.user_files import all_asked, none_here, pairs_about_fresh
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject, read_json, write_json, write_jsonl
from disc_lite.synthesis.contradictions import CONTRADICTED, between_documents
from disc_lite.synthesis.drafting import seed_of
from disc_lite.synthesis.held_out import write_held_out
from disc_lite.synthesis.pairs import HELD_OUT, write_pairs
from disc_lite.synthesis.places import Placed, placed
from disc_lite.synthesis.scoring import PairSet, score_pairs

LOW_COVERAGE = 0.5  # a run warns if a smaller share of the sentences has a pair whose answer they state
NO_PASSAGE = "no such passage"
UNMEASURED = "No held-out question: the given pairs ask all that the model drafted. Give your own with --questions."
NAMED = 3  # pairs that a remark names

# -- questions ---------------------------------------------------------------------------------------------


def hold_out(context: RunContext) -> tuple[Question, ...]:
    """The held-out questions: the user's, or ones that the base writes with a random stream of their own.

    It writes none that a pair of the user's asks, since that pair could then not be taught.
    """
    folder, own = context.folder, context.inputs.questions
    if not folder.questions.is_file():
        if context.since:
            found = _questions_of_update(context, context.since)
        else:
            found = own or _written_questions(context, context.texts, context.recipe.evaluation.questions)
        folder.write_questions(found)
    return folder.read_questions()


def _questions_of_update(context: RunContext, since: Since) -> tuple[Question, ...]:
    """The user's questions, or those taken over and new ones. Writes the record of the update, `update.json`."""
    earlier, texts, recipe = since.earlier, context.texts, context.recipe
    kept, removed = kept_questions(since)
    found = context.inputs.questions
    if not found:
        given, _ = pairs_about_fresh(since, texts, context.inputs.pairs)
        kept = without_asked(kept, given, recipe)
        known = [*(q.text for q in kept), *(row["question"] for row in since.kept_pairs)]
        wanted = questions_wanted(texts, since.changes, recipe)
        found = (*kept, *_written_questions(context, fresh_texts(texts, since.changes), wanted, known))
    before, passages = questions_still_gone(earlier, texts)
    removed, counts, answers = [*removed, *before], since.changes.counts(), earlier_answers(earlier)
    write_json(context.folder.update, {
        "run": str(earlier.folder), "removed": recipe.update.removed,
        "passages": {**counts, "removed": counts["removed"] + passages},
        "answers": {q.text: answers[q.text] for q in (*found, *removed) if q.text in answers},
        "questions_removed": list(map(question_row, removed)),
        "steps_before": steps_before(earlier, recipe),
        "taught_before": taught_before(since, context.inputs.ledger, recipe),
    })  # fmt: skip
    return found


def _written_questions(
    context: RunContext, texts: Sequence[Text], wanted: int, known: Sequence[str] = ()
) -> tuple[Question, ...]:
    """At most `wanted` questions that the base writes; none asks what `known` or a pair of the user's asks."""
    context.tell("questions", "held-out questions", 0, wanted)
    held_out = write_held_out(
        context.base, texts, context.recipe, seed_of(context.recipe.seed, "held out"), wanted,
        lambda n: context.tell("questions", "held-out questions", n, wanted),
        [*known, *(pair.question for pair in context.inputs.pairs)],
    )  # fmt: skip
    write_json(context.folder.question_drafts, {"dropped": held_out.dropped})
    return held_out.questions


# -- pairs -------------------------------------------------------------------------------------------------


def gather_pairs(context: RunContext, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], JsonObject]:
    """(the pairs to train on, facts about them); reads them from the run folder, or gathers them first."""
    if not METHODS[context.recipe.method].needs_pairs:
        return (), {}
    about = context.folder.pair_drafts
    if not (about.is_file() and context.folder.pairs.is_file()):
        write_json(about, _save_pairs(context, held_out))
    pairs = context.folder.read_pairs()
    found = {"accepted": len(pairs), **read_json(about), "without": _without_pairs(context.texts, pairs)}
    for remark in (*found.get("remarks", ()), *about_pairs(found)):
        context.remark("questions", remark)
    return pairs, found


def _save_pairs(context: RunContext, held_out: Sequence[Question]) -> JsonObject:
    """Write the new pairs and those taken over, without those that contradict another; returns facts about them.

    For an update also write the pairs about what was removed. The facts include how many drafts were dropped, and why.
    """
    forbidden = NearDuplicates([q.text for q in held_out], context.recipe.prompt.near_duplicate)
    taken_over = context.since.kept_pairs if context.since else []
    asked = [row for row in taken_over if not forbidden.near(row["question"])]
    new = _new_pairs(context, held_out)
    against = between_documents([*map(pair_of, asked), *(scored.pair for scored in new.scored)])
    kept, new = agreeing(asked, new)
    fresh = [scored.as_dict() for scored in new.scored]
    of_update: JsonObject = {}
    if context.since:
        removed, dropped = removed_pairs(context.since, context.texts, [*kept, *fresh], context.recipe)
        write_jsonl(context.folder.removed, removed)
        write_jsonl(context.folder.dropped, dropped)
        of_kept = {HELD_OUT: len(taken_over) - len(asked), CONTRADICTED: len(asked) - len(kept)}
        of_update = {
            "dropped": dict(Counter(new.dropped) + Counter(of_kept)), "kept": len(kept), "written": len(fresh),
            "removed": len(removed), "not_unlearned": len(dropped),
        }  # fmt: skip
    write_jsonl(context.folder.pairs, [*kept, *fresh])
    return {**_about_drafts(new), "contradictions": against, **of_update}


def _new_pairs(context: RunContext, held_out: Sequence[Question]) -> PairSet:
    """The user's pairs or newly written ones; for an update, about what is new or changed.

    Raises UsageError if none of the user's pairs is about the documents, or is left.
    """
    since, own = context.since, context.inputs.pairs
    if not own:
        return _written_pairs(context, held_out, fresh_texts(context.texts, since.changes) if since else context.texts)
    if not since:
        return own_pairs(context, held_out, own)
    fresh, ignored = pairs_about_fresh(since, context.texts, own)
    found = own_pairs(context, held_out, fresh)
    return replace(found, dropped={**found.dropped, **({"about what is unchanged": ignored} if ignored else {})})


def _written_pairs(context: RunContext, held_out: Sequence[Question], texts: Sequence[Text]) -> PairSet:
    """Let the base write pairs about these texts; none asks what a held-out question asks."""
    seed, held_out_texts = seed_of(context.recipe.seed, "pairs"), [q.text for q in held_out]
    progress = InParts(context.tell, "questions")

    def on_round(pairs: int, done: int, wanted: int) -> None:
        progress.whole(counted(pairs, "pair"), done, wanted)

    return write_pairs(context.base, texts, context.recipe, seed, held_out_texts, on_round, progress.part)


def _about_drafts(written: PairSet) -> JsonObject:
    """Counts of dropped drafts, remarks, and the share of the sentences with a pair (None if unknown)."""
    share = written.coverage
    return {
        "given": written.sentences is None, "remarks": list(written.remarks), "dropped": dict(written.dropped),
        "coverage": share, "low_coverage": share is not None and share < LOW_COVERAGE,
    }  # fmt: skip


def _without_pairs(texts: Sequence[Text], pairs: Sequence[Pair]) -> JsonObject:
    """The documents that no pair is about, the number of such passages, and the number of all passages."""
    asked = {(pair.document, pair.passage) for pair in pairs}
    places = [place_of(passage) for text in texts for passage in text.passages]
    without = [place for place in places if place not in asked]
    documents = sorted({document for document, _ in without} - {document for document, _ in asked})
    return {"documents": documents, "passages": len(without), "of": len(places)}


# -- the user's pairs ---------------------------------------------------------------------------------------


def own_pairs(context: RunContext, held_out: Sequence[Question], own: Sequence[Pair]) -> PairSet:
    """The user's pairs without those that held-out questions ask; scored again, since they may have been edited.

    Only the user's own questions can ask what a pair asks: the model writes none that do. Raises UsageError if no pair
    is left.
    """
    forbidden = NearDuplicates([q.text for q in held_out], context.recipe.prompt.near_duplicate)
    asked = {number for number, pair in enumerate(own) if forbidden.near(pair.question)}
    found = placed(context.texts, [pair for number, pair in enumerate(own) if number not in asked])
    if own and not found.pairs:
        raise all_asked() if len(asked) == len(own) else none_here()
    on_passage = adding_up(context.tell, "questions", "given pairs scored", len(found.pairs))
    worked, dropped = context.recipe.prompt.worked_examples, {HELD_OUT: len(asked), NO_PASSAGE: len(found.lost)}
    scored = score_pairs(context.base, context.texts, found.pairs, worked, dropped, on_passage)
    unmeasured = [] if held_out or not context.recipe.evaluation.questions else [UNMEASURED]
    return replace(scored, remarks=(*_remarks([own[n] for n in sorted(asked)], found, len(own)), *unmeasured))


def _remarks(asked: Sequence[Pair], found: Placed, number: int) -> list[str]:
    """A remark for each kind of pairs that were left out or placed with doubt, naming the first few."""
    kinds = (
        (asked, "left out, since a question of --questions asks nearly the same"),
        (found.lost, "left out, since no passage has the words"),
        (
            found.moved,
            "with the number of a passage that its document lacks, taught with the passage that has most of the words",
        ),
        (found.unstated, "taught with a passage that contains nothing of the answer (check `document` and `passage`)"),
    )
    return [f"Of {number} given pairs, {len(pairs)} {what}: {_named(pairs)}." for pairs, what in kinds if pairs]


def _named(pairs: Sequence[Pair]) -> str:
    names = [
        f"“{pair.question}” ({pair.document}{f', passage {pair.passage}' if pair.passage >= 0 else ''})"
        for pair in pairs[:NAMED]
    ]
    return "; ".join([*names, *["…"] * (len(pairs) > NAMED)])
