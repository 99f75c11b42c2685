"""Held-out questions in scripts without spaces between words, and what a reference answer may be."""

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
