"""The commands recipes and models."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

import click

from disc_lite.cli.options import AS_JSON, DEVICE, PATH, SET
from disc_lite.cli.terminal import escape_controls, print_json
from disc_lite.errors import UsageError


@click.group()
def recipes() -> None:
    """List, show, copy and check recipes."""


@recipes.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """List the name and purpose of every recipe."""
    from disc_lite.recipe import list_recipes

    named = list_recipes()
    if as_json:
        print_json([{"name": name, "about": about} for name, about in named])
    else:
        width = max(len(name) for name, _ in named)
        click.echo("\n".join(f"{name:<{width}}  {about}" for name, about in named))


@recipes.command(short_help="Show every setting of a recipe, and where its value is from.")
@click.argument("name")
@SET
def show(name: str, overrides: dict[str, str]) -> None:
    """Show every resolved setting of a recipe, with the source of its value."""
    from disc_lite.recipe import load_recipe, to_yaml

    click.echo(to_yaml(load_recipe(name, overrides)), nl=False)


@recipes.command()
@click.argument("name")
@click.argument("target", type=PATH)
def copy(name: str, target: Path) -> None:
    """Copy a recipe to a new file; the copy is named after the file."""
    from disc_lite.recipe import recipe_path
    from disc_lite.storage import write_bytes

    lines = recipe_path(name).read_bytes().splitlines(keepends=True)
    if target.exists():
        raise UsageError(f"{target} already exists.", "", "Choose another file; nothing is overwritten.")
    write_bytes(target, b"".join(line for line in lines if not line.startswith(b"name:")))
    click.echo(f"{target}: use it with --recipe {shlex.quote(str(target))}")


@recipes.command()
@click.argument("name")
def validate(name: str) -> None:
    """Check a recipe file; print its first error."""
    from disc_lite.recipe import load_recipe

    load_recipe(name)
    click.echo(f"{name} is a valid recipe")


@click.group(invoke_without_command=True, short_help="List the names for --model, and check a model.")
@AS_JSON
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the names for --model; any model folder or hub id that passes `models check` works too."""
    from dataclasses import asdict

    from disc_lite.hub.aliases import ALIASES

    if context.invoked_subcommand:
        return
    if as_json:
        print_json([asdict(a) for a in ALIASES.values()])
        return
    names, ids = (max(map(len, column)) for column in zip(*((a.name, a.hub_id) for a in ALIASES.values()), strict=True))
    for a in ALIASES.values():
        size = f"{round(a.parameters_billion, 3):.3g} B"
        row = f"{a.name:<{names}} {size:>7} {a.hub_id or 'built in':<{ids}}"
        notes = "; ".join(filter(None, (a.licence, "gated" * a.gated, a.note)))
        # A text that a terminal would break within a word gets a line of its own.
        columns = get_terminal_size().columns
        if sys.stdout.isatty() and len(f"{row} {notes}") > columns:
            click.echo(row.rstrip())
            click.echo(fill(notes, columns, initial_indent="    ", subsequent_indent="    "))
        else:
            click.echo(f"{row} {notes}")


@models.command(short_help="Check that a model is read, prompted and adapted correctly.")
@click.argument("name")
@DEVICE
@AS_JSON
def check(name: str, device: str | None, as_json: bool) -> None:
    """Load a model in 4 bits and check that it is read, prompted and adapted correctly.

    Every command that loads a model runs the same check. The exit code is 3 if a line fails.
    """
    from dataclasses import asdict

    from disc_lite.hub.source import open_model

    model = open_model(name)
    from disc_lite.models.check import check as check_base
    from disc_lite.models.loading import load_unchecked

    base = load_unchecked(model.folder, device=device)
    found = check_base(base)
    if as_json:
        rows = [asdict(line) for line in found.lines]
        print_json({"model": name, "passed": found.passed, "lines": rows})
    else:
        for line in found.lines:
            mark = "warning" if line.warns else "passed" if line.passed else "failed"
            click.echo(escape_controls(f"{line.name:<13}  {mark:<7}  {line.text}"))
    found.require(base)
