"""A finished run: its model, its recipe, its summary, its adapter. Imports torch only to load the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disc_lite.errors import UsageError
from disc_lite.hub.source import Model, open_model
from disc_lite.recipe import Recipe, load_recipe
from disc_lite.storage import read_json

if TYPE_CHECKING:
    from disc_lite.models import Base


@dataclass(frozen=True)
class Finished:
    """A run folder with an adapter in it."""

    folder: Path
    model: Model
    recipe: Recipe
    summary: dict[str, Any]

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"


def require_finished(folder: Path) -> None:
    """Raises UsageError where there is no run, or it has not ended."""
    if not (folder / "run.json").is_file():
        raise UsageError(f"{folder} is not the folder of a run.", "", "Name the --output of an `adapt`.")
    if not (folder / "summary.json").is_file():
        raise UsageError(
            f"The run in {folder} is not finished.", "", "Repeat its `adapt` command; it continues where it was."
        )


def open_run(folder: Path) -> Finished:
    """Read a finished run. Raises UsageError where there is none, or its base is another one now."""
    require_finished(folder)
    run = read_json(folder / "run.json")
    model = open_model(run["model"]["name"])
    if model.fingerprint != run["identity"]["model"]:
        raise UsageError(
            f"{model.name} is not the model that {folder} was trained on.",
            "The files in the model folder have changed since.",
            "Put the old files back, or adapt again.",
        )
    # As it was when the run was made, whatever the environment says by now.
    recipe = load_recipe(str(folder / "recipe.yaml"), environment={}).recipe
    return Finished(folder, model, recipe, read_json(folder / "summary.json"))


def load_run(run: Finished, device: str | None = None) -> Base:
    """The model of a run as it was trained, its adapter on it."""
    from disc_lite.models import load_base

    return load_base(run.model.folder, run.recipe.memory.quantize, device, run.adapter)
