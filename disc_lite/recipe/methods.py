"""What each method of a recipe needs, one entry per method; `distillation.methods` builds the examples."""

from __future__ import annotations

from dataclasses import dataclass

from disc_lite.recipe.schema import MethodName

PAIRS = "prompt"  # the kind of lessons that are made from pairs
DISC = "disc"  # the kind of lessons on which the teachability is measured


@dataclass(frozen=True)
class Method:
    """One value of the recipe's `method`."""

    lessons: tuple[str, ...]  # kinds of lessons, in the teacher's reading order
    needs_pairs: bool  # whether question-answer pairs are written or reused before training
    has_teacher: bool  # if not, the tokens of the examples are the targets, with cross-entropy


METHODS: dict[MethodName, Method] = {
    "disc": Method((DISC,), needs_pairs=False, has_teacher=True),
    "prompt": Method((PAIRS,), needs_pairs=True, has_teacher=True),
    "both": Method((DISC, PAIRS), needs_pairs=True, has_teacher=True),
    "next_token": Method(("next_token",), needs_pairs=False, has_teacher=False),
    "sft": Method((PAIRS,), needs_pairs=True, has_teacher=False),
}
