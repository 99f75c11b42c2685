"""Renders a chat template in this process and splits it into what it writes around the user's words and the answer."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2.exceptions import SecurityError
from transformers import PreTrainedTokenizerBase

from disc_lite.hub.rendering import FROZEN_DATE, STAND_IN, require_bounded, unusable, variables

ROLES = ("user", "assistant")


@dataclass(frozen=True)
class TemplateParts:
    """The parts of a rendered template outside of the messages."""

    before: str  # before the user's words
    between: str  # after the user's words, up to the assistant's beginning
    lead: str  # from there up to the first word of the answer
    end: str  # after the answer
    thinking: tuple[str, str]  # `before` and `between` with thinking on
    thinks_by_default: bool  # whether thinking is on unless it is switched off
    next_turn: str  # between an answer and the user's next words; "" if the template cannot continue


def stand_ins(messages: int) -> list[dict[str, str]]:
    """Return a conversation of `messages` messages, the user's first, whose contents are all the same word."""
    return [{"role": ROLES[n % 2], "content": STAND_IN} for n in range(messages)]


def rendered(
    hf: PreTrainedTokenizerBase, messages: list[dict[str, str]], prompt: bool, date: datetime = FROZEN_DATE,
    thinking: bool | None = False,
) -> str:  # fmt: skip
    """Render the chat template for a conversation; with `prompt`, up to the assistant's beginning.

    If `thinking` is None, the template decides whether the model thinks.
    """
    text: Any = hf.apply_chat_template(
        messages, tokenize=False, chat_template=_dated(hf, date), **variables(prompt, date, thinking)
    )
    return str(text)


def template_parts(hf: PreTrainedTokenizerBase) -> TemplateParts:
    """Return what the chat template writes around the user's words and the answer; thinking is off if it can be.

    Raises EnvironmentNotReady if the template loops, fails, or does not write both.
    """
    cases = [(1, True, False), (1, True, True), (2, False, False), (3, True, False), (1, True, None)]
    given: list[Mapping[str, Any]] = [
        {**hf.special_tokens_map, "messages": stand_ins(messages), **variables(prompt, thinking=thinking)}
        for messages, prompt, thinking in cases
    ]
    require_bounded(_dated(hf, FROZEN_DATE), given)
    try:
        asked, thought, answered = (
            rendered(hf, stand_ins(messages), prompt, thinking=thinking) for messages, prompt, thinking in cases[:3]
        )
    except SecurityError as error:
        raise unusable(f"It asks for what a template may not do, which was not done: {error}") from error
    except Exception as error:  # whatever a template can fail with
        raise unusable(f"With a user turn alone it fails: {error}") from error
    if not (asked.count(STAND_IN) == thought.count(STAND_IN) == 1 and STAND_IN in answered):
        raise unusable(f"It writes the words of a user {asked.count(STAND_IN)} times.")
    (before, between), thinking = asked.split(STAND_IN), thought.split(STAND_IN)
    start = before + STAND_IN + between
    # Some templates render a finished answer differently from the beginning of a new one (thinking blocks).
    after = answered[len(start) :] if answered.startswith(start) else STAND_IN + answered.rsplit(STAND_IN, 1)[1]
    if STAND_IN not in after:
        raise unusable("It does not write the words of an answer.")
    lead, end = after.split(STAND_IN)
    by_default = _if_it_works(hf, 1, None) or asked
    turns = _if_it_works(hf, 3, False).split(STAND_IN)
    next_turn = turns[2] if len(turns) == 4 else ""
    return TemplateParts(before, between, lead, end, (thinking[0], thinking[-1]), by_default != asked, next_turn)


def _if_it_works(hf: PreTrainedTokenizerBase, messages: int, thinking: bool | None) -> str:
    """Render a prompt that a run can do without, or return "" if the template fails with it."""
    try:
        return rendered(hf, stand_ins(messages), prompt=True, thinking=thinking)
    except Exception:  # whatever a template can fail with
        return ""


def _dated(hf: PreTrainedTokenizerBase, date: datetime) -> str:
    return _clock(date) + hf.get_chat_template()


@functools.cache
def _clock(date: datetime) -> str:
    """Return `strftime_now` with a fixed date as a macro: transformers passes no function to a template."""
    codes = {f"%{code}": date.strftime(f"%{code}") for code in "aAbBcdHIjmMpSUwWxXyY"}
    codes |= {f"%-{code}": date.strftime(f"%{code}").lstrip("0") or "0" for code in "dHIjmMSyUW"}
    filters = "".join(f" | replace({json.dumps(code)}, {json.dumps(text)})" for code, text in codes.items())
    # The line break is not rendered: transformers trims the first one after a block.
    return f"{{% macro strftime_now(format) %}}{{{{ format{filters} }}}}{{% endmacro %}}\n"
