"""Fixtures for the tests of plans.

`training_lesson`      examples of random tokens, to measure the memory of a training step
`handbook_read_once`   used by every test, since starting the readers takes many times as long as a plan
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from disc_lite.distillation.data import Task
from disc_lite.distillation.examples import Example, Lesson
from disc_lite.distillation.teacher import read_lessons
from disc_lite.documents import ReadingOptions, read_documents
from disc_lite.packing import lone
from disc_lite.run import gathering

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"


@pytest.fixture(autouse=True)
def handbook_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(paths: Sequence[Path], *how: Any) -> Any:
        return read_handbook(how[0]) if list(paths) == [HANDBOOK] else read_documents(paths, *how)

    monkeypatch.setattr(gathering, "read_documents", read)


@cache
def read_handbook(options: ReadingOptions) -> Any:
    return read_documents([HANDBOOK], options)


@pytest.fixture
def training_lesson(tmp_path: Path) -> Callable[..., Task]:
    """(base, tokens) -> sentences from a window of random tokens, each after an anchor, with teacher states."""

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
