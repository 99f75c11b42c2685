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
from disc_lite.storage import write_json, write_jsonl
from tests.report.example import NAMES


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


@pytest.mark.parametrize(("policy", "became"), [
    ("rehearse", "what was taught about it is rehearsed"), ("unlearn", "what was taught about it is unlearned"),
])  # fmt: skip
def test_of_a_document_that_an_update_took_out_it_is_said_what_became_of_it(
    run: Path, policy: str, became: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (("old/gone.md", "g", False, "drop"), ("a.md", "older", True, "drop"), ("moved.md", "m", True, "drop"),
            ("anew.md", "n", False, None), ("old/gone.md", "older g", False, "unlearn"))  # fmt: skip
    keys = ("name", "sha256", "replaced", "removed")
    before = [dict(zip(keys, row, strict=True)) for row in rows]
    write_json(run / "update.json", {"removed": policy, "taught_before": before})
    write_jsonl(run / "removed.jsonl", [{"document": "old/gone.md", "sha256": "g"}])
    took = "an update removed it from the documents; "
    for typed, name, reason in (
        ("docs/old/gone.md", "old/gone.md", became), ("gone.md", "old/gone.md", became),
        ("moved.md", "moved.md", "some of its text is in others now, and what was taught about the rest may still be known"),
        ("anew.md", "anew.md", "a new adapter was not taught it"),
    ):  # fmt: skip
        found = inspect_document(run, typed)
        assert (found["document"], found["outcome"], found["reason"]) == (name, "removed", took + reason)
    assert inspect_document(run, "a.md")["outcome"] == "read"
    assert call(monkeypatch, "inspect", run, "gone.md") == 0
    assert f"removed: {took}{became}" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(UsageError) as caught:
        inspect_document(run, "old/gon.md")
    assert caught.value.remedy == "Did you mean old/gone.md?"


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
        "print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
