"""The answers of the base and the adapted model, as saved in the run folder. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after"]
BEFORE_AND_AFTER: tuple[When, ...] = ("before", "after")


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
