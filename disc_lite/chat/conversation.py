"""A conversation with an adapted model: streamed answers, a history within the context, the base for comparison.

Base and adapted model get the same questions, but each has only its own answers in its history: otherwise the base
would seem to know what it reads in the adapted model's answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from disc_lite.errors import UsageError
from disc_lite.models import Base, Tokens
from disc_lite.models.generation import stream

Side = Literal["base", "adapted"]


@dataclass(frozen=True)
class Turn:
    """A question, its number in the conversation, and the answer of the base or the adapted model."""

    number: int
    question: str
    answer: str


@dataclass(frozen=True)
class Piece:
    """The next part of an answer; empty if a token completes no character, or the answer is not shown."""

    side: Side
    text: str


class Conversation:
    """Questions and answers so far; `dropped` counts the turns left out because the context is full."""

    def __init__(self, base: Base, context_tokens: int, answer_tokens: int, temperature: float = 0.0) -> None:
        self.base = base
        self.room = context_tokens - answer_tokens  # tokens for the history and the question
        self.answer_tokens = answer_tokens
        self.temperature = temperature
        self.count = 0
        self.dropped = 0
        self.cut: tuple[Side, ...] = ()  # the sides whose last answer was cut at `answer_tokens`
        self.turns: dict[Side, list[Turn]] = {"base": [], "adapted": []}

    def clear(self) -> None:
        """Remove all turns."""
        self.turns = {"base": [], "adapted": []}
        self.dropped = 0

    def ask(self, question: str, compare: bool = False) -> Iterator[Piece]:
        """Yields the adapted model's answer, a piece per token; with `compare` the base's answer comes first.

        The base first answers earlier questions that it was not asked. Closing the iterator stops the answer; the part
        so far stays in the history, unless the adapted model had not begun.
        Raises UsageError if the question alone is longer than the context.
        """
        number, self.count = self.count, self.count + 1
        answers: dict[Side, str] = {"base": "", "adapted": ""}
        if compare:
            yield from self._catch_up()
        self.cut = ()
        try:
            for side in ("base", "adapted") if compare else ("adapted",):
                for text in self._generate(side, question, number):
                    answers[side] += text
                    yield Piece(side, text)
        finally:
            if answers["adapted"]:
                for side in self.turns:
                    self.turns[side] += [Turn(number, question, answers[side])] if answers[side] else []

    def _catch_up(self) -> Iterator[Piece]:
        """The base answers the questions that only the adapted model was asked."""
        last = max((turn.number for turn in self.turns["base"]), default=-1)
        for turn in [turn for turn in self.turns["adapted"] if turn.number > last]:
            answer = ""
            for text in self._generate("base", turn.question, turn.number):
                answer += text
                yield Piece("base", "")
            self.turns["base"].append(Turn(turn.number, turn.question, answer))

    def _generate(self, side: Side, question: str, number: int) -> Iterator[str]:
        tokens = self.base.tokens
        prompt, dropped = fitted(tokens, self.turns[side], question, self.room)
        self.turns[side] = self.turns[side][dropped:]
        self.dropped += dropped if side == "adapted" else 0
        with self.base.frozen(adapter=side == "adapted") as model:
            ids = stream(
                model, prompt, stop_ids=tokens.stop_ids, max_new_tokens=self.answer_tokens,
                temperature=self.temperature, seed=number,
            )  # fmt: skip
            yield from stripped(tokens.pieces(self._counted(ids, side)))

    def _counted(self, ids: Iterable[int], side: Side) -> Iterator[int]:
        """Passes tokens on and notes a cut answer: stop tokens are not passed, so only a cut one reaches the limit."""
        said = 0
        for token in ids:
            said += 1
            yield token
        if said == self.answer_tokens:
            self.cut = (*self.cut, side)


def fitted(tokens: Tokens, turns: list[Turn], question: str, room: int) -> tuple[list[int], int]:
    """(prompt of at most `room` tokens with as many of the last turns as fit, number of turns left out)."""
    for dropped in range(len(turns) + 1):
        prompt = tokens.conversation([(t.question, t.answer) for t in turns[dropped:]], question)
        if len(prompt) <= room:
            return prompt, dropped
    raise UsageError(
        "The question is longer than the context of the model.", f"It has {len(prompt)} tokens; at most {room} fit.",
        "Ask a shorter question, or use a smaller --max-tokens.",
    )  # fmt: skip


def stripped(pieces: Iterable[str]) -> Iterator[str]:
    """Removes white space before the first word and after the last."""
    begun, space = False, ""
    for piece in pieces:
        text = space + piece if begun else piece.lstrip()
        words = text.rstrip()
        begun, space = begun or bool(words), text[len(words) :]
        yield words
