"""The tokens that chat template and worked examples add to a prompt, found before the model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from disc_lite.documents.tokens import tokenizer_of
from disc_lite.hub.rendering import rendered_parts
from disc_lite.planning.lessons import ASSUMED, PromptOverhead
from disc_lite.prompts import writing
from disc_lite.prompts.answering import RULE

LANGUAGE = "English"  # of the worked examples; those in other languages are about as long
ASKED, ANSWERED = ("user",), ("user", "assistant")


def turn_tokens(folder: Path, questions: Sequence[str]) -> list[int]:
    """About how many tokens a prompt with each question alone has; 0 if the folder has no `tokenizer.json`."""
    tokenizer, turn = tokenizer_of(folder), overhead_of(folder).turn
    return [len(tokenizer(question)) + turn if tokenizer else 0 for question in questions]


def overhead_of(folder: Path | None) -> PromptOverhead:
    """The overhead of a model by its own tokenizer and chat template; assumed values where these are missing."""
    tokenizer = tokenizer_of(folder)
    if folder is None or tokenizer is None:
        return ASSUMED

    def tokens(*texts: str) -> int:
        return sum(len(tokenizer(text)) for text in texts)

    found = rendered_parts(folder, [ANSWERED, (*ANSWERED, *ASKED), ASKED])
    if found and [len(parts) for parts in found] == [3, 4, 2]:
        answered, twice, asked = (tokens(*parts) for parts in found)
        system, turn, between = tokens(found[0][0]), answered, twice - asked
    else:
        system, turn, between = ASSUMED.system, ASSUMED.turn, ASSUMED.turn - ASSUMED.system

    def worked(turns: writing.Turns) -> int:
        return sum(between + tokens(*turn) for turn in turns)

    after_passage = [kind for kind in writing.KINDS if kind not in writing.WITHOUT_PASSAGE]
    return PromptOverhead(
        system, turn, tokens(RULE + writing.answer_task("", "", LANGUAGE)), worked(writing.answer_turns(LANGUAGE)),
        max(worked(writing.question_turns(kind, LANGUAGE)) for kind in after_passage),
    )  # fmt: skip
