"""The report card of an update: answers of the earlier run's adapter next to this run's."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from disc_lite.cli.summary import _show_update
from disc_lite.qa import Question
from disc_lite.run.answers import Answers, EvalSet
from disc_lite.run.card import _by_state
from disc_lite.run.folder import RunFolder
from disc_lite.storage import write_json, write_jsonl


def test_an_update_counts_statements_by_what_became_of_their_passages(tmp_path: Path) -> None:
    texts = {"a.md": ("unchanged", "The hall opens at eight. Ada has the keys."), "b.md": ("new", "The boat is red.")}
    rows = [{"document": name, "passage": 0, "since": state, "text": text} for name, (state, text) in texts.items()]
    write_jsonl(tmp_path / "passages.jsonl", rows)
    asked = [Question("Who has the keys?", ("Ada",), "a.md")]
    statements = [
        Question(text, (answer,), name, "completion")
        for text, answer, name in (
            ("The hall opens at", "eight", "a.md"), ("The keys are with", "Ada", "a.md"), ("The boat is", "red", "b.md"),
        )
    ]  # fmt: skip
    before = {"Who has the keys?": "Ada", "The hall opens at": "eight", "The keys are with": "Ina"}
    counts = {"unchanged": 1, "changed": 0, "new": 1, "removed": 0}
    write_json(tmp_path / "update.json", {"run": "r", "removed": "drop", "passages": counts, "answers": before})
    run = RunFolder(tmp_path)
    gone = (Question("The mill stands in", ("Varn",), "c.md", "completion"), Question("Who milled?", ("Bo",), "c.md"))
    answers = Answers({"adapted": ["Ada"]}, ["nine", "Ada", "red"], ["Varn", "Ina"])
    found = _by_state(
        EvalSet(tuple(asked), tuple(statements), run.read_passages(), {}, gone), run, "contains", answers, ["Ada"]
    )
    unchanged, new = (found["completions"][state] for state in ("unchanged", "new"))
    assert [unchanged[which]["right"] for which in ("earlier", "adapted")] == [1, 1]
    assert [unchanged["adapted"]["of"], unchanged["lost"], unchanged["gained"]] == [2, 1, 1]
    assert (new["earlier"]["of"], new["adapted"]["right"]) == (0, 1)
    assert found["rows"]["unchanged"]["adapted"]["of"] == found["rows"]["unchanged"]["ceiling"]["right"] == 1
    console = Console(width=80, record=True, file=StringIO())
    _show_update(found, console)
    shown = [" ".join(line.split()) for line in console.export_text().splitlines()]
    rows = [line for line in shown if line.startswith(("unchanged", "changed", "new", "gone", "statements"))]
    assert [row.partition(" (")[0] for row in rows] == [
        "unchanged 1 100.0%", "statements 50.0%", "changed 0", "new 1", "statements 100.0%", "gone, dropped 0 0.0%",
        "statements 100.0%",
    ]  # fmt: skip
