"""The inputs of a run, and what identifies them. Does not import torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from disc_lite.documents import Document, LedgerEntry
from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.source import Model
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Given, ResolvedRecipe, remarks
from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import FORMAT, RunFolder
from disc_lite.run.given import unstated_remark
from disc_lite.storage import JsonObject

LABELS = {"name", "about"}  # parts of a recipe that say what it is


@dataclass(frozen=True)
class Inputs:
    """All inputs of one run."""

    folder: RunFolder
    model: Model
    resolved: ResolvedRecipe
    documents: tuple[Document, ...]
    ledger: tuple[LedgerEntry, ...]
    questions: tuple[Question, ...]  # the user's, or none
    pairs: tuple[Pair, ...]  # to reuse instead of writing new ones, or none
    earlier: EarlierRun | None = None  # that is updated
    told: tuple[str, ...] = ()  # what is to be said of the file of questions

    @property
    def identity(self) -> JsonObject:
        """What identifies a run: the same identity continues it, any other is another run.

        How it is computed is no part of it: a run may be continued on another device, or with other memory settings.
        Neither is what its recipe is called.
        """
        recipe = self.resolved.recipe.model_dump(exclude=self.idle | LABELS)
        return {
            "format": FORMAT,
            "model": self.model.fingerprint,
            "recipe": _digest(json.dumps(recipe, sort_keys=True)),
            "documents": {d.name: d.sha256 for d in self.documents},
            "questions": _digest(repr(self.questions)),
            "pairs": _digest(repr(self.pairs)),
            "update": self.earlier.digest if self.earlier else None,
        }

    @property
    def idle(self) -> set[str]:
        """The parts of the recipe that change nothing of what this run learns."""
        return {"execution"} if self.earlier else {"execution", "update"}

    @property
    def remarks(self) -> list[str]:
        """On the questions, the built-in model, and settings that have less effect than they say."""
        alias = ALIASES.get(self.model.name.lower())
        is_built_in = alias is not None and not alias.hub_id
        about = f"{alias.name} {alias.note}; of other documents it learns next to nothing." if alias else ""
        given = Given(bool(self.pairs), bool(self.questions), self.earlier is not None)
        unstated = unstated_remark(self.questions, self.documents)
        return [*self.told, *[about] * is_built_in, *remarks(self.resolved, given), *filter(None, [unstated])]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
