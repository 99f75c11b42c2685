"""`disc-lite chat`: typed at a terminal and over a pipe, with commands, signals and harmless output."""

from __future__ import annotations

import io
import json
import os
import readline
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from disc_lite.chat.conversation import Conversation, Piece
from disc_lite.chat.opening import ask, open_adapted
from disc_lite.cli import main
from disc_lite.cli.dialogue import COMMANDS, Dialogue, at_a_terminal, over_a_pipe
from disc_lite.cli.terminal import escape_controls, show_columns, show_stream
from disc_lite.errors import UsageError

QUESTION = "Who runs the workshop?"


def run(monkeypatch: Any, capsys: Any, typed: bytes, *words: object) -> tuple[Any, str, str]:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "chat", *map(str, words)])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    return stop.value.code, out, err


# -- over a pipe ---------------------------------------------------------------------------------------------


def test_a_pipe_gives_an_answer_to_every_line_of_one_conversation(trained: Path) -> None:
    lines = [QUESTION, "", "And when does it open?"]
    words = [sys.executable, "-m", "disc_lite", "chat", str(trained / "run"), "--json"]
    done = subprocess.run(words, input="\n".join(lines), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["question"] for row in rows] == [lines[0], lines[2]]
    alone = ask(open_adapted(trained / "run"), [lines[0], lines[2]], device="cpu")
    assert rows[0]["adapted"] == alone[0]["adapted"].rstrip("\ufffd")
    assert rows[1]["adapted"] != alone[1]["adapted"]  # it has heard the first


@pytest.mark.parametrize("kind", ["run", "adapter", "merged"])
def test_chat_with_every_kind_of_folder(trained: Path, kind: str, monkeypatch: Any, capsys: Any) -> None:
    code, out, err = run(monkeypatch, capsys, QUESTION.encode(), trained / kind, "--max-tokens", "12")
    assert (code, err) == (0, "The answer was cut after 12 tokens; --max-tokens sets the limit.\n")
    assert out.strip()
    code, out, err = run(monkeypatch, capsys, b"/compare\n" + QUESTION.encode(), trained / kind, "--max-tokens", "12")
    if kind == "merged":
        assert (code, bool(out.strip())) == (2, True)  # the question behind it is answered
        assert "no separate base" in err
    else:
        assert code == 0
        assert out.startswith("base     ")
        assert "\nadapted  " in out
        assert "base answers too" in err


def test_commands_work_over_a_pipe(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    typed = f"{QUESTION}\n{QUESTION}\n/clear\n/help\n{QUESTION}\n/quit\n{QUESTION}\n".encode()
    code, out, err = run(monkeypatch, capsys, typed, trained / "run", "--json", "--compare")
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert code == 0
    assert list(first)[:3] == ["question", "adapted", "base"]
    assert first == third
    assert first != second
    assert all(command in err for command in COMMANDS)


def test_what_cannot_be_answered_ends_with_two(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    for typed, word in (
        (b"/comapre\n", "no command /comapre"),
        (b"/clear all\n", "/clear all"),
        (b"x " * 2000, "longer"),
    ):
        code, out, err = run(monkeypatch, capsys, typed, trained / "run")
        assert (code, out.strip()) == (2, "")
        assert word in err
        assert len(err.splitlines()) <= 3


def test_what_is_no_text_is_still_a_line(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    typed = b"\xef\xbb\xbfWho?\r\n  \n\xff\xfe?\n/etc/hosts says what?\n"
    code, out, _ = run(monkeypatch, capsys, typed, trained / "run", "--json", "--max-tokens", "4")
    assert code == 0
    asked = [json.loads(line)["question"] for line in out.splitlines()]
    assert asked == ["Who?", "\ufffd\ufffd?", "/etc/hosts says what?"]


def test_a_note_says_once_that_the_oldest_turns_are_left_out(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    typed = (f"{'word ' * 40}?\n" * 6).encode()
    code, out, err = run(monkeypatch, capsys, typed, trained / "run", "--json", "--max-tokens", "500")
    assert code == 0
    assert len(out.splitlines()) == 6
    assert err.count("longer than the context of 1024 tokens") == 1


def test_temperature_draws_other_words_and_the_same_again(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    options = (trained / "run", "--temperature", "2")
    first, again = (run(monkeypatch, capsys, f"{QUESTION}\n".encode(), *options)[1] for _ in range(2))
    assert first == again
    assert first != run(monkeypatch, capsys, f"{QUESTION}\n".encode(), trained / "run")[1]


# -- typed ---------------------------------------------------------------------------------------------------


class Parrot:
    """Says every question back, slowly; the base says it louder."""

    def __init__(self, on_piece: Callable[[], object] = lambda: None) -> None:
        self.on_piece = on_piece
        self.asked: list[tuple[str, bool]] = []
        self.turns: dict[str, list[Any]] = {"adapted": [], "base": []}
        self.dropped, self.room, self.answer_tokens, self.cut = 0, 90, 10, ()  # type: ignore[var-annotated]

    def clear(self) -> None:
        self.asked.append(("", False))

    def ask(self, question: str, compare: bool = False) -> Iterator[Piece]:
        if "long" in question:
            raise UsageError("The question is longer than what the model reads.")
        self.asked.append((question, compare))
        for side in ("base", "adapted") if compare else ("adapted",):
            for character in question.upper() if side == "base" else question:
                yield Piece(side, character)  # type: ignore[arg-type]
                self.on_piece()


def typing(
    monkeypatch: Any,
    *lines: str | type[BaseException],
    parrot: Parrot | None = None,
    kind: str = "run",
    columns: int = 100,
) -> Parrot:
    """Type lines, or keys that raise an exception at the prompt; then Ctrl-D."""
    monkeypatch.setenv("COLUMNS", str(columns))
    waiting = iter([*lines, EOFError])
    parrot = parrot or Parrot()
    given: Any = type("A", (), {"adapter": None if kind == "merged" else 1, "folder": "f"})()
    given.require_base = lambda: open_base(kind)

    def read(prompt: str) -> str:
        line = next(waiting)
        if not isinstance(line, str):
            raise line
        return line

    at_a_terminal(Dialogue(given, parrot, False), read)  # type: ignore[arg-type]
    return parrot


def open_base(kind: str) -> None:
    if kind == "merged":
        raise UsageError("There is no base in it to compare with.")


def test_questions_and_commands_are_typed(monkeypatch: Any, capsys: Any) -> None:
    parrot = typing(monkeypatch, "Who?", "", "/compare", "When?", "/compare", "/clear", "Where?", "/usr/bin is what?")
    assert parrot.asked == [
        ("Who?", False), ("When?", True), ("", False), ("Where?", False), ("/usr/bin is what?", False),
    ]  # fmt: skip
    out, err = capsys.readouterr()
    assert out.startswith("Who?\n")
    assert ["WHEN?", "When?"] in [line.split() for line in out.splitlines()]  # side by side
    assert "base answers too" in err
    assert "Only the adapted model answers now" in err
    assert "A new conversation" in err


def test_an_answer_that_was_cut_is_not_taken_for_whole(monkeypatch: Any, capsys: Any) -> None:
    parrot = Parrot()
    typing(monkeypatch, "Who?", parrot=parrot)
    assert "cut" not in capsys.readouterr().err
    parrot.cut = ("adapted",)
    typing(monkeypatch, "Who?", parrot=parrot)
    out, err = capsys.readouterr()
    assert out == "Who?\n" and err == "The answer was cut after 10 tokens; --max-tokens sets the limit.\n"


@pytest.mark.parametrize(
    ("cut", "told"),
    [(("base",), "answer of the base model was"), (("base", "adapted"), "Both answers were"), ((), "")],
)
def test_over_a_pipe_it_is_said_whose_answer_was_cut(cut: tuple[str, ...], told: str, capsys: Any) -> None:
    parrot: Any = Parrot()
    parrot.cut = cut
    assert over_a_pipe(Dialogue(None, parrot, True), ["Who?"], False) == 0  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert out == "base     WHO?\nadapted  Who?\n"
    assert told in err and bool(err) == bool(told)
    over_a_pipe(Dialogue(None, parrot, True), ["Who?"], True)  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert (json.loads(out).get("cut", []), err) == ([*cut], "")


def test_a_line_without_an_answer_does_not_end_a_pipe(capsys: Any) -> None:
    parrot: Any = Parrot()
    lines = ["Who?", "/nope", "a long question", "When?", "/quit", "Never asked?"]
    assert over_a_pipe(Dialogue(None, parrot, False), lines, True) == 2  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["question"], "error" in row) for row in rows] == [
        ("Who?", False), ("a long question", True), ("When?", False),
    ]  # fmt: skip
    assert "There is no command /nope" in err and "longer than" in err


def test_lines_are_edited_at_a_terminal() -> None:
    """`input` edits lines, and knows earlier ones, where this module is loaded; there is no file of them."""
    program = "import sys; from disc_lite.cli.dialogue import at_a_terminal\n"
    program += "class D:\n def question_in(self, line): print('readline' in sys.modules); raise EOFError\n"
    program += "at_a_terminal(D(), lambda prompt: '')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.skipif("libedit" in (readline.__doc__ or ""), reason="it has no bracketed paste")
@pytest.mark.parametrize(("kind", "first"), [("xterm", b"'One.\\nTwo?'"), ("dumb", b"'One.'")])
def test_a_pasted_text_of_many_lines_is_one_question(kind: str, first: bytes) -> None:
    """Terminals mark what is pasted for a program that has asked for it; a dumb one would show the request."""
    program = "from disc_lite.cli.dialogue import at_a_terminal\n"
    program += "class D:\n def question_in(self, line): print(repr(line)); raise EOFError\nat_a_terminal(D())"
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": kind, "INPUTRC": os.devnull}
    shown = b""
    with subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=theirs, env=environment):
        os.close(theirs)
        while b"> " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"\x1b[200~One.\nTwo?\x1b[201~\r" if b"\x1b[?2004h" in shown else b"One.\rTwo?\r")
        with suppress(OSError):  # on Linux at the end
            while part := os.read(ours, 1024):
                shown += part
    os.close(ours)
    assert first in shown and (b"\x1b" in shown) == (kind == "xterm")


def test_ask_reads_questions_from_stdin(monkeypatch: Any, capsys: Any) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("disc_lite.chat.opening.open_together", lambda folders: {"run": None})
    monkeypatch.setattr("disc_lite.chat.opening.ask", lambda adapted, questions, **more: asked.append(questions) or [])
    monkeypatch.setattr(sys, "argv", ["disc-lite", "ask", "run", "-"])
    for typed, code, said in (
        (b"\xef\xbb\xbfWho?\r\n\nWhen\xc3\xa9?\n", 0, ""),
        (b"\n \n", 2, "no question on stdin"),
        (b"Who?\n???\n", 2, "neither a letter nor a digit: ???"),
        (None, 2, "no question on stdin"),  # it is closed, as some schedulers start programs
    ):
        monkeypatch.setattr(sys, "stdin", None if typed is None else io.TextIOWrapper(io.BytesIO(typed)))
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == code and said in capsys.readouterr().err
    assert asked == [("Who?", "Whené?")]


def test_on_a_narrow_terminal_answers_stand_below_each_other(monkeypatch: Any, capsys: Any) -> None:
    typing(monkeypatch, "/compare", "When?", columns=40)
    assert capsys.readouterr().out == "base     WHEN?\nadapted  When?\n"


def test_mistakes_at_the_prompt_end_nothing(monkeypatch: Any, capsys: Any) -> None:
    parrot = typing(monkeypatch, "/foo", "/compare", "a long question", "Who?", kind="merged")
    assert parrot.asked == [("Who?", False)]
    err = capsys.readouterr().err
    assert "There is no command /foo" in err
    assert "/help" in err
    assert "no base in it" in err
    assert "longer than" in err


def test_quit_ends(monkeypatch: Any) -> None:
    assert typing(monkeypatch, "/quit", "Who?").asked == []


def test_ctrl_c_stops_an_answer_and_not_the_program(monkeypatch: Any, capsys: Any) -> None:
    before = signal.getsignal(signal.SIGINT)  # a shell's background jobs ignore it
    parrot = Parrot(lambda: signal.raise_signal(signal.SIGINT) if parrot.asked[-1][0] == "Who is it?" else None)
    typing(monkeypatch, "Who is it?", "When?", parrot=parrot)
    out, err = capsys.readouterr()
    assert out == "W\nWhen?\n"
    assert "Stopped" in err
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends(monkeypatch: Any, capsys: Any) -> None:
    typing(
        monkeypatch, KeyboardInterrupt, "Who?", KeyboardInterrupt, "/help", KeyboardInterrupt
    )  # none follows another
    assert "Ctrl-C again quits" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        typing(monkeypatch, "Who?", KeyboardInterrupt, KeyboardInterrupt)
    parrot = Parrot(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        typing(monkeypatch, "Who?", KeyboardInterrupt, parrot=parrot)


def test_ctrl_c_twice_at_the_prompt_is_130(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("disc_lite.cli.dialogue.over_a_pipe", lambda *given: at_a_terminal(given[0], interrupted))
    assert run(monkeypatch, capsys, b"", trained / "run")[0] == 130


def interrupted(prompt: str) -> str:
    raise KeyboardInterrupt


# -- what models say is only text ----------------------------------------------------------------------------

EVIL = "\x1b[31m[bold]red[/bold]\x07 \x9b2J\r\u202eabc\x7f\ud800 :smile: [/]"
TAMED = "␛[31m[bold]red[/bold]␇ \ufffd2J␍abc\ufffd\ufffd :smile: [/]"


def test_control_characters_of_an_answer_do_not_reach_the_terminal(capsys: Any) -> None:
    assert escape_controls(EVIL) == TAMED
    assert escape_controls("a\tb\n日本 🙂 é العربية") == "a\tb\n日本 🙂 é العربية"
    show_stream([Piece("adapted", EVIL)], compare=False)
    assert capsys.readouterr().out == TAMED + "\n"
    screen = io.StringIO()
    console = Console(file=screen, width=140, force_terminal=True, color_system="truecolor")
    show_columns([Piece("base", EVIL), Piece("adapted", EVIL)], console)
    assert screen.getvalue().count(TAMED) >= 2
    assert "\x1b[31m" not in screen.getvalue()


def test_the_lines_of_an_answer_stand_below_its_beginning(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    rows = [{"question": "What?", "base": "- one\n- two", "adapted": ""}]
    monkeypatch.setattr("disc_lite.chat.opening.ask", lambda *given, **options: rows)
    monkeypatch.setattr(sys, "argv", ["disc-lite", "ask", str(trained / "run"), "What?", "--base"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == "What?\n  base     - one\n           - two\n  adapted  \n"


def test_ask_prints_only_text(trained: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(
        "disc_lite.chat.opening.ask", lambda *given, **options: [{"question": EVIL, "adapted": EVIL, "base": EVIL}]
    )
    monkeypatch.setattr(sys, "argv", ["disc-lite", "ask", str(trained / "run"), "x", "--base"])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out
    assert out.count(TAMED) == 3
    assert "\x1b[31m" not in out


def test_streams_begin_before_the_answer_ends(trained: Path, monkeypatch: Any) -> None:
    from disc_lite.chat.opening import load

    heard: list[str] = []
    conversation = Conversation(load(open_adapted(trained / "run"), "cpu"), 1024, 24)
    monkeypatch.setattr("click.echo", lambda text="", nl=True: heard.append(text))
    passes: list[int] = []
    conversation.base.causal.get_decoder().register_forward_pre_hook(lambda *given: passes.append(len("".join(heard))))
    show_stream(conversation.ask(QUESTION), compare=False)
    assert len(passes) > 5
    assert 0 == passes[0] < passes[5] < passes[-1] <= len("".join(heard))
