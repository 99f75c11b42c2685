"""`disc-lite inspect` and `disc-lite report`: which passage taught what, and what they refuse."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import disc_lite
from disc_lite.cli import main
from disc_lite.errors import UsageError
from disc_lite.report import inspect_document
from tests.report.example import (
    NAMES,
)


def test_an_inspection_says_which_passage_taught_what(run: Path) -> None:
    found = disc_lite.inspect_document(str(run), "a.md")
    assert (found["outcome"], found["teachability"], found["recall"]["adapted"]["right"]) == ("read", 0.05, 3)
    assert [len(p["pairs"]) for p in found["passages"]] == [1, 0]
    assert found["passages"][0]["pairs"][0]["without_passage"] == -4.5
    assert found["passages"][1]["sentences"][1] == "It is answer 0 1."
    assert [q["stands_in"] for q in found["questions"]] == [[0], [1], [], [], []]
    assert [(q["kind"], q["right_before"], q["right_after"]) for q in found["questions"]] == [
        *[("question", False, True)] * 3, ("question", False, False), ("completion", False, True),
    ]  # fmt: skip
    assert found["questions"][0]["nearest_pair"]["question"] == "Question 0 about 0?"
    assert found["questions"][4]["nearest_pair"] is None  # no word is shared
    json.dumps(found)
    without = inspect_document(run, "clean.txt")
    assert without["questions"][0]["nearest_pair"] is None


def test_an_unknown_document_is_refused_with_the_nearest_name(run: Path) -> None:
    for typed, meant in (("A.mdd", "a.md"), ("b/دليل", "b/دليل.md"), ("clean", "clean.txt")):
        with pytest.raises(UsageError) as caught:
            inspect_document(run, typed)
        assert caught.value.exit_code == 2
        assert caught.value.remedy == f"Did you mean {meant}?"


def test_a_path_of_a_document_is_its_name(run: Path) -> None:
    """What the shell completes: the folder of the documents before the name, or only its end."""
    for typed, meant in (("docs/a.md", "a.md"), ("./b/دليل.md", "b/دليل.md"), ("دليل.md", "b/دليل.md")):
        assert inspect_document(run, typed)["document"] == meant


def call(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_commands(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "report", run) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert call(monkeypatch, "report", run.parent) == 2
    assert call(monkeypatch, "inspect", run, "a.md", "--json") == 0
    assert json.loads("".join(capsys.readouterr().out))["document"] == "a.md"
    for name in NAMES:
        assert call(monkeypatch, "inspect", run, name) == 0
    out = capsys.readouterr().out
    assert "[bold]<script>" in out and "nearest pair" in out and "\x1b" not in out
    assert "base + right passage" in out and "-0.00" not in out
    assert call(monkeypatch, "inspect", run, "copy.md") == 0
    assert "duplicate: same text as" in capsys.readouterr().out


def test_neither_loads_torch(run: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom disc_lite.report import inspect_document, write_report\n"
        f"write_report(Path({str(run)!r})); inspect_document(Path({str(run)!r}), 'a.md')\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'bs4') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
