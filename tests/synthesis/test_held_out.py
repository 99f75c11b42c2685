"""Held-out questions: how many, from where, in scripts without spaces between words, and what a reference may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.models.generation import Continuation
from disc_lite.prompts.writing import EXAMPLES
from disc_lite.qa import is_right
from disc_lite.synthesis import held_out
from disc_lite.synthesis.held_out import write_held_out
from tests.made import continuation_of, document_of, recipe_of


@pytest.mark.parametrize(
    ("document", "question", "answer", "accepted"),
    [
        ("# 差旅规定\n\n公司总部位于北京市海淀区中关村南大街五号。", "公司总部在哪里？", "北京市海淀区中关村南大街五号", True),
        ("ห้องสมุดเปิดเวลาเก้าโมงเช้าในวันเสาร์ ทุกคนเข้าได้", "ห้องสมุดเปิดเวลากี่โมง", "เวลาเก้าโมงเช้า", True),
        ("# Hours\n\n" + "The mill opens at " + "very " * 12 + "early hours.", "When does the mill open?", "very " * 11, False),
    ],
)  # fmt: skip
def test_how_long_a_reference_may_be_depends_on_its_own_script(
    plain: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    question: str,
    answer: str,
    accepted: bool,
) -> None:
    base = plain("llama")

    def write(base: Any, prompt_ids: Any, *more: Any, **streams: Any) -> list[Continuation]:
        prompts = [base.tokens.decode(prompt) for prompt in prompt_ids]
        written = [question if "Write a question" in prompt.rpartition("---\n")[2] else answer for prompt in prompts]
        return [continuation_of(base.tokens, text) for text in written]

    monkeypatch.setattr(held_out, "write_drafts", write)
    found = write_held_out(base, tokenise([document_of(document)], base.tokens, 400), recipe_of(), 0, 1)
    assert [q.answers for q in found.questions] == ([(answer,)] if accepted else [])
    assert accepted or found.dropped == {"no short answer": 1}


def test_the_short_answers_of_worked_examples_stand_after_any_preposition() -> None:
    """A reference "at eleven" would not be in "from eleven o'clock"."""
    opening = {"English": "It is closed until eleven.", "German": "Sie ist bis elf Uhr geschlossen."}
    for language, text in opening.items():
        assert is_right(text, [EXAMPLES[language][0].short], "contains")


def test_held_out_questions_are_no_more_than_wanted_and_from_all_documents(
    plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = plain("llama")
    documents = [
        document_of(" ".join(f"The lamp of room {n}{name} is number {n}." for n in range(20)), f"{name}.md")
        for name in "abcdefgh"
    ]
    texts = tokenise(documents, base.tokens, 64)
    calls: list[int] = []

    def write(
        base: Any, prompt_ids: Any, groups: Any, most: int, temperature: float, seed: int, *more: Any, **streams: Any
    ) -> list[Any]:
        calls.append(len(prompt_ids))
        found = []
        for prompt in map(base.tokens.decode, prompt_ids):
            task = prompt[prompt.rindex("---\n") :]
            room = task.split("room ")[1].split(" ")[0].split("?")[0]
            written = (
                f"number {room[:-1]}"
                if "Question:" in task or "mentioning" in task
                else f"Which lamp stands in room {room}?"
            )
            found.append(continuation_of(base.tokens, written))
        return found

    monkeypatch.setattr(held_out, "write_drafts", write)
    found = write_held_out(base, texts, recipe_of(), 0, 24)
    assert len(found.questions) == 24
    assert len({q.document for q in found.questions}) == 8
    assert len({(q.document, q.passage_index) for q in found.questions}) > 16
    assert sum(calls) <= 3 * 2 * held_out.LEAST  # not 160 sentences to keep 24


def test_a_reference_from_a_table_names_its_row(plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    base = plain("llama")
    table = "| Boat | Seats | Price |\n|---|---|---|\n| Heron | 4 | 18 crowns |\n| Otter | 6 | 25 crowns |\n"
    (text,) = tokenise([document_of(table)], base.tokens, 200)

    def write(base: Any, prompt_ids: Any, *more: Any, **streams: Any) -> list[Any]:
        tasks = [base.tokens.decode(prompt).rsplit("---\n", 1)[-1] for prompt in prompt_ids]
        questions = ["What does the Heron cost?" if "Heron" in task else "What does a boat cost?" for task in tasks]
        answers = ["18 crowns" if "Heron" in task else "25 crowns" for task in tasks]
        is_answer = ["Question:" in task or "mentioning" in task for task in tasks]
        written = [a if answering else q for q, a, answering in zip(questions, answers, is_answer, strict=True)]
        return [continuation_of(base.tokens, each) for each in written]

    monkeypatch.setattr(held_out, "write_drafts", write)
    found = write_held_out(base, [text], recipe_of(), 0, 2)
    assert [question.text for question in found.questions] == ["What does the Heron cost?"]
    assert found.dropped == {"answer does not say of which row of a table": 1}
