"""What the methods of a recipe teach: one entry for each kind of lesson.

To add a method: name it in `recipe.schema.MethodName`, name its kinds in `recipe.methods`, and write a new kind here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from disc_lite.distillation.disc import disc_lessons
from disc_lite.distillation.examples import Example, Lesson, Taught, next_token_lessons
from disc_lite.distillation.prompting import AnswerPrompts, OnPairs, prompt_lessons
from disc_lite.models.tokens import Tokens
from disc_lite.prompts.texts import Text, with_passages
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import DISC, METHODS, PAIRS

Build = Callable[[Sequence[Text], Sequence[Pair], Tokens, Recipe, Taught, OnPairs], list[Lesson]]


@dataclass(frozen=True)
class LessonKind:
    """One kind of lesson; each of its examples has its name as `Example.kind`."""

    build: Build
    labelled: bool = False  # the tokens themselves get `loss.label_share` of the target


LESSON_KINDS: dict[str, LessonKind] = {
    DISC: LessonKind(
        lambda texts, pairs, tokens, recipe, taught, on_pairs: disc_lessons(texts, tokens, recipe, taught)
    ),
    PAIRS: LessonKind(
        lambda texts, pairs, tokens, recipe, taught, on_pairs: prompt_lessons(
            with_passages(texts, taught), pairs, AnswerPrompts(tokens, recipe.prompt.worked_examples), on_pairs
        ),
        labelled=True,
    ),
    "next_token": LessonKind(
        lambda texts, pairs, tokens, recipe, taught, on_pairs: next_token_lessons(texts, tokens, taught)
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Lessons:
    """The lessons of a training, by kind."""

    by_kind: dict[str, tuple[Lesson, ...]]

    @property
    def all(self) -> tuple[Lesson, ...]:
        return tuple(lesson for lessons in self.by_kind.values() for lesson in lessons)

    @property
    def examples(self) -> tuple[Example, ...]:
        return tuple(example for lesson in self.all for example in lesson.examples)


def build_lessons(
    texts: Sequence[Text], pairs: Sequence[Pair], tokens: Tokens, recipe: Recipe,
    taught: Taught = lambda passage: True, on_pairs: OnPairs = lambda number: None,
) -> Lessons:  # fmt: skip
    """Return the lessons of the recipe's method for the passages that are taught.

    `on_pairs` is called with the number of pairs, passage by passage, whose lessons are made.
    """
    kinds = METHODS[recipe.method].lessons
    return Lessons(
        {kind: tuple(LESSON_KINDS[kind].build(texts, pairs, tokens, recipe, taught, on_pairs)) for kind in kinds}
    )
