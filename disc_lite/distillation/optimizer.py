"""AdamW with its state in 32 or 8 bits; a state saved in one precision can be continued in the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from disc_lite.recipe import Recipe

SMALLEST_8BIT = 4096  # elements; bitsandbytes keeps the state of smaller parameters in fp32
BLOCK = 256  # values per scale in bitsandbytes' 8-bit state

State = dict[str, Any]  # of one parameter: tensors and the number of steps


def adamw(parameters: list[Any], recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with the recipe's settings; its precision changes how it is computed, not what is learned."""
    settings = recipe.train
    options: dict[str, Any] = {
        "lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2),
        "weight_decay": settings.weight_decay,
    }  # fmt: skip
    if recipe.execution.optimizer_bits == 8:
        from bitsandbytes.optim.adamw import AdamW8bit

        optimizer: torch.optim.Optimizer = AdamW8bit(parameters, **options)
        return optimizer
    on_card = parameters[0].device.type != "cpu"
    return torch.optim.AdamW(parameters, **options, fused=on_card or None)  # fused: makes no copy of all parameters


def restore(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, saved: State) -> None:
    """Restore a parameter's saved optimiser state, converted if it was saved in the other precision."""
    if ("exp_avg" in saved) != isinstance(optimizer, torch.optim.AdamW):
        saved = _as_8bit(saved) if "exp_avg" in saved else _as_32bit(saved)
    # Moments go to the parameter's device, and so does the step count of a fused AdamW; otherwise it stays on the CPU.
    fused = bool(optimizer.defaults.get("fused"))
    optimizer.state[parameter].update({
        key: value.to(parameter.device) if isinstance(value, Tensor) and (value.ndim or fused) else value
        for key, value in saved.items()
    })  # fmt: skip


def _as_32bit(saved: State) -> State:
    moments = []
    for n in (1, 2):
        moment = saved[f"state{n}"]
        if moment.dtype == torch.uint8:
            from bitsandbytes.functional import dequantize_blockwise

            moment = dequantize_blockwise(moment, absmax=saved[f"absmax{n}"], code=saved[f"qmap{n}"], blocksize=BLOCK)
        moments.append(moment)
    return {"step": torch.tensor(float(saved["step"])), "exp_avg": moments[0], "exp_avg_sq": moments[1]}


def _as_8bit(saved: State) -> State:
    from bitsandbytes.functional import create_dynamic_map, quantize_blockwise

    state: State = {"step": int(saved["step"])}
    for n, key in ((1, "exp_avg"), (2, "exp_avg_sq")):
        moment = saved[key]
        if moment.numel() < SMALLEST_8BIT:
            state[f"state{n}"] = moment
            continue
        code = create_dynamic_map(signed=n == 1)
        quantised, how = quantize_blockwise(moment, code=code, blocksize=BLOCK)
        state |= {f"state{n}": quantised, f"absmax{n}": how.absmax, f"qmap{n}": code}
    return state
