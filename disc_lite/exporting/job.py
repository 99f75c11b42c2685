"""One export: its options, and the outputs of the trained model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from disc_lite.exporting.adapter import Adapter, read_adapter
from disc_lite.exporting.choice import Choice
from disc_lite.exporting.layout import Array, Layout, layout_of, numbers
from disc_lite.exporting.llama import find_llama
from disc_lite.exporting.outputs import proof_inputs, trained_outputs
from disc_lite.exporting.proof import Check, Outputs, ProofInputs
from disc_lite.models import Base
from disc_lite.models.device import free_memory
from disc_lite.models.tokens import Tokens
from disc_lite.run.finished import FinishedRun, load_run
from disc_lite.storage import JsonObject


@dataclass(frozen=True)
class Job:
    """One export: the run, its options, a listener; `tell` and `check` raise Interrupted after a signal."""

    run: FinishedRun
    choice: Choice
    tell: Callable[[str], None]
    check: Callable[[], None]

    @cached_property
    def adapter(self) -> Adapter:
        return read_adapter(self.run.folder.adapter, self.run.model.folder)

    @cached_property
    def layout(self) -> Layout:
        return layout_of(self.run.model.folder)

    @cached_property
    def modules(self) -> dict[str, str]:
        """llama.cpp's name of each adapted tensor -> its module in the base's files."""
        return {self.layout.name(f"{module}.weight"): module for module in self.adapter.tensors}

    def rows(self, module: str, matrix: Callable[[], Tensor]) -> Callable[[], Array]:
        """Return a function that gives the matrix of a module with its rows in llama.cpp's order."""
        return lambda: self.layout.rows(f"{module}.weight", numbers(matrix()))

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.run.model.folder)

    @cached_property
    def llama(self) -> str:
        """The name of the llama.cpp on this machine, or ""."""
        return find_llama()

    @cached_property
    def inputs(self) -> ProofInputs:
        return proof_inputs(self.run, self.tokens)

    @cached_property
    def outputs(self) -> Outputs:
        """The outputs of the trained model: the base as it was trained on, with the adapter on."""
        trained = self.trained
        self.tell("running the trained model")
        return trained_outputs(trained, self.inputs)

    @cached_property
    def trained(self) -> Base:
        """The trained model, in memory until `unload`."""
        self.tell("loading the trained model")
        base = load_run(self.run, self.choice.device)
        for warning in base.warnings:
            self.tell(warning)
        base.before_each_forward(self.check)
        return base

    def unload(self) -> None:
        """Free the memory of the trained model; read `outputs` before, if they are needed."""
        self.__dict__.pop("trained", None)
        free_memory()


@dataclass(frozen=True)
class ExportResult:
    """The proof of an export, and the entries of its record."""

    proof: list[Check]
    about: JsonObject
