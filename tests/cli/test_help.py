"""The first screen that anyone sees: what each command does, whole at 80 columns."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from disc_lite.cli import cli

GROUPS = [[], ["recipes"], ["models"]]


@pytest.mark.parametrize("group", GROUPS, ids=["disc-lite", "recipes", "models"])
def test_no_summary_is_cut(group: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*group, "--help"], terminal_width=80).output
    commands = shown.partition("Commands:")[2].strip().splitlines()
    assert commands
    assert all(line.endswith((".", "`")) and not line.endswith("...") and len(line) <= 80 for line in commands)


def test_every_command_is_among_them() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output.partition("Commands:")[2]
    assert {line.split()[0] for line in shown.strip().splitlines()} == set(cli.list_commands(click.Context(cli)))
