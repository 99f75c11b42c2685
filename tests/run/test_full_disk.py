"""R2 and R3: a write that fails anywhere in a run, and a disk that is full; the same call then finishes the run."""

from __future__ import annotations

import os
import random

import pytest

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite.errors import EnvironmentNotReady, RunFailed
from tests.made import SmallAdapt, adapter_sha256
from tests.storage.test_faults import Trap, no_space
from tests.tiers import FULL, reached

FAILURES = 400 if FULL else 12
FARTHEST = 60  # operations on the disk before the one that fails; a run of this size makes about 250


@pytest.fixture(scope="module")
def whole(small: SmallAdapt) -> str:
    """SHA-256 of the adapter of a run with room."""
    small.adapt(small.root / "whole")
    return adapter_sha256(small.root / "whole")


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])


def test_a_write_that_fails_anywhere_in_a_run_loses_nothing(small: SmallAdapt, whole: str) -> None:
    """One operation after the other fails, each in a call that goes on where the one before it ended."""
    rng, failed, finished = random.Random(3), 0, 0
    while failed < FAILURES:
        run = small.root / f"failing-{finished}"
        with pytest.MonkeyPatch.context() as patch:
            Trap(patch, rng.randint(1, FARTHEST), no_space)
            try:
                small.adapt(run)
            except (RunFailed, EnvironmentNotReady) as error:
                assert len(error.lines()) == 3, error
                failed += 1
        assert not list(run.rglob(".tmp-*"))
        finished += (run / "summary.json").is_file()
    small.adapt(run)
    for number in range(finished + 1):
        if (small.root / f"failing-{number}").is_dir():
            assert adapter_sha256(small.root / f"failing-{number}") == whole
    reached("R2", operations_of_whole_runs_failed=failed)
