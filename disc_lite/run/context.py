"""What all stages of a run share: its inputs, the loaded model, the listener, the signals."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from disc_lite.distillation.examples import Text, shown_passages, tokenise
from disc_lite.errors import WillNotFit, memory_ran_out
from disc_lite.hub.weights import weight_files
from disc_lite.models import Base, load_base
from disc_lite.models.device import device_name, has_own_memory
from disc_lite.recipe import Recipe
from disc_lite.recipe.schema import Execution
from disc_lite.run.changes import Changes
from disc_lite.run.events import Event, Listener
from disc_lite.run.execution import idle_on_host, record, resumed, saved_steps
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs
from disc_lite.run.interrupts import Interrupts
from disc_lite.run.wording import counted
from disc_lite.storage import Journal, Json


@dataclass
class RunContext:
    """What all stages of a run share."""

    inputs: Inputs
    base: Base
    texts: tuple[Text, ...]
    listener: Listener
    interrupts: Interrupts
    execution: Execution
    changes: Changes | None = None  # since the run that is updated

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run, computed as it is computed now."""
        return self.inputs.resolved.recipe.model_copy(update={"execution": self.execution})

    @property
    def folder(self) -> RunFolder:
        return self.inputs.folder

    def model(self) -> Base:
        return self.base

    def halved(self, steps: int, tokens: int) -> None:
        """CUDA ran out of memory after so many steps; from there on micro-batches have at most so many tokens."""
        self.execution = self.execution.model_copy(update={"micro_batch_tokens": tokens})
        record(self.folder, self.execution, device_name(self.base.device), "CUDA out of memory", steps)
        self.remark(
            "training", f"CUDA out of memory after step {steps}: micro-batches of {tokens:,} tokens from here on"
        )

    def remark(self, stage: str, text: str) -> None:
        """Tell the user something that stays on the screen."""
        self.listener(Event(stage, text, is_remark=True))
        self.interrupts.check()

    def tell(self, stage: str, text: str = "", done: int = 0, total: int = 0, **data: Json) -> None:
        """Call the listener; raises Interrupted if a signal was received."""
        self.listener(Event(stage, text, done, total, data))
        self.interrupts.check()


def open_context(
    inputs: Inputs, device: torch.device, planned: Execution, listener: Listener, interrupts: Interrupts
) -> RunContext:
    """Load the base and tokenise the documents."""
    size_bytes = sum(path.stat().st_size for path in weight_files(inputs.model.folder))
    listener(Event("model", f"loading {inputs.model.name}, {size_bytes / 2**30:.2f} GiB"))
    recipe = inputs.resolved.recipe
    with interrupts.at_once():
        base = load_base(inputs.model.folder, recipe.memory.quantize, str(device))
        texts = tokenise(inputs.documents, base.tokens, recipe.documents.passage_tokens)
    for warning in base.warnings:
        listener(Event("model", warning, is_remark=True))
    base.before_each_forward(interrupts.check)
    earlier = inputs.earlier
    base.journal = Journal(inputs.folder.journal, earlier.folder.journal if earlier else None)
    execution = resumed(planned, recipe.execution, inputs.folder, device_name(base.device))
    record(inputs.folder, execution, device_name(base.device), "as planned", saved_steps(inputs.folder))
    passes = (
        f"passes of at most {execution.micro_batch_tokens:,} tokens"
        if execution.micro_batch_tokens
        else "one pass a step"
    )
    for remark in idle_on_host(recipe.execution, execution, base.device.type != "cpu"):
        listener(Event("model", remark, is_remark=True))
    where = ", inputs of layers on the host" if execution.layer_checkpoints == "host" else ""
    where += ", the input embedding on the host" if execution.embedding == "host" else ""
    listener(Event("model", f"training in {passes}, AdamW in {execution.optimizer_bits} bits{where}"))
    changes = earlier.changes_to(shown_passages(texts), [text.document for text in texts]) if earlier else None
    context = RunContext(inputs, base, texts, listener, interrupts, execution, changes)
    passages = sum(len(text.passages) for text in texts)
    if not inputs.folder.passages.is_file():
        inputs.folder.write_passages(texts, changes)
    tokens = sum(len(text.ids) for text in texts)
    context.tell(
        "documents", f"{counted(len(texts), 'document')}, {counted(passages, 'passage')}, {counted(tokens, 'token')}"
    )
    return context


@contextmanager
def report_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Raises WillNotFit, with advice, in place of torch's OutOfMemoryError."""
    try:
        yield
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        raise WillNotFit.out_of_memory(
            error,
            "Close other programs that use the GPU and repeat the command, or lower lora.rank "
            f"({recipe.lora.rank}) in another --output; --pairs takes the {RunFolder.pairs.name} of this one.",
        ) from error


def reset_peak(device: torch.device) -> None:
    """Count the peak from here on; that of a process is counted from its start."""
    if has_own_memory(device):
        getattr(torch, device.type).reset_peak_memory_stats(device)


def peak_bytes(base: Base) -> int:
    """Peak memory: allocated by PyTorch on a GPU with its own, or by the process."""
    if has_own_memory(base.device):
        return int(getattr(torch, base.device.type).max_memory_allocated(base.device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
