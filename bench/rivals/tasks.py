"""What all variants learn: the same prompts and completions, cut from disc-lite's lessons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from bench.gpu.shapes import tiny
from bench.gpu.steps import Reading, window_lesson
from disc_lite.distillation.disc import disc_lessons
from disc_lite.distillation.examples import Lesson, tokenise
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.documents import read_documents
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.models.tokens import Tokens
from disc_lite.qa import read_pairs
from disc_lite.recipe import load_recipe
from disc_lite.synthesis.places import Places

REAL = Path(__file__).resolve().parents[1] / "real"
DOMAIN = "handbook"
TASKS = {
    "disc": "DiSC as published: five sentences of each document, which the student reads alone",
    "disc-all": "DiSC on every sentence",
    "prompt": "prompt distillation: questions and answers, of which the teacher reads the passage too",
}
OVERRIDES = {
    "disc": {"disc.targets": "paper", "disc.anchor": "none"},
    "disc-all": {"disc.targets": "all", "disc.anchor": "none"},
    "prompt": {},
}


@dataclass(frozen=True)
class Item:
    """One example for the other trainers: two prompts, and the completion on which the distributions are compared."""

    teacher_prompt: tuple[int, ...]
    student_prompt: tuple[int, ...]
    completion: tuple[int, ...]


def items_of(lesson: Lesson) -> list[Item]:
    """Return the examples of a lesson, each with everything that the teacher has read before it."""
    items, first = [], 0
    for example in lesson.examples:
        segment, position = lesson.teacher_at[first]
        prompt = list(lesson.sequence[segment].input_ids[: position + 1])
        while (segment := lesson.sequence[segment].parent) >= 0:
            prompt[:0] = lesson.sequence[segment].input_ids
        first += len(example.compared)
        border = example.compared[0] + 1
        items.append(Item(tuple(prompt), example.input_ids[:border], example.target_ids))
    return items


def batches_of(items: Sequence[Item], size: int) -> list[list[Item]]:
    """Return the examples in batches, in order; every variant makes one step of each batch."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def shape_of(model: str) -> Alias | None:
    """Return the shape that `shape:NAME` or `tiny:NAME` stands for; None for a folder."""
    kind, _, name = model.partition(":")
    return {"shape": ALIASES.get, "tiny": tiny}[kind](name) if name else None


def lessons_of(task: str, model: str, number: int) -> list[Lesson]:
    """Return the lessons of a task: of the first `number` documents or pairs; for a shape, of random tokens."""
    shape = shape_of(model)
    if shape is not None:
        reading = Reading(64, 32, 2, 4, 8) if model.startswith("tiny:") else Reading(4096, 2048, 12, 16, 64)
        return [window_lesson(reading, shape.vocab, seed) for seed in range(number)]
    recipe, tokens = load_recipe(DOMAIN, OVERRIDES[task]).recipe, Tokens(Path(model))
    documents, _ = read_documents([REAL / "corpus" / DOMAIN])
    if task != "prompt":
        documents = documents[:number]
    texts = tokenise(documents, tokens, recipe.documents.passage_tokens)
    if task != "prompt":
        return disc_lessons(texts, tokens, recipe)
    places = Places(texts)
    pairs = [p for pair in read_pairs(REAL / "pairs" / f"{DOMAIN}.jsonl") if (p := places.find(pair))]
    return prompt_lessons(texts, pairs[:number], AnswerPrompts(tokens, recipe.prompt.worked_examples))
