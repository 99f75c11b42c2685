"""A pretended CUDA device: tensors that say they are on it, but compute on the CPU.

Tensors of the card and of the CPU are told apart as on a GPU: an operation that takes both is an error, unless the one
of the CPU is a single number or an index. So whole functions run as on a GPU, with autocast for CUDA and the branches
that depend on `is_cuda` or `device.type`. What CUDA computes in special kernels is computed here by ordinary ones: the
values are right, but not rounded as on CUDA. Streams and CUDA graphs are in `tests.card_streams`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch.autograd.graph import _engine_run_backward
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

CARD = torch.device("cuda", 0)
aten = torch.ops.aten
HALF = torch.bfloat16
functional = torch.nn.functional
IN_HALF = {
    functional.linear, functional.scaled_dot_product_attention, torch.matmul, torch.Tensor.matmul, torch.mm, torch.bmm,
    torch.Tensor.__matmul__, torch.addmm, torch.Tensor.addmm,
}  # fmt: skip
IN_FP32 = {
    functional.layer_norm, functional.softmax, torch.softmax, torch.log_softmax, torch.Tensor.log_softmax, torch.pow,
    torch.Tensor.pow, torch.Tensor.__pow__, torch.cumsum, torch.Tensor.cumsum, torch.sum, torch.Tensor.sum,
}  # fmt: skip
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._unsafe_index.Tensor}
COPIES = {aten._to_copy.default, aten.copy_.default}


class OnCard(torch.Tensor):
    """A tensor of the card; `there` holds its values."""

    there: torch.Tensor

    @staticmethod
    def __new__(cls, there: torch.Tensor, requires_grad: bool = False) -> OnCard:
        with torch._C._DisableTorchDispatch():
            meta = torch.empty_strided(there.size(), there.stride(), dtype=there.dtype, device="meta")
        made = torch.Tensor._make_subclass(cls, meta, requires_grad, device_for_backend_keys=CARD)
        made.there = there
        return made

    @property
    def device(self) -> torch.device:
        return CARD

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def data(self) -> OnCard:
        return OnCard(self.there)

    @data.setter
    def data(self, other: OnCard) -> None:
        torch.Tensor.data.__set__(self, other)  # type: ignore[attr-defined]
        self.there = other.there

    def tolist(self) -> Any:
        return self.there.tolist()

    def numpy(self) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})

    __torch_function__ = torch._C._disabled_torch_function_impl


class Card(TorchDispatchMode):
    """While it is entered, tensors made for `cuda` are tensors of the card."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


class Autocast(TorchFunctionMode):
    """Does what `torch.autocast` does for a few functions of the card."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.backward:  # layers are recomputed in it, and PyTorch leaves a mode for its functions
            with self:
                return _engine_run_backward(
                    (args[0],), (torch.ones_like(args[0]),), False, False, (),
                    allow_unreachable=True, accumulate_grad=True,
                )  # fmt: skip
        dtype = HALF if func in IN_HALF else torch.float32 if func in IN_FP32 else None
        if dtype is None or not torch.is_autocast_enabled("cuda"):
            return func(*args, **(kwargs or {}))

        def cast(x: Any) -> Any:
            return x.to(dtype) if isinstance(x, OnCard) and x.is_floating_point() else x

        return func(*tree_map(cast, args), **tree_map(cast, kwargs or {}))


def _is_card(device: Any) -> bool:
    """Whether a device is the card; `meta` counts, since PyTorch's own code sees it for a tensor of the card."""
    return device is not None and torch.device(device).type in ("cuda", "meta")


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation on the CPU, after checking on which devices its tensors are."""
    flat, spec = tree_flatten((args, kwargs))
    tensors = [x for x in flat if isinstance(x, torch.Tensor)]
    on_card = any(isinstance(x, OnCard) for x in tensors)
    if on_card and func not in COPIES:
        looked_at = [args[0], *args[2:]] if func in INDEXED else tensors
        wrong = [x for x in looked_at if isinstance(x, torch.Tensor) and not isinstance(x, OnCard) and x.ndim]
        if wrong or (not isinstance(args[0] if func in INDEXED else tensors[0], OnCard) and tensors[0].ndim):
            raise RuntimeError(
                f"Expected all tensors to be on the same device: {func} of {[x.device for x in tensors]}"
            )
    device = kwargs.get("device")
    to_card = _is_card(device) if device is not None else on_card
    if func is aten.copy_.default:
        to_card = isinstance(args[1], OnCard)
    if func is aten._local_scalar_dense.default:
        to_card = False
    plain = [x.there if isinstance(x, OnCard) else x for x in flat]
    plain = [torch.device("cpu") if isinstance(x, torch.device) and _is_card(x) else x for x in plain]
    args_, kwargs_ = tree_unflatten(plain, spec)
    kwargs_.pop("pin_memory", None)
    out = (REPLACED.get(func) or func)(*args_, **kwargs_)
    by_id = {id(x.there): x for x in flat if isinstance(x, OnCard)}

    def wrapped(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        if id(x) in by_id:  # an in-place operation
            return by_id[id(x)]
        return OnCard(x) if to_card else x

    return tree_map(wrapped, out)


def _mm(a: torch.Tensor, b: torch.Tensor, out_dtype: torch.dtype) -> torch.Tensor:
    assert a.dtype == b.dtype and a.dtype != torch.float32 == out_dtype
    return a.to(out_dtype) @ b.to(out_dtype)


def _attention(
    q: Any, k: Any, v: Any, bias: Any, lse: bool, dropout: float = 0.0, causal: bool = False, scale: Any = None
) -> Any:
    assert bias is None or (bias.dtype == q.dtype and bias.stride(-2) % 8 == 0), "the kernel wants aligned rows"
    out, z = aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, attn_mask=bias, scale=scale)
    spare = -z.shape[-1] % 32
    return out, torch.nn.functional.pad(z, (0, spare)), torch.tensor(0), torch.tensor(0)


REPLACED: dict[Any, Any] = {
    aten.mm.dtype: _mm,
    aten._scaled_dot_product_efficient_attention.default: _attention,
}


CUDA: dict[str, Any] = {
    "_lazy_init": lambda: None, "is_available": lambda: True, "device_count": lambda: 1, "current_device": lambda: 0,
    "set_device": lambda device: None, "get_device_name": lambda device=None: "NVIDIA GeForce RTX 4090",
    "get_device_capability": lambda device=None: (8, 9), "is_bf16_supported": lambda including_emulation=True: True,
    "empty_cache": lambda: None,
    "mem_get_info": lambda device=None: (8 << 30, 24 << 30), "memory_reserved": lambda device=None: 0,
    "memory_allocated": lambda device=None: 0, "get_per_process_memory_fraction": lambda device=None: 1.0,
}  # fmt: skip


def _tensor(made: Any, data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
    """Replacement for `torch.tensor`, which bypasses the modes."""
    there: torch.Tensor = made(data, **options)
    if not _is_card(device):
        return there
    return OnCard(there)


@contextmanager
def pretended_card() -> Iterator[torch.device]:
    """Yield the device; within the block, PyTorch reports that it is available."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CUDA.items():
            patch.setattr(torch.cuda, name, value)
        patch.setattr(torch, "tensor", partial(_tensor, torch.tensor))
        # A CUDA build would ask the driver, and there is none.
        patch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: None)
        patch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
        with Card(), Autocast():
            yield CARD


def to_card(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Move a module's parameters, buffers and other tensors to the card, and the scales of 4-bit weights."""
    moved: dict[int, Any] = {}  # keeps tied weights tied
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                if parameter.is_floating_point():
                    parameter.data = parameter.data.to(dtype)
                new = moved.setdefault(id(parameter), torch.nn.Parameter(OnCard(parameter.data), False))
                if state := getattr(parameter, "quant_state", None):
                    new.__dict__.update({k: v for k, v in parameter.__dict__.items() if k != "there"})
                    state.dtype = part.compute_dtype = dtype  # type: ignore[assignment]
                    for scales in (state, state.state2):
                        _move_in(scales.__dict__)
                part._parameters[name] = new
        for holder in (part._buffers, part.__dict__):
            _move_in(holder)


def _move_in(holder: dict[str, Any]) -> None:
    for name, value in holder.items():
        if isinstance(value, torch.Tensor) and not isinstance(value, OnCard):
            holder[name] = OnCard(value)
