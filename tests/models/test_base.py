"""One base in memory is read in two ways: as the plain base (the teacher) and with the adapter (the student)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from torch.nn import functional

from disc_lite.errors import EnvironmentNotReady
from disc_lite.losses import log_probabilities
from disc_lite.models import load_base
from disc_lite.packing import lone, pack
from tests.made import with_adapter
from tests.tiny_models import NAMES, make_model

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])
IDS = PACKED.input_ids


def storages(model: Any) -> dict[int, int]:
    """Address -> bytes of everything that a model holds, quantisation constants included."""
    held: list[torch.Tensor] = [*model.parameters(), *model.buffers()]
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            held += [state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code]
    return {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held if t.numel()}


@pytest.mark.parametrize("quantize", ["none", "nf4"])
@pytest.mark.parametrize("name", NAMES)
def test_the_teacher_is_the_plain_base_and_the_student_is_not(
    load: Callable[..., Any], name: str, quantize: str
) -> None:
    base = load(name, quantize)
    with torch.no_grad():
        before, logits = base.hidden(PACKED), base.model(IDS).logits
    weights = {n: (p.data_ptr(), p.dtype) for n, p in base.model.named_parameters()}
    held = storages(base.model)
    base.attach(4, 8, 0)
    lora = base.adapter_parameters()
    for parameter in lora.values():
        parameter.data.normal_(0.0, 0.1)
    with base.frozen(adapter=False) as model:
        assert torch.equal(base.hidden(PACKED), before)
        assert torch.equal(model(IDS).logits, logits)
    with base.frozen(adapter=True) as model:
        assert (model(IDS).logits - logits).abs().max() > 0.1
        assert not torch.equal(base.hidden(PACKED), before)
    # Nothing was copied, moved or upcast: only the adapter is new, to the byte.
    inner = ((n.removeprefix("base_model.model."), p) for n, p in base.model.named_parameters())
    after = {n.replace(".base_layer", ""): (p.data_ptr(), p.dtype) for n, p in inner if "lora_" not in n}
    assert after == weights
    assert len(lora) == 2 * 2 * 7  # A and B, in two layers of seven linear layers each
    assert sum(storages(base.model).values()) - sum(held.values()) == sum(p.nbytes for p in lora.values())
    assert base.head.weight.data_ptr() == base.causal.get_output_embeddings().weight.data_ptr()
    four_bits = [m for m in base.causal.modules() if isinstance(m, Linear4bit)]
    assert len(four_bits) == (14 if quantize == "nf4" else 0)
    assert all(m.weight.quant_type == "nf4" and m.weight.quant_state.nested for m in four_bits)


def test_only_the_adapter_is_fp32_on_a_half_precision_base(load: Callable[..., Any]) -> None:
    base = load("llama")
    base.model.to(torch.bfloat16)  # as on a card
    base.attach(4, 8, 0)
    kinds = {("lora_" in n, p.dtype) for n, p in base.model.named_parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


@pytest.mark.parametrize("name", NAMES)
def test_the_head_makes_the_models_logits_of_its_hidden_states(plain: Callable[..., Any], name: str) -> None:
    base, ids = plain(name), torch.tensor([list(range(20, 31))])
    with base.frozen(adapter=False) as model:
        expected = model(ids).logits[0].log_softmax(-1)
        hidden = base.hidden(pack([lone(ids[0].tolist())]))
    for token in (0, 5, 390):
        found = log_probabilities(hidden, torch.full((11,), token), base.head)
        torch.testing.assert_close(found, expected[:, token], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("adapter", [True, False])
def test_frozen_restores_the_student_after_an_error(
    load: Callable[..., Any], checkpointing: bool, adapter: bool
) -> None:
    base = load("llama", rank=2, checkpointing=checkpointing)
    lora = set(base.adapter_parameters())

    def state() -> tuple[Any, ...]:
        layers = [layer.gradient_checkpointing for layer in base.causal.model.layers]
        on = [not m._disable_adapters for m in base._adapters]
        training = all(m.training for m in base.model.modules())
        trained = {n for n, p in base.model.named_parameters() if p.requires_grad}
        return layers, on, training, trained, torch.is_grad_enabled()

    before = ([checkpointing] * 2, [True] * 14, True, lora, True)
    assert state() == before
    with base.frozen(adapter):
        layers, on, training, trained, gradient = state()
        assert (layers, on, training, trained, gradient) == ([False] * 2, [adapter] * 14, True, lora, False)
        with base.frozen(not adapter):
            assert state()[1] == [not adapter] * 14
        assert state()[:2] == (layers, on)  # as when a measurement needs teacher states that are not cached
    assert state() == before
    with pytest.raises(KeyboardInterrupt), base.frozen(adapter):
        raise KeyboardInterrupt
    assert state() == before


def test_lora_a_is_drawn_from_its_seed_alone_and_b_is_zero(load: Callable[..., Any]) -> None:
    def drawn(seed: int, disturb: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(disturb)
        base = load("qwen2")
        base.attach(4, 8, seed, recomputed=0)
        return {n: p.detach() for n, p in base.adapter_parameters().items()}

    first, again, other = drawn(0, 1), drawn(0, 2), drawn(1, 1)
    assert list(first) == sorted(first)
    for name, value in first.items():
        assert torch.equal(value, again[name])
        if "lora_B" in name:
            assert not value.any()
        else:
            assert not torch.equal(value, other[name])
            bound = value.shape[1] ** -0.5
            assert 0.9 * bound < value.abs().max() <= bound
            assert abs(value.mean()) < 0.2 * bound


def gradients(base: Any, teacher_between: bool = False) -> dict[str, torch.Tensor]:
    for parameter in base.adapter_parameters().values():
        parameter.grad = None
    weight = torch.randn(64, generator=torch.Generator().manual_seed(3))
    loss = (base.hidden(PACKED) @ weight).pow(2).mean()
    if teacher_between:  # between the student's forward pass and its recompute in the backward pass
        with base.frozen(adapter=False):
            base.hidden(PACKED)
    loss.backward()
    return {n: p.grad.clone() for n, p in base.adapter_parameters().items()}


@pytest.mark.parametrize("name", NAMES)
def test_checkpointing_changes_no_gradient_nor_does_a_teacher_in_between(load: Callable[..., Any], name: str) -> None:
    expected = gradients(load(name, "nf4", rank=4))
    base = load(name, "nf4", rank=4, checkpointing=True)
    reads = []
    base.causal.model.layers[1].mlp.register_forward_pre_hook(lambda *_: reads.append(1))
    found = gradients(base)
    assert len(reads) == 2  # again in the backward pass, so it is checkpointed
    disturbed = gradients(base, teacher_between=True)
    for key, value in expected.items():
        assert value.abs().max() > 0, key
        torch.testing.assert_close(found[key], value, rtol=1e-5, atol=1e-8)
        assert torch.equal(disturbed[key], found[key])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("recomputed", [0, 1, 9])
def test_the_first_layers_are_computed_again_which_changes_no_bit(
    load: Callable[..., Any], name: str, recomputed: int
) -> None:
    expected = gradients(load(name, "nf4", rank=4, checkpointing=True))
    base, reads = load(name, "nf4"), list[int]()
    with_adapter(base, 4, recomputed=recomputed)
    for n, layer in enumerate(base.causal.model.layers):
        layer.mlp.register_forward_pre_hook(lambda *_, n=n: reads.append(n))
    found = gradients(base)
    assert reads == [0, 1, *reversed(range(min(2, recomputed)))]
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_the_gradient_through_4_bit_weights_survives_a_pass_without_gradient(load: Callable[..., Any]) -> None:
    """On a CPU with AVX512-BF16, bitsandbytes in `eval()` repacks the weight in place in a pass without gradient."""
    base = load("mistral", "nf4", rank=2, b=0.0)
    with base.frozen(adapter=False):
        base.hidden(PACKED)
    for name, linear in base.causal.named_modules():
        if isinstance(linear, Linear4bit):
            inputs = torch.randn(3, linear.in_features, generator=torch.Generator().manual_seed(5))
            with torch.no_grad():
                linear(inputs)
            inputs.requires_grad_(True)
            out = linear(inputs)
            into = torch.randn(out.shape, generator=torch.Generator().manual_seed(6))
            out.backward(into)
            weight = dequantize_4bit(linear.weight, linear.weight.quant_state)
            assert inputs.grad.abs().min() > 0, name
            torch.testing.assert_close(inputs.grad, into @ weight.float(), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(out, functional.linear(inputs, weight.float()), rtol=1e-4, atol=1e-5)


def test_dropout_of_a_models_configuration_does_nothing(tmp_path: Path, plain: Callable[..., Any]) -> None:
    folder = make_model("llama", tmp_path / "dropout", attention_dropout=0.5)
    base = load_base(folder, "none", "cpu")
    with base.frozen(adapter=False), plain("llama").frozen(adapter=False):
        assert base.model.training
        assert torch.equal(base.hidden(PACKED), plain("llama").hidden(PACKED))


@pytest.mark.parametrize("fault", ["missing", "misshapen", "truncated", "no config"])
def test_a_damaged_folder_is_refused(tmp_path: Path, fault: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_model("llama", tmp_path / "x")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    if fault == "missing":
        del tensors["model.layers.1.mlp.up_proj.weight"]
    elif fault == "misshapen":
        tensors["model.norm.weight"] = torch.ones(63)
    save_file(tensors, weights, {"format": "pt"})
    if fault == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif fault == "no config":
        (folder / "config.json").unlink()
    named = {"missing": "up_proj", "misshapen": "model.norm.weight", "truncated": "not fully covered"}
    with pytest.raises(EnvironmentNotReady, match=named.get(fault, "config")):
        load_base(folder, "none", "cpu")


def test_a_folder_may_be_named_by_a_text(folders: Callable[[str], Path], trained: Path) -> None:
    base = load_base(str(folders("llama")), "none", "cpu", str(trained / "adapter"))
    assert base.folder == folders("llama") and base.adapter_parameters()
    with pytest.raises(EnvironmentNotReady, match=r"There is no model folder nowhere\."):
        load_base("nowhere", "none", "cpu")


def test_no_kernel_is_downloaded_and_no_warning_is_shown(tmp_path: Path) -> None:
    """If the package `kernels` is installed, bitsandbytes asks a hub for a kernel when it is imported."""
    (tmp_path / "kernels.py").write_text("def get_kernel(*args, **kwargs):\n    print('fetched')\n")
    code = "import disc_lite.run.training, sys; assert 'bitsandbytes' in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_looks_for_no_garbage_and_imports_no_compiler_and_leaves_both_as_they_were() -> None:
    code = """
import gc, sys, torch
compiles, looked = torch.compile, []
gc.callbacks.append(lambda phase, about: looked.append(phase))
before = len(looked)
import disc_lite.models
assert len(looked) - before < 20, len(looked)
assert torch.compile is compiles and gc.isenabled()
print("bitsandbytes" in sys.modules, "torch._inductor.compile_fx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_saved_adapter_is_read_in_the_dtype_that_it_is_used_in(load: Callable[..., Any], trained: Path) -> None:
    base = load("llama")
    base.state_dtype = torch.bfloat16  # as on CUDA
    base.load_adapter(trained / "adapter")
    assert {parameter.dtype for parameter in base.adapter_parameters().values()} == {torch.bfloat16}
    plain = load("llama")
    plain.load_adapter(trained / "adapter")
    assert {parameter.dtype for parameter in plain.adapter_parameters().values()} == {torch.float32}
