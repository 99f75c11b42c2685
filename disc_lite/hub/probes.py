"""`probes.json` of a model folder: questions that the model can answer before it is adapted. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.weights import read_object
from disc_lite.qa import Question


@dataclass(frozen=True)
class Probes:
    """The content of a model folder's `probes.json`; most folders have none."""

    questions: Mapping[str, Sequence[Question]] = field(default_factory=dict)  # by name: what it should still know
    reserved_names: tuple[str, ...] = ()  # names that no self-generated prompt may contain
    recipe: str = "default"  # the default recipe for this model


def read_probes(folder: Path) -> Probes:
    """Read the probes of a model folder. Raises EnvironmentNotReady if its `probes.json` is broken."""
    path = folder / "probes.json"
    if not path.is_file():
        return Probes()
    spec = read_object(path)
    try:
        questions = {name: tuple(map(_question, rows)) for name, rows in spec.get("probes", {}).items()}
        reserved = tuple(map(_text, spec.get("reserved_names", [])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EnvironmentNotReady(
            f"{path} is not a valid probes.json.", "A key is missing or has a wrong type.",
            'It needs {"reserved_names": […], "probes": {"name": [{"question": …, "answers": […]}]}}.',
        ) from error  # fmt: skip
    return Probes(questions, reserved, str(spec.get("recipe", Probes.recipe)))


def _question(row: Any) -> Question:
    answers = row["answers"]
    if not (isinstance(answers, list) and answers):
        raise ValueError("no list of answers")
    return Question(_text(row["question"]), tuple(map(_text, answers)), passage=_text(row.get("passage", "")))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
