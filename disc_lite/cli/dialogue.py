"""A conversation at a terminal, or with one question a line on stdin."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile

import click
from rich.console import Console

from disc_lite.chat.conversation import Conversation, Piece
from disc_lite.chat.opening import Adapted, switch
from disc_lite.cli.terminal import TWO_COLUMNS, print_json, show_columns, show_stream, untrusted
from disc_lite.errors import UsageError
from disc_lite.run.interrupts import Interrupts, flag_signals

PROMPT = "> "
COMMANDS = {
    "/compare": "show the answers of the base too, or stop showing them",
    "/clear": "start a new conversation",
    "/use": "NAME: new conversation with that model; without NAME: list the models",
    "/help": "list the commands",
    "/quit": "quit, as Ctrl-D does; Ctrl-C stops an answer",
}


def note(text: str) -> None:
    """Print a message of the program on stderr, apart from the answers."""
    console = Console(stderr=True)
    console.print(untrusted(text, "dim"), soft_wrap=not console.is_terminal)


@dataclass
class Dialogue:
    """A conversation, whether the base answers too, and whether the user was warned of a long history."""

    adapted: Adapted
    conversation: Conversation
    compare: bool
    names: Sequence[str] = ()  # names of the models that /use can switch to
    used: int = 0  # index of the one in use
    warned: bool = False  # whether the user was told that the first turns no longer fit

    def question_in(self, line: str) -> str:
        """The question in a line; "" if it is blank or a command, which is carried out.

        Raises EOFError for /quit, UsageError for an unknown command or one that cannot be carried out.
        """
        line = line.encode("utf-8", "replace").decode("utf-8").strip().removeprefix("\ufeff")
        word, *more = line.split(maxsplit=1)[:2] or [""]
        if word == "/use":
            self._use(more[0].strip() if more else "")
            return ""
        if word not in COMMANDS and (more or not word.startswith("/")):
            return line  # a question may begin with a path
        if word not in COMMANDS or more:
            raise UsageError(f"There is no command {line}.", "", f"The commands are {', '.join(COMMANDS)}.")
        if word == "/quit":
            raise EOFError
        if word == "/help":
            note("\n".join(f"{name:<9} {what}" for name, what in COMMANDS.items()))
        if word == "/clear":
            self._begin_anew()
        if word == "/compare":
            self._toggle()
        return ""

    def _begin_anew(self, how: str = "") -> None:
        self.conversation.clear()
        self.warned = False
        note(f"A new conversation{how}.")

    def _use(self, name: str) -> None:
        """Switch to the model of this name, or list the names. Raises UsageError for an unknown one."""
        if name and name not in self.names:
            raise UsageError(
                f"No model {name} is loaded.", f"Loaded: {', '.join(self.names) or 'none'}.",
                "Name its folder with --also when you start the chat.",
            )  # fmt: skip
        if name:
            self.used = self.names.index(name)
            switch(self.conversation.base, self.used)
            self._begin_anew(f", with {name}")
        else:
            note("\n".join(f"{'*' if n == self.used else ' '} {known}" for n, known in enumerate(self.names)))

    def _toggle(self) -> None:
        self.adapted.require_base()
        self.compare = not self.compare
        catch_up = " It first answers the earlier questions." if self.conversation.turns["adapted"] else ""
        note(f"The base answers too from now on.{catch_up}" if self.compare else "Only the adapted model answers now.")

    def answers(self, question: str) -> Generator[Piece, None, None]:
        yield from self.conversation.ask(question, self.compare)

    def note_limits(self) -> None:
        """Say once that the first turns of the conversation no longer fit."""
        if self.conversation.dropped and not self.warned:
            self.warned = True
            room = self.conversation.room + self.conversation.answer_tokens
            note(f"The conversation is longer than the context of {room} tokens: its first turns are left out now.")

    def note_cut(self) -> None:
        """Tell the user whose answer was cut, if any."""
        if cut := self.conversation.cut:
            whose = ("The answer", f"The answer of the {cut[0]} model", "Both answers")[self.compare * len(cut)]
            was = "were" if len(cut) > 1 else "was"
            note(f"{whose} {was} cut after {self.conversation.answer_tokens} tokens; --max-tokens sets the limit.")


def at_a_terminal(dialogue: Dialogue, read: Callable[[str], str] = input) -> None:
    """Run a dialogue until Ctrl-D or /quit. Ctrl-C stops an answer; again, or twice at the prompt, KeyboardInterrupt.

    Arrow keys edit the line and recall earlier ones of this conversation, which are not written to disk.
    """
    with suppress(ImportError):  # a Python may be built without it
        import readline  # `input` uses it once it is there

        if not Console().is_dumb_terminal:  # which would show the codes of it
            # Python turns this off; without it every line of a pasted text would be a question.
            readline.parse_and_bind("set enable-bracketed-paste on")
    stopped = False
    while True:
        try:
            question = dialogue.question_in(read(PROMPT))
            stopped = _answer(dialogue, question) if question else False
        except EOFError:
            return
        except UsageError as error:
            note(str(error))
        except KeyboardInterrupt:
            if stopped:
                raise
            stopped = True
            click.echo()
            note("Ctrl-C again quits; so do Ctrl-D and /quit.")


def _answer(dialogue: Dialogue, question: str) -> bool:
    """Show the answer; returns whether Ctrl-C stopped it."""
    console = Console()
    with flag_signals(Interrupts()) as interrupts, closing(dialogue.answers(question)) as pieces:
        shown = takewhile(lambda piece: not interrupts.stop_requested(), pieces)
        if dialogue.compare and console.width >= TWO_COLUMNS and not console.is_dumb_terminal:
            show_columns(shown, console)
        else:
            show_stream(shown, dialogue.compare)
    dialogue.note_cut()
    dialogue.note_limits()
    if interrupts.received not in (None, signal.SIGINT):
        signal.raise_signal(interrupts.received or signal.SIGTERM)
    if interrupts.stop_requested():
        note("Stopped. Ctrl-C again quits.")
    return interrupts.stop_requested()


def over_a_pipe(dialogue: Dialogue, lines: Iterable[str], as_json: bool) -> int:
    """Answer one question a line; answers are streamed as plain text, or printed as a line of JSON each.

    A line that cannot be answered or carried out is reported, and the next one is read. Returns the number of these.
    """
    failed = 0
    for line in lines:
        question = ""
        try:
            question = dialogue.question_in(line)
            if question:
                _answer_line(dialogue, question, as_json)
        except EOFError:
            break
        except UsageError as error:
            failed += 1
            note(str(error))
            if question and as_json:
                print_json({"question": question, "error": error.what}, None)
    return failed


def _answer_line(dialogue: Dialogue, question: str, as_json: bool) -> None:
    if as_json:
        answers = {"adapted": "", "base": ""} if dialogue.compare else {"adapted": ""}
        for piece in dialogue.answers(question):
            answers[piece.side] += piece.text
        cut = {"cut": list(dialogue.conversation.cut)} if dialogue.conversation.cut else {}
        print_json({"question": question, **answers, **cut}, None)
    else:
        show_stream(dialogue.answers(question), dialogue.compare)
        dialogue.note_cut()
    dialogue.note_limits()
