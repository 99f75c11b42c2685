"""The long run: what its samples say. Mutants: which are killed, and of what kind the survivors are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.reliability import mutants
from bench.reliability.endurance import judged


def sample(number: int, rss_mib: float, files: int = 20) -> dict[str, float]:
    return {"s": 60.0 * number, "step": number, "rss_mib": rss_mib, "descriptors": 7, "threads": 4, "files": files,
            "checkpoints": 2}  # fmt: skip


def test_what_grows_is_told_from_what_only_settles() -> None:
    settles = [sample(n, 500 + min(n, 10)) for n in range(60)]
    assert judged(settles)["passed"]
    assert judged(settles)["rss_mib_an_hour"] == 0
    assert not judged([sample(n, 500 + n) for n in range(60)])["passed"]  # a MiB a minute
    assert not judged([sample(n, 500, files=20 + n) for n in range(60)])["passed"]


def test_mutants_are_counted_by_file_and_survivors_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {
        "same": ("x.sum(-1, keepdim=True)", "x.sum(+1, keepdim=True)"),
        "sign": ("x - 1 + y", "x - 1 - y"),
        "untested": ("a = 1", "a = None"),
    }
    codes: dict[str, int | None] = {"killed": 1, "endless": -24, "same": 0, "sign": 0, "untested": 33}
    folder = tmp_path / "mutants" / "disc_lite"
    meta = folder / "losses" / "head.py.meta"
    meta.parent.mkdir(parents=True)
    monkeypatch.setattr(mutants, "FOLDER", folder)
    monkeypatch.setattr(mutants, "change_of", changes.__getitem__)
    meta.write_text(json.dumps({"exit_code_by_key": codes}))
    mutants.main(tmp_path)
    assert json.loads((tmp_path / "mutants.json").read_text()) == {
        "files": {"losses/head.py": {"mutants": 5, "killed": 2}},
        "survivors": {
            "the last dimension of a matrix is its dimension 1": 1,
            "`x - 1 + y` -> `x - 1 - y`": 1,
            "`a = 1` -> `a = None`": 1,
        },
    }
    meta.write_text(json.dumps({"exit_code_by_key": {**codes, "later": None}}))
    with pytest.raises(SystemExit, match="Not every mutant"):
        mutants.main(tmp_path)
