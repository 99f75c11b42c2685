"""What an installation brings: every package is pinned for development, and its licence allows any use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.licences import closure, main

CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"


def test_every_package_of_an_installation_is_pinned() -> None:
    found: dict = {}
    closure("disc-lite", frozenset(["dev", "documents", "gguf"]), found)
    pinned = set(re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(), flags=re.MULTILINE))
    assert len(found) > 50
    assert set(found) <= pinned, "python -m bench.licences --lock dev documents gguf > constraints.txt"


def test_every_licence_allows_any_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out
