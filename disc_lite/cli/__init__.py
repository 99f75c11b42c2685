"""The command line: parses options, makes one call, prints the result; computes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import click

from disc_lite.cli.catalogue import models, recipes
from disc_lite.cli.conversation import ask, chat
from disc_lite.cli.documents import documents
from disc_lite.cli.evaluate import evaluate, inspect, report
from disc_lite.cli.exporting import export
from disc_lite.cli.options import AS_JSON, DEVICE, PATH, QUIET, asks_for_a_run
from disc_lite.cli.plan import HOST_RAM, MAX_VRAM, plan, print_plan
from disc_lite.cli.terminal import bold, escape_controls, print_json, print_whatever_comes
from disc_lite.errors import DiscLiteError, EnvironmentNotReady, UsageError, WillNotFit, memory_ran_out
from disc_lite.storage import disk
from disc_lite.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Teach a language model the knowledge in your documents, on one GPU or none.

    \b
    disc-lite adapt docs/ --model mistral-7b
    disc-lite ask runs/docs-mistral-7b "Who runs the workshop?" --base
    disc-lite chat runs/docs-mistral-7b
    """


@cli.command(short_help="Teach a model what documents say, and measure what it learned.")
@asks_for_a_run
@click.option("--output", "-o", type=PATH, help="Run folder; the same command continues an interrupted run.")
@click.option("--seed", type=click.IntRange(0), help="Seed of all random choices.")
@DEVICE
@MAX_VRAM
@HOST_RAM
@click.option(
    "--pairs-only", is_flag=True,
    help="End once the pairs are written: to read them, to edit a copy, or for --pairs of another model.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the plan for this machine (memory, time) and exit.")
@click.option("--offline", is_flag=True, help="Use only models that are on this machine.")
@QUIET
@AS_JSON
def adapt(as_json: bool, quiet: bool, offline: bool, dry_run: bool, pairs_only: bool, **options: Any) -> None:
    """Teach MODEL what DOCUMENTS (folders or files) say; measure what it learned and retained.

    An adapter, the questions and pairs, and a summary are written into the run folder.
    `disc-lite documents DOCUMENTS` shows beforehand what the model will see.
    """
    from disc_lite.cli.progress import display
    from disc_lite.cli.summary import show_summary
    from disc_lite.run.adapt import adapt as run_adapt

    if offline:
        os.environ["DISC_LITE_OFFLINE"] = "1"
    if dry_run and pairs_only:
        raise UsageError("--dry-run plans a whole run, not --pairs-only.", "", "Leave one of them out.")
    if dry_run:
        from disc_lite.run.plan import plan as plan_of

        print_plan(lambda show: (plan_of(here=True, listener=show, **options), None), as_json, quiet)
        return
    with display(quiet) as show:
        summary = run_adapt(pairs_only=pairs_only, listener=show, **options)
    if as_json:
        print_json(summary)
    else:
        from rich.console import Console

        show_summary(summary, Console())


for command in (documents, plan, ask, chat, export, evaluate, report, inspect, recipes, models):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; every error ends as at most three lines and an exit code."""
    debug = "--debug" in sys.argv
    print_whatever_comes()
    try:
        result = cli(standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # of click 8.2 and later
            error.show()
            sys.exit(error.exit_code)
        context = getattr(error, "ctx", None)
        advice = f"\n`{context.command_path} --help` shows how to call it." if context else ""
        _fail(error, error.exit_code, error.format_message() + advice, debug=False)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except DiscLiteError as error:
        _fail(error, error.exit_code, str(error), debug)
    except (BrokenPipeError, SystemExit):  # for a closed pipe click and rich exit with 1, like a failed run
        _leave_closed_pipe()
    except Exception as error:
        if memory_ran_out(error):
            remedy = "Close other programs that use this memory, or choose another device with --device."
            full = WillNotFit.out_of_memory(error, remedy)
            _fail(error, full.exit_code, str(full), debug)
        if disk.is_full(error):
            _fail(error, 1, f"The disk is full.\n{error}\nFree some space and run the same command again.", debug)
        if isinstance(error, PermissionError):
            words = f"{error.filename}: {error.strerror}.\nChange its permissions, or name another path."
            _fail(error, EnvironmentNotReady.exit_code, words, debug)
        words = f"Unexpected error: {type(error).__name__}: {error}".split("\n")[0]
        advice = "Run the command again as `disc-lite --debug …` and report what it prints."
        _fail(error, 1, f"{words}\nThis is a bug in disc-lite.\n{advice}", debug)
    sys.exit(result if isinstance(result, int) else 0)


def _leave_closed_pipe() -> NoReturn:
    """Exit as if killed by SIGPIPE, like other programs whose reader (`| head`) has closed the pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes the rest when it exits
    sys.exit(128 + signal.SIGPIPE)


def _fail(error: BaseException, code: int, text: str, debug: bool) -> NoReturn:
    with contextlib.suppress(BrokenPipeError):  # the reader of `2>&1 | head` has left; the exit code still counts
        if debug:
            traceback.print_exception(error)
        click.echo(bold("Error: ", "red") + escape_controls(text), err=True)
    sys.exit(code)
