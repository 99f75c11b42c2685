"""How a run is computed, recorded in `computed.jsonl` with a line for every change.

None of it changes what is learned. A continued run keeps its micro-batch size, so that it ends in the same bytes,
unless the user names another size or the micro-batches no longer fit.
"""

from __future__ import annotations

from disc_lite.planning.memory import ALL_LAYERS
from disc_lite.recipe.execution import Execution
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import counted
from disc_lite.storage import append_jsonl, read_log


def resumed(planned: Execution, named: Execution, folder: RunFolder, device: str) -> Execution:
    """The planned execution, with the sizes used before on this device unless the user names others."""
    rows = read_log(folder.computed)
    if not rows or rows[-1]["device"] != device:
        return planned
    # Also the teacher's: with another pass size, hidden states that are computed again would differ in some bits.
    kept = [key for key in ("micro_batch_tokens", "reading_tokens", "optimizer_bits") if not getattr(named, key)]
    sizes = {key: [size for size in (rows[-1][key], getattr(planned, key)) if size] for key in kept}  # 0: no limit
    return planned.model_copy(update={key: min(each, default=0) for key, each in sizes.items()})


def record(folder: RunFolder, execution: Execution, device: str, why: str, step: int) -> None:
    """Record how the run is computed after `step`, unless the last line says the same."""
    rows = read_log(folder.computed)
    now = {"device": device, **execution.model_dump()}
    if not rows or {key: rows[-1].get(key) for key in now} != now:
        append_jsonl(folder.computed, {"after_step": step, **now, "why": why})


def in_words(execution: Execution) -> str:
    """The execution in words: `passes of at most 1,024 tokens, AdamW in 8 bits, all layers computed again`."""
    again = execution.recomputed_layers
    layers = counted(again, "layer") if again < ALL_LAYERS else "all layers"
    parts = [
        passes_in_words(execution.micro_batch_tokens, execution.optimizer_bits),
        f"{layers} computed again" if again else "",
        "their inputs on the host" if execution.layer_checkpoints == "host" else "",
        "the input embedding on the host" if execution.embedding == "host" else "",
    ]
    return ", ".join(filter(None, parts))


def passes_in_words(micro_batch_tokens: int, optimizer_bits: int) -> str:
    """The passes and the optimizer of a step, in words."""
    passes = f"passes of at most {micro_batch_tokens:,} tokens" if micro_batch_tokens else "one pass per step"
    return f"{passes}, AdamW in {optimizer_bits} bits"


def saved_steps(folder: RunFolder) -> int:
    """The number of steps in the newest checkpoint, which a continued run does not repeat; 0 if there is none."""
    return max((int(path.name.removeprefix("step-")) for path in folder.checkpoints.glob("step-*")), default=0)


def idle_on_host(named: Execution, taken: Execution, host_apart: bool) -> list[str]:
    """A sentence for each setting that is `host` in `named` (the recipe) but not in `taken` (the execution in use).

    `host_apart` says whether the device has memory of its own.
    """
    reasons = {
        "layer_checkpoints": "there is enough memory to store all layers, so none is computed again",
        "embedding": "the output layer is tied to the embedding",
    }
    return [
        f"execution.{setting}=host has no effect: {why if host_apart else 'the device is the host'}."
        for setting, why in reasons.items()
        if getattr(named, setting) == "host" and getattr(taken, setting) != "host"
    ]
