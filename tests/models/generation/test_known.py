"""Continuations that an interrupted call has finished are not generated again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disc_lite.models.generation import KnownContinuations, generate
from disc_lite.storage import Journal

PROMPTS = [[5, 6, 7, n] for n in range(8, 20)]


class Full(Exception):
    """Ends a call in the middle."""


def passes_of(base: Any, most: int = 10**6) -> list[int]:
    """Count the forward passes of the decoder, and raise before one more than `most`."""
    count = [0]

    def before() -> None:
        count[0] += 1
        if count[0] > most:
            raise Full

    base.before_each_forward(before)
    return count


def write(base: Any, known: KnownContinuations | None, **more: Any) -> Any:
    how: dict[str, Any] = {
        "stop_ids": frozenset({1}),
        "max_new_tokens": 6,
        "temperature": 1.0,
        "seed": 3,
        "max_rows": 4,
    }
    with base.frozen(adapter=False) as model:
        return generate(model, PROMPTS, known=known, **{**how, **more})


def test_what_is_finished_is_not_written_again(load: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    plain = write(load("llama"), None)
    base = load("llama")
    passes = passes_of(base, most=9)  # with rows of four
    with pytest.raises(Full):
        write(base, KnownContinuations(Journal(path)))
    done = len(Journal(path))
    assert 0 < done < len(PROMPTS)
    base, told = load("llama"), []
    passes = passes_of(base)
    assert write(base, KnownContinuations(Journal(path)), on_finished=told.append) == plain
    assert told[0] == done
    assert told[-1] == len(PROMPTS)
    rest = passes[0]
    assert write(base, KnownContinuations(Journal(path))) == plain
    assert passes[0] == rest  # not one more than necessary
    found = write(base, KnownContinuations(Journal(path)))
    for one, other in zip(found, plain, strict=True):
        assert one.log_ps == pytest.approx(other.log_ps, abs=1e-5)


@pytest.mark.parametrize(
    "more", [{"seed": 4}, {"temperature": 0.9}, {"max_new_tokens": 5}, {"stop_ids": frozenset({1, 9})}, {"min_p": 0.2}]
)
def test_another_call_gets_texts_of_its_own(load: Callable[..., Any], tmp_path: Path, more: dict[str, Any]) -> None:
    base, path = load("llama"), tmp_path / "journal.txt"
    write(base, KnownContinuations(Journal(path)))
    assert write(base, KnownContinuations(Journal(path)), **more) == write(base, None, **more)


def test_greedy_texts_have_no_seed(load: Callable[..., Any], tmp_path: Path) -> None:
    base, path = load("llama"), tmp_path / "journal.txt"
    write(base, KnownContinuations(Journal(path)), temperature=0.0)
    passes = passes_of(base)
    write(base, KnownContinuations(Journal(path)), temperature=0.0, seed=77)
    assert passes[0] == 0


def test_an_adapter_has_texts_of_its_own_and_after_a_step_others(load: Callable[..., Any], tmp_path: Path) -> None:
    base = load("llama", rank=2)
    assert base.known(adapter=True) is None
    base.journal = Journal(tmp_path / "journal.txt")
    first = base.known(adapter=True)
    assert base.known(adapter=False).whose == ""
    assert base.known(adapter=True) == first
    next(iter(base.adapter_parameters().values())).data.add_(1)
    assert base.known(adapter=True) != first
