"""A finished run: its summary, its folder, its model and its recipe. Imports torch only to load the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.hub.adapters import check_fit, read_config
from disc_lite.hub.source import Model, open_trained_on
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS, Method
from disc_lite.run.execution import saved_steps
from disc_lite.run.folder import RunFolder
from disc_lite.storage import JsonObject, read_json, read_log
from disc_lite.version import __version__

if TYPE_CHECKING:
    from disc_lite.models import Base
    from disc_lite.run.context import RunContext

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
LOW_TEACHABILITY = 0.1  # nats per target token


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
    """Open a finished run. Raises UsageError if there is none, or its base has changed since."""
    folder = RunFolder(path)
    folder.require_finished()
    name, place = folder.read_base()
    model = replace(open_trained_on(place, path, folder.is_base), name=name)
    folder.require_base(model)
    return FinishedRun(folder, model, folder.read_recipe(), read_json(folder.summary))


def load_run(run: FinishedRun, device: str | None) -> Base:
    """Load the model of a run as it was trained, with its adapter. Raises UsageError if the adapter does not fit."""
    from disc_lite.models import load_base

    check_fit(run.folder.adapter, read_config(run.folder.adapter), run.model.folder)
    return load_base(run.model.folder, run.recipe.memory.quantize, device, run.folder.adapter)


# -- its summary -------------------------------------------------------------------------------------------


def saved_summary(folder: RunFolder) -> JsonObject:
    """The summary of a finished run, with the present path of its folder, which may have been moved or copied."""
    return {**read_json(folder.summary), "run": str(folder), "adapter": str(folder.adapter)}


def summary_of(context: RunContext, card: JsonObject, about_pairs: JsonObject, pairs: int) -> JsonObject:
    """What the run learned, retained and took, as JSON."""
    inputs, taught, steps = context.inputs, read_json(context.folder.teacher), read_log(context.folder.metrics)
    outcomes = [entry.outcome for entry in inputs.ledger]
    damaged = sum(bool(entry.warning) for entry in inputs.ledger)
    losses = [step["loss"] for step in steps if not step["skipped"]]
    return {
        "run": str(inputs.folder),
        "model": inputs.model.name,
        "method": context.recipe.method,
        "recipe": context.recipe.name,
        "documents": {kind: outcomes.count(kind) for kind in ("read", "refused", "duplicate")} | {"damaged": damaged},
        "passages": sum(len(text.passages) for text in context.texts),
        "examples": taught["examples"],
        "pairs": {"accepted": pairs, **about_pairs},
        "teachability": _teachability(taught["teachability"]),
        "teacher_tokens": taught["tokens"],
        "steps": steps[-1]["step"] if steps else saved_steps(inputs.folder),
        "stopped_at": read_json(inputs.folder.stopped, missing_ok=True) or None,
        "skipped_steps": sum(step["skipped"] for step in steps),
        "loss": {"first": losses[0], "last": losses[-1]} if losses else {},
        "card": card,
        "adapter": str(inputs.folder.adapter),
        "versions": {"disc-lite": __version__, **{package: version(package) for package in PACKAGES}},
    }


def _teachability(nats_by_document: dict[str, float]) -> JsonObject:
    documents = {name: round(nats, 4) for name, nats in sorted(nats_by_document.items())}
    low = [name for name, nats in documents.items() if nats < LOW_TEACHABILITY]
    mean = sum(documents.values()) / len(documents) if documents else None
    return {"mean": None if mean is None else round(mean, 4), "documents": documents, "low": low}
