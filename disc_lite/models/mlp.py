"""The gated MLP of a decoder layer, y = down(silu(gate(x)) * up(x)), storing two tensors of its width, not four.

PyTorch stores gate, silu(gate), up and their product, and makes two more in the backward pass: the peak of a layer.
Here the product is recomputed from gate and up, a few rows at a time, and the gradients of both overwrite them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from disc_lite.models.lora import Projection, gated

PARTS = {"gate_proj", "up_proj", "down_proj", "act_fn"}


class GatedMlp:
    """An MLP whose down projection has an adapter."""

    def __init__(self, module: Any, down: Projection) -> None:
        self.module = module
        self.down = down

    def __call__(self, x: Tensor) -> Tensor:
        """x: [..., H] -> [..., H]."""
        module = self.module
        gate, up = module.gate_proj(x), module.up_proj(x)
        if not torch.is_grad_enabled():
            return module.down_proj(gated(gate, up))  # type: ignore[no-any-return]
        if self.down.layer.disable_adapters or self.down.peculiar or not gate.requires_grad:
            return module.down_proj(module.act_fn(gate) * up)  # type: ignore[no-any-return]
        return self.down.of_gated(gate, up)


def gated_mlps(model: Any, projections: list[Projection]) -> None:
    """Replace the forward pass of the model's MLPs by `GatedMlp` if that gives the same result."""
    by_layer = {projection.layer: projection for projection in projections}
    for module in model.modules():
        parts = dict(module.named_children())
        if parts.keys() == PARTS and parts["down_proj"] in by_layer:
            ours = GatedMlp(module, by_layer[module.down_proj])
            if _same(module, ours, model.get_input_embeddings().weight):
                module.forward = ours


@torch.no_grad()
def _same(module: Any, ours: GatedMlp, like: Tensor) -> bool:
    """Whether the module's own forward pass gives the same (no other activation, no factor) on two random rows."""
    x = torch.randn(2, like.shape[1], generator=torch.Generator().manual_seed(0)).to(like)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.dtype == torch.bfloat16):
        return torch.equal(module(x), ours(x))
