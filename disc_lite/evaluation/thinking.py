"""Answers with thinking on, for models that can think; training and all other prompts have it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from disc_lite.evaluation.asking import continued
from disc_lite.models import Base, Tokens
from disc_lite.models.generation import Continuation

TIMES = 4  # factor on the tokens of a long answer, for the thought and the answer together
ENDS = ("</think>", "[/THINK]", "<channel|>")  # end of a thought: Qwen and most others, Mistral, Gemma 4


def thinking_answers(
    base: Base, prompts: Sequence[str], max_tokens: int, *, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[str]:  # fmt: skip
    """The greedy answer to each prompt after its thought; "" if the thought did not end within the token limit."""
    tokens = base.tokens
    prompt_ids = [tokens.prompt(prompt, thinking=True) for prompt in prompts]
    written = continued(base, prompt_ids, TIMES * max_tokens, adapter=adapter, on_finished=on_finished)
    return [answer_after_thought(tokens, continuation) for continuation in written]


def answer_after_thought(tokens: Tokens, written: Continuation) -> str:
    """The text after the last end of a thought; the whole text if there was none and it ended by itself, else ""."""
    ends = {tokens.hf.convert_tokens_to_ids(name) for name in ENDS} & tokens.control_ids
    last = max((n for n, token in enumerate(written.ids) if token in ends), default=-1)
    return tokens.decode(written.ids[last + 1 :]).strip() if last >= 0 or written.ended else ""
