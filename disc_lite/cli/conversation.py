"""Commands that talk with an adapted model: ask, chat."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from pathlib import Path

import click

from disc_lite.cli.options import AS_JSON, DEVICE
from disc_lite.cli.terminal import harmless
from disc_lite.errors import UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("questions", nargs=-1, required=True)
@click.option("--base", "with_base", is_flag=True, help="Show what the base model says beside it.")
@DEVICE
@AS_JSON
def ask(folder: Path, questions: tuple[str, ...], with_base: bool, device: str | None, as_json: bool) -> None:
    """Ask an adapted model QUESTIONS, each by itself, without the documents.

    FOLDER is a run, an adapter or a merged model.
    """
    from disc_lite.chat.opening import ask as run_ask
    from disc_lite.chat.opening import open_adapted

    rows = run_ask(open_adapted(folder), questions, with_base, device)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        said = {name: harmless(text) for name, text in row.items()}
        if len(rows) > 1 or with_base:
            click.echo(click.style(said["question"], bold=True))
        if with_base:
            click.echo(f"  base     {said['base']}")
        click.echo(f"  adapted  {said['adapted']}" if len(rows) > 1 or with_base else said["adapted"])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--compare", is_flag=True, help="Begin with the base beside it, as after /compare.")
@click.option("--temperature", type=float, default=0.0, show_default=True, help="Of sampling; 0: the likeliest words.")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer; by default as in the recipe.")
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for every question on stdin.")
def chat(
    folder: Path, compare: bool, temperature: float, max_tokens: int | None, device: str | None, as_json: bool
) -> None:
    """Talk with an adapted model; it remembers what was said.

    FOLDER is a run, an adapter or a merged model. /compare shows what the base says beside it, /clear
    forgets what was said, /help lists the rest; Ctrl-C stops an answer, Ctrl-D ends.

    Without a terminal every line on stdin is a question (or one of these commands), all of one
    conversation, and every answer goes to stdout.
    """
    from disc_lite.chat.opening import load, open_adapted

    if not (temperature == 0 or 0.01 <= temperature <= 10):
        raise UsageError(f"--temperature {temperature} is out of range.", "", "Take 0, or 0.01 to 10.")
    adapted = open_adapted(folder)
    if compare:
        adapted.require_base()
    if max_tokens is not None and max_tokens >= adapted.context_tokens:
        raise UsageError(
            f"Answers of {max_tokens} tokens leave no room for a question.",
            f"The model reads and writes {adapted.context_tokens} tokens in all.", "Take fewer --max-tokens.",
        )  # fmt: skip
    most = max_tokens or min(adapted.answer_tokens, adapted.context_tokens // 2)
    typed = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    if typed:
        from rich.console import Console

        with Console(stderr=True).status(f"Loading {harmless(adapted.name)}"):
            base = load(adapted, device)
    else:
        base = load(adapted, device)
    from disc_lite.chat.conversation import Conversation
    from disc_lite.cli.dialogue import Dialogue, at_a_terminal, note, over_a_pipe

    dialogue = Dialogue(adapted, Conversation(base, adapted.context_tokens, most, temperature), compare)
    if typed:
        note(f"{adapted.name}, as it is in {folder}. /help lists commands, Ctrl-D ends.")
        at_a_terminal(dialogue)
    else:
        over_a_pipe(dialogue, TextIOWrapper(sys.stdin.buffer, "utf-8", "replace"), as_json)
