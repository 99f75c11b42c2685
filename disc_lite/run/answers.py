"""What base and adapted model have answered, as the run folder has it. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after"]
BEFORE_AND_AFTER: tuple[When, ...] = ("before", "after")


@dataclass(frozen=True)
class Answers:
    """What the base (before) or the adapted model (after) answers."""

    questions: dict[str, list[str]]  # row of the report card -> an answer to each question
    completions: list[str]
    removed: list[str] = field(default_factory=list)  # to questions about passages that are gone, after an update


@dataclass(frozen=True)
class Drift:
    """KL(base || adapted) on the base's own answers, in nats per token."""

    mean: float  # over all tokens
    by_prompt: list[float]


@dataclass(frozen=True)
class Retained:
    """What the base or the adapted model answers where nothing should have changed."""

    probes: dict[str, list[str]]
    instructions: list[str]
    neutral: list[str]
    stopped: list[bool]  # whether the answer to each neutral prompt ended by itself; the base's within half the limit
    drift: dict[str, Drift]  # of the adapted model only: `general` (neutral prompts), `self_generated`
    thinking: list[str] = field(default_factory=list)  # to some instructions, with thinking on, if the model can think
