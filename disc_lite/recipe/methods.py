"""What each method of a recipe needs, one entry a method; `distillation.methods` has how examples are built."""

from __future__ import annotations

from dataclasses import dataclass

from disc_lite.recipe.schema import MethodName


@dataclass(frozen=True)
class Method:
    """One value of the recipe's `method`."""

    lessons: tuple[str, ...]  # kinds of lessons, in the order in which the teacher reads them
    needs_pairs: bool  # question-answer pairs are written, or reused, before training
    has_teacher: bool  # else the tokens of the examples are the targets, with cross-entropy


METHODS: dict[MethodName, Method] = {
    "disc": Method(("disc",), needs_pairs=False, has_teacher=True),
    "prompt": Method(("prompt",), needs_pairs=True, has_teacher=True),
    "both": Method(("disc", "prompt"), needs_pairs=True, has_teacher=True),
    "next_token": Method(("next_token",), needs_pairs=False, has_teacher=False),
    "sft": Method(("prompt",), needs_pairs=True, has_teacher=False),
}
