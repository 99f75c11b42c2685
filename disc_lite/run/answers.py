"""What the base and the adapted model are asked, and their answers as a run saves them. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from disc_lite.evaluation.retrieval import Passages, right_places
from disc_lite.qa import Question

When = Literal["before", "after"]
BEFORE_AND_AFTER: tuple[When, ...] = ("before", "after")


@dataclass(frozen=True)
class EvalSet:
    """Everything that is asked before and after training."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: Passages
    probes: Mapping[str, Sequence[Question]]  # by name, from the model folder
    removed: tuple[Question, ...] = ()  # for an update: about passages that were removed

    @cached_property
    def places(self) -> list[int | None]:
        """For each question the number of the passage that answers it, or None."""
        return right_places(self.questions, self.passages)

    @property
    def right(self) -> list[str]:
        """For each question the text of the passage that answers it, or ""."""
        return ["" if at is None else self.passages[at][1] for at in self.places]


@dataclass(frozen=True)
class Answers:
    """Answers of the base (before) or of the adapted model (after) to the questions and statements."""

    questions: dict[str, list[str]]  # row of the report card -> an answer to each question
    completions: list[str]
    removed: list[str] = field(default_factory=list)  # after an update, to questions about passages that were removed


@dataclass(frozen=True)
class Drift:
    """KL(base || adapted) on the base's own answers, in nats per token."""

    mean: float  # over all tokens
    by_prompt: list[float]


@dataclass(frozen=True)
class Retained:
    """Answers of the base or of the adapted model to prompts on which training should change nothing."""

    probes: dict[str, list[str]]
    instructions: list[str]
    neutral: list[str]
    stopped: list[bool]  # per neutral prompt: the answer ended by itself (the base's within half of the limit)
    drift: dict[str, Drift]  # of the adapted model only: `general` (neutral prompts), `self_generated`
    thinking: list[str] = field(default_factory=list)  # to some instructions, with thinking on, if the model can think
