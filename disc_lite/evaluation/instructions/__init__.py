"""Instructions whose answers a program can check, and neutral prompts: what a model should retain.

`instructions.jsonl` has prompts, each with the checks for what it asks; `neutral.txt` questions, a line each.
"""

from disc_lite.evaluation.instructions.checks import CHECKS, Check, Instruction, follows
from disc_lite.evaluation.instructions.reading import load_instructions, neutral_prompts

__all__ = ["CHECKS", "Check", "Instruction", "follows", "load_instructions", "neutral_prompts"]
