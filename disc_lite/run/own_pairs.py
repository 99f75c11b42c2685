"""Pairs that the user gives: which are taught, and what is said of those that are not, or not as they were meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from disc_lite.errors import UsageError
from disc_lite.qa import NearDuplicates, Pair, Question
from disc_lite.run.context import RunContext
from disc_lite.run.events import adding_up
from disc_lite.run.given import all_asked
from disc_lite.synthesis.pairs import HELD_OUT
from disc_lite.synthesis.places import Placed, placed
from disc_lite.synthesis.scoring import PairSet, score_pairs

NO_PASSAGE = "no such passage"
UNMEASURED = "No held-out question: the given pairs ask all that the model drafted. Measure with yours (--questions)."
NAMED = 3  # pairs that a remark names


def own_pairs(context: RunContext, held_out: Sequence[Question], own: Sequence[Pair]) -> PairSet:
    """The user's pairs without those that held-out questions ask; scored again, since they may have been edited.

    Such questions are the user's too: the model writes none that a pair asks. Raises UsageError where no pair is left.
    """
    forbidden = NearDuplicates([q.text for q in held_out], context.recipe.prompt.near_duplicate)
    asked = {number for number, pair in enumerate(own) if forbidden.near(pair.question)}
    found = placed(context.texts, [pair for number, pair in enumerate(own) if number not in asked])
    if own and not found.pairs:
        raise all_asked() if len(asked) == len(own) else _none_here()
    on_passage = adding_up(context.tell, "questions", "pairs reused", len(found.pairs))
    worked, dropped = context.recipe.prompt.worked_examples, {HELD_OUT: len(asked), NO_PASSAGE: len(found.lost)}
    scored = score_pairs(context.base, context.texts, found.pairs, worked, dropped, on_passage)
    unmeasured = [] if held_out or not context.recipe.evaluation.questions else [UNMEASURED]
    return replace(scored, remarks=(*_remarks([own[n] for n in sorted(asked)], found, len(own)), *unmeasured))


def _none_here() -> UsageError:
    return UsageError(
        "None of the pairs belongs to these documents.", "Neither their passages nor their sentences are here.",
        "Name the documents that they were written about.",
    )  # fmt: skip


def _remarks(asked: Sequence[Pair], found: Placed, number: int) -> list[str]:
    """What the user is told, a sentence for each kind of pairs, with the first of them by name."""
    kinds = (
        (asked, "left out, since a question of --questions asks nearly the same"),
        (found.lost, "left out, since no passage has the words"),
        (
            found.moved,
            "with a number that no passage of the document has, taught with the passage that has most of the words",
        ),
        (found.unstated, "taught with a passage that has nothing of the answer (check `document` and `passage`)"),
    )
    return [f"Of {number} given pairs {len(pairs)} {what}: {_named(pairs)}." for pairs, what in kinds if pairs]


def _named(pairs: Sequence[Pair]) -> str:
    names = [
        f"“{pair.question}” ({pair.document}{f', passage {pair.passage}' if pair.passage >= 0 else ''})"
        for pair in pairs[:NAMED]
    ]
    return "; ".join([*names, *["…"] * (len(pairs) > NAMED)])
