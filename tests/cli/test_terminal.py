"""Whatever the terminal is: its encoding, its colours, a reader that has enough, Ctrl-C in the first moment."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from disc_lite import __main__
from disc_lite.cli import main
from disc_lite.cli.terminal import typed


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "späte Akten"
    folder.mkdir()
    (folder / "nörd.md").write_text("# Tür\n\nDie Tür geht um neun auf – und um fünf zu.\n", encoding="utf-8")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *args: object) -> object:
    monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_a_character_is_no_error(
    encoding: str, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for more in (["--show", "nörd.md"], ["--show", "nörd.md", "--json"]):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", out)
        assert run(monkeypatch, "documents", docs, "--quiet", *more) == 0
        out.flush()
        said = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
        assert "\\u2013" in said
    assert json.loads(said)["documents"][0]["name"] == "nörd.md"


def test_a_question_is_read_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the C locale Python makes a surrogate of every byte that is not ASCII, which no tokenizer takes."""
    assert typed("K\udcc3\udcbcndigung?") == typed("Kündigung?") == "Kündigung?"
    assert typed("\udcff?") == "\ufffd?"
    assert run(monkeypatch, "ask", "nowhere", "Who?", " ") == 2
    assert "A question is blank." in capsys.readouterr().err


def test_questions_on_stdin_are_utf_8_in_any_locale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "fsencode", lambda text: str(text).encode("ascii", "surrogateescape"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Kündigung?\n".encode())))
    assert run(monkeypatch, "ask", "nowhere", "-") == 2
    assert "nowhere is not the folder of a run" in capsys.readouterr().err


def test_an_option_without_its_other_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "eval", "nowhere", "--limit", 3) == 2
    assert "--limit needs --benchmarks" in capsys.readouterr().err


def test_a_folder_that_may_not_be_entered_is_no_defect(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert run(monkeypatch, "report", docs / "run") == 3
    assert (
        capsys.readouterr().err
        == f"Error: {docs}/run/run.json: Permission denied.\nChange its permissions, or name another path.\n"
    )


@pytest.mark.parametrize(
    ("kind", "no_color", "begin"), [
        ("xterm", "", "\x1b[31m\x1b[1mError: \x1b[0m"), ("xterm", "1", "\x1b[1mError: \x1b[0m"), ("dumb", "", "Error: "),
    ],
)  # fmt: skip
def test_errors_obey_the_terminal(kind: str, no_color: str, begin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert run(monkeypatch, "documents", "nowhere") == 2
    said = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert f"{begin}nowhere" in said
    assert ("\x1b" in said) == (kind != "dumb")


@pytest.mark.parametrize("command", [["recipes", "list"], ["documents", ".", "--quiet"]])  # by click, and by rich
def test_a_reader_that_has_enough_is_no_failed_run(command: list[str], docs: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    call = [sys.executable, "-m", "disc_lite", *command]
    done = subprocess.run(call, stdout=write, stderr=subprocess.PIPE, text=True, cwd=docs)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_within_an_exec_that_was_handled_does_not_change_the_exit_code(docs: Path) -> None:
    """Importing torch has many of these; a run that SIGTERM stopped there ended as if by SIGINT."""
    (docs / "sitecustomize.py").write_text(
        "import click\n"
        "echo = click.echo\n"
        "def late(*words, **how):\n"
        "    try:\n"
        "        exec('raise KeyboardInterrupt')\n"
        "    except KeyboardInterrupt:\n"
        "        echo(*words, **how)\n"
        "click.echo = late\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{docs}:{os.environ.get('PYTHONPATH', Path.cwd())}"}
    call = [sys.executable, "-m", "disc_lite", "report", "nowhere"]
    done = subprocess.run(call, cwd=docs, env=environment, capture_output=True, text=True)
    assert (done.returncode, "nowhere is not" in done.stderr) == (2, True)


def test_an_error_that_nobody_reads_keeps_its_exit_code(docs: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "disc_lite", "report", "nowhere"], stderr=write, cwd=docs)
    os.close(write)
    assert done.returncode == 2


@pytest.mark.parametrize("command", [["models"], ["documents", ".", "--json"]])
def test_streams_that_are_closed_take_all_and_show_nothing(command: list[str], docs: Path) -> None:
    """Python has none then, and the next file that is opened would get what is printed."""
    call = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-m", "disc_lite", *command]
    assert subprocess.run(call, cwd=docs).returncode == 0
    assert [path.name for path in docs.iterdir()] == ["nörd.md"]


def test_ctrl_c_while_modules_are_imported_ends_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "disc_lite.cli", Interrupted())  # type: ignore[arg-type]
    with pytest.raises(SystemExit) as stop:
        __main__.main()
    assert stop.value.code == 130
