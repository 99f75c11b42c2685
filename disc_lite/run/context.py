"""What all stages of a run share: its inputs, the loaded model, the listener, the signals."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from disc_lite.distillation.examples import Text, tokenise
from disc_lite.errors import WillNotFit
from disc_lite.models import Base, load_base
from disc_lite.recipe import Recipe
from disc_lite.run.events import Event, Listener
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs
from disc_lite.run.interrupts import Interrupts
from disc_lite.storage import Json


@dataclass
class RunContext:
    """What all stages of a run share."""

    inputs: Inputs
    base: Base
    texts: tuple[Text, ...]
    listener: Listener
    interrupts: Interrupts

    @property
    def recipe(self) -> Recipe:
        return self.inputs.resolved.recipe

    @property
    def folder(self) -> RunFolder:
        return self.inputs.folder

    def model(self) -> Base:
        return self.base

    def tell(self, stage: str, text: str = "", done: int = 0, total: int = 0, **data: Json) -> None:
        """Call the listener; raises Interrupted if a signal was received."""
        self.listener(Event(stage, text, done, total, data))
        self.interrupts.check()


def open_context(inputs: Inputs, device: str | None, listener: Listener, interrupts: Interrupts) -> RunContext:
    """Load the base and tokenise the documents."""
    listener(Event("model", f"loading {inputs.model.name}"))
    recipe = inputs.resolved.recipe
    base = load_base(inputs.model.folder, recipe.memory.quantize, device)
    for warning in base.warnings:
        listener(Event("model", warning))
    base.before_each_forward(interrupts.check)
    texts = tokenise(inputs.documents, base.tokens, recipe.documents.passage_tokens)
    context = RunContext(inputs, base, texts, listener, interrupts)
    passages = sum(len(text.passages) for text in texts)
    if not inputs.folder.passages.is_file():
        inputs.folder.write_passages(texts)
    tokens = sum(len(text.ids) for text in texts)
    context.tell("documents", f"{len(texts)} documents, {passages} passages, {tokens:,} tokens")
    return context


@contextmanager
def report_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Raises WillNotFit, with advice, in place of torch's OutOfMemoryError."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        tokens, rank = recipe.train.tokens_per_batch, recipe.lora.rank
        raise WillNotFit.out_of_memory(
            error,
            f"Lower train.tokens_per_batch ({tokens}) and lora.rank ({rank}) with --set, in another --output; "
            f"--pairs takes the {RunFolder.pairs.name} of this one.",
        ) from error


def peak_bytes(base: Base) -> int:
    """Peak memory: allocated by PyTorch on the GPU, or by the process where there is none."""
    if base.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(base.device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
