"""Measures the bytes that PyTorch allocates: by its own count on a GPU, by the profiler's events on a CPU."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import nn
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile


@dataclass
class Peak:
    """The most bytes allocated beyond those at the beginning; 0 until the block ends."""

    allocated: int = 0


@contextmanager
def peak_allocated(device: torch.device) -> Iterator[Peak]:
    """Measure the most that the block allocates. On a CPU this records every allocation, which takes time."""
    peak = Peak()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        try:
            yield peak
        finally:
            peak.allocated = torch.cuda.max_memory_allocated(device) - before
        return
    recorder = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    recorder.start()
    try:
        yield peak
    finally:
        recorder.stop()
        recorded: Any = recorder.profiler
        peak.allocated = highest(changes(recorded.kineto_results.experimental_event_tree()))


def changes(events: Iterable[Any]) -> Iterator[tuple[int, int, int]]:
    """Yield (time, address, bytes) from a profiler's tree of events; bytes are negative where memory is freed."""
    for event in events:
        if event.tag == _EventType.Allocation:
            yield event.start_time_ns, event.extra_fields.ptr, event.extra_fields.alloc_size
        yield from changes(event.children)


def highest(changes: Iterable[tuple[int, int, int]]) -> int:
    """Return the most bytes held at once of those allocated in the recording, from (time, address, bytes).

    Freeing memory that was allocated before the recording is not counted: the profiler reports only those frees whose
    address it knows, including from earlier recordings, so the result would depend on which tests had run.
    """
    now = most = 0
    held: dict[int, int] = {}
    for _, address, size in sorted(changes, key=lambda change: change[0]):
        if size > 0:
            held[address] = size
            now += size
            most = max(most, now)
        else:
            now -= held.pop(address, 0)
    return most


def bytes_of(models: Iterable[nn.Module]) -> int:
    """Return the bytes of all parameters and buffers, shared ones counted once, with the scales of 4-bit weights."""
    sizes: dict[int, int] = {}
    for model in models:
        for tensor in [*model.parameters(), *model.buffers()]:
            sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            state: Any = getattr(tensor, "quant_state", None)
            for part in (state, state and state.state2):
                if part is not None:
                    sizes[part.absmax.data_ptr()] = part.absmax.numel() * part.absmax.element_size()
    return sum(sizes.values())


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
