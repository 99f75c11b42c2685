"""Greedy answers of the base or the adapted model: to questions, with or without passages, and to prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from disc_lite.documents import sentence_spans
from disc_lite.evaluation.retrieval import best_places
from disc_lite.models import Base
from disc_lite.models.generation import generate
from disc_lite.packing import Segment
from disc_lite.prompts.answering import answer_task, join_passages
from disc_lite.qa import Question, is_right
from disc_lite.synthesis.retention import RetentionExample

SEARCHED = 50  # passages that are looked through for an answer to a question


def answer(
    base: Base, questions: Sequence[Question], adapter: bool, max_tokens: int, passages: Sequence[Sequence[str]] = (),
    on_finished: Callable[[int], None] = lambda questions: None,
) -> list[str]:  # fmt: skip
    """A greedy answer to each question, of at most `max_tokens` tokens.

    `passages` are those in the prompt of each question; by default the question's own, if any. A statement is
    continued as raw text, up to the end of its sentence; of choices the likeliest is the answer.
    `on_finished` is called with the number of questions answered so far.
    """
    tokens = base.tokens
    passages = passages or [[q.passage] if q.passage else [] for q in questions]
    texts = [
        join_passages(p) + (answer_task(q.text) if p else q.text) for q, p in zip(questions, passages, strict=True)
    ]
    open_ended = [i for i, q in enumerate(questions) if not q.choices]
    prompts = [
        [*tokens.bos, *tokens.text(questions[i].text.rstrip())] if questions[i].kind == "completion"
        else tokens.prompt(texts[i]) for i in open_ended
    ]  # fmt: skip
    with base.frozen(adapter=adapter) as model:
        written = generate(
            model, prompts, stop_ids=tokens.stop_ids, max_new_tokens=max_tokens, on_finished=on_finished,
            known=base.known(adapter),
        )  # fmt: skip
    answers = {i: tokens.decode(continuation.ids) for i, continuation in zip(open_ended, written, strict=True)}
    for i, question in enumerate(questions):
        if question.choices:
            answers[i] = _likeliest(base, texts[i], question.choices, adapter)
            on_finished(len(answers))
    return [
        first_sentence(answers[i]) if q.kind == "completion" else answers[i].strip() for i, q in enumerate(questions)
    ]


def generate_answers(
    base: Base, prompts: Sequence[str], max_tokens: int, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[RetentionExample]:  # fmt: skip
    """Greedy answers, of at most `max_tokens` tokens, to user turns, with the token that ends each."""
    prompt_ids = [base.tokens.prompt(prompt) for prompt in prompts]
    with base.frozen(adapter=adapter) as model:
        answers = generate(
            model, prompt_ids, stop_ids=base.tokens.stop_ids, max_new_tokens=max_tokens, on_finished=on_finished,
            known=base.known(adapter),
        )  # fmt: skip
    return [RetentionExample(tuple(p), a.whole_ids) for p, a in zip(prompt_ids, answers, strict=True)]


def _likeliest(base: Base, question: str, choices: Sequence[str], adapter: bool) -> str:
    """The choice with the highest log-probability, its end token included; the question is read once for all."""
    turns = [base.tokens.turn(question, choice) for choice in choices]
    prompt = turns[0][0]
    tree = (Segment(tuple(prompt)), *(Segment(tuple(answer[:-1]), 0) for _, answer in turns))
    places = []
    for number, (_, answer) in enumerate(turns, 1):
        places += [(0, 0, len(prompt) - 1), *((0, number, p) for p in range(len(answer) - 1))]
    by_choice = base.log_probabilities([tree], places, [answer for _, answer in turns], adapter)
    totals = [float(token_values.sum()) for token_values in by_choice]
    return choices[totals.index(max(totals))]


def first_sentence(text: str) -> str:
    """The first sentence of the first line, without its full stop."""
    line = text.strip().split("\n")[0]
    first = next(iter(sentence_spans(line, 0, len(line))), (0, 0))
    return line[slice(*first)].strip().rstrip(".。").strip()


def right_passages(questions: Sequence[Question], passages: Sequence[tuple[str, str]]) -> list[str]:
    """The passage that answers each question, or "": see `right_places`."""
    return ["" if at is None else passages[at][1] for at in right_places(questions, passages)]


def right_places(questions: Sequence[Question], passages: Sequence[tuple[str, str]]) -> list[int | None]:
    """Which passage answers each question: its own where that is known, else the best by BM25 that gives an answer.

    `passages` are (document, text). Question and answers are searched for together, in the question's document where
    it names one. Where none of the SEARCHED best gives an answer it is the best of all; None if there is none.
    """
    known = _by_place(passages)
    chosen = [known.get((question.document, question.passage_index)) for question in questions]
    unknown: dict[str, list[int]] = {}  # document -> questions
    for i, question in enumerate(questions):
        if chosen[i] is None:
            unknown.setdefault(question.document, []).append(i)
    for document, asked in unknown.items():
        places = [i for i, (name, _) in enumerate(passages) if document in ("", name)]
        texts = [passages[i][1] for i in places]
        searched = [" ".join((questions[i].text, *questions[i].answers)) for i in asked]
        for i, ranked in zip(asked, best_places(texts, searched, SEARCHED), strict=True):
            giving = (n for n in ranked if is_right(texts[n], questions[i].answers, "contains"))
            best = next(giving, ranked[0] if ranked else None)
            chosen[i] = None if best is None else places[best]
    return chosen


def _by_place(passages: Sequence[tuple[str, str]]) -> dict[tuple[str, int], int]:
    """(document, number of the passage in it) -> its place among all passages."""
    places: dict[tuple[str, int], int] = {}
    number: Counter[str] = Counter()
    for at, (name, _) in enumerate(passages):
        places[name, number[name]] = at
        number[name] += 1
    return places


def probes_of(spec: dict[str, Any]) -> dict[str, list[Question]]:
    """Name -> questions of a model folder's `probes.json`."""
    return {
        name: [Question(q["question"], tuple(q["answers"]), passage=q.get("passage", "")) for q in rows]
        for name, rows in spec.get("probes", {}).items()
    }
