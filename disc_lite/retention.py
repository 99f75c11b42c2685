"""What the base says when nobody asks: the prompts and answers that keep it what it is.

The base samples user turns from nothing but the opening of one (arXiv 2406.08464), answers them
itself, and KL(base || student) on those answers joins every step. No data and no download. The
prompts depend on the model and the settings only, so they are made once and kept in the user's cache.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from disc_lite.examples import Lesson, own_words_lesson
from disc_lite.generation import generate
from disc_lite.models import Base
from disc_lite.recipe import Recipe
from disc_lite.storage import read_jsonl, write_jsonl

CHUNK = 256  # prompts asked for at once
COMMON = 0.05  # a word in a larger share of the neutral prompts names nothing in particular: "I", "English"
INSIDE = re.compile(r"(?<=[\w,;:()] )[^\W\d_]\w*")  # words after which no sentence has just begun
PATIENCE = 8  # chunks in a row that bring less than one new prompt in twenty: the model has no more


@dataclass(frozen=True)
class Spoken:
    """A user turn that the base made up, as ids, and its own answer, with the token that ends it."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]


def cache_folder() -> Path:
    """`$DISC_LITE_CACHE`, or the user's cache folder."""
    root = os.environ.get("DISC_LITE_CACHE")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "disc-lite"


def own_words(
    base: Base,
    recipe: Recipe,
    key: str,
    reserved_names: Iterable[str],
    held_out: int,
    on_chunk: Callable[[int], None] = lambda prompts: None,
) -> tuple[list[Spoken], list[Spoken]]:
    """Prompts and answers to train on, and `held_out` others to measure with; from the cache if there.

    `key` stands for the model and everything else that they depend on. None contains a reserved name.
    """
    wanted = (recipe.retention.prompts if recipe.retention.weight > 0 else 0) + held_out
    path = cache_folder() / "retention" / f"{key}.jsonl"
    if path.is_file():
        spoken = read_spoken(path)
    else:
        spoken = _speak(base, recipe, tuple(reserved_names), wanted, on_chunk)
        write_spoken(path, spoken)
    # A model that has fewer to say than asked for is measured all the same.
    held = min(held_out, len(spoken) // 4) if recipe.retention.weight > 0 else held_out
    return spoken[held:], spoken[:held]


def read_spoken(path: Path) -> list[Spoken]:
    return [Spoken(tuple(row["prompt_ids"]), tuple(row["answer_ids"])) for row in read_jsonl(path)]


def write_spoken(path: Path, spoken: Iterable[Spoken]) -> None:
    write_jsonl(path, ({"prompt_ids": list(s.prompt_ids), "answer_ids": list(s.answer_ids)} for s in spoken))


def said_to(
    base: Base, prompts: Sequence[str], most: int, adapter: bool,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[Spoken]:  # fmt: skip
    """Greedy answers, of at most `most` tokens, to given user turns; the token that ends one is part of it."""
    asked = [base.tokens.prompt(prompt) for prompt in prompts]
    with base.frozen(adapter=adapter) as model:
        found = generate(
            model, asked, stop_ids=base.tokens.stop_ids, max_new_tokens=most, on_finished=on_finished
        )  # fmt: skip
    ends = [() if f.stop_id is None else (f.stop_id,) for f in found]
    return [Spoken(tuple(a), (*f.ids, *end)) for a, f, end in zip(asked, found, ends, strict=True)]


def _speak(
    base: Base, recipe: Recipe, reserved: Sequence[str], wanted: int, on_chunk: Callable[[int], None]
) -> list[Spoken]:
    settings, tokens = recipe.retention, base.tokens
    found: dict[tuple[int, ...], Spoken] = {}
    fruitless = seed = 0
    while len(found) < wanted and fruitless < PATIENCE:
        seed += 1
        before = len(found)
        with base.frozen(adapter=False) as model:
            turns = generate(
                model, [tokens.user_opening()] * CHUNK, stop_ids=tokens.control_ids, seed=seed,
                max_new_tokens=settings.prompt_tokens, temperature=settings.temperature,
            )  # fmt: skip
            fresh = list(dict.fromkeys(t.ids for t in turns if t.ended and t.ids and t.ids not in found))
            fresh = [t for t in fresh if not names_any(tokens.decode(t), reserved)]
            prompts = [tokens.after_user(t) for t in fresh]
            answers = generate(
                model, prompts, stop_ids=tokens.stop_ids, seed=seed,
                max_new_tokens=settings.answer_tokens, temperature=settings.temperature,
                on_finished=lambda answered: on_chunk(len(found) + answered),
            )  # fmt: skip
        for turn, prompt, answer in zip(fresh, prompts, answers, strict=True):
            if answer.stop_id is not None and not names_any(tokens.decode(answer.ids), reserved):
                found[turn] = Spoken(tuple(prompt), (*answer.ids, answer.stop_id))
        fruitless = fruitless + 1 if len(found) - before < CHUNK / 20 else 0
        on_chunk(len(found))
    return list(found.values())[:wanted]


def apart_from(
    documents: Iterable[str], spoken: Sequence[Spoken], decode: Callable[[Sequence[int]], str]
) -> list[Spoken]:
    """Those whose prompt names nothing that the documents name: old answers must not be held against new ones."""
    asked = [names(decode(s.prompt_ids)) for s in spoken]
    common = Counter(name for found in asked for name in found)
    named = {name for text in documents for name in names(text) if common[name] <= COMMON * len(spoken)}
    return [s for s, found in zip(spoken, asked, strict=True) if not found & named]


def names(text: str) -> set[str]:
    """Words with a capital that do not begin a sentence or a line."""
    return {word for word in INSIDE.findall(text) if word[0].isupper()}


def names_any(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)


def retention_lessons(spoken: Iterable[Spoken]) -> list[Lesson]:
    """Teacher and student read the same prompt and answer; the answer's tokens are compared."""
    return [own_words_lesson(s.prompt_ids, s.answer_ids) for s in spoken]
