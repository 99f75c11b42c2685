"""One export: what is asked for, and what the trained model says."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from disc_lite.export.adapter import Adapter, read_adapter
from disc_lite.export.choice import Choice
from disc_lite.export.layout import Layout, layout_of
from disc_lite.export.llama import Way, find_llama
from disc_lite.export.proof import Line, Questions, Said, questions_for, trained_outputs
from disc_lite.models import Base
from disc_lite.models.tokens import Tokens
from disc_lite.run.folder import FinishedRun, load_run


@dataclass(frozen=True)
class Job:
    """One export: the run, what was chosen, whom to tell; `tell` and `check` raise where the user asked to stop."""

    run: FinishedRun
    choice: Choice
    tell: Callable[[str], None]
    check: Callable[[], None] = lambda: None

    @cached_property
    def adapter(self) -> Adapter:
        return read_adapter(self.run.folder.adapter, self.run.model.folder)

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.run.model.folder)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.run.model.folder)

    @cached_property
    def llama(self) -> Way | None:
        return find_llama()

    @cached_property
    def asked(self) -> Questions:
        return self._trained[0]

    @cached_property
    def said(self) -> Said:
        """What the trained model says: the base as it was trained on, adapter on."""
        return self._trained[1]

    @cached_property
    def _trained(self) -> tuple[Questions, Said]:
        found = self._ask_trained()
        forget()
        return found

    def _ask_trained(self) -> tuple[Questions, Said]:
        base = self.load_trained()
        asked = questions_for(self.run, base.tokens)
        return asked, trained_outputs(base, asked)

    def load_trained(self) -> Base:
        """The trained model in memory."""
        self.tell("asking the trained model")
        base = load_run(self.run, self.choice.device)
        base.before_each_forward(self.check)
        return base


def forget() -> None:
    """Give the memory of models that nobody holds any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True)
class Made:
    """What a form wrote, beside its files."""

    proof: list[Line]
    about: Mapping[str, Any]
