"""Held-out questions to measure with, where the user has none: from all documents, with short reference answers.

Passages are drawn first, one sentence of each, so that no document and no beginning of a passage is preferred. A
question is accepted if the passage contains its short answer and the base, with the passage in its prompt, gives
that answer again: an answer that the base cannot read from the passage is no reference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from disc_lite.distillation.examples import Text
from disc_lite.models import Base
from disc_lite.models.generation import stream_seed
from disc_lite.prompts import answering
from disc_lite.qa import NearDuplicates, Question, is_right, is_unspaced, words_of
from disc_lite.recipe import Recipe
from disc_lite.synthesis.drafting import Drafter, Request, askable_sentences, seed_of, write_drafts
from disc_lite.synthesis.facts import is_yes_no

GROUP = 16  # sentences with one random seed, which are taken or left together
MOST_GROUPS = 32  # that are written in one call
ANSWER_WORDS = 10  # in the longest reference answer: a longer one is seldom repeated word for word
ANSWER_CHARACTERS = 24  # the same in scripts without spaces between words
ANSWER_TOKENS = 48  # a tokenizer of English takes two for a Chinese character and five for an Arabic word
DRAFTS = 4  # most drafts for each question wanted


@dataclass(frozen=True)
class HeldOut:
    """The questions, and the number of drafts that were dropped."""

    questions: tuple[Question, ...]
    dropped: dict[str, int]  # reason -> number


@dataclass(frozen=True)
class _Place:
    """A sentence of a passage."""

    drafter: Drafter
    sentence: int


@dataclass(frozen=True)
class _Draft:
    """A question about a sentence, and then its short answer."""

    group: int
    place: _Place
    question: str
    answer: str = ""


def write_held_out(
    base: Base, texts: Sequence[Text], recipe: Recipe, seed: int, wanted: int,
    on_questions: Callable[[int], None] = lambda n: None, known: Iterable[str] = (),
) -> HeldOut:  # fmt: skip
    """`wanted` questions with short answers and their passages, none in `known`, or as many as the base can write."""
    dropped = Counter[str]()
    questions: list[Question] = []
    seen = NearDuplicates(known, recipe.prompt.near_duplicate)
    groups, done = list(enumerate(_groups(_places(base, texts, recipe, seed), DRAFTS * wanted))), 0
    while done < len(groups) and len(questions) < wanted:
        # As if all were right at first, then by the share that was: what is written beyond `wanted` is lost.
        share = max(len(questions), 1) / (done * GROUP) if done else 1.0
        number = min(MOST_GROUPS, math.ceil((wanted - len(questions)) / (share * GROUP)))
        for drafts, faults in _gradable(base, groups[done : done + number], recipe, seed):
            done += 1
            dropped.update(faults)
            for draft in drafts:
                if seen.near(draft.question):
                    dropped["near-duplicate"] += 1
                elif len(questions) < wanted:
                    seen.add(draft.question)
                    passage = draft.place.drafter.passage
                    questions.append(
                        Question(draft.question, (draft.answer,), passage.document, passage_index=passage.index)
                    )
            on_questions(len(questions))
            if len(questions) == wanted:
                break
    return HeldOut(tuple(questions), dict(sorted(dropped.items())))


def _places(base: Base, texts: Sequence[Text], recipe: Recipe, seed: int) -> list[_Place]:
    """Every askable sentence once: first one of each passage, then a second one, and so on."""
    rng = Random(f"{seed} held out")
    columns = []
    for text in texts:
        for passage in text.passages:
            sentences = askable_sentences(text, passage)
            drafter = Drafter(base.tokens, text, passage, sentences, recipe, seed)
            column = [_Place(drafter, i) for i in range(len(sentences))]
            rng.shuffle(column)
            columns.append(column)
    rng.shuffle(columns)
    depth = max(map(len, columns), default=0)
    return [column[n] for n in range(depth) for column in columns if n < len(column)]


def _groups(places: Sequence[_Place], max_places: int) -> Iterator[Sequence[_Place]]:
    for start in range(0, min(len(places), max_places), GROUP):
        yield places[start : min(start + GROUP, max_places)]


def _gradable(
    base: Base, groups: Sequence[tuple[int, Sequence[_Place]]], recipe: Recipe, seed: int
) -> list[tuple[list[_Draft], Counter[str]]]:
    """Of each (number, sentences): questions about them whose short answers the base repeats with the passage in its
    prompt, and how many others were dropped for which reason. All are written in the same calls."""
    settings, dropped = recipe.prompt, {number: Counter[str]() for number, _ in groups}
    places = [(number, n, place) for number, group in groups for n, place in enumerate(group)]
    every = range(len(places))
    drafted = write_drafts(
        base, [p.drafter.question_prompt(Request(p.sentence, "plain")) for _, _, p in places], every,
        settings.question_tokens, settings.question_temperature, 0,
        streams=[stream_seed(seed_of(seed, number), n) for number, n, _ in places], min_p=settings.question_min_p,
    )  # fmt: skip
    found = []
    for (number, _, place), draft in zip(places, drafted, strict=True):
        question = place.drafter.screened(Request(place.sentence, "plain"), draft)
        if question.fault:
            dropped[number][question.fault] += 1
        else:
            found.append(_Draft(number, place, question.text))
    shorts = write_drafts(
        base, [d.place.drafter.short_answer_prompt(d.question, d.place.sentence) for d in found],
        every[: len(found)], ANSWER_TOKENS, 0.0, 0,
    )  # fmt: skip
    found = [
        _Draft(d.group, d.place, d.question, base.tokens.decode(s.ids).strip().rstrip(".。") if s.ended else "")
        for d, s in zip(found, shorts, strict=True)
    ]
    found = _counted(found, [_answer_fault(d) for d in found], dropped)
    again = write_drafts(
        base, [base.tokens.prompt(d.place.drafter.shown + answering.answer_task(d.question)) for d in found],
        every[: len(found)], recipe.evaluation.answer_tokens, 0.0, 0,
    )  # fmt: skip
    grading = recipe.evaluation.grading
    repeated = [is_right(base.tokens.decode(a.ids), [d.answer], grading) for d, a in zip(found, again, strict=True)]
    found = _counted(found, ["" if right else "the base does not repeat the answer" for right in repeated], dropped)
    return [([d for d in found if d.group == number], dropped[number]) for number, _ in groups]


def _answer_fault(draft: _Draft) -> str:
    """Why a short answer is no reference, or ""."""
    words = words_of(draft.answer)
    longest = ANSWER_CHARACTERS if is_unspaced(draft.answer) else ANSWER_WORDS
    if not words or len(words) > longest:
        return "no short answer"
    if is_yes_no(draft.answer):
        return "answer says only yes or no"
    if is_right(draft.question, [draft.answer], "contains"):
        return "answer stands in the question"
    return "" if is_right(draft.place.drafter.shown, [draft.answer], "contains") else "answer not in the passage"


def _counted(drafts: Sequence[_Draft], faults: Sequence[str], dropped: Mapping[int, Counter[str]]) -> list[_Draft]:
    """Those without a fault; the others are counted in their groups."""
    for draft, fault in zip(drafts, faults, strict=True):
        if fault:
            dropped[draft.group][fault] += 1
    return [draft for draft, fault in zip(drafts, faults, strict=True) if not fault]
