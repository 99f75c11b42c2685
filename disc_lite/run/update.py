"""What an update takes over from the earlier run, what it teaches, and what was removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from disc_lite.distillation.examples import Lesson, Taught, retention_lesson, thinned
from disc_lite.distillation.methods import Lessons, build_lessons
from disc_lite.distillation.prompting import OnPairs, lessons_about
from disc_lite.distillation.schedule import rehearsals
from disc_lite.documents import Passage
from disc_lite.evaluation.asking import generate_answers
from disc_lite.evaluation.retrieval import Place, places_of, right_places
from disc_lite.models import Base
from disc_lite.planning.amounts import rehearsed_examples
from disc_lite.prompts.texts import Text, shown_passages, with_passages
from disc_lite.qa import NearDuplicates, Pair, Question, jaccard, language_of, normalise, word_set
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import PAIRS
from disc_lite.run.changes import LIKE, Changes, place_of
from disc_lite.run.context import RunContext
from disc_lite.run.earlier import EarlierRun, pair_of
from disc_lite.run.since import Since
from disc_lite.storage import JsonObject
from disc_lite.synthesis.contradictions import contradicted
from disc_lite.synthesis.drafting import askable_sentences
from disc_lite.synthesis.scoring import PairSet

FEWEST_QUESTIONS = 10  # held-out questions about what is new or changed, even if that is little
NEAR = 0.5  # least Jaccard index of two questions for the new pair to replace the old one


def fresh_texts(texts: Sequence[Text], changes: Changes) -> tuple[Text, ...]:
    """The texts with only their new and changed passages."""
    return with_passages(texts, lambda passage: place_of(passage) not in changes.unchanged)


# -- questions ---------------------------------------------------------------------------------------------


def kept_questions(since: Since) -> tuple[list[Question], list[Question]]:
    """(the earlier run's questions about unchanged passages, at their present places; those about removed ones)."""
    earlier, changes = since.earlier, since.changes
    places, gone = places_of(earlier.passages), set(changes.removed)
    kept, removed = [], []
    for question, at in zip(earlier.questions, right_places(earlier.questions, earlier.passages), strict=True):
        place = ("", -1) if at is None else places[at]
        if place in changes.now:
            document, number = changes.now[place]
            kept.append(replace(
                question, document=document if question.document else "",
                passage_index=number if question.passage_index >= 0 else -1,
            ))  # fmt: skip
        elif place in gone:
            removed.append(question)
    return kept, removed


def without_asked(kept: Sequence[Question], given: Sequence[Pair], recipe: Recipe) -> list[Question]:
    """Leaves out questions that the model wrote and a pair of the user's asks, so that the pair can be taught."""
    asked = NearDuplicates([pair.question for pair in given], recipe.prompt.near_duplicate)
    return [q for q in kept if q.passage_index < 0 or not asked.near(q.text)]


def questions_still_gone(earlier: EarlierRun, texts: Sequence[Text]) -> tuple[list[Question], int]:
    """(questions about passages removed earlier, rehearsed since and still not back; number of such passages)."""
    here = {" ".join(text.split()) for _, text in shown_passages(texts)}
    shown = {(row["document"], row["passage"]): " ".join(row["shown"].split()) for row in earlier.removed}
    back = {place for place, text in shown.items() if text in here}
    found = [q for q in earlier.questions_removed if (q.document, q.passage_index) not in back]
    return found, len(set(shown.values()) - here)


def questions_wanted(texts: Sequence[Text], changes: Changes, recipe: Recipe) -> int:
    """The number of questions to write about new and changed passages, by their share of all sentences."""
    counts = {place_of(passage): len(askable_sentences(text, passage)) for text in texts for passage in text.passages}
    fresh = sum(number for place, number in counts.items() if place not in changes.unchanged)
    wanted = recipe.evaluation.questions
    return min(wanted, max(FEWEST_QUESTIONS, round(wanted * fresh / sum(counts.values())))) if fresh else 0


# -- pairs -------------------------------------------------------------------------------------------------


def agreeing(kept: Sequence[JsonObject], written: PairSet) -> tuple[list[JsonObject], PairSet]:
    """The pairs taken over and the new ones, both without those that another passage contradicts."""
    gone = contradicted([*map(pair_of, kept), *(scored.pair for scored in written.scored)])
    left = [row for number, row in enumerate(kept) if number not in gone]
    return left, written.without_contradicted({number - len(kept) for number in gone})


def removed_pairs(
    since: Since, texts: Sequence[Text], pairs: Sequence[JsonObject], recipe: Recipe
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Pairs about removed text: (those rehearsed or unlearned, those that are neither and may still be known).

    Pairs that ask what the taught `pairs` ask are left out, as they would contradict them. For a changed passage they
    are the pairs that nothing in it replaces: no new sentence is similar to their source, and no pair about a new
    sentence asks what they ask.
    """
    gone = since.gone
    by_place = {place_of(passage): (text, passage) for text in texts for passage in text.passages}
    now = {before: by_place[place] for place, before in since.changes.changed.items()}
    taught = {normalise(row["question"]) for row in pairs}

    def untaught(rows: Iterable[JsonObject]) -> list[JsonObject]:
        return [row for row in rows if normalise(row["question"]) not in taught]

    passages, before = untaught(gone.passages), untaught(gone.dropped)
    about: dict[Place, list[JsonObject]] = {}
    for pair in pairs:
        about.setdefault((pair["document"], pair["passage"]), []).append(pair)

    def vanished(row: JsonObject) -> bool:
        text, passage = now[row["document"], row["passage"]]
        return _vanished(row, text, passage, about.get(place_of(passage), ()))

    sentences = list(filter(vanished, untaught(gone.sentences)))
    policy = recipe.update.removed
    if recipe.update.start == "new":  # a new adapter was never taught these
        return (passages if policy == "rehearse" else []), []
    if policy == "rehearse":
        return passages, [*before, *sentences]
    every = [*before, *passages, *sentences]
    return (every, []) if policy == "unlearn" else ([], every)


def _vanished(row: JsonObject, text: Text, passage: Passage, about: Sequence[JsonObject]) -> bool:
    """Whether nothing new in the changed passage, which the pairs `about` ask about, replaces what this pair is about.

    Only new sentences count: a list has many similar lines, with similar questions, that were there before.
    """
    source, asked, before = word_set(row["source"]), word_set(row["question"]), " ".join(row["shown"].split())

    def is_new(sentence: str) -> bool:
        return not sentence or " ".join(sentence.split()) not in before

    now = filter(is_new, (text.sentence_text(*sentence) for sentence in passage.sentences))
    again = [pair["question"] for pair in about if is_new(pair.get("source") or "")]
    return not any(jaccard(source, word_set(sentence)) >= LIKE for sentence in now) and not any(
        jaccard(asked, word_set(question)) >= NEAR for question in again
    )


# -- lessons -----------------------------------------------------------------------------------------------


def lessons_of_update(
    context: RunContext, changes: Changes, pairs: Sequence[Pair], on_pairs: OnPairs = lambda number: None
) -> Lessons:
    """Lessons about what is new or changed, what is unlearned, and as much of the unchanged as all epochs rehearse.

    With a new adapter everything is taught alike.
    """
    texts, tokens, recipe = context.texts, context.base.tokens, context.recipe
    removed = context.folder.read_removed()
    held = _lessons_about_removed(context, removed) if recipe.update.removed == "rehearse" else []

    def built(taught: Taught) -> Lessons:
        return build_lessons(texts, pairs, tokens, recipe, taught, on_pairs)

    if recipe.update.start == "new":
        return _with(built(lambda passage: True), held)
    taught = built(lambda passage: place_of(passage) not in changes.unchanged)
    if recipe.update.removed == "unlearn":
        taught = _with(taught, unlearning(context.base, removed, recipe))
    old = _with(built(lambda passage: place_of(passage) in changes.unchanged), held)
    rehearsed = _sampled(old, rehearsals(taught.examples, recipe), recipe)
    return Lessons({kind: (*lessons, *rehearsed.by_kind[kind]) for kind, lessons in taught.by_kind.items()})


def asked_pairs(context: RunContext, pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs that show whether enough was learned: those that the adapter was not taught before training."""
    if context.since is None or context.recipe.update.start == "new":
        return pairs
    unchanged = context.since.changes.unchanged
    return [pair for pair in pairs if (pair.document, pair.passage) not in unchanged]


def pairs_to_unlearn(context: RunContext) -> Sequence[Pair]:
    """The pairs that show whether enough was unlearned; empty if nothing is unlearned."""
    settings = context.recipe.update
    if context.since is None or settings.start == "new" or settings.removed != "unlearn":
        return ()
    return list(dict.fromkeys(map(pair_of, context.folder.read_removed())))


def unlearning(base: Base, removed: Sequence[JsonObject], recipe: Recipe) -> list[Lesson]:
    """Lessons with the questions of these pairs and the base's own closed-book answers."""
    questions = list(dict.fromkeys(row["question"] for row in removed))
    answers = generate_answers(base, questions, recipe.prompt.answer_tokens, adapter=False)
    return [retention_lesson(answered, PAIRS) for answered in answers]


def _lessons_about_removed(context: RunContext, removed: Sequence[JsonObject]) -> list[Lesson]:
    by_passage: dict[str, list[Pair]] = {}
    for row in removed:
        by_passage.setdefault(row["shown"], []).append(pair_of(row))
    lessons = list[Lesson]()
    for shown, pairs in by_passage.items():
        # The language of a table cannot be told, and its document is gone: use that of the questions about it.
        language = language_of(shown) or language_of(" ".join(pair.question for pair in pairs))
        lessons += lessons_about(shown, language, pairs, context.prompts)
    return lessons


def _with(lessons: Lessons, about_pairs: Sequence[Lesson]) -> Lessons:
    """Adds lessons about pairs, if the method has that kind."""
    by_kind = dict(lessons.by_kind)
    if PAIRS in by_kind:
        by_kind[PAIRS] = (*by_kind[PAIRS], *about_pairs)
    return Lessons(by_kind)


def _sampled(lessons: Lessons, number: int, recipe: Recipe) -> Lessons:
    """A random sample of at most `number` examples to rehearse; DiSC has the same share of them as in an epoch."""
    rng = Random(f"{recipe.seed} rehearsed")
    sizes = {kind: sum(len(lesson.examples) for lesson in found) for kind, found in lessons.by_kind.items()}
    sampled = {}
    for kind, most in rehearsed_examples(sizes, number, recipe.disc.share).items():
        found = lessons.by_kind[kind]
        places = [(n, k) for n, lesson in enumerate(found) for k in range(len(lesson.examples))]
        chosen = dict[int, set[int]]()
        for n, k in rng.sample(places, most):
            chosen.setdefault(n, set()).add(k)
        sampled[kind] = tuple(thinned(found[n], chosen[n]) for n in sorted(chosen))
    return Lessons(sampled)
