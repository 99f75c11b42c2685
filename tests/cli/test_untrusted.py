"""Names, questions, answers and passages are strangers' text: a terminal is shown them, and obeys none of them."""

import io
import json
import sys
import unicodedata
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from disc_lite.cli import main
from disc_lite.cli.evaluate import show_document
from disc_lite.cli.progress import Bars
from disc_lite.cli.summary import show_card, show_summary
from disc_lite.cli.terminal import print_json, untrusted
from disc_lite.report import inspect_document
from disc_lite.run.events import Event
from tests.report.example import make_run

# The title of the window, a bell, markup of rich that closes nothing, an emoji by name, C1, and reversed writing.
HOSTILE = "\x1b]0;pwned\x07[/x] :smile: [bold]\x9b2J\u202e\u2066end"
TAMED = "␛]0;pwned␇[/x] :smile: [bold]\ufffd2Jend"


def poisoned(content: Any, keep: tuple[str, ...] = ()) -> Any:
    """The same with HOSTILE in place of every text, and of every name that is a file's."""
    if isinstance(content, dict):
        return {
            HOSTILE if name.endswith((".md", ".txt")) else name: part if name in keep else poisoned(part, keep)
            for name, part in content.items()
        }
    if isinstance(content, list):
        return [poisoned(part, keep) for part in content]
    return HOSTILE if isinstance(content, str) else content


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("hostile") / "run")


@pytest.fixture
def card(run: Path) -> Any:
    made = poisoned(json.loads((run / "summary.json").read_text())["card"])
    made["retained"][HOSTILE] = deepcopy(made["retained"]["world"])  # a probe of the model's own
    made["benchmarks"] = {HOSTILE: {"before": {HOSTILE: 0.5}, "after": {HOSTILE: 0.5}}}
    return made


def shown(show: Any, *content: Any) -> str:
    """What a wide terminal is given, without the colours that are disc-lite's own."""
    console = Console(file=io.StringIO(), width=300)
    show(*content[:1], console, *content[1:])
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def is_tame(said: str) -> bool:
    return TAMED in said and not any(
        unicodedata.category(c) == "Cc" or unicodedata.bidirectional(c) in ("RLO", "LRI")
        for c in said.replace("\n", "")
    )


def test_a_report_card_shows_what_it_is_told_and_obeys_nothing(card: Any) -> None:
    said = shown(show_card, card, True)
    assert is_tame(said)
    lines = said.splitlines()
    assert any(line.strip().startswith(TAMED) and "37/40" in line for line in lines)  # the probe
    assert {f"  {name:<9}{TAMED}" for name in ("answer", "passage")} <= set(lines)


def test_a_summary_names_its_model_whole(card: Any, run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text()) | {"card": card, "model": f"mm/po[v2]{HOSTILE}"}
    said = shown(show_summary, summary)
    assert is_tame(said)
    assert said.startswith(f"mm/po[v2]{TAMED} after 5 documents\n")


def test_a_document_of_a_run(run: Path) -> None:
    content = poisoned(inspect_document(run, "a.md"), keep=("outcome",))
    assert is_tame(shown(show_document, content))


def test_bars_show_an_event_as_it_is_worded() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    bars = Bars(console)
    bars(Event("evaluation", f"before: probe {HOSTILE}", 0, 20))
    with console.capture() as captured:
        console.print(bars.progress.get_renderable())
    bars.close()
    assert TAMED in captured.get()


def test_a_spinner_shows_a_name_as_it_is_written() -> None:
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as captured:
        console.print(console.status(untrusted(f"Loading {HOSTILE}")).renderable)
    assert TAMED in captured.get()


def test_json_stands_for_what_it_was_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"answer": HOSTILE}, None)
    said = capsys.readouterr().out
    assert not any(unicodedata.category(c) == "Cc" or c in "\u202e\u2066" for c in said.rstrip("\n"))
    assert json.loads(said) == {"answer": HOSTILE}


def test_an_error_quotes_without_obeying(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recipe = tmp_path / f"{HOSTILE.replace('/', '')}.yaml"
    for arguments in (["eval", recipe], ["recipes", "copy", "default", recipe], ["recipes", "validate", recipe]):
        recipe.write_text(f"{HOSTILE}: 1\n")
        monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        said = capsys.readouterr().err
        assert "␛]0;pwned" in said or "\\x1b]0;pwned" in said
        assert not any(unicodedata.category(c) == "Cc" for c in said.replace("\n", ""))
