"""With the inputs of layers on the host, gradients are the same bit for bit and no input is left on the device."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.errors import EnvironmentNotReady
from disc_lite.models.device import use_device
from disc_lite.models.offload import HostCheckpoints
from disc_lite.packing import lone, pack
from tests.tiny_families import make_family
from tests.tiny_models import make_model

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])
LAYERS = 4


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Any]:
    from disc_lite.models import load_base

    folder = make_model("llama", tmp_path_factory.mktemp("deep") / "llama", num_hidden_layers=LAYERS)

    def made(host_checkpoints: bool) -> Any:
        base = load_base(folder, "none", "cpu")
        base.attach(4, 8, 0, host_checkpoints=host_checkpoints)
        for n, parameter in enumerate(base.adapter_parameters().values()):
            parameter.data.add_(torch.linspace(-0.1, 0.1, parameter.numel()).view_as(parameter) / (n + 1))
        return base

    return made


def gradient(base: Any) -> torch.Tensor:
    base.hidden(PACKED).square().sum().backward()
    return torch.cat([p.grad.flatten() for p in base.adapter_parameters().values()])


def test_gradients_are_the_same_bit_for_bit(deep: Callable[[bool], Any]) -> None:
    base = deep(True)
    first = gradient(base)
    assert first.abs().max() > 0
    assert torch.equal(first, gradient(deep(False)))
    base.model.zero_grad()
    assert torch.equal(first, gradient(base))  # the next pass starts from the beginning


def test_no_input_but_the_last_layers_waits_on_the_device(deep: Callable[[bool], Any]) -> None:
    alive = {}
    for host in (True, False):
        base, inputs = deep(host), list[Any]()
        for layer in base.causal.get_decoder().layers:
            layer.register_forward_pre_hook(lambda module, args, inputs=inputs: inputs.append(weakref.ref(args[0])))
        states = base.hidden(PACKED)
        storages = [ref() is not None for ref in inputs]
        alive[host] = storages
        states.sum().backward()
    assert alive[False] == [True] * LAYERS
    assert alive[True] == [False] * (LAYERS - 1) + [True]


def test_a_layer_with_two_inputs_copies_each_once_there_and_once_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gemma 4's layers also take their part of the per-layer embedding; inputs of the layer below are fetched ahead."""
    from disc_lite.models.loading import load_unchecked

    kinds = ["sliding_attention", "full_attention"] * 3
    folder = make_family("gemma4_text", tmp_path, num_hidden_layers=len(kinds), layer_types=kinds)
    copies, ahead, slots = list[Any](), list[int](), list[Any]()
    to_host, copy, to_device = (getattr(HostCheckpoints, name) for name in ("_to_host", "_copy", "_to_device"))

    def packed(self: Any, tensor: torch.Tensor) -> Any:
        slots.append(to_host(self, tensor))
        return slots[-1]

    def unpacked(self: Any, slot: Any) -> Any:
        tensor = to_device(self, slot)
        ahead.append(sum(getattr(each, "back", None) is not None for each in slots))
        return tensor

    monkeypatch.setattr(HostCheckpoints, "_to_host", packed)
    monkeypatch.setattr(HostCheckpoints, "_to_device", unpacked)
    monkeypatch.setattr(HostCheckpoints, "_copy", lambda self, to, of: copies.append(of) or copy(self, to, of))
    gradients = []
    for host in (True, False):
        base = load_unchecked(folder, "none", "cpu")
        base.attach(4, 8, 0, host_checkpoints=host)
        gradients.append(gradient(base))
    assert torch.equal(*gradients)
    assert len(copies) == 2 * 2 * (len(kinds) - 1)
    assert ahead == [1, 2, 2, 2, 2, 2, 2, 2, 1, 0]


class Stream:
    """Records as words what the code does with a CUDA stream."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def wait_stream(self, other: Any) -> None:
        self.done.append("after all before")

    def record_event(self) -> str:
        self.done.append("event")
        return "event"

    def synchronize(self) -> None:
        self.done.append("the host waits")

    def wait_event(self, event: str) -> None:
        self.done.append("waits")


@pytest.mark.parametrize("pins", [True, False])
def test_on_cuda_the_layer_below_is_fetched_ahead(
    deep: Callable[[bool], Any], monkeypatch: pytest.MonkeyPatch, pins: bool
) -> None:
    """With a pretended stream; `test_card_order` checks whether these waits are sufficient."""
    done, copies = list[str](), list[bool]()
    stream = Stream(done)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda which: contextlib.nullcontext())
    copy, empty = torch.Tensor.copy_, torch.empty

    def counted(self: Any, source: Any, non_blocking: bool = False) -> Any:
        copies.append(non_blocking)
        return copy(self, source)

    def made(*args: Any, pin_memory: bool = False, **options: Any) -> Any:
        if pin_memory and not pins:
            raise RuntimeError("CUDA error: out of memory")
        return empty(*args, **options)

    init = HostCheckpoints.__init__

    def pretended(self: Any, device: Any) -> None:
        init(self, device)
        self.stream, self.pins = stream, True

    monkeypatch.setattr(HostCheckpoints, "__init__", pretended)
    base = deep(True)
    expected = deep(False).hidden(PACKED)
    monkeypatch.setattr(torch.Tensor, "copy_", counted)
    monkeypatch.setattr(torch, "empty", made)
    states = base.hidden(PACKED)
    assert torch.equal(states, expected)
    begun = ["after all before", "event"]
    assert done[-3 * (LAYERS - 1) - 1 :] == ["the host waits", *[*begun, "after all before"] * (LAYERS - 1)]
    assert copies == [pins] * (LAYERS - 1)
    done.clear()
    states.sum().backward()
    monkeypatch.undo()
    # Two fetches begin at first, then one ahead of each layer; none begins twice.
    assert done == [*begun, *begun, "waits", *begun, "waits", "waits"]
    assert copies == [pins] * 2 * (LAYERS - 1)


def test_the_blocks_of_a_small_micro_batch_are_those_of_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, empty = list[Any](), torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda size, dtype, pin_memory: (asked.append(size), empty(size, dtype=dtype))[1]
    )
    host = HostCheckpoints(torch.device("cpu"))
    host.pins = True
    for tokens in (64, 7, 40):
        held = host._empty_like(torch.ones(1, tokens, 16, dtype=torch.bfloat16))
        assert (held.shape, held.dtype) == ((1, tokens, 16), torch.bfloat16)
    assert asked == [64 * 16 * 2] * 3
    host._empty_like(torch.ones(1, 40, 2, dtype=torch.bfloat16))  # the other input of a layer of Gemma 4
    assert asked[3:] == [40 * 2 * 2]


def test_segments_of_cuda_memory_can_grow_unless_the_user_says_otherwise() -> None:
    from disc_lite.models import ALLOCATOR

    given = [os.environ[name] for name in ALLOCATOR if name in os.environ]
    assert given or sys.platform != "linux"
    assert len(given) < 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they never grow")
@pytest.mark.parametrize(("release", "grow"), [("6.8.0-generic", True), ("6.6.87.2-microsoft-standard-WSL2", False)])
def test_segments_do_not_grow_under_wsl2(monkeypatch: pytest.MonkeyPatch, release: str, grow: bool) -> None:
    import disc_lite.models as models

    for name in models.ALLOCATOR:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("platform.release", lambda: release)
    importlib.reload(models)
    assert any(name in os.environ for name in models.ALLOCATOR) == grow


def test_a_driver_without_memory_that_grows_is_told_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an A40 used as a virtual GPU, where PyTorch's first allocation fails."""
    said = ["CUDA driver error: operation not supported", "CUDA error: device-side assert triggered"]

    def refuses(*size: int, device: torch.device) -> torch.Tensor:
        raise RuntimeError(f"{said[0]}\nException raised from map_handles")

    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A40-48C")
    monkeypatch.setattr(torch, "empty", refuses)
    with pytest.raises(EnvironmentNotReady, match=r"(?s)A40-48C.*operation not supported\n.*expandable_segments:False"):
        use_device(torch.device("cuda", 0))
    del said[0]
    with pytest.raises(RuntimeError, match="assert triggered"):
        use_device(torch.device("cuda", 0))
