"""The public functions of `import disc_lite`."""

from __future__ import annotations

import inspect

import pytest

import disc_lite
from disc_lite.errors import DiscLiteError, GateFailed, UsageError
from disc_lite.run.budget import bytes_of


def test_what_is_public_is_there_and_nothing_else_is_said_to_be() -> None:
    assert all(getattr(disc_lite, name) for name in disc_lite.__all__)
    assert disc_lite.DiscLiteError is DiscLiteError
    assert disc_lite.GateFailed is GateFailed
    with pytest.raises(AttributeError, match="module 'disc_lite' has no attribute 'teach'"):
        disc_lite.teach  # noqa: B018
    with pytest.raises(DiscLiteError, match="nowhere is not the folder of a run"):
        disc_lite.ask("nowhere", "Who?")


def test_plan_takes_what_adapt_takes() -> None:
    adapt, plan = (set(inspect.signature(function).parameters) for function in (disc_lite.adapt, disc_lite.plan))
    assert plan == adapt - {"pairs_only"} | {"card", "here"}


@pytest.mark.parametrize("size", [8, 8.0, "8", "8 GB", "8gib"])
def test_a_size_is_a_number_or_a_text(size: float | str) -> None:
    assert bytes_of(size, "--max-vram") == 8 * 2**30


@pytest.mark.parametrize("size", [0, -1, "8 MB", True])
def test_another_size_is_refused(size: float | str) -> None:
    with pytest.raises(UsageError, match="--max-vram cannot be"):
        bytes_of(size, "--max-vram")
