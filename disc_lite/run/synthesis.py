"""The first stages: held-out questions and question-answer pairs, the user's or written by the base.

Each writes its result into the run folder and is not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.distillation.examples import Text
from disc_lite.qa import Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run.about_pairs import about_pairs
from disc_lite.run.changes import place_of
from disc_lite.run.context import RunContext
from disc_lite.run.drafts import about_drafts, held_out_questions, written_pairs
from disc_lite.run.own_pairs import own_pairs
from disc_lite.run.update import pairs_of_update, questions_of_update
from disc_lite.storage import JsonObject, read_json, write_json, write_jsonl
from disc_lite.synthesis.contradictions import CONTRADICTED, between_documents, contradicted


def hold_out(context: RunContext) -> tuple[Question, ...]:
    """The questions to measure with: the user's, or ones that the base writes from a separate random stream.

    It writes none that a pair of the user's asks, which could not be taught then. Those of an update are taken over
    from the earlier run, and written about what is new or changed.
    """
    folder, own = context.folder, context.inputs.questions
    if not folder.questions.is_file():
        if context.inputs.earlier and context.changes:
            found = questions_of_update(context, context.inputs.earlier, context.changes)
        else:
            found = own or held_out_questions(context, context.texts, context.recipe.evaluation.questions)
        folder.write_questions(found)
    return folder.read_questions()


def gather_pairs(context: RunContext, held_out: Sequence[Question]) -> tuple[tuple[Pair, ...], JsonObject]:
    """The pairs to train on: from the run folder if they are there, else the user's, else newly written."""
    if not METHODS[context.recipe.method].needs_pairs:
        return (), {}
    about = context.folder.pair_drafts
    if not (about.is_file() and context.folder.pairs.is_file()):
        if context.inputs.earlier and context.changes:
            write_json(about, pairs_of_update(context, held_out, context.inputs.earlier, context.changes))
        else:
            own = context.inputs.pairs
            every = own_pairs(context, held_out, own) if own else written_pairs(context, held_out, context.texts)
            drafted = [scored.pair for scored in every.scored]
            pair_set = every.without(contradicted(drafted), CONTRADICTED)
            write_jsonl(context.folder.pairs, [scored.as_dict() for scored in pair_set.scored])
            write_json(about, {**about_drafts(pair_set), "contradictions": between_documents(drafted)})
    pairs = context.folder.read_pairs()
    found = {"accepted": len(pairs), **read_json(about), "without": _without_pairs(context.texts, pairs)}
    for remark in (*found.get("remarks", ()), *about_pairs(found)):
        context.remark("questions", remark)
    return pairs, found


def _without_pairs(texts: Sequence[Text], pairs: Sequence[Pair]) -> JsonObject:
    """The documents that no pair is about, and the number of such passages, of all."""
    asked = {(pair.document, pair.passage) for pair in pairs}
    places = [place_of(passage) for text in texts for passage in text.passages]
    without = [place for place in places if place not in asked]
    documents = sorted({document for document, _ in without} - {document for document, _ in asked})
    return {"documents": documents, "passages": len(without), "of": len(places)}
