"""Examples of random tokens for the memory of a training step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from disc_lite.distillation.data import Task
from disc_lite.distillation.examples import Example, Lesson
from disc_lite.distillation.teacher import read_lessons
from disc_lite.packing import lone


@pytest.fixture
def training_lesson(tmp_path: Path) -> Callable[..., Task]:
    """(base, tokens) -> sentences of a window of random tokens, each after an anchor, with teacher states."""

    def made(base: Any, tokens: int) -> Task:
        rng, vocab = Random(0), base.head.weight.shape[0]
        window = tuple(rng.randrange(vocab) for _ in range(tokens))
        examples, places, start = [], [], 1
        while start + 40 < tokens:
            size, anchor = rng.randint(20, 40), tuple(rng.randrange(vocab) for _ in range(9))
            ids = (*anchor, *window[start : start + size])
            examples.append(Example("disc", "a.md", ids, tuple(range(8, len(ids) - 1))))
            places += [(0, start - 1 + k) for k in range(size)]
            start += size
        states = read_lessons(base, [Lesson(lone(window), tuple(examples), tuple(places))], tmp_path)
        return Task.of(states)

    return made
