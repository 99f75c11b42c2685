"""Linear layers with an adapter and gated MLPs match those of PEFT and transformers: values, gradients, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from peft import LoraConfig, inject_adapter_in_model
from torch.utils.checkpoint import checkpoint

from disc_lite.models import load_base
from disc_lite.models.mlp import GatedMlp
from disc_lite.packing import lone, pack
from disc_lite.planning.sizes import MLP_TILE
from tests.tiny_families import make_family
from tests.tiny_models import NAMES

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])
LONG = pack([lone(range(5, 5 + MLP_TILE // 2 + 9)) for _ in range(3)])  # more rows than a tile has


def plain(base: Any) -> Any:
    """The same model with the forward methods of PEFT and transformers."""
    for module in base.model.modules():
        module.__dict__.pop("forward", None)
    return base


def gradients(base: Any, packed: Any = PACKED) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Hidden states, and the gradients of all trained parameters and of the embeddings."""
    embedded = []
    handle = base.causal.get_input_embeddings().register_forward_hook(
        lambda module, inputs, out: embedded.append(out.requires_grad_()) or embedded[0]
    )
    for parameter in base.adapter_parameters().values():
        parameter.grad = None
    hidden = base.hidden(packed)
    weights = torch.linspace(-1, 1, hidden.numel(), dtype=hidden.dtype).view(hidden.shape)
    found: list[torch.Tensor] = list(
        torch.autograd.grad((hidden * weights).sum(), [embedded[0], *base.adapter_parameters().values()])
    )
    handle.remove()
    return hidden.detach(), dict(zip(["embedding", *base.adapter_parameters()], found, strict=True))


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_pefts_in_fp64(load: Callable[..., Any], name: str, checkpointing: bool) -> None:
    base = load(name, rank=4, checkpointing=checkpointing)
    base.model.double()
    assert len(base._projections) == 14
    for packed in (PACKED, LONG):
        hidden, found = gradients(base, packed)
        with_ours = {type(f) for m in base.model.modules() if (f := m.__dict__.get("forward"))}
        assert {t.__name__ for t in with_ours} == {"Projection", "GatedMlp"}
        forwards = {m: f for m in base.model.modules() if (f := m.__dict__.get("forward"))}
        expected, theirs = gradients(plain(base), packed)
        torch.testing.assert_close(hidden, expected, rtol=1e-12, atol=1e-12)
        assert found.keys() == theirs.keys()
        for key, gradient in theirs.items():
            assert gradient.abs().max() > 0
            torch.testing.assert_close(found[key], gradient, rtol=1e-9, atol=1e-11)
        for module, forward in forwards.items():
            module.forward = forward


@pytest.mark.parametrize("checkpointing", [True, False])
def test_nf4_is_the_dequantised_weight(load: Callable[..., Any], checkpointing: bool) -> None:
    """With double quantisation, in fp32, values and gradient match PEFT on the same layers without quantisation."""
    base, whole = load("llama", "nf4", rank=4, checkpointing=checkpointing), load("llama", "none", rank=4)
    for ours, theirs in zip(base.causal.modules(), whole.causal.modules(), strict=False):
        assert type(ours).__name__.removesuffix("4bit") == type(theirs).__name__
        state = getattr(getattr(ours, "weight", None), "quant_state", None)
        if state is not None:
            theirs.weight.data = dequantize_4bit(ours.weight.data, state).clone()  # type: ignore[operator,union-attr]
    hidden, found = gradients(base)
    expected, wanted = gradients(plain(whole))
    torch.testing.assert_close(hidden, expected, rtol=1e-4, atol=1e-5)
    for key, gradient in wanted.items():
        assert (found[key] - gradient).norm() < 1e-5 * gradient.norm(), key


def test_off_it_is_the_base_and_what_is_kept_is_dropped(load: Callable[..., Any]) -> None:
    base = load("llama", "nf4", rank=4)
    base.model.to(torch.bfloat16)  # as on a card: A and B are cast
    for parameter in base.adapter_parameters().values():
        parameter.data = parameter.data.float()
    projection = base._projections[0]
    with base.frozen(adapter=True):
        before = base.hidden(PACKED)
        kept = projection.kept
        assert kept[0].dtype == torch.bfloat16
        assert torch.equal(base.hidden(PACKED), before)
        assert projection.kept is kept  # it was cast only once
    assert projection.kept is None
    for parameter in base.adapter_parameters().values():
        parameter.data.mul_(2)  # as a training step does
    with base.frozen(adapter=True):
        assert not torch.equal(base.hidden(PACKED), before)
    with base.frozen(adapter=False):
        off = base.hidden(PACKED)
        with base.model.disable_adapter():
            assert torch.equal(plain(base).hidden(PACKED), off)


def saved_bytes(work: Callable[[], torch.Tensor]) -> int:
    """The bytes that the graph of a computation stores, each storage once, without parameters."""
    storages: dict[int, int] = {}

    def pack_hook(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack_hook, lambda tensor: tensor):
        held = work()
    assert held.requires_grad
    return sum(storages.values())


def test_a_layer_stores_its_input_once_and_an_mlp_two_tensors(load: Callable[..., Any]) -> None:
    base = load("llama", "nf4", rank=4)
    base.model.to(torch.bfloat16)
    for parameter in base.adapter_parameters().values():
        parameter.data = parameter.data.float()
    layer = base.causal.get_decoder().layers[0]
    rows, hidden, wide = 64, layer.mlp.gate_proj.in_features, layer.mlp.gate_proj.out_features
    x = torch.randn(1, rows, hidden, dtype=torch.bfloat16, requires_grad=True)
    of_one = saved_bytes(lambda: layer.self_attn.q_proj(x))
    of_mlp = saved_bytes(lambda: layer.mlp(x))
    inner = 2 * rows * 4  # x·Aᵀ in bf16
    assert of_one == 2 * x.numel() + inner
    assert of_mlp == 2 * x.numel() + 2 * (2 * rows * wide) + 3 * inner
    assert saved_bytes(lambda: plain(base) and layer.mlp(x)) >= of_mlp + 2 * (2 * rows * wide)


def test_other_adapters_and_other_mlps_keep_their_own_forward(load: Callable[..., Any], tmp_path: Path) -> None:
    base = load("llama")
    inject_adapter_in_model(
        LoraConfig(r=2, target_modules=["q_proj", "v_proj"], lora_dropout=0.5, bias="none"), base.model
    )
    base._found_adapter()
    assert base._projections == []  # an adapter with dropout keeps PEFT's forward
    other = load_base(make_family("phi3", tmp_path), "none", "cpu")  # in this family gate and up are one layer
    other.attach(2, 4, 0)
    assert len(other._projections) == 8
    assert not any(isinstance(m.__dict__.get("forward"), GatedMlp) for m in other.model.modules())


def test_an_mlp_with_a_factor_is_left_alone(load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    base = load("llama")
    kind = type(base.causal.get_decoder().layers[0].mlp)
    own = kind.forward
    monkeypatch.setattr(kind, "forward", lambda self, x: own(self, x) * 1.25)
    base.attach(2, 4, 0)
    assert not any(isinstance(m.__dict__.get("forward"), GatedMlp) for m in base.model.modules())


def test_a_merged_adapter_and_a_second_one_are_pefts(load: Callable[..., Any]) -> None:
    base = load("llama", rank=4)
    with base.frozen(adapter=True):
        expected = base.hidden(PACKED)
        base.model.merge_adapter()
        torch.testing.assert_close(base.hidden(PACKED), expected, rtol=1e-4, atol=1e-4)
        base.model.unmerge_adapter()
        base.model.add_adapter("other", LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
        base.model.set_adapter("other")  # its B is 0
        assert not torch.allclose(base.hidden(PACKED), expected, atol=1e-3)
        base.model.set_adapter("default")
        torch.testing.assert_close(base.hidden(PACKED), expected, rtol=1e-5, atol=1e-5)


def test_an_mlp_may_be_computed_again(load: Callable[..., Any]) -> None:
    """Under a checkpoint of its own, and if nothing below it is trained."""
    base = load("llama", rank=4)
    mlp = base.causal.get_decoder().layers[0].mlp
    x = torch.randn(1, 30, mlp.gate_proj.in_features)
    mlp(x).sum().backward()
    expected = [p.grad.clone() for p in mlp.parameters() if p.grad is not None]
    base.model.zero_grad()
    checkpoint(mlp, x, use_reentrant=False).sum().backward()
    found = [p.grad for p in mlp.parameters() if p.grad is not None]
    assert len(found) == 6
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


class Scaled(torch.nn.Linear):
    """A linear layer whose `weight` holds raw numbers, as in other quantisation packages."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self.weight * 8, self.bias)


def test_a_layer_that_computes_with_other_numbers_than_its_weight_is_pefts(load: Callable[..., Any]) -> None:
    base = load("llama")
    for layer in base.causal.get_decoder().layers:
        layer.self_attn.o_proj.__class__ = Scaled
    base.attach(4, 8.0, 0, recomputed=0)
    assert len(base._projections) == 12
    _, found = gradients(base)
    _, expected = gradients(plain(base))
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-3, atol=1e-5)
