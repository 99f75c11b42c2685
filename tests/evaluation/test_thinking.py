"""Answers with thinking on are asked for as the template writes it, and measured before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disc_lite.evaluation.asking import answer_after_thought, thinking_answers
from disc_lite.evaluation.instructions import MOST_THINKING, load_instructions, thinking_instructions
from disc_lite.models.generation import Continuation
from tests.made import SmallAdapt


@pytest.mark.parametrize(("name", "thinks"), [("qwen3", True), ("llama", False), ("mistral", False)])
def test_the_prompt_is_the_templates_with_thinking_on(plain: Callable[..., Any], name: str, thinks: bool) -> None:
    tokens = plain(name).tokens
    assert tokens.thinks == thinks
    assert (tokens.prompt("Who?", thinking=True) != tokens.prompt("Who?")) == thinks
    if thinks:
        whole = tokens.hf.apply_chat_template(
            [{"role": "user", "content": "Who?"}], add_generation_prompt=True, enable_thinking=True, tokenize=False
        )
        assert tokens.hf.decode(tokens.prompt("Who?", thinking=True)) == whole


def test_the_answer_is_what_stands_after_the_thought(plain: Callable[..., Any]) -> None:
    tokens = plain("qwen3").tokens
    opened, closed = (tokens.hf.convert_tokens_to_ids(name) for name in ("<think>", "</think>"))
    text, stop = tokens.text(" Ada runs it."), min(tokens.stop_ids)
    for ids, stop_id, expected in (
        ([opened, *text, closed, *text], stop, "Ada runs it."), (text, stop, "Ada runs it."),
        ([opened, *text], None, ""), ([opened, *text, closed, *text], None, "Ada runs it."),
    ):  # fmt: skip
        assert answer_after_thought(tokens, Continuation(tuple(ids), stop_id)) == expected


def test_thoughts_have_more_tokens_than_answers(plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def write(model: Any, prompts: Any, **how: Any) -> list[Continuation]:
        asked.update(how, prompts=prompts)
        return [Continuation((20,), None) for _ in prompts]

    base = plain("qwen3")
    monkeypatch.setattr("disc_lite.evaluation.asking.generate", write)
    assert thinking_answers(base, ["Who?"], 5, adapter=False) == [""]
    assert asked["max_new_tokens"] == 20
    assert asked["prompts"] == [base.tokens.prompt("Who?", thinking=True)]


def test_the_report_card_has_a_row_of_a_model_that_thinks(folders: Callable[[str], Path], tmp_path: Path) -> None:
    few = thinking_instructions()
    assert set(few) < set(load_instructions())
    assert MOST_THINKING // 2 < len(few) <= MOST_THINKING
    changes = {"evaluation.long_answer_tokens": "2", "train.epochs": "1", "method": "disc", "retention.weight": "0"}
    card = SmallAdapt(tmp_path / "small", folders("qwen3")).adapt(tmp_path / "run", **changes)["card"]
    row = card["retained"]["instructions, thinking"]
    assert row["before"]["of"] == row["after"]["of"] == len(few)
