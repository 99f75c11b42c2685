"""Prints JSON, lines and answers: untrusted text reaches a terminal only through the functions of this module."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from disc_lite.chat.conversation import Piece

# Whoever writes these characters decides in which order the rest of the line is displayed.
DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
IN_JSON = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # characters that `json` does not escape
TWO_COLUMNS = 72  # characters; on a narrower terminal the answers are printed one below the other


def print_whatever_comes() -> None:
    """Let stdout and stderr escape characters that their encoding lacks, so that no run fails for printing a name.

    A closed stream, as with some schedulers, is replaced by os.devnull. Otherwise the next file that is opened would
    get its number, and with it what libraries print.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: object, indent: int | None = 2) -> None:
    """Print one JSON document, in ASCII with JSON escapes if the encoding of stdout is not Unicode."""
    unicode = "utf" in (sys.stdout.encoding or "").lower()
    text = json.dumps(value, indent=indent, ensure_ascii=not unicode)
    click.echo(IN_JSON.sub(lambda control: f"\\u{ord(control[0]):04x}", text))


def typed(text: str) -> str:
    """An argument decoded as UTF-8: in the C locale Python decodes it as ASCII, with surrogates for other bytes."""
    return os.fsencode(text).decode("utf-8", "replace")


def bold(text: str, colour: str | None = None) -> str:
    """The text in bold and in a colour; without colour if NO_COLOR is set, and plain on a dumb terminal."""
    if os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, fg=None if os.environ.get("NO_COLOR") else colour, bold=True)


def escape_controls(text: str) -> str:
    """Untrusted text made safe for a terminal: control characters become symbols, direction marks are removed."""
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character in "\n\t":
        return character
    if character < " ":
        return chr(0x2400 + ord(character))  # such as ␛
    if unicodedata.category(character) in ("Cc", "Cs"):
        return "\ufffd"
    return "" if unicodedata.bidirectional(character) in DIRECTIONS else character


def untrusted(text: str, style: str = "") -> Text:
    """`escape_controls` for rich, which would interpret markup and emoji names in a plain string."""
    from rich.text import Text

    return Text(escape_controls(text), style)


def print_line(console: Console, indent: int, text: str, style: str = "", label: str = "") -> None:
    """Print untrusted text behind a label; if it is wider than the screen, further lines begin where the text does.

    The label is not wrapped.
    """
    from rich.padding import Padding
    from rich.table import Table

    line = untrusted(re.sub(r"\s", " ", text), style)
    grid = Table.grid()
    grid.add_column(width=len(label))
    grid.add_column(overflow="fold")
    grid.add_row(untrusted(label, style), line)
    console.print(Padding(grid if label else line, (0, 0, 0, indent), expand=False))


def show_stream(pieces: Iterable[Piece], compare: bool) -> None:
    """Print every piece immediately; with `compare` each answer follows the name of its side."""
    side = ""
    for piece in pieces:
        if compare and piece.side != side:
            click.echo(("\n" if side else "") + f"{piece.side:<9}", nl=False)
            side = piece.side
        click.echo(escape_controls(piece.text), nl=False)
    click.echo()


def show_columns(pieces: Iterable[Piece], console: Console) -> None:
    """Print the answers of base and adapted model in two columns, updated with every piece."""
    from rich.live import Live

    answers = {"base": "", "adapted": ""}
    # A table that is higher than the screen cannot be updated in place; it is printed in full at the end.
    with Live(_columns(answers), console=console, transient=True, refresh_per_second=8) as live:
        for piece in pieces:
            answers[piece.side] += escape_controls(piece.text)
            live.update(_columns(answers))
    console.print(_columns(answers))


def _columns(answers: dict[str, str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
    for side in answers:
        table.add_column(side, ratio=1)
    table.add_row(*map(Text, answers.values()))
    return table
