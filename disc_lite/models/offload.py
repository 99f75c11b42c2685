"""Gradient checkpoints in host memory: the inputs of a layer are kept there until its backward pass.

On CUDA they are copied on a separate stream, into pinned memory, while the card computes on; before a layer is
recomputed, the inputs of the layer below are already being copied back. If no memory can be pinned (WSL2 limits it),
and on other devices, the same copies are made synchronously. The bytes are unchanged, so gradients are the same.

The memory of a copied tensor is free as soon as the host drops it, since the card waits for the copies: with
`record_stream` it would be free only when the host sees them finished, and the host is a whole pass ahead of the card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint


@dataclass(eq=False)
class _Slot:
    """An input of one layer on the host."""

    held: Tensor
    before: _Slot | None  # the slot made before this one
    used: bool = False
    back: Tensor | None = None  # the copy on the device, complete after `arrived`
    arrived: Any = None  # a CUDA event


class HostCheckpoints:
    """Runs layers with their inputs on the host (Gemma 4's have two each); one object for all layers of a model."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.pins = self.stream is not None
        self.newest: _Slot | None = None
        self.coming: list[_Slot] = []  # being copied back: alive until the card waits for them, also after an error
        self.largest = Counter[int]()  # width of an input -> bytes of the largest

    def run(self, number: int, layer: Callable[..., Any], *inputs: Any) -> Any:
        """Run layer `number`, counted from 0; it is recomputed in the backward pass."""
        if number == 0:
            self._begin()
        try:
            # Inside, checkpoint's own hooks shadow these, so these see only the inputs.
            with saved_tensors_hooks(self._to_host, self._to_device):
                return checkpoint(layer, *inputs, use_reentrant=False, preserve_rng_state=False)
        finally:  # the inputs are alive until here; the copies ran during the layer
            self._wait_for_copies()

    def _begin(self) -> None:
        """Forget the previous batch, which may have ended with an error."""
        self._wait_for_copies()
        self.newest, self.coming = None, []
        if self.stream is not None:
            # Otherwise the host runs ahead of the card, and no pinned block of the last batch is free until it is done.
            torch.cuda.current_stream(self.device).synchronize()

    def _wait_for_copies(self) -> None:
        """Make the card's later work wait for the copies that were started."""
        if self.stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self.stream)

    def _to_host(self, tensor: Tensor) -> Tensor | _Slot:
        if not (tensor.is_floating_point() and tensor.numel()):
            return tensor
        slot = _Slot(self._empty_like(tensor), self.newest)
        self._copy(slot.held, tensor)
        self.newest = slot
        return slot

    def _to_device(self, slot: Tensor | _Slot) -> Tensor:
        if isinstance(slot, Tensor):
            return slot
        self._fetch(slot)
        # Prefetch one for each: while a layer is recomputed, all inputs of the layer below are being copied.
        ahead = slot.before
        while ahead is not None and (ahead.used or ahead.back is not None):
            ahead = ahead.before
        if ahead is not None:
            self._fetch(ahead)
        self.newest = None
        if slot.arrived is not None:
            torch.cuda.current_stream(self.device).wait_event(slot.arrived)
        self.coming.remove(slot)
        back, slot.back, slot.used = slot.back, None, True
        assert back is not None
        return back

    def _fetch(self, slot: _Slot) -> None:
        """Start to copy a slot back, unless that was done."""
        if slot.back is None:
            slot.back = torch.empty_like(slot.held, device=self.device)
            self.coming.append(slot)
            slot.arrived = self._copy(slot.back, slot.held)

    def _copy(self, target: Tensor, source: Tensor) -> Any:
        """Copy after all work started so far; returns the event of its end."""
        if self.stream is None:
            target.copy_(source)
            return None
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            target.copy_(source, non_blocking=self.pins)
            return self.stream.record_event()

    def _empty_like(self, tensor: Tensor) -> Tensor:
        """Return an empty host tensor, pinned as long as the system allows it.

        Its block is as large as the largest so far of its width: PyTorch keeps freed blocks by powers of two, and the
        last micro-batch of a step, which is small, would otherwise get blocks in addition to those of the others.
        """
        size = self.largest[tensor.shape[-1]] = max(self.largest[tensor.shape[-1]], tensor.nbytes)
        if self.pins:
            try:
                block = torch.empty(size, dtype=torch.uint8, pin_memory=True)
                return block[: tensor.nbytes].view(tensor.dtype).view(tensor.shape)
            except RuntimeError:
                self.pins = False
        return torch.empty(tensor.shape, dtype=tensor.dtype)
