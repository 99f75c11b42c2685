"""What the base writes about documents, with progress: held-out questions and pairs, and what became of its drafts."""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.distillation.examples import Text
from disc_lite.qa import Question
from disc_lite.run.context import RunContext
from disc_lite.run.events import InParts
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject, write_json
from disc_lite.synthesis.drafting import seed_of
from disc_lite.synthesis.held_out import write_held_out
from disc_lite.synthesis.pairs import write_pairs
from disc_lite.synthesis.scoring import PairSet

LOW_COVERAGE = 0.5  # share of the sentences that answer a pair, below which a run warns


def held_out_questions(
    context: RunContext, texts: Sequence[Text], wanted: int, known: Sequence[str] = ()
) -> tuple[Question, ...]:
    """As many as are `wanted`, if the base writes so many; none asks what is `known` or a pair of the user's."""
    context.tell("questions", "held-out questions", 0, wanted)
    held_out = write_held_out(
        context.base, texts, context.recipe, seed_of(context.recipe.seed, "held out"), wanted,
        lambda n: context.tell("questions", "held-out questions", n, wanted),
        [*known, *(pair.question for pair in context.inputs.pairs)],
    )  # fmt: skip
    write_json(context.folder.question_drafts, {"dropped": held_out.dropped})
    return held_out.questions


def written_pairs(context: RunContext, held_out: Sequence[Question], texts: Sequence[Text]) -> PairSet:
    """Pairs about these texts; none asks what a held-out question asks."""
    seed, held_out_texts = seed_of(context.recipe.seed, "pairs"), [q.text for q in held_out]
    progress = InParts(context.tell, "questions")

    def on_round(pairs: int, done: int, wanted: int) -> None:
        progress.whole(counted(pairs, "pair"), done, wanted)

    return write_pairs(context.base, texts, context.recipe, seed, held_out_texts, on_round, progress.part)


def about_drafts(written: PairSet) -> JsonObject:
    """Drafts that were dropped, and the share of the sentences asked about; None where that was not known, or none."""
    share = round(written.covered_share, 4) if written.sentences else None
    low = share is not None and share < LOW_COVERAGE
    return {
        "given": written.sentences is None, "remarks": list(written.remarks), "dropped": dict(written.dropped),
        "coverage": share, "coverage_by_passage": written.coverage, "low_coverage": low,
    }  # fmt: skip
