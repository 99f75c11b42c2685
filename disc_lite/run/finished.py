"""A finished run: its folder, its model and its recipe. Imports torch only to load the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.hub.adapters import check_fit, read_config
from disc_lite.hub.source import Model, open_trained_on
from disc_lite.recipe import Recipe, load_recipe
from disc_lite.recipe.methods import METHODS, Method
from disc_lite.run.folder import RunFolder
from disc_lite.storage import JsonObject, read_json, require_unchanged

if TYPE_CHECKING:
    from disc_lite.models import Base


@dataclass(frozen=True)
class FinishedRun:
    """A run folder with an adapter in it, and what the adapter was trained with."""

    folder: RunFolder
    model: Model
    recipe: Recipe
    summary: JsonObject

    @property
    def method(self) -> Method:
        return METHODS[self.recipe.method]


def open_run(path: Path) -> FinishedRun:
    """Read a finished run. Raises UsageError where there is none, or its base is another one now."""
    folder = RunFolder(path)
    folder.require_finished()
    name, place = folder.read_base()
    model = replace(open_trained_on(place, path), name=name)
    folder.require_base(model)
    require_unchanged(folder.recipe)
    # As it was when the run was made, without the present environment variables.
    recipe = load_recipe(str(folder.recipe), environment={}).recipe
    return FinishedRun(folder, model, recipe, read_json(folder.summary))


def load_run(run: FinishedRun, device: str | None) -> Base:
    """The model of a run as it was trained, its adapter on it. Raises UsageError where the adapter does not fit it."""
    from disc_lite.models import load_base

    check_fit(run.folder.adapter, read_config(run.folder.adapter), run.model.folder)
    return load_base(run.model.folder, run.recipe.memory.quantize, device, run.folder.adapter)
