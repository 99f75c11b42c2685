"""Instructions whose answers a program can check, and neutral prompts: what a model should retain.

parts              answer -> its words, sentences, paragraphs, lines, list items
languages          which language a text is in, by its most frequent words
checks             one function per kind of check, and whether an answer follows an instruction
reading            the files of the package -> instructions and prompts
instructions.jsonl prompts, each with the checks for what it asks
neutral.txt        general questions to an assistant, a line each
"""

from disc_lite.evaluation.instructions.checks import CHECKS, Check, Instruction, follows
from disc_lite.evaluation.instructions.reading import load_instructions, neutral_prompts

__all__ = ["CHECKS", "Check", "Instruction", "follows", "load_instructions", "neutral_prompts"]
