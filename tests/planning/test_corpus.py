"""What a plan counts: the sentences, details and pairs of documents, an update, and the work of every method."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise, within
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts
from disc_lite.models import Tokens
from disc_lite.planning import corpus, workload
from disc_lite.planning.amounts import details_asked
from disc_lite.planning.corpus import OwnPairs, TakenOver, corpus_of
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.overhead import overhead_of
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS

POCKET = Path(__file__).resolve().parents[2] / "disc_lite" / "pocket"


@pytest.mark.parametrize("worked", [True, False])
def test_no_lesson_is_longer_than_its_plan_says(worked: bool) -> None:
    """With the longest questions and answers that the recipe allows, about the longest passage."""
    recipe = recipe_of(prompt={"worked_examples": worked})
    tokens, document = Tokens(POCKET), document_of(CORPUS * 4)
    (text,) = tokenise([document], tokens, recipe.documents.passage_tokens)
    corpus = corpus_of([document], 0, tokenizer_of(POCKET), recipe)
    planned = workload.workload_of(corpus, recipe, overhead=overhead_of(POCKET))
    word = next(w for w in ("a", "x", "7") if len(tokens.text(f" {w}" * 9)) == 9)
    long = [f" {word}" * (most - 2) for most in (recipe.prompt.question_tokens, recipe.prompt.answer_tokens)]
    passage = max(text.passages, key=lambda p: p.end - p.start)
    source = max((text.sentence_text(*s) for s in passage.sentences), key=len)
    pairs = [Pair(document.name, passage.index, f"{n}{long[0]}?", f"{n}{long[1]}", source) for n in range(70)]
    lessons = prompt_lessons([text], pairs, AnswerPrompts(tokens, worked))
    assert max(lesson.tokens for lesson in lessons) <= planned.longest_lesson
    assert max(lesson.tokens for lesson in lessons) > 0.7 * planned.longest_lesson
    assert max(part.tokens for lesson in lessons for part in within(lesson, 1)) <= planned.longest_path


def test_documents_are_counted_as_a_run_counts_them() -> None:
    recipe = recipe_of(documents={"passage_tokens": 64}, prompt={"kinds": "plain"})
    documents = [document_of(CORPUS), document_of("Ada keeps the keys. Nobody sweeps the hall.", "b.md")]
    tokenizer = tokenizer_of(POCKET)
    exact, about = corpus_of(documents, 1, tokenizer, recipe), corpus_of(documents, 1, None, recipe)
    assert tokenizer is not None
    assert exact.tokens == sum(len(tokenizer(d.text)) for d in documents)
    assert (exact.counted, about.counted) == (True, False)
    assert exact.pairs == recipe.prompt.questions_per_sentence * exact.sentences
    assert (exact.documents, exact.refused) == (2, 1)
    assert about.sentences == pytest.approx(exact.sentences, rel=0.1)
    assert corpus_of(documents, 0, None, recipe, [Pair("b.md", 0, "Who?", "Ada.")] * 7).pairs == 7


def test_details_that_are_asked_for_have_pairs_of_their_own() -> None:
    document = document_of("Anna Vind has led Mill 7 since 4 May. It is cold there.")  # three details, and none
    assert corpus_of([document], 0, None, recipe_of()).pairs == 6 * (3 + 1) / 2 + 6
    for without in ({"kinds": "plain, rephrased"}, {"worked_examples": False}):
        assert corpus_of([document], 0, None, recipe_of(prompt=without)).pairs == 12
    assert corpus_of([document], 0, None, recipe_of(prompt={"questions_per_passage": 9})).pairs == 9


def test_details_are_those_of_the_language_that_a_passage_has_under_its_heading() -> None:
    """In German "Miete" is a noun; in other languages it would be a name. The document is English."""
    english = "# Who pays\n\n" + "It is for the house, and that is all there is to say of it. " * 30
    small, heading = recipe_of(documents={"passage_tokens": 32}), "# Was wird von wem und für das Haus gezahlt"
    pairs = [
        corpus_of(
            [document_of(f"{english}\n\n{heading}\n\n" + f"Anna Brink zahlt {word}. " * 20)], 0, None, small
        ).pairs
        for word in ("Miete", "miete")
    ]
    assert pairs[0] == pairs[1]


def test_the_details_of_many_passages_are_counted_in_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(documents={"passage_tokens": 64})
    documents = [document_of(f"Anna Vind has led Mill {n} since 4 May. It is cold there.", f"{n}.md") for n in range(9)]
    every = corpus_of(documents, 0, None, recipe)
    read = list[str]()

    def counted(sentence: str, language: str, recipe: Recipe) -> tuple[str, ...]:
        read.append(sentence)
        return details_asked(sentence, language, recipe)

    monkeypatch.setattr(corpus, "details_asked", counted)
    monkeypatch.setattr(corpus, "SAMPLED", 4)
    some = corpus_of(documents, 0, None, recipe)
    assert len(read) == 2 * 3  # those of the first, fourth and seventh document
    assert (some.pairs, some.sentences) == (every.pairs, every.sentences)


def test_an_update_is_planned_with_what_it_teaches_and_rehearses() -> None:
    documents = [document_of(CORPUS), document_of("Ada keeps the keys. Nobody sweeps the hall.", "b.md")]
    recipe = recipe_of(documents={"passage_tokens": 32}, retention={"weight": 0}, update={"rehearse": 2.0})
    whole = corpus_of(documents, 0, None, recipe)
    known = {("guide.md", n) for n in range(whole.passages - 1)}
    since = {"unchanged": len(known), "changed": 0, "new": 1, "removed": 0}
    pairs = [Pair("guide.md", 0, "Who keeps the keys of the hall?", "Ada Brink keeps them.")] * 100

    def of(number: int, asked: int = 0) -> Any:
        gone = [f"Who runs mill {n}?" for n in range(asked)]
        return replace(corpus_of(documents, 0, None, recipe, (), TakenOver(known, pairs[:number], gone)), since=since)

    def planned(corpus: Any) -> Any:
        return workload.workload_of(corpus, recipe)

    taught = of(100)
    assert (taught.documents, taught.passages) == (2, 1)
    assert taught.pairs == recipe.prompt.questions_per_sentence * 2
    alone, made = planned(replace(taught, since=None, rehearsed=None)), planned(taught)
    taken = taught.rehearsed.own_pairs
    each = workload.ASSUMED.turn + taken.question + taken.answer
    rehearsed = recipe.train.epochs * 2 * taught.pairs * each
    assert made.student_tokens == pytest.approx(alone.student_tokens + rehearsed, abs=3)
    assert made.teacher_tokens > 2 * alone.teacher_tokens
    assert made.examples == alone.examples
    # Held-out questions are written only about what is new, as many as without an update.
    assert 0 < alone.generated_tokens - made.generated_tokens < 2 * recipe.evaluation.questions * 40
    given = replace(taught, own_pairs=OwnPairs(20, 40, 80))  # nothing is drafted
    assert planned(given).generated_tokens < made.generated_tokens
    few = planned(of(3))  # there is no more to rehearse
    assert few.student_tokens == pytest.approx(alone.student_tokens + recipe.train.epochs * 3 * each, abs=3)
    # What is unlearned is taught, and more is rehearsed for it too.
    both = planned(of(100, 5))
    assert both.examples == {"prompt": taught.pairs + 5}
    assert both.teacher_tokens > made.teacher_tokens and both.generated_tokens > made.generated_tokens


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_has_a_workload(method: Any) -> None:
    recipe = recipe_of(method=method, retention={"weight": 0}, train={"least_steps": 0})
    corpus = corpus_of([document_of(CORPUS)], 0, None, recipe)
    work = workload.workload_of(corpus, recipe)
    assert set(work.examples) == set(METHODS[method].lessons)
    assert work.steps >= math.ceil(work.student_tokens / recipe.train.tokens_per_batch)
    assert (work.teacher_tokens > 0) == METHODS[method].has_teacher == (work.state_positions > 0)
    kept = workload.workload_of(corpus, recipe_of(method=method, retention={"share": 3.0, "max_reads": 5}))
    assert kept.student_tokens == pytest.approx(4 * work.student_tokens, rel=0.01)
    assert kept.retention_prompts >= 200


def test_as_many_instructions_and_prompts_are_planned_as_there_are() -> None:
    assert len(load_instructions()) == workload.INSTRUCTIONS
    assert len(neutral_prompts()) == workload.NEUTRAL_PROMPTS


def test_details_are_not_counted_if_pairs_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a large folder counting them takes half of the time of a plan."""
    monkeypatch.setattr(corpus, "details_asked", lambda *of: pytest.fail("A detail is counted."))
    given = [Pair("guide.md", 0, "Who runs the mill?", "Ada.")]
    assert corpus_of([document_of(CORPUS)], 0, None, recipe_of(), given).pairs == 1
