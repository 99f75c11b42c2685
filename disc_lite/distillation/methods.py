"""What the methods of a recipe teach: one entry for each kind of lessons that methods have.

To add a method: name it in `recipe.schema.MethodName`, say in `recipe.methods` which kinds it has, and write a new kind
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from disc_lite.distillation.disc import disc_lessons
from disc_lite.distillation.examples import (
    Example,
    Lesson,
    Taught,
    Text,
    next_token_examples,
    with_passages,
)
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.models.tokens import Tokens
from disc_lite.packing import lone
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS

Build = Callable[[Sequence[Text], Sequence[Pair], Tokens, Recipe, Taught], list[Lesson]]


@dataclass(frozen=True)
class LessonKind:
    """One kind of lessons; every example carries its name as `Example.kind`."""

    build: Build
    by_share: bool = False  # beside other kinds these fill `disc.share` of an epoch, and go on in the next one
    measures_teachability: bool = False
    labelled: bool = False  # the tokens themselves have `loss.label_share` of the target


def _disc(texts: Sequence[Text], pairs: Sequence[Pair], tokens: Tokens, recipe: Recipe, taught: Taught) -> list[Lesson]:
    return disc_lessons(texts, tokens, recipe, recipe.seed, taught)


def _prompt(
    texts: Sequence[Text], pairs: Sequence[Pair], tokens: Tokens, recipe: Recipe, taught: Taught
) -> list[Lesson]:
    texts = with_passages(texts, taught)
    return prompt_lessons(texts, pairs, AnswerPrompts(tokens, recipe.prompt.worked_examples))


def _next_token(
    texts: Sequence[Text], pairs: Sequence[Pair], tokens: Tokens, recipe: Recipe, taught: Taught
) -> list[Lesson]:
    return [Lesson(lone(e.input_ids), (e,), teacher_at=()) for e in next_token_examples(texts, tokens, taught)]


LESSON_KINDS: dict[str, LessonKind] = {
    "disc": LessonKind(_disc, by_share=True, measures_teachability=True),
    "prompt": LessonKind(_prompt, labelled=True),
    "next_token": LessonKind(_next_token),
}


@dataclass(frozen=True)
class Lessons:
    """What a training teaches."""

    by_kind: dict[str, tuple[Lesson, ...]]

    @property
    def all(self) -> tuple[Lesson, ...]:
        return tuple(lesson for lessons in self.by_kind.values() for lesson in lessons)

    @property
    def examples(self) -> tuple[Example, ...]:
        return tuple(example for lesson in self.all for example in lesson.examples)


def build_lessons(
    texts: Sequence[Text], pairs: Sequence[Pair], tokens: Tokens, recipe: Recipe,
    taught: Taught = lambda passage: True,
) -> Lessons:  # fmt: skip
    """The lessons of the recipe's method about the passages that are taught; none where there are none."""
    kinds = METHODS[recipe.method].lessons
    return Lessons({kind: tuple(LESSON_KINDS[kind].build(texts, pairs, tokens, recipe, taught)) for kind in kinds})
