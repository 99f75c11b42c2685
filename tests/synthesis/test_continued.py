"""Pairs and held-out questions of a run that is killed again and again are those of a run that is not killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.documents import read_documents
from disc_lite.hub.source import open_model
from disc_lite.models import load_base
from disc_lite.models.generation import cache
from disc_lite.recipe import load_recipe
from disc_lite.storage import Journal
from disc_lite.synthesis.held_out import write_held_out
from disc_lite.synthesis.pairs import write_pairs
from tests.tiers import FULL

KILLS = int(os.environ.get("DISC_LITE_KILLS", "6"))
HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"


class Killed(Exception):
    """In the middle of a forward pass."""


class Passes:
    """Counts forward passes, and kills before the last one that is allowed."""

    def __init__(self) -> None:
        self.made, self.most = 0, 10**9

    def __call__(self) -> None:
        if self.made == self.most:
            raise Killed
        self.made += 1


def texts_of(found: Any) -> set[Any]:
    return {s.pair for s in found.scored} if hasattr(found, "scored") else set(found.questions)


@pytest.fixture(scope="module")
def pocket() -> tuple[Any, Any, Any, Passes]:
    base = load_base(open_model("pocket").folder, "none")
    fewer = {"evaluation.questions": "6", "prompt.questions_per_passage": "24" if FULL else "8"}
    recipe = load_recipe("pocket", {"prompt.agreement": "true", **fewer}).recipe
    documents, _ = read_documents([HANDBOOK / "people" / "workshop.md"])
    passes = Passes()
    base.before_each_forward(passes)
    return base, tokenise(documents, base.tokens, 96), recipe, passes


def hold_out(base: Any, texts: Any, recipe: Any, seed: int) -> Any:
    return write_held_out(base, texts, recipe, seed, recipe.evaluation.questions)


@pytest.mark.parametrize(("write", "fewest"), [(write_pairs, 30 if FULL else 10), (hold_out, 8 if FULL else 3)])
def test_kills_change_nothing_and_lose_little(
    pocket: tuple[Any, Any, Any, Passes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Any],
    fewest: int,
) -> None:  # fmt: skip
    monkeypatch.setitem(cache.MAX_ROWS, "cpu", 2)  # so that writing takes many passes
    base, texts, recipe, passes = pocket
    base.journal, passes.most = None, 10**9
    whole = write(base, texts, recipe, 7)
    path, kills, known, allowed = tmp_path / "journal.txt", 0, 0, 8 if FULL else 16
    while True:
        base.journal = Journal(path)
        passes.made, passes.most = 0, allowed
        try:
            continued = write(base, texts, recipe, 7)
            break
        except Killed:
            kills, before, known = kills + 1, known, len(Journal(path))
            allowed += (4 if FULL else 8) * (known == before)  # a text must have time to end
    # Up to arithmetic: in a batch of another size a token can be drawn that is as likely up to rounding.
    assert len(texts_of(whole) ^ texts_of(continued)) <= 2
    assert kills >= fewest
    # Nothing that was finished is computed again: another attempt makes no pass at all.
    base.journal, passes.made = Journal(path), 0
    assert write(base, texts, recipe, 7) == continued
    assert passes.made == 0


def files_of(base: Any, texts: Any, recipe: Any) -> list[str]:
    """What a run writes of its synthesis, as text."""
    held_out = hold_out(base, texts, recipe, 7)
    pairs = write_pairs(base, texts, recipe, 7, [question.text for question in held_out.questions])
    about = {"dropped": [held_out.dropped, pairs.dropped], "coverage": pairs.coverage}
    return [json.dumps(row) for row in (*map(asdict, held_out.questions), *(s.as_dict() for s in pairs.scored), about)]


def test_what_is_written_is_the_same_to_the_byte(
    pocket: tuple[Any, Any, Any, Passes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kill leaves the journal as it was; the next attempt goes a random number of passes further."""
    monkeypatch.setitem(cache.MAX_ROWS, "cpu", 16)
    base, texts, recipe, passes = pocket
    base.journal, passes.made, passes.most = None, 0, 10**9
    whole, rng, kills, runs = files_of(base, texts, recipe), Random(0), 0, 0
    assert len(whole) > 12
    while kills < KILLS:
        runs += 1
        while True:
            base.journal, passes.made, passes.most = Journal(tmp_path / f"{runs}.txt"), 0, rng.randint(12, 48)
            try:
                assert files_of(base, texts, recipe) == whole
                break
            except Killed:
                kills += 1
