"""What the stages of a run share: its inputs, the loaded model, whom to tell, whether to stop."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from disc_lite.distillation.examples import Text, tokenise
from disc_lite.errors import WillNotFit
from disc_lite.models import Base, load_base
from disc_lite.recipe import Recipe
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs
from disc_lite.run.interrupts import Interrupts


@dataclass(frozen=True)
class Event:
    """Something to tell: a stage with how far it is, a training step, or a remark."""

    stage: str
    text: str = ""
    done: int = 0
    total: int = 0
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


@dataclass
class Workshop:
    """What the stages share: the inputs, the loaded model, whom to tell, whether to stop."""

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

    def tell(self, stage: str, text: str = "", done: int = 0, total: int = 0, **data: Any) -> None:
        self.listener(Event(stage, text, done, total, data))
        self.interrupts.check()


def open_workshop(inputs: Inputs, device: str | None, listener: Listener, interrupts: Interrupts) -> Workshop:
    """Load the base and tokenise the documents."""
    listener(Event("model", f"loading {inputs.model.name}"))
    recipe = inputs.resolved.recipe
    base = load_base(inputs.model.folder, recipe.memory.quantize, device)
    base.before_each_forward(interrupts.check)
    texts = tokenise(inputs.documents, base.tokens, recipe.documents.passage_tokens)
    shop = Workshop(inputs, base, texts, listener, interrupts)
    passages = [p for t in texts for p in t.passages]
    if not inputs.folder.passages.is_file():
        inputs.folder.write_passages(texts)
    shop.tell(
        "documents", f"{len(texts)} documents, {len(passages)} passages, {sum(len(t.ids) for t in texts):,} tokens"
    )
    return shop


@contextmanager
def within_memory(recipe: Recipe) -> Iterator[None]:
    """Raises WillNotFit, with advice, where the memory of the card did not suffice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        tokens, rank = recipe.train.tokens_per_batch, recipe.lora.rank
        raise WillNotFit.on_the_card(
            error,
            f"Lower train.tokens_per_batch ({tokens}) and lora.rank ({rank}) with --set, in another --output; "
            f"--pairs takes the {RunFolder.pairs.name} of this one.",
        ) from error


def peak_bytes(base: Base) -> int:
    """Most memory held at once: allocated on the card, or by the process where there is no card."""
    if base.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(base.device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
