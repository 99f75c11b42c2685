"""Checkpoints of layers in the memory of the host: the inputs of a layer wait there until its backward pass.

On CUDA it is copied on a stream of its own, into pinned memory, while the card computes on; before a layer is computed
again, the inputs of the layer below are on their way back. Where no memory can be pinned (WSL2 limits it), and on other
devices, the same copies are made one after another. The bytes come back as they were, so gradients are the same.

The memory of what is copied is free as soon as the host says so, since the card waits for the copies: with
`record_stream` it would be free when the host sees them made, and the host is a whole pass ahead of the card.
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
    before: _Slot | None  # the one that was made before it
    used: bool = False
    back: Tensor | None = None  # on the device again, when `arrived`
    arrived: Any = None  # a CUDA event


class HostCheckpoints:
    """Runs layers with their inputs on the host (Gemma 4's have two each); one for all layers of a model."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.pins = self.stream is not None
        self.newest: _Slot | None = None
        self.coming: list[_Slot] = []  # on their way back: alive until the card waits for them, also after an error
        self.largest = Counter[int]()  # width of an input -> bytes of the largest

    def run(self, number: int, layer: Callable[..., Any], *inputs: Any) -> Any:
        """The layer of this number, counted from 0; it is computed again in the backward pass."""
        if number == 0:
            self._begin()
        try:
            # Inside, checkpoint's own hooks hide these: they see the inputs alone.
            with saved_tensors_hooks(self._to_host, self._to_device):
                return checkpoint(layer, *inputs, use_reentrant=False, preserve_rng_state=False)
        finally:  # the inputs are alive until here; their copies had the time of the layer
            self._wait_for_copies()

    def _begin(self) -> None:
        """Forget the batch before, which may have ended with an error."""
        self._wait_for_copies()
        self.newest, self.coming = None, []
        if self.stream is not None:
            # The host would run ahead of the card, and no pinned block of the batch before is free until that is done.
            torch.cuda.current_stream(self.device).synchronize()

    def _wait_for_copies(self) -> None:
        """What the card computes from here on comes after the copies that were begun."""
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
        # One for one: while a layer is computed again, all inputs of the layer below are on their way.
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
        """Begin to copy it back, unless that was done."""
        if slot.back is None:
            slot.back = torch.empty_like(slot.held, device=self.device)
            self.coming.append(slot)
            slot.arrived = self._copy(slot.back, slot.held)

    def _copy(self, target: Tensor, source: Tensor) -> Any:
        """Copy after all that was begun until now; returns the event of its end."""
        if self.stream is None:
            target.copy_(source)
            return None
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            target.copy_(source, non_blocking=self.pins)
            return self.stream.record_event()

    def _empty_like(self, tensor: Tensor) -> Tensor:
        """On the host; pinned as long as the system allows it.

        As large as the largest so far of its width: PyTorch keeps freed blocks apart by powers of two, and the last
        micro-batch of a step, which is small, would have blocks of its own beside those of the others.
        """
        size = self.largest[tensor.shape[-1]] = max(self.largest[tensor.shape[-1]], tensor.nbytes)
        if self.pins:
            try:
                block = torch.empty(size, dtype=torch.uint8, pin_memory=True)
                return block[: tensor.nbytes].view(tensor.dtype).view(tensor.shape)
            except RuntimeError:
                self.pins = False
        return torch.empty(tensor.shape, dtype=tensor.dtype)
