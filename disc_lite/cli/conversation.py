"""The commands ask and chat."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO, TextIOWrapper
from pathlib import Path

import click

from disc_lite.cli.options import ALSO, AS_JSON, DEVICE, PATH
from disc_lite.cli.terminal import bold, escape_controls, print_json, typed, untrusted
from disc_lite.errors import UsageError

MAX_TOKENS = click.option(
    "--max-tokens", type=click.IntRange(1), help="Longest answer in tokens; by default that of the recipe."
)


def piped() -> TextIOWrapper:
    """stdin as UTF-8 in any locale; empty if it is closed, as with some schedulers."""
    return TextIOWrapper(BytesIO() if sys.stdin is None else sys.stdin.buffer, "utf-8", "replace")


@click.command(short_help="Ask an adapted model questions, each on its own.")
@click.argument("folder", type=PATH)
@click.argument("questions", nargs=-1, required=True)
@click.option("--base", "with_base", is_flag=True, help="Show the answer of the base model too.")
@MAX_TOKENS
@ALSO
@DEVICE
@AS_JSON
def ask(
    folder: Path, questions: tuple[str, ...], with_base: bool, max_tokens: int | None, also: tuple[Path, ...],
    device: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask an adapted model QUESTIONS, each on its own, without the documents.

    FOLDER is a run, an adapter or a merged model. If QUESTIONS is -, every line on stdin is a question.
    """
    from disc_lite.chat.opening import ask as run_ask
    from disc_lite.chat.opening import open_together, require_words

    if questions == ("-",):
        questions = tuple(line for line in (line.strip().removeprefix("\ufeff") for line in piped()) if line)
        if not questions:
            raise UsageError("There is no question on stdin.", "", "Write one question per line.")
    else:
        questions = tuple(map(typed, questions))
    require_words(questions)
    (name, adapted), *others = open_together([folder, *also]).items()
    rows = run_ask(
        adapted, questions, with_base=with_base, device=device, others=dict(others), max_tokens=max_tokens,
        warn=lambda text: click.echo(escape_controls(text), err=True),
    )  # fmt: skip
    if as_json:
        print_json(rows)
        return
    labels = {**({"base": "base"} if with_base else {}), "adapted": name if others else "adapted"}
    labels |= {other: other for other, _ in others}
    width = max(map(len, labels.values()))
    for row in rows:
        if len(rows) == len(labels) == 1:
            click.echo(escape_controls(row["adapted"]))
            continue
        click.echo(bold(escape_controls(row["question"])))
        for key, label in labels.items():
            below = "\n" + " " * (width + 4)  # indentation of further lines of an answer
            click.echo(f"  {escape_controls(label):<{width}}  {below.join(escape_controls(row[key]).splitlines())}")


@click.command()
@click.argument("folder", type=PATH)
@click.option("--compare", is_flag=True, help="Show the answers of the base too, like /compare.")
@click.option("--temperature", type=float, default=0.0, show_default=True, help="Sampling temperature; 0 is greedy.")
@MAX_TOKENS
@ALSO
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, on one line, for every question on stdin.")
def chat(
    folder: Path, compare: bool, temperature: float, max_tokens: int | None, also: tuple[Path, ...],
    device: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Talk with an adapted model; earlier turns stay in its context.

    FOLDER is a run, an adapter or a merged model. /compare shows the answers of the base too, /clear
    starts a new conversation, /use NAME switches to a folder of --also, /help lists all commands;
    Ctrl-C stops an answer, Ctrl-D quits.

    Without a terminal every line on stdin is a question (or one of these commands) of one
    conversation, and every answer goes to stdout. The exit code is 2 if a line had no answer.
    """
    from disc_lite.chat.opening import load, open_together

    if not (temperature == 0 or 0.01 <= temperature <= 10):
        raise UsageError(f"--temperature {temperature} is out of range.", "", "Use 0, or 0.01 to 10.")
    models = open_together([folder, *also])
    adapted, *others = models.values()
    if compare:
        adapted.require_base()
    answer_tokens = adapted.answer_limit(max_tokens)
    at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    with _loading(adapted.name) if at_terminal else nullcontext():
        base = load(adapted, device, others)
    from disc_lite.chat.conversation import Conversation
    from disc_lite.cli.dialogue import Dialogue, at_a_terminal, note, over_a_pipe

    conversation = Conversation(base, adapted.context_tokens, answer_tokens, temperature)
    dialogue = Dialogue(adapted, conversation, compare, tuple(models))
    if at_terminal:
        for text in (f"{adapted.name} from {folder}. /help lists commands, Ctrl-D quits.", *base.warnings):
            note(text)
        at_a_terminal(dialogue)
    elif over_a_pipe(dialogue, piped(), as_json):
        click.get_current_context().exit(UsageError.exit_code)


def _loading(name: str) -> AbstractContextManager[object]:
    """Shows on a terminal that a model is being loaded."""
    from rich.console import Console

    return Console(stderr=True).status(untrusted(f"Loading {name}"))
