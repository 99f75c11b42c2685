"""Under an autocast like CUDA's, models with LayerNorm or powers have no fp32 activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from disc_lite.models import load_base
from disc_lite.models.autocast import keep_half
from disc_lite.packing import lone
from tests.made import with_adapter
from tests.tiny_families import make_family

TEXTS, PLACES = [lone(range(20, 50)), lone(range(60, 100))], [(0, 0, 29), (1, 0, 39)]


class LikeCuda(TorchFunctionMode):
    """Runs in fp32 the operations of these models that autocast runs in fp32 on CUDA, but not on the CPU."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in (functional.layer_norm, torch.pow, torch.square) and torch.is_autocast_enabled("cpu"):
            args = [arg.float() if torch.is_tensor(arg) else arg for arg in args]
            kwargs = {key: arg.float() if torch.is_tensor(arg) else arg for key, arg in kwargs.items()}
        return function(*args, **kwargs)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("name", ["stablelm", "gpt_neox", "starcoder2", "phi", "llama"])
def test_a_model_with_layer_norm_or_powers_computes_in_bf16(tmp_path: Path, name: str, kept: bool) -> None:
    power = {"hidden_act": "relu2"} if name == "llama" else {}  # as Arcee has
    base = with_adapter(load_base(make_family(name, tmp_path, **power), "nf4", "cpu"), 4)
    base.model.to(torch.bfloat16)  # as when it is loaded on a card
    for parameter in base.adapter_parameters().values():
        parameter.data = parameter.data.float()
    if kept:
        keep_half(base.causal.get_decoder())
    seen: list[torch.dtype] = []
    for module in base.causal.get_decoder().modules():
        if isinstance(module, Linear4bit):
            module.compute_dtype = torch.bfloat16
        if isinstance(module, (Linear4bit, torch.nn.LayerNorm)):
            module.register_forward_hook(lambda module, inputs, out: seen.append(out.dtype))
    stored: list[torch.Tensor] = []
    watch = torch.autograd.graph.saved_tensors_hooks(lambda t: stored.append(t) or t, lambda t: t)
    with LikeCuda(), watch, torch.autocast("cpu", torch.bfloat16):
        states = base.hidden_at(TEXTS, PLACES)
    assert (set(seen) == {torch.bfloat16}) == kept
    assert (states.dtype == torch.bfloat16) == kept
    if name not in ("phi", "llama"):  # their activations store their fp32 results
        large = {t.dtype for t in stored if t.is_floating_point() and t.numel() >= 70 * 32 and not t.is_leaf}
        assert (torch.float32 in large) != kept
    states.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in base.adapter_parameters().values())
