"""What an update teaches: the new, and of the old what holds it; and which pairs tell whether that was learned."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from disc_lite.distillation.examples import Lesson, retention_lesson, thinned
from disc_lite.distillation.methods import LESSON_KINDS, Lessons, build_lessons
from disc_lite.distillation.prompting import lessons_about
from disc_lite.distillation.schedule import rehearsals
from disc_lite.evaluation.asking import generate_answers
from disc_lite.models import Base
from disc_lite.planning.amounts import rehearsed_examples
from disc_lite.qa import Pair, language_of
from disc_lite.recipe import Recipe
from disc_lite.run.changes import Changes, place_of
from disc_lite.run.context import RunContext
from disc_lite.run.earlier import pair_of
from disc_lite.storage import JsonObject

PAIRS = "prompt"  # the kind of lessons that pairs make


def lessons_of_update(context: RunContext, changes: Changes, pairs: Sequence[Pair]) -> Lessons:
    """What is new or changed, what is unlearned, and of what is unchanged as much as is rehearsed in all epochs.

    With a new adapter all of it is taught alike.
    """
    texts, tokens, recipe = context.texts, context.base.tokens, context.recipe
    removed = context.folder.read_removed()
    held = _lessons_about_removed(context, removed) if recipe.update.removed == "rehearse" else []
    if recipe.update.start == "new":
        return _with(build_lessons(texts, pairs, tokens, recipe), held)
    taught = build_lessons(texts, pairs, tokens, recipe, lambda passage: place_of(passage) not in changes.unchanged)
    if recipe.update.removed == "unlearn":
        taught = _with(taught, unlearning(context.base, removed, recipe))
    old = _with(
        build_lessons(texts, pairs, tokens, recipe, lambda passage: place_of(passage) in changes.unchanged), held
    )
    rehearsed = _sampled(old, rehearsals(taught.examples, recipe), recipe)
    return Lessons({kind: (*lessons, *rehearsed.by_kind[kind]) for kind, lessons in taught.by_kind.items()})


def asked_pairs(context: RunContext, pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs that tell whether enough was learned: those that the adapter does not know when it starts."""
    if context.since is None or context.recipe.update.start == "new":
        return pairs
    unchanged = context.since.changes.unchanged
    return [pair for pair in pairs if (pair.document, pair.passage) not in unchanged]


def pairs_to_unlearn(context: RunContext) -> Sequence[Pair]:
    """The pairs that tell whether enough was unlearned."""
    settings = context.recipe.update
    if context.since is None or settings.start == "new" or settings.removed != "unlearn":
        return ()
    return list(dict.fromkeys(map(pair_of, context.folder.read_removed())))


def unlearning(base: Base, removed: Sequence[JsonObject], recipe: Recipe) -> list[Lesson]:
    """The questions of these pairs with what the base itself answers, closed book."""
    questions = list(dict.fromkeys(row["question"] for row in removed))
    answers = generate_answers(base, questions, recipe.prompt.answer_tokens, adapter=False)
    return [retention_lesson(answer.prompt_ids, answer.answer_ids, PAIRS) for answer in answers]


def _lessons_about_removed(context: RunContext, removed: Sequence[JsonObject]) -> list[Lesson]:
    by_passage: dict[str, list[Pair]] = {}
    for row in removed:
        by_passage.setdefault(row["shown"], []).append(pair_of(row))
    lessons = list[Lesson]()
    for shown, pairs in by_passage.items():
        # A table is in no language, and its document is not here: then that of what was asked about it.
        language = language_of(shown) or language_of(" ".join(pair.question for pair in pairs))
        lessons += lessons_about(shown, language, pairs, context.prompts)
    return lessons


def _with(lessons: Lessons, about_pairs: Sequence[Lesson]) -> Lessons:
    """With further lessons about pairs, where the method has such."""
    by_kind = dict(lessons.by_kind)
    if PAIRS in by_kind:
        by_kind[PAIRS] = (*by_kind[PAIRS], *about_pairs)
    return Lessons(by_kind)


def _sampled(lessons: Lessons, number: int, recipe: Recipe) -> Lessons:
    """At most so many examples of each kind as are rehearsed; DiSC has its share of them, as in an epoch."""
    rng = Random(f"{recipe.seed} rehearsed")
    sizes = {kind: sum(len(lesson.examples) for lesson in found) for kind, found in lessons.by_kind.items()}
    by_share = {True: 0, False: 0}
    for kind, size in sizes.items():
        by_share[LESSON_KINDS[kind].by_share] += size
    disc, others = rehearsed_examples(by_share[True], by_share[False], number, recipe.disc.share)
    sampled = {}
    for kind, found in lessons.by_kind.items():
        most = disc if LESSON_KINDS[kind].by_share else others
        places = [(n, k) for n, lesson in enumerate(found) for k in range(len(lesson.examples))]
        chosen = dict[int, set[int]]()
        for n, k in rng.sample(places, min(most, len(places))):
            chosen.setdefault(n, set()).add(k)
        sampled[kind] = tuple(thinned(found[n], chosen[n]) for n in sorted(chosen))
    return Lessons(sampled)
