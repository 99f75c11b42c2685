"""How a run is computed, and which way was used when: `computed.jsonl`, a line for every change.

None of it changes what is learned. A run that is continued keeps the size of its micro-batches, so that it ends in the
same bytes, unless another size is named or they no longer fit.
"""

from __future__ import annotations

from disc_lite.planning.memory import ALL_LAYERS
from disc_lite.recipe.schema import Execution
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import counted
from disc_lite.storage import append_jsonl, read_log


def resumed(planned: Execution, named: Execution, folder: RunFolder, device: str) -> Execution:
    """What was planned for a run now, or what it did before on this device where the user names nothing else."""
    rows = read_log(folder.computed)
    if not rows or rows[-1]["device"] != device:
        return planned
    # The teacher's too: in other passes, states that are read again would have other bits.
    kept = [key for key in ("micro_batch_tokens", "reading_tokens", "optimizer_bits") if not getattr(named, key)]
    sizes = {key: [size for size in (rows[-1][key], getattr(planned, key)) if size] for key in kept}  # 0: no limit
    return planned.model_copy(update={key: min(each, default=0) for key, each in sizes.items()})


def record(folder: RunFolder, execution: Execution, device: str, why: str, step: int) -> None:
    """Note how the run is computed after that step, unless it was computed so before."""
    rows = read_log(folder.computed)
    now = {"device": device, **execution.model_dump()}
    if not rows or {key: rows[-1].get(key) for key in now} != now:
        append_jsonl(folder.computed, {"after_step": step, **now, "why": why})


def in_words(execution: Execution) -> str:
    """`passes of at most 1,024 tokens, AdamW in 8 bits`, layers that are computed again, and what is on the host."""
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
    """How a step is computed."""
    passes = f"passes of at most {micro_batch_tokens:,} tokens" if micro_batch_tokens else "one pass a step"
    return f"{passes}, AdamW in {optimizer_bits} bits"


def saved_steps(folder: RunFolder) -> int:
    """The steps that a continued run need not make again: those of the newest checkpoint."""
    return max((int(path.name.removeprefix("step-")) for path in folder.checkpoints.glob("step-*")), default=0)


def idle_on_host(named: Execution, taken: Execution, host_apart: bool) -> list[str]:
    """A sentence for each setting of `named` that is to be on the host, but in `taken`, as it is computed, is not.

    `host_apart`: the device has a memory of its own.
    """
    reasons = {
        "layer_checkpoints": "there is memory for what all layers store, so none is computed again",
        "embedding": "the output layer is tied to the embedding",
    }
    return [
        f"execution.{setting}=host has no effect: {why if host_apart else 'the device is the host'}."
        for setting, why in reasons.items()
        if getattr(named, setting) == "host" and getattr(taken, setting) != "host"
    ]
