"""R2 and R3: if any write in a run fails, or the disk is full, the same call then finishes the run."""

from __future__ import annotations

import os
import random
import resource
import sys

import pytest

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite.cli import main
from disc_lite.errors import EnvironmentNotReady, RunFailed, WillNotFit
from tests.made import SmallAdapt, adapter_sha256
from tests.processes import exit_code, forked
from tests.storage.test_faults import Trap, no_space
from tests.tiers import FULL, reached

FAILURES = 400 if FULL else 8
FARTHEST = 60  # most disk operations before the one that fails; a run of this size makes about 250


@pytest.fixture(scope="module")
def whole(small: SmallAdapt) -> str:
    """SHA-256 of the adapter of a run with enough space."""
    small.adapt(small.root / "whole")
    return adapter_sha256(small.root / "whole")


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])


def test_a_write_that_fails_anywhere_in_a_run_loses_nothing(small: SmallAdapt, whole: str) -> None:
    """One operation after another fails, each in a call that continues where the previous one ended."""
    rng, failed, finished = random.Random(3), 0, 0
    while failed < FAILURES:
        run = small.root / f"failing-{finished}"
        with pytest.MonkeyPatch.context() as patch:
            Trap(patch, rng.randint(1, FARTHEST), no_space)
            try:
                small.adapt(run)
            except (RunFailed, EnvironmentNotReady, WillNotFit) as error:  # WillNotFit if a file's space is reserved
                assert len(error.lines()) == 3, error
                failed += 1
        assert not list(run.rglob(".tmp-*"))
        finished += (run / "summary.json").is_file()
    small.adapt(run)
    for number in range(finished + 1):
        if (small.root / f"failing-{number}").is_dir():
            assert adapter_sha256(small.root / f"failing-{number}") == whole
    reached("R2", operations_of_whole_runs_failed=failed)


def test_a_full_disk_is_said_and_the_run_goes_on_with_space(
    small: SmallAdapt, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file can grow beyond a certain size: JSON, the journal, safetensors, the teacher's states."""
    run, log = small.root / "full", small.root / "log"
    monkeypatch.setenv("DISC_LITE_CACHE", str(run.with_suffix(".cache")))
    monkeypatch.setattr(sys, "argv", small.command(run))
    sizes, said = (400, 1500, 5000, 60_000), set()  # the smallest is enough for the message in the log
    for size_bytes in sizes:

        def limited(size_bytes: int = size_bytes) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
            main()

        log.unlink(missing_ok=True)
        assert exit_code(forked(limited, log)) == 1, (size_bytes, log.read_text())
        words = log.read_text()
        assert words.count("\n") <= 3 and "ree some space" in words and "defect" not in words, words
        said.add(words.splitlines()[0])
    assert exit_code(forked(main, log)) == 0, log.read_text()
    assert adapter_sha256(run) == whole
    assert len(said) == len(sizes)  # each time another file was full
    reached("R3", full_disks=len(sizes))
