"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from disc_lite.errors import UsageError


class _UserPath(click.Path):
    """A path in which `~` is the home folder, also where a shell leaves it: in `--output=~/runs/docs`.

    An empty one, as from a variable that is not set, is refused: pathlib takes it for the current folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            raise UsageError("A path is empty.", "", "Name a file or folder; perhaps a variable of the shell is unset.")
        return super().convert(os.path.expanduser(value), param, ctx)


PATH = _UserPath(path_type=Path)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
QUIET = click.option("--quiet", is_flag=True, help="Do not show progress.")
DOCUMENTS = click.argument("documents", nargs=-1, required=True, type=PATH)
RECIPE = click.option("--recipe", "-r", help="A name from `disc-lite recipes list`, or a YAML file.")


def _as_mapping(context: click.Context, option: click.Parameter, settings: tuple[str, ...]) -> dict[str, str]:
    if wrong := [text for text in settings if "=" not in text]:
        raise UsageError(f"--set {wrong[0]} has no value.", "", f"Write --set {wrong[0]}=VALUE.")
    return dict(text.split("=", 1) for text in settings)


SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=_as_mapping,
    help="Change a setting of the recipe; can be repeated.",
)  # fmt: skip


def _device(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Check --device before the command begins, since its first step may take long (a download, a merge)."""
    from disc_lite.run.budget import require_device

    require_device(value)
    if value is None or value == "cpu":
        return value
    import torch  # only torch can tell which GPUs it can use

    from disc_lite.models.device import require_there

    require_there(torch.device(value))
    return value


DEVICE = click.option(
    "--device", callback=_device,
    help="cpu, cuda (NVIDIA, AMD; cuda:1: the second GPU), xpu (Intel) or mps (Apple); by default cuda, else cpu.",
)  # fmt: skip

_PAIRS = click.option(
    "--pairs", metavar="RUN", multiple=True, type=PATH,
    help="Teach the pairs of a run, or of its (edited) pairs.jsonl, instead of writing pairs; can be repeated.",
)  # fmt: skip
ALSO = click.option(
    "--also", metavar="FOLDER", multiple=True, type=PATH,
    help="Another run or adapter of the same base, which is loaded once; can be repeated.",
)  # fmt: skip
_UPDATE = click.option(
    "--update", metavar="RUN", type=PATH,
    help="Teach what has changed since this run; its model and recipe are the defaults.",
)  # fmt: skip


def asks_for_a_run(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options that `adapt` and `plan` share: documents, model, recipe and further inputs."""
    model = click.option("--model", "-m", help="A name from `disc-lite models`, a folder, or a hub id.")
    questions = click.option("--questions", "-q", type=PATH, help="Questions to measure with (JSON, CSV or SQuAD).")
    for option in (SET, _PAIRS, questions, RECIPE, _UPDATE, model, DOCUMENTS):
        command = option(command)
    return command
