"""Instructions whose answers a program can check, and neutral prompts: what a model should retain.

`instructions.jsonl` has prompts, each with the checks for what it asks; `neutral.txt` has a question a line.
"""

from __future__ import annotations

import json
from pathlib import Path

from disc_lite.evaluation.instructions.checks import CHECKS, Check, Instruction, follows
from disc_lite.storage import JsonObject

__all__ = ["CHECKS", "Check", "Instruction", "follows", "load_instructions", "neutral_prompts", "thinking_instructions"]

INSTRUCTIONS = Path(__file__).with_name("instructions.jsonl")
NEUTRAL = Path(__file__).with_name("neutral.txt")
MOST_THINKING = 16  # a thought takes hundreds of tokens


def load_instructions() -> tuple[Instruction, ...]:
    """The instructions of `instructions.jsonl`: lines of `{"prompt": …, "checks": [{"kind": …, …}, …]}`."""
    rows = map(json.loads, INSTRUCTIONS.read_text(encoding="utf-8").splitlines())
    return tuple(Instruction(row["prompt"], tuple(map(_check, row["checks"]))) for row in rows)


def thinking_instructions() -> tuple[Instruction, ...]:
    """At most MOST_THINKING instructions, evenly spaced in the list, that are also asked with thinking on."""
    instructions = load_instructions()
    return instructions[:: -(-len(instructions) // MOST_THINKING)]


def neutral_prompts() -> tuple[str, ...]:
    """General questions to an assistant that are about no document."""
    return tuple(NEUTRAL.read_text(encoding="utf-8").splitlines())


def _check(row: JsonObject) -> Check:
    arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items() if name != "kind"}
    return Check(row["kind"], tuple(arguments.items()))
