"""A finished run answers questions: the adapted model, and the base beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError
from disc_lite.recipe import Recipe, load_recipe
from disc_lite.source import Model, open_model
from disc_lite.storage import read_json


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
    recipe = load_recipe(str(folder / "recipe.yaml")).recipe
    return Finished(folder, model, recipe, read_json(folder / "summary.json"))


def ask(
    run: Finished, questions: Sequence[str], with_base: bool = False, device: str | None = None
) -> list[dict[str, str]]:
    """Greedy answers, closed book: `adapted`, and `base` if asked for."""
    from disc_lite.evaluation import answer
    from disc_lite.grading import Question
    from disc_lite.models import load_base

    base = load_base(run.model.folder, run.recipe.memory.quantize, device)
    base.load_adapter(run.adapter)
    asked = [Question(text, ("",)) for text in questions]
    most = run.recipe.prompt.answer_tokens
    rows = [{"question": q, "adapted": a} for q, a in zip(questions, answer(base, asked, True, most), strict=True)]
    if with_base:
        for row, said in zip(rows, answer(base, asked, False, most), strict=True):
            row["base"] = said
    return rows
