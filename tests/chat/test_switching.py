"""Several adapters on one base: each answers as it does alone, and the base is loaded once."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.chat.opening import Adapted, ask, load, open_adapted, open_together, switch
from disc_lite.cli import main
from disc_lite.errors import UsageError
from disc_lite.run.training import save_adapter

QUESTION = "Who runs the workshop?"


@pytest.fixture(scope="module")
def other(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second adapter of the tiny Llama, of another rank."""
    target = tmp_path_factory.mktemp("adapters") / "second"
    save_adapter(load("llama", "nf4", rank=2, b=0.3), str(folders("llama")), target)
    return target


def answers(base: Any, adapter: bool = True) -> torch.Tensor:
    with base.frozen(adapter=adapter) as model:
        found: torch.Tensor = model(torch.tensor([base.tokens.prompt(QUESTION)])).logits
        return found


def test_each_answers_as_it_does_alone_and_the_base_as_without_both(trained: Path, other: Path) -> None:
    models = open_together([trained / "run", other])
    assert list(models) == ["run", "second"]
    both = load(models["run"], "cpu", [models["second"]])
    alone = [load(open_adapted(folder), "cpu") for folder in (trained / "run", other)]
    plain = answers(alone[0], adapter=False)
    for number in (0, 1, 0):
        switch(both, number)
        torch.testing.assert_close(answers(both), answers(alone[number]))
        torch.testing.assert_close(answers(both, adapter=False), plain)
    assert (answers(alone[0]) - answers(alone[1])).abs().max() > 0.1
    assert not any(parameter.requires_grad for parameter in both.adapter_parameters().values())


def test_ask_shows_all_of_them_beside_the_base(
    trained: Path, other: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Adapted, "longest_answer", 24)  # an adapter without a run may say 256 tokens
    expected = [
        ask(open_adapted(folder), [QUESTION], device="cpu")[0]["adapted"] for folder in (trained / "run", other)
    ]
    words = ["disc-lite", "ask", str(trained / "run"), QUESTION, "--also", str(other), "--base", "--device", "cpu"]
    for more in (["--json"], []):
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
        out = capsys.readouterr().out
        if more:
            (row,) = json.loads(out)
            assert list(row) == ["question", "adapted", "second", "base"]
            assert [row["adapted"], row["second"]] == expected
        else:
            assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")][:3] == [
                "base",
                "run",
                "second",
            ]


def test_chat_switches_and_begins_a_new_conversation(
    trained: Path, other: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = f"{QUESTION}\n/use second\n{QUESTION}\n/use\n/use run\n{QUESTION}\n"
    words = ["chat", str(trained / "run"), "--also", str(other), "--max-tokens", "12", "--device", "cpu", "--json"]
    monkeypatch.setattr(sys, "argv", ["disc-lite", *words])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert stop.value.code == 0
    first, second, third = (json.loads(line)["adapted"] for line in out.splitlines())
    assert first == third != second
    assert "A new conversation, with second." in err
    assert "* second" in err


def test_a_name_that_was_not_given_is_refused(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "chat", str(trained / "run"), "--device", "cpu"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"/use second\n")))
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "No model second is loaded" in capsys.readouterr().err


def test_only_adapters_of_one_base_go_together(
    trained: Path, other: Path, runs: Callable[..., Path], tmp_path: Path
) -> None:
    for folders, words in (
        ([trained / "run", trained / "merged"], "merged model"),
        ([trained / "run", runs("mistral")], "have different bases"),
        ([trained / "run", runs("llama")], "(none) and"),  # the same one, not quantised
        ([other, other], "named twice"),
    ):
        with pytest.raises(UsageError) as refused:
            open_together(folders)
        text = str(refused.value)
        assert any(part in text for part in words.split("|")), text
    shutil.copytree(other, tmp_path / "base")
    names = list(open_together([trained / "run", tmp_path / "base"]))
    assert names == ["run", str(tmp_path / "base")]  # `base` is the base model
