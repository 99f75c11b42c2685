"""Finds faulty tensors in a loaded model or adapter: missing, misshapen, left over, not finite.

transformers initialises missing weights randomly, ignores weights that it has no place for, and computes with NaN;
PEFT does the same with adapters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from disc_lite.hub.weights import plain_name

AT_ONCE = 1 << 24  # values of a tensor that are checked together
# Names in layers: older files store them, newer code computes them.
_COMPUTED = ("rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias")


def fault_of(model: nn.Module, info: Mapping[str, Collection[Any]]) -> str:
    """Return a sentence about the first fault of a model, or ""; `info` is transformers' report of its loading."""
    if missing := sorted(map(str, info["missing_keys"])):
        return f"It lacks {_some(missing)}."
    misshapen = sorted(f"{name} is {tuple(found)}, not {tuple(due)}" for name, found, due in info["mismatched_keys"])
    if misshapen := misshapen or sorted(_misshapen(model)):
        return f"{misshapen[0]}."
    left_over = sorted(name for name in info["unexpected_keys"] if plain_name(name).startswith("layers."))
    if left_over := [name for name in left_over if not name.endswith(_COMPUTED)]:
        return f"Its configuration has no place for {_some(left_over)}."
    if (name := not_finite(_numbers(model))) is not None:
        return f"{name} holds NaN or infinity."
    return ""


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> str | None:
    """Return the name of the first tensor that contains NaN or infinity, or None."""
    return next((name for name, tensor in tensors if not _is_finite(tensor.detach())), None)


def _is_finite(tensor: Tensor) -> bool:
    # `isfinite` takes five bytes per value: 2.4 GiB for the whole embedding of Llama-3.1-8B, on a card of 8 GB of which
    # the model takes 5.3 GiB already.
    return all(bool(part.isfinite().all()) for part in tensor.flatten().split(AT_ONCE))


def changes_nothing(parameters: Mapping[str, Tensor]) -> bool:
    """Whether an adapter does not change its base: the B of every module is zero."""
    return not any(bool(tensor.any()) for name, tensor in parameters.items() if "lora_B" in name)


def _numbers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield all floating-point tensors of a model; for 4-bit weights their scales, which show a NaN of a weight."""
    for name, parameter in model.named_parameters():
        state = getattr(parameter, "quant_state", None)
        if state is None:
            if parameter.is_floating_point():
                yield name, parameter
            continue
        scales = [state.absmax, getattr(state, "offset", None), getattr(state.state2, "absmax", None)]
        yield from ((name, scale) for scale in scales if scale is not None and torch.is_floating_point(scale))


def _misshapen(model: nn.Module) -> Iterator[str]:
    """Yield a message for each weight whose shape differs from its layer's.

    transformers accepts such 4-bit weights; version 5.10 also accepts embeddings of another shape beside them.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            due = (module.out_features, module.in_features)
        elif isinstance(module, nn.Embedding):
            due = (module.num_embeddings, module.embedding_dim)
        else:
            continue
        state = getattr(module.weight, "quant_state", None)
        found = tuple((module.weight if state is None else state).shape)
        if found != due:
            yield f"{name}.weight is {found}, not {due}"


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more tensors"
