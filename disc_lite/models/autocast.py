"""Prevents CUDA's autocast from computing in fp32 without need.

Autocast makes the output of a LayerNorm fp32 (StableLM, GPT-NeoX, StarCoder2, Phi), and that of activations with a
power (`gelu_new` of Phi, `relu2` of Arcee). A 4-bit layer returns the dtype of its input, where every other linear
layer returns autocast's dtype. So from the first of these on, all activations would take twice the bytes, the adapter's
products would run at half the speed, and those with the head in fp32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from bitsandbytes.nn.modules import Linear4bit
from torch import Tensor, nn


def keep_half(decoder: nn.Module) -> None:
    """Make the layers of a decoder return autocast's dtype while autocast is on."""
    for module in decoder.modules():
        if isinstance(module, nn.LayerNorm):
            module.forward = partial(_outside, module.forward)  # type: ignore[method-assign]
        elif isinstance(module, Linear4bit):
            module.register_forward_pre_hook(_cast)


def _outside(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Compute a norm with half-precision input; it still computes mean and variance in fp32."""
    if not torch.is_autocast_enabled(x.device.type):
        return forward(x)
    half = x.to(torch.get_autocast_dtype(x.device.type))
    with torch.autocast(x.device.type, enabled=False):
        return forward(half)


def _cast(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    x = inputs[0]
    if not torch.is_autocast_enabled(x.device.type):
        return None
    return (x.to(torch.get_autocast_dtype(x.device.type)), *inputs[1:])
