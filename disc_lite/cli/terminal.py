"""How answers are shown: as they come or side by side, and never as commands to the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from disc_lite.chat.conversation import Piece

TWO_COLUMNS = 72  # characters; on a narrower terminal one answer stands below the other


def harmless(text: str) -> str:
    """Control characters as pictures of themselves, overrides of the writing direction left out."""
    return "".join(map(_harmless, text))


def _harmless(character: str) -> str:
    if character in "\n\t":
        return character
    if character < " ":
        return chr(0x2400 + ord(character))  # ␛ and its kin
    if unicodedata.category(character) in ("Cc", "Cs"):
        return "\ufffd"
    return "" if unicodedata.bidirectional(character) in ("LRO", "RLO") else character


def show_stream(pieces: Iterable[Piece], compare: bool) -> None:
    """Every piece on stdout as soon as it is there; with `compare` each answer after the name of its side."""
    side = ""
    for piece in pieces:
        if compare and piece.side != side:
            click.echo(("\n" if side else "") + f"{piece.side:<9}", nl=False)
            side = piece.side
        click.echo(harmless(piece.text), nl=False)
    click.echo()


def show_columns(pieces: Iterable[Piece], console: Console) -> None:
    """Base and adapted answer in two columns, which fill as the answers come."""
    from rich.live import Live

    said = {"base": "", "adapted": ""}
    # What is higher than the screen cannot be written twice: it is shown whole when all is said.
    with Live(_columns(said), console=console, transient=True, refresh_per_second=8) as live:
        for piece in pieces:
            said[piece.side] += harmless(piece.text)
            live.update(_columns(said))
    console.print(_columns(said))


def _columns(said: dict[str, str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
    for side in said:
        table.add_column(side, ratio=1)
    table.add_row(*map(Text, said.values()))
    return table
