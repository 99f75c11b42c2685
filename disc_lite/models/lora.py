"""Linear layers with a LoRA adapter, each as one autograd node that replaces PEFT's forward pass.

    y = x·Wᵀ + bias + s·(x·Aᵀ)·Bᵀ,  s = alpha / rank

PEFT still holds A and B, and reads and writes them. Its forward pass copies y three times and its backward pass makes
two gradients of x; here the adapter's part is added in place to the layer's own, in both directions. W is dequantised
again for the backward pass, and x is the only tensor of its size that is stored.

If x = silu(gate) * up, as in the MLP of most decoders, not even x is stored: see `models.mlp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Linear4bit
from peft.tuners import lora
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from disc_lite.planning.sizes import MLP_TILE


class Projection:
    """A linear layer with its adapter, whose weights PEFT holds."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.names = list(layer.active_adapters)
        self.keeps = False
        self.kept: tuple[Tensor, Tensor] | None = None  # A and B in the dtype of y, while `keeps`

    def keep(self, keeps: bool) -> None:
        """Cast A and B once from now on, not at every call; if False at every call, since training changes them."""
        self.keeps, self.kept = keeps, None

    def __call__(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: [..., in] -> [..., out]."""
        layer = self.layer
        if self.peculiar or args or kwargs:
            return type(layer).forward(layer, x, *args, **kwargs)  # type: ignore[no-any-return]
        if layer.disable_adapters:
            return layer.base_layer(x)  # type: ignore[no-any-return]
        a, b, scale = self.adapter
        if torch.is_grad_enabled() and (x.requires_grad or a.requires_grad):
            return _Product.apply(x, a, b, scale, layer.base_layer)  # type: ignore[no-any-return]
        y = layer.base_layer(x)
        kept = self.kept
        if kept is None or kept[0].dtype != y.dtype:
            kept = a.to(y.dtype), b.to(y.dtype)
            self.kept = kept if self.keeps else None
        return _add(_rows(x, y.dtype), y, *kept, scale)[0]

    @property
    def peculiar(self) -> bool:
        """Whether PEFT must compute the layer: it is merged, or another adapter is active."""
        return bool(self.layer.merged) or self.layer.active_adapters != self.names

    @property
    def adapter(self) -> tuple[nn.Parameter, nn.Parameter, float]:
        """A [r, in], B [out, r], and the scale s."""
        (name,) = self.names
        return self.layer.lora_A[name].weight, self.layer.lora_B[name].weight, self.layer.scaling[name]

    def of_gated(self, gate: Tensor, up: Tensor) -> Tensor:
        """Return the output for x = silu(gate) * up, without storing x; backward overwrites `gate` and `up`."""
        return _GatedProduct.apply(gate, up, *self.adapter, self.layer.base_layer)  # type: ignore[no-any-return]


class _Product(torch.autograd.Function):
    """y as a function of x, with gradients to x, A and B; W is frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, b: Tensor, scale: float, base: nn.Linear) -> Tensor:
        y = base(x)
        rows = _rows(x, y.dtype)
        y, inner = _add(rows, y, a.to(y.dtype), b.to(y.dtype), scale)
        ctx.save_for_backward(rows, inner, a, b)
        ctx.scale, ctx.base, ctx.shape, ctx.dtype = scale, base, x.shape, x.dtype
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, inner, a, b = ctx.saved_tensors
        to_x, to_a, to_b = ctx.needs_input_grad[:3]
        with torch.autocast(gradient.device.type, enabled=False):
            g, of_inner, of_b = _to_inner(gradient, inner, b, ctx.scale, to_b)
            of_a = (of_inner.T @ rows).to(a.dtype) if to_a else None
            of_x = _to_rows(g, of_inner, a, ctx.base).view(ctx.shape).to(ctx.dtype) if to_x else None
        return of_x, of_a, of_b, None, None


class _GatedProduct(torch.autograd.Function):
    """y for x = silu(gate) * up, [..., in] each; backward recomputes x, a tile of rows at a time."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, a: Tensor, b: Tensor, scale: float, base: nn.Linear) -> Tensor:
        x = gated(gate, up)
        y = base(x)
        y, inner = _add(_rows(x, y.dtype), y, a.to(y.dtype), b.to(y.dtype), scale)
        ctx.save_for_backward(gate, up, inner, a, b)
        ctx.scale, ctx.base = scale, base
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        gate, up, inner, a, b = ctx.saved_tensors
        gate, up = gate.detach(), up.detach()
        gates, ups = gate.view(-1, gate.shape[-1]), up.view(-1, up.shape[-1])
        with torch.autocast(gradient.device.type, enabled=False):
            g, of_inner, of_b = _to_inner(gradient, inner, b, ctx.scale, ctx.needs_input_grad[3])
            of_x = _to_rows(g, of_inner, a, ctx.base).to(gate.dtype)
            of_a = torch.zeros(a.shape, dtype=torch.promote_types(a.dtype, torch.float32), device=a.device)
            for n in range(0, len(gates), MLP_TILE):
                rows = slice(n, n + MLP_TILE)
                activated = functional.silu(gates[rows])
                of_a += of_inner[rows].T @ (activated * ups[rows]).to(of_inner.dtype)
                # Nothing else needs gate and up: their gradients overwrite them.
                gates[rows] = torch.ops.aten.silu_backward(of_x[rows] * ups[rows], gates[rows])
                ups[rows] = of_x[rows] * activated
        return gate, up, of_a.to(a.dtype) if ctx.needs_input_grad[2] else None, of_b, None, None


def gated(gate: Tensor, up: Tensor) -> Tensor:
    """Return silu(gate) * up, without gradient."""
    return functional.silu(gate).mul_(up)


def _rows(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.reshape(-1, x.shape[-1]).to(dtype)


def _add(rows: Tensor, y: Tensor, a: Tensor, b: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Return y + s·(x·Aᵀ)·Bᵀ, computed in place in y, and x·Aᵀ [N, r]; rows: x as [N, in]; all in y's dtype."""
    with torch.autocast(y.device.type, enabled=False):
        inner = rows @ a.T
        flat = y.reshape(-1, y.shape[-1]).addmm_(inner, b.T, alpha=scale)
    return flat.view(y.shape), inner


def _to_inner(
    gradient: Tensor, inner: Tensor, b: Tensor, scale: float, to_b: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the gradient of y as [N, out], that of x·Aᵀ [N, r], and that of B if `to_b`."""
    g = gradient.reshape(-1, gradient.shape[-1])
    return g, (g @ b.to(g.dtype)).mul_(scale), (g.T @ inner).mul_(scale).to(b.dtype) if to_b else None


def _to_rows(g: Tensor, of_inner: Tensor, a: Tensor, base: nn.Linear) -> Tensor:
    """Return the gradient of x as [N, in], through W, which is dequantised for it, and through A."""
    state = getattr(base.weight, "quant_state", None)
    weight = base.weight if state is None else dequantize_4bit(base.weight.view(-1, 1), state)
    return (g @ weight.to(g.dtype)).addmm_(of_inner, a.to(g.dtype))


def projections(model: nn.Module) -> list[Projection]:
    """Replace the forward pass of the model's layers with a plain LoRA adapter; others keep PEFT's own."""
    found = [Projection(layer) for layer in _plain_layers(model)]
    for projection in found:
        projection.layer.forward = projection
    return found


def _plain_layers(model: nn.Module) -> Iterator[Any]:
    """Yield LoRA layers without dropout, adapter bias, DoRA or other variants; in 4 bits or not quantised.

    A class derived from nn.Linear may compute with other values than those of its `weight`.
    """
    kinds = {"Linear", "Linear4bit"}
    for layer in model.modules():
        if (
            isinstance(layer, lora.LoraLayer) and type(layer).__name__ in kinds
            and type(layer.base_layer) in (nn.Linear, Linear4bit)
            and len(layer.active_adapters) == 1
            and all(isinstance(each, nn.Identity) for each in layer.lora_dropout.values())
        ):  # fmt: skip
            yield layer
