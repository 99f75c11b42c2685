"""Writes held-out questions, with short reference answers, for users who have no questions of their own.

One random sentence of every passage is asked about before a second one of any, so that no document and no beginning of
a passage is preferred. A question is accepted if the passage contains its short answer and the base, with the passage
in its prompt, gives that answer again: an answer that the base cannot read from the passage cannot be a reference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from disc_lite.models import Base
from disc_lite.prompts import answering
from disc_lite.prompts.texts import Text
from disc_lite.qa import NearDuplicates, Question, is_right, is_unspaced, words_of
from disc_lite.recipe import Recipe
from disc_lite.synthesis.cells import names_no_row, takes_another_row
from disc_lite.synthesis.drafting import Drafter, askable_sentences, seed_of, write_drafts
from disc_lite.synthesis.facts import is_yes_no
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.screening import ANOTHER_ROW, NO_ROW

LEAST, MOST = 16, 512  # sentences per call
ANSWER_WORDS = 10  # most words of a reference answer: a longer one is seldom repeated word for word
ANSWER_CHARACTERS = 24  # the same in scripts without spaces between words
ANSWER_TOKENS = 48  # an English tokenizer needs two for a Chinese character and five for an Arabic word
DRAFTS = 4  # most drafts for each question wanted


@dataclass(frozen=True)
class HeldOut:
    """The questions, and the number of drafts that were dropped."""

    questions: tuple[Question, ...]
    dropped: dict[str, int]  # reason -> number


@dataclass
class _Draft:
    """A sentence of a passage, the question about it, its short answer, and why it is dropped ("" if it is not)."""

    drafter: Drafter
    sentence: int
    question: str = ""
    answer: str = ""
    fault: str = ""


def write_held_out(
    base: Base, texts: Sequence[Text], recipe: Recipe, seed: int, wanted: int,
    on_questions: Callable[[int], None] = lambda n: None, known: Iterable[str] = (),
) -> HeldOut:  # fmt: skip
    """Return `wanted` questions with short answers and their passages, none in `known`, or as many as possible."""
    dropped = Counter[str]()
    questions: list[Question] = []
    seen = NearDuplicates(known, recipe.prompt.near_duplicate)
    drafts, done = _sentences(base, texts, recipe, seed)[: DRAFTS * wanted], 0
    while done < len(drafts) and len(questions) < wanted:
        # Assume that all are accepted at first, then the share that was: questions beyond `wanted` are wasted.
        share = max(len(questions), 1) / done if done else 1.0
        number = min(MOST, max(LEAST, math.ceil((wanted - len(questions)) / share)))
        batch = drafts[done : done + number]
        _write(base, batch, recipe, seed_of(seed, done))
        done += len(batch)
        for draft in batch:
            fault = draft.fault or ("near-duplicate" if seen.near(draft.question) else "")
            if fault:
                dropped[fault] += 1
            elif len(questions) < wanted:
                seen.add(draft.question)
                passage = draft.drafter.passage
                questions.append(
                    Question(draft.question, (draft.answer,), passage.document, passage_index=passage.index)
                )
        on_questions(len(questions))
    return HeldOut(tuple(questions), dict(sorted(dropped.items())))


def _sentences(base: Base, texts: Sequence[Text], recipe: Recipe, seed: int) -> list[_Draft]:
    """Return every askable sentence once: first one of each passage, then a second one of each, and so on."""
    rng = Random(f"{seed} held out")
    columns = []
    for text in texts:
        for passage in text.passages:
            sentences = askable_sentences(text, passage)
            drafter = Drafter(base.tokens, text, passage, sentences, recipe, seed)
            column = [_Draft(drafter, i) for i in range(len(sentences))]
            rng.shuffle(column)
            columns.append(column)
    rng.shuffle(columns)
    depth = max(map(len, columns), default=0)
    return [column[n] for n in range(depth) for column in columns if n < len(column)]


def _write(base: Base, drafts: Sequence[_Draft], recipe: Recipe, seed: int) -> None:
    """Write a question about each sentence, then a short answer, which the base has to give again."""
    settings = recipe.prompt
    requests = [Request(draft.sentence, "plain") for draft in drafts]
    prompts = [draft.drafter.question_prompt(request) for draft, request in zip(drafts, requests, strict=True)]
    written = write_drafts(
        base, prompts, range(len(prompts)), settings.question_tokens, settings.question_temperature, seed,
        min_p=settings.question_min_p,
    )  # fmt: skip
    for draft, request, question in zip(drafts, requests, written, strict=True):
        screened = draft.drafter.screened(request, question)
        draft.question, draft.fault = screened.text, screened.fault

    with_questions = [draft for draft in drafts if not draft.fault]
    prompts = [draft.drafter.short_answer_prompt(draft.question, draft.sentence) for draft in with_questions]
    written = write_drafts(base, prompts, range(len(prompts)), ANSWER_TOKENS, 0.0, 0)
    for draft, short in zip(with_questions, written, strict=True):
        draft.answer = base.tokens.decode(short.ids).strip().rstrip(".。") if short.ended else ""
        draft.fault = _answer_fault(draft)

    answered = [draft for draft in with_questions if not draft.fault]
    prompts = [base.tokens.prompt(d.drafter.shown + answering.answer_task(d.question)) for d in answered]
    written = write_drafts(base, prompts, range(len(prompts)), recipe.evaluation.answer_tokens, 0.0, 0)
    for draft, again in zip(answered, written, strict=True):
        if not is_right(base.tokens.decode(again.ids), [draft.answer], recipe.evaluation.grading):
            draft.fault = "the base does not repeat the answer"


def _answer_fault(draft: _Draft) -> str:
    """Return why a short answer cannot be a reference, or ""."""
    words = words_of(draft.answer)
    longest = ANSWER_CHARACTERS if is_unspaced(draft.answer) else ANSWER_WORDS
    if not words or len(words) > longest:
        return "no short answer"
    if is_yes_no(draft.answer):
        return "answer says only yes or no"
    if is_right(draft.question, [draft.answer], "contains"):
        return "answer stands in the question"
    if names_no_row(draft.question, draft.answer, draft.drafter.shown):
        return NO_ROW
    if takes_another_row(draft.question, draft.answer, draft.drafter.shown):
        return ANOTHER_ROW
    return "" if is_right(draft.drafter.shown, [draft.answer], "contains") else "answer not in the passage"
