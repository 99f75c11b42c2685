"""The loss allocates the logits of one chunk, and never a copy of the head."""

from __future__ import annotations

import math
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from disc_lite.losses import Divergence, Head, cross_entropy, divergence
from disc_lite.losses import head as head_module


class Allocations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the shape of every tensor that an operation creates, and the peak bytes of new storages."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.shapes: list[tuple[int, ...]] = []  # of tensors that own their storage
        self.live: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        given = (*args, *(kwargs or {}).values())
        before = {a.untyped_storage().data_ptr() for a in given if isinstance(a, Tensor)}
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in before:
                    self._record(tensor, storage)
        return out

    def _record(self, tensor: Tensor, storage: Any) -> None:
        self.shapes.append(tuple(tensor.shape))
        key = storage._cdata
        self.live[key] = storage.nbytes()
        weakref.finalize(storage, self.live.pop, key, None)
        self.peak = max(self.peak, sum(self.live.values()))


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd", "cross_entropy"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_is_that_of_a_chunk(kind: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, vocabulary, width, chunk = 2048, 4096, 32, 256
    monkeypatch.setattr(head_module, "VOCABULARY_BLOCK", 512)
    head = Head(torch.randn(vocabulary, width).to(dtype).requires_grad_())
    student = torch.randn(rows, width).to(dtype).requires_grad_()
    teacher = torch.randn(rows, width).to(dtype).requires_grad_()
    with Allocations() as seen:
        if kind == "cross_entropy":
            loss = cross_entropy(student, torch.arange(rows), head, chunk=chunk)
        else:
            loss = divergence(student, teacher, head, Divergence(kind, 2.0, True), chunk=chunk)
        loss.backward()  # type: ignore[no-untyped-call]
    assert max(math.prod(shape) for shape in seen.shapes) < rows * vocabulary
    assert not {(vocabulary, width), (width, vocabulary)} & set(seen.shapes)
    logits = 4 * chunk * vocabulary * (1 if kind == "cross_entropy" else 2)
    kept = 2 * student.numel() * student.element_size()  # the gradient, and its product with the incoming one
    # More than the logits themselves, or this test would measure nothing.
    assert logits < seen.peak <= logits + 3 * chunk * vocabulary + kept + 2**18
    assert head.weight.grad is None and teacher.grad is None and student.grad is not None
