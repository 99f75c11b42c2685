"""What is wrong with the tensors of a loaded model or adapter: missing, misshapen, left over, not finite.

transformers gives random values to what is missing, leaves out what it has no place for, and computes with NaN; PEFT
does the same with adapters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from disc_lite.hub.weights import plain_name

AT_ONCE = 1 << 24  # numbers of a tensor that are looked at together
# Of layers: what older files hold and newer code computes.
_COMPUTED = ("rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias")


def fault_of(model: nn.Module, info: Mapping[str, Collection[Any]]) -> str:
    """One sentence about the first fault of a model, or ""; `info` is what transformers says about its loading."""
    if missing := sorted(map(str, info["missing_keys"])):
        return f"It lacks {_some(missing)}."
    misshapen = sorted(f"{name} is {tuple(found)}, not {tuple(due)}" for name, found, due in info["mismatched_keys"])
    if misshapen := misshapen or list(_misshapen(model)):
        return f"{misshapen[0]}."
    left_over = sorted(name for name in info["unexpected_keys"] if plain_name(name).startswith("layers."))
    if left_over := [name for name in left_over if not name.endswith(_COMPUTED)]:
        return f"Its configuration has no place for {_some(left_over)}."
    if (name := not_finite(_numbers(model))) is not None:
        return f"{name} holds NaN or infinity."
    return ""


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor that holds NaN or infinity; None where there is none."""
    return next((name for name, tensor in tensors if not _is_finite(tensor.detach())), None)


def _is_finite(tensor: Tensor) -> bool:
    # `isfinite` makes five bytes for a number: of the whole embedding of Llama-3.1-8B 2.4 GiB, on a card of 8 GB that
    # holds 5.3 GiB of the model already.
    return all(bool(part.isfinite().all()) for part in tensor.flatten().split(AT_ONCE))


def changes_nothing(parameters: Mapping[str, Tensor]) -> bool:
    """Whether an adapter leaves its base as it is: the B of every module is zero."""
    return not any(bool(tensor.any()) for name, tensor in parameters.items() if "lora_B" in name)


def _numbers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """All numbers of a model; of 4-bit weights their scales, into which a NaN of a weight goes."""
    for name, parameter in model.named_parameters():
        state = getattr(parameter, "quant_state", None)
        if state is None:
            if parameter.is_floating_point():
                yield name, parameter
            continue
        scales = [state.absmax, getattr(state, "offset", None), getattr(state.state2, "absmax", None)]
        yield from ((name, scale) for scale in scales if scale is not None and torch.is_floating_point(scale))


def _misshapen(model: nn.Module) -> Iterator[str]:
    """4-bit weights of another shape than their layer, which transformers lets pass."""
    for name, module in model.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if isinstance(module, nn.Linear) and state is not None:
            due = (module.out_features, module.in_features)
            if tuple(state.shape) != due:
                yield f"{name}.weight is {tuple(state.shape)}, not {due}"


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more tensors"
