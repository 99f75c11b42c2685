"""What all stages of a run share: its inputs, the loaded model, the listener, the signals."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts
from disc_lite.errors import WillNotFit, memory_ran_out
from disc_lite.hub.weights import weight_files
from disc_lite.models import Base, load_base
from disc_lite.models.device import device_name, has_own_memory
from disc_lite.planning.sizes import GIB
from disc_lite.prompts.texts import Text
from disc_lite.recipe import Recipe
from disc_lite.recipe.execution import Execution
from disc_lite.run.events import Teller
from disc_lite.run.execution import idle_on_host, in_words, record, resumed, saved_steps
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs
from disc_lite.run.interrupts import Interrupts
from disc_lite.run.since import Since, since_run
from disc_lite.run.wording import counted
from disc_lite.storage import Journal


@dataclass
class RunContext:
    """What all stages of a run share."""

    inputs: Inputs
    base: Base
    texts: tuple[Text, ...]
    teller: Teller
    execution: Execution
    since: Since | None = None  # for an update: the earlier run, and what changed since

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run, with the execution settings that are in use now."""
        return self.inputs.resolved.recipe.model_copy(update={"execution": self.execution})

    @property
    def folder(self) -> RunFolder:
        return self.inputs.folder

    @property
    def prompts(self) -> AnswerPrompts:
        """The prompts of the teacher."""
        return AnswerPrompts(self.base.tokens, self.recipe.prompt.worked_examples)

    @property
    def interrupts(self) -> Interrupts:
        return self.teller.interrupts

    @property
    def tell(self) -> Callable[..., None]:
        return self.teller.tell

    @property
    def remark(self) -> Callable[[str, str], None]:
        return self.teller.remark

    def limit_micro_batches(self, steps: int, tokens: int) -> None:
        """Limit micro-batches to `tokens` tokens, since the device ran out of memory after `steps` steps."""
        self.execution = self.execution.model_copy(update={"micro_batch_tokens": tokens})
        full = f"{self.base.device.type.upper()} out of memory"
        record(self.folder, self.execution, device_name(self.base.device), full, steps)
        self.remark("training", f"{full} after step {steps}: micro-batches of {tokens:,} tokens from here on")


def open_context(inputs: Inputs, device: torch.device, planned: Execution, teller: Teller) -> RunContext:
    """Load the base and tokenise the documents."""
    size_bytes = sum(path.stat().st_size for path in weight_files(inputs.model.folder))
    teller.tell("model", f"loading {inputs.model.name}, {size_bytes / GIB:.2f} GiB")
    folder, recipe, earlier = inputs.folder, inputs.resolved.recipe, inputs.earlier
    with teller.interrupts.at_once():
        base = load_base(inputs.model.folder, recipe.memory.quantize, str(device))
        texts = tokenise(inputs.documents, base.tokens, recipe.documents.passage_tokens)
    base.before_each_forward(teller.interrupts.check)
    base.journal = Journal(folder.journal, earlier.folder.journal if earlier else None)
    execution = resumed(planned, recipe.execution, folder, device_name(base.device))
    for remark in (*base.warnings, *idle_on_host(recipe.execution, execution, has_own_memory(base.device))):
        teller.remark("model", remark)
    found = since_run(earlier, texts) if earlier else None
    if not folder.passages.is_file():
        folder.write_passages(texts, found.changes if found else None)
    counts = {
        "document": len(texts),
        "passage": sum(len(text.passages) for text in texts),
        "token": sum(len(text.ids) for text in texts),
    }
    teller.tell("documents", ", ".join(counted(number, what) for what, number in counts.items()))
    return RunContext(inputs, base, texts, teller, execution, found)


def tell_execution(context: RunContext) -> None:
    """Record how the run is trained from here on, and tell the listener."""
    folder = context.folder
    record(folder, context.execution, device_name(context.base.device), "as planned", saved_steps(folder))
    context.tell("model", f"training in {in_words(context.execution)}")


@contextmanager
def report_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Raises WillNotFit, with advice, if the block runs out of device or host memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory_ran_out(error):
            raise
        raise WillNotFit.out_of_memory(
            error,
            "Close other programs and repeat the command, or lower lora.rank "
            f"({recipe.lora.rank}) with another --output; --pairs reuses the {RunFolder.pairs.name} of this one.",
        ) from error


def reset_peak(device: torch.device) -> None:
    """Reset the peak memory of a device with memory of its own; the peak of a process counts from its start."""
    if has_own_memory(device):
        getattr(torch, device.type).reset_peak_memory_stats(device)


def peak_bytes(base: Base) -> int:
    """Peak memory in bytes: allocated by PyTorch on a GPU with its own memory, else resident in the process."""
    if has_own_memory(base.device):
        return int(getattr(torch, base.device.type).max_memory_allocated(base.device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
