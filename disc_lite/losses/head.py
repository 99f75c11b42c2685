"""The frozen output layer, and products with it in fp32 that never copy the whole weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from disc_lite.planning.sizes import VOCABULARY_BLOCK


@dataclass(frozen=True)
class Head:
    """The frozen output layer: logits = softcap(scale * (h @ weight.T + bias))."""

    weight: Tensor  # [V, H]
    bias: Tensor | None = None  # [V]
    scale: float = 1.0  # Granite's 1/logits_scaling, Cohere's logit_scale
    softcap: float | None = None  # Gemma 2: softcap * tanh(logits / softcap)


def logits(hidden: Tensor, head: Head) -> Tensor:
    """Return softcap(scale * (hidden @ weight.T + bias)) in fp32; hidden: [R, H] -> [R, V]."""
    if hidden.is_cuda and hidden.dtype == head.weight.dtype != torch.float32:  # torch >= 2.8
        result = torch.mm(hidden, head.weight.T, out_dtype=torch.float32)
    else:
        result = hidden.new_empty(len(hidden), len(head.weight), dtype=torch.float32)
        for out, block in _fp32_blocks(result, head.weight):
            torch.mm(hidden.float(), block.T, out=out)
    if head.bias is not None:
        result += head.bias
    if head.scale != 1:
        result *= head.scale
    if head.softcap is not None:
        result.div_(head.softcap).tanh_().mul_(head.softcap)
    return result


def to_hidden(gradient: Tensor, row_factor: Tensor, head: Head) -> Tensor:
    """Return row_factor * (gradient @ weight) in fp32; [C, V], [C] -> [C, H]."""
    # Only for bf16: p - q over a large vocabulary is smaller than the smallest fp16 number.
    if gradient.is_cuda and head.weight.dtype == torch.bfloat16:
        hidden = torch.mm(gradient.bfloat16(), head.weight, out_dtype=torch.float32)
    else:
        hidden = gradient.new_zeros(len(gradient), head.weight.shape[1])
        for part, block in _fp32_blocks(gradient, head.weight):
            hidden.addmm_(part, block)
    return hidden.mul_(row_factor.unsqueeze(-1))


def _fp32_blocks(columns: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield blocks of the columns [R, V] with their rows of `weight` [V, H] in fp32; never copies it whole."""
    size = len(weight) if weight.dtype == torch.float32 else VOCABULARY_BLOCK
    pairs = zip(torch.split(columns, size, dim=1), torch.split(weight, size), strict=True)
    return ((part, block.float()) for part, block in pairs)
