"""Questions in, answers out: typed at a terminal, or one a line on stdin."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import takewhile

import click
from rich.console import Console

from disc_lite.chat.conversation import Conversation, Piece
from disc_lite.chat.opening import Adapted
from disc_lite.cli.terminal import TWO_COLUMNS, harmless, show_columns, show_stream
from disc_lite.errors import UsageError
from disc_lite.run.interrupts import Interrupts, catch_signals

PROMPT = "> "
COMMANDS = {
    "/compare": "the base answers too, beside the adapted model; again: no longer",
    "/clear": "forget what was said",
    "/help": "this list",
    "/quit": "end, as Ctrl-D does; Ctrl-C stops an answer",
}


def note(text: str) -> None:
    """What the program says of itself: on stderr, apart from what the models say."""
    console = Console(stderr=True)
    console.print(harmless(text), style="dim", markup=False, highlight=False, soft_wrap=not console.is_terminal)


class Dialogue:
    """A conversation, whether the base takes part in it, and what the person has been told."""

    def __init__(self, adapted: Adapted, conversation: Conversation, compare: bool) -> None:
        self.adapted = adapted
        self.conversation = conversation
        self.compare = compare
        self.told = False  # that the beginning is forgotten

    def question_in(self, line: str) -> str:
        """The question in a line; none where it is blank, or a command, which is obeyed.

        Raises EOFError for /quit, UsageError for a command that there is not or that cannot be obeyed.
        """
        line = line.encode("utf-8", "replace").decode("utf-8").strip().removeprefix("\ufeff")
        word, *more = line.split(maxsplit=1)[:2] or [""]
        if word not in COMMANDS and (more or not word.startswith("/")):
            return line  # also one that begins with a path
        if word not in COMMANDS or more:
            raise UsageError(f"There is no command {line}.", "", f"There are {', '.join(COMMANDS)}.")
        if word == "/quit":
            raise EOFError
        if word == "/help":
            note("\n".join(f"{name:<9} {what}" for name, what in COMMANDS.items()))
        if word == "/clear":
            self.conversation.clear()
            self.told = False
            note("What was said is forgotten.")
        if word == "/compare":
            self._toggle()
        return ""

    def _toggle(self) -> None:
        self.adapted.require_base()
        self.compare = not self.compare
        heard = " It is first asked what was asked so far." if self.conversation.turns["adapted"] else ""
        note(f"The base answers too from now on.{heard}" if self.compare else "The adapted model answers alone again.")

    def answers(self, question: str) -> Generator[Piece, None, None]:
        yield from self.conversation.ask(question, self.compare)
        if self.conversation.dropped and not self.told:
            self.told = True
            room = self.conversation.room + self.conversation.answer_tokens
            note(
                f"The conversation has outgrown the {room} tokens that the model reads: its beginning is left out now."
            )


def at_a_terminal(dialogue: Dialogue, read: Callable[[str], str] = input) -> None:
    """Until Ctrl-D or /quit. Ctrl-C stops an answer; once more, or twice at the prompt, is a KeyboardInterrupt."""
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
            note("Once more ends; so do Ctrl-D and /quit.")


def _answer(dialogue: Dialogue, question: str) -> bool:
    """Show the answer; whether Ctrl-C stopped it."""
    console = Console()
    with catch_signals() as interrupts, closing(dialogue.answers(question)) as pieces:
        heard = _until(interrupts, pieces)
        if dialogue.compare and console.width >= TWO_COLUMNS:
            show_columns(heard, console)
        else:
            show_stream(heard, dialogue.compare)
    if interrupts.received not in (None, signal.SIGINT):
        signal.raise_signal(interrupts.received or signal.SIGTERM)
    if interrupts.stop_requested():
        note("Stopped. Once more ends.")
    return interrupts.stop_requested()


def _until(interrupts: Interrupts, pieces: Iterable[Piece]) -> Iterator[Piece]:
    return takewhile(lambda piece: not interrupts.stop_requested(), pieces)


def over_a_pipe(dialogue: Dialogue, lines: Iterable[str], as_json: bool) -> None:
    """One answer a line, in plain text as it comes or as one line of JSON when it is there."""
    for line in lines:
        try:
            question = dialogue.question_in(line)
        except EOFError:
            return
        if question and as_json:
            said = {"adapted": "", "base": ""} if dialogue.compare else {"adapted": ""}
            for piece in dialogue.answers(question):
                said[piece.side] += piece.text
            click.echo(json.dumps({"question": question, **said}, ensure_ascii=False))
        elif question:
            show_stream(dialogue.answers(question), dialogue.compare)
