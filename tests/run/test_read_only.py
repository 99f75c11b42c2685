"""A run that can only be read is evaluated, reported, exported and asked; new files are written elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disc_lite.chat.opening import ask, open_adapted
from disc_lite.errors import EnvironmentNotReady
from disc_lite.exporting import export
from disc_lite.report import write_report
from disc_lite.run.evaluate import evaluate
from disc_lite.run.events import silent
from disc_lite.run.gathering import Arguments, read_inputs
from disc_lite.storage import DIGESTS, disk
from tests.made import SmallAdapt

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's


@pytest.fixture(scope="module")
def finished(small: SmallAdapt) -> Path:
    small.adapt(small.root / "run")
    return small.root / "run"


@pytest.fixture
def run(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose files can only be read, even by the user of the tests, who can be root."""

    def guarded(operation: Callable[..., Any]) -> Callable[..., Any]:
        def guard(*given: Any) -> Any:
            if any(isinstance(path, Path) and path.absolute().is_relative_to(finished) for path in given):
                raise PermissionError(13, "Permission denied")
            return operation(*given)

        return guard

    for name in ("make_folder", "create", "rename", "remove", "set_mode"):
        monkeypatch.setattr(disk, name, guarded(getattr(disk, name)))
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(finished) and real(path, mode))
    return finished


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def own_questions(small: SmallAdapt) -> Path:
    return small.write("own", {"question": "What is cold?", "answers": ["the hall"]})


def test_everything_can_be_done_from_elsewhere(run: Path, small: SmallAdapt, tmp_path: Path) -> None:
    before, own = content(run), own_questions(small)
    assert evaluate(run, output=tmp_path / "answers", device="cpu")["questions"] == 1
    card = evaluate(run, own, output=tmp_path / "answers", device="cpu")
    said: list[Any] = []
    assert evaluate(run, own, output=tmp_path / "answers", device="cpu", listener=said.append) == card
    assert not [event for event in said if event.text.startswith("loading")]
    [folder] = (tmp_path / "answers").iterdir()
    assert (folder / DIGESTS).is_file() and len(list((folder / "evaluations").iterdir())) == 1
    assert write_report(run, tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert export(run, "adapter", tmp_path / "out", device="cpu")["files"]
    assert ask(open_adapted(run), ["What is cold?"], device="cpu")
    assert content(run) == before


def test_what_a_run_lacks_is_asked_again_and_saved_elsewhere(run: Path, tmp_path: Path) -> None:
    card = evaluate(run, output=tmp_path / "answers", device="cpu")
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    for name in ("before.json", "after.json", "retained_before.json", "retained_after.json", "neutral.jsonl"):
        (copy / name).unlink()
    before = content(copy)
    assert evaluate(copy, output=tmp_path / "other", device="cpu") == card
    said: list[Any] = []
    assert evaluate(copy, output=tmp_path / "other", device="cpu", listener=said.append) == card
    assert said == []
    assert content(copy) == before


def test_without_a_place_it_is_said_which_option_names_one(run: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="Nothing can be written into") as caught:
        evaluate(run)
    assert "--output" in caught.value.remedy
    with pytest.raises(EnvironmentNotReady, match="Nothing can be written into") as caught:
        write_report(run)
    assert "--output" in caught.value.remedy
    with pytest.raises(EnvironmentNotReady, match="cannot be the output folder") as caught:
        export(run, "adapter")
    assert "--output" in caught.value.remedy


def test_an_unfinished_run_is_not_begun_where_nothing_can_be_written(run: Path, small: SmallAdapt) -> None:
    """It is refused before a model is downloaded. For a finished run the summary is printed instead."""
    before = content(run)
    assert small.adapt(run)["steps"] > 0
    summary = (run / "summary.json").read_bytes()
    (run / "summary.json").unlink()
    with pytest.raises(EnvironmentNotReady, match="Nothing can be written into") as caught:
        read_inputs(Arguments(small.root / "docs", "mistral-7b", output=run), silent)
    assert caught.value.remedy == "Change its permissions, or choose another --output."
    (run / "summary.json").write_bytes(summary)
    assert content(run) == before


def test_answers_of_two_runs_are_never_confused(small: SmallAdapt, finished: Path, tmp_path: Path) -> None:
    small.adapt(small.root / "other", **{"train.epochs": "1"})
    for run in (finished, small.root / "other"):
        evaluate(run, own_questions(small), output=tmp_path, device="cpu")
    assert len(list(tmp_path.iterdir())) == 2
