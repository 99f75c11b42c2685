"""For the tests of exports.

`run`                 a run folder of one's own
`merged(name)`        the merged model of `runs(name)`, exported when first asked for; nobody changes it
`without_llama_cpp`   as if it were not installed
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from disc_lite.exporting import checks, export, job


@pytest.fixture
def without_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp has tests of its own (`make test-slow`); elsewhere it is as if it were not installed."""
    for module in (checks, job):
        monkeypatch.setattr(module, "find_llama", lambda: "")
    monkeypatch.delenv("DISC_LITE_LLAMA_CPP", raising=False)


@pytest.fixture(scope="session")
def merged(runs: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    root = tmp_path_factory.mktemp("merged")

    def made(name: str, quantize: str = "none") -> Path:
        folder = root / f"{name}-{quantize}"
        if not folder.is_dir():
            export(runs(name, quantize), "merged", folder)
        return folder

    return made


@pytest.fixture
def run(runs: Callable[..., Path], tmp_path: Path) -> Path:
    """A run of the tiny Llama, to be changed."""
    return Path(shutil.copytree(runs("llama"), tmp_path / "run"))
