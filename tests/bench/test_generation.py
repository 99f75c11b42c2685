"""The bench of generation runs on a tiny model, and its texts are those of transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.gpu import generation


def test_it_measures_and_compares(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generation, "COMPARED_TOKENS", 6)
    generation.main(["--model", str(folders("llama")), "--requests", "3", "--device", "cpu", "--new-tokens", "4",
                     "--compared", "2", "--continuous", "--adapter"])  # fmt: skip
    printed = capsys.readouterr().out
    rows = [line.split("|")[1:3] for line in printed.splitlines() if line.startswith("| ")]
    assert [what.strip() for what, _ in rows] == [
        "what",
        "disc-lite, no CUDA graph",
        "transformers generate, 64 rows",
        "transformers generate_batch",
    ]
    assert all(0 < int(tokens) <= 12 for _, tokens in rows[1:])
    assert printed.count("2 of 2 texts equal, 100% of tokens before a difference.") == 2
