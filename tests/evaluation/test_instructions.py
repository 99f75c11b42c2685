"""Instructions that a program can check: what is shipped, each with answers that pass and fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from disc_lite.evaluation.instructions import CHECKS, Check, Instruction, follows, load_instructions, neutral_prompts

INSTRUCTIONS = load_instructions()
ANSWERS = {
    row["prompt"]: row
    for row in map(json.loads, (Path(__file__).parent / "instructions_answers.jsonl").read_text("utf-8").splitlines())
}
each_instruction = pytest.mark.parametrize("instruction", INSTRUCTIONS, ids=lambda i: i.prompt[:40])


# --- what is shipped -------------------------------------------------------------------------


def test_there_are_enough_and_none_twice() -> None:
    prompts = [instruction.prompt for instruction in INSTRUCTIONS]
    assert 55 <= len(prompts) == len(set(prompts)) <= 70
    neutral = neutral_prompts()
    assert 95 <= len(neutral) == len(set(neutral)) <= 110
    assert not set(prompts) & set(neutral)


def test_every_kind_is_used() -> None:
    assert {check.kind for instruction in INSTRUCTIONS for check in instruction.checks} == set(CHECKS)


def test_every_instruction_has_its_answers() -> None:
    assert list(ANSWERS) == [instruction.prompt for instruction in INSTRUCTIONS]


@each_instruction
def test_right_answers_pass(instruction: Instruction) -> None:
    answers = ANSWERS[instruction.prompt]["passes"]
    assert answers
    for answer in answers:
        assert follows(instruction, answer), answer
        assert follows(instruction, f"\n{answer}\n"), answer


@each_instruction
def test_wrong_answers_fail_and_no_check_is_idle(instruction: Instruction) -> None:
    answers = ANSWERS[instruction.prompt]["fails"]
    for answer in answers:
        assert not follows(instruction, answer), answer
    for check in instruction.checks:
        assert not all(CHECKS[check.kind](answer, **dict(check.arguments)) for answer in answers), check


def test_one_answer_to_everything_follows_hardly_any() -> None:
    """Else a model that has collapsed would be told to have kept them."""
    texts = [
        "no",
        "No.",
        "yes",
        "YES",
        '"no"',
        "red",
        "hot",
        "The answer is no.",
        "I do not know.",
        "no " * 40,
        "- no\n- no\n- no",
    ]
    for text in [*texts, *(answer for row in ANSWERS.values() for answer in row["passes"])]:
        assert sum(follows(instruction, text) for instruction in INSTRUCTIONS) <= 3, text
    assert sum(follows(instruction, "no") for instruction in INSTRUCTIONS) == 1


@each_instruction
def test_nothing_is_no_answer(instruction: Instruction) -> None:
    assert not follows(instruction, " \n\t")


@pytest.mark.parametrize(
    "answer",
    ["", "?", "<<", '"', "[" * 20_000, '{"a":' * 5000, "A. " * 3000, "- " * 3000, "1," * 3000, "\u2028\x00🍎 ²½٣"],
    ids=lambda answer: repr(answer[:6]),
)
def test_any_text_gets_a_verdict(answer: str) -> None:
    for check in {check for instruction in INSTRUCTIONS for check in instruction.checks}:
        assert CHECKS[check.kind](answer, **dict(check.arguments)) in (True, False)


def test_a_blank_answer_follows_nothing() -> None:
    instruction = Instruction("Do not use the letter e.", (Check("without", (("characters", "e"),)),))
    assert CHECKS["without"](" ", characters="e")
    assert follows(instruction, "Okay") and not follows(instruction, " ")
