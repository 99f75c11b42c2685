"""Streams of the pretended card (`tests.pretended_card`) that detect races between operations.

A stream counts its operations, and those of every other stream that are certainly done before its next one: because of
the events that it has waited for, and of what the host had waited for when it began the operation (vector clocks). The
host counts in the same way what it does to pinned memory. Two operations on the same memory, one of which writes, are a
race if the later one does not know that the earlier is done, whatever their timing on a real card.

Freed memory of the card goes to the next tensor of the stream that it was allocated on. That is a write too, except for
streams that `record_stream` has named. PyTorch itself reuses freed pinned memory only after the copies of it are made.
"""

from __future__ import annotations

import weakref
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from disc_lite.models.generation import graphs
from tests.card_graphs import Graph
from tests.card_operations import accesses, is_awaited, storage_of
from tests.pretended_card import OnCard, aten, pretended_card

SYNCS = "called a synchronizing CUDA operation"  # PyTorch's message in the mode in which synchronising is an error


class Stream:
    """A sequence of operations, on the card or on the host."""

    def __init__(self, name: str, host: Stream | None) -> None:
        self.name, self.host = name, host
        self.done: Counter[Stream] = Counter()  # for every stream, how many of its operations are done

    def begin(self, what: str) -> Access:
        if self.host is not None:
            self.done |= self.host.done
        self.done[self] += 1
        return Access(self, self.done[self], f"{what} on {self.name}")

    def record_event(self) -> Counter[Stream]:
        return Counter(self.done)

    def wait_event(self, event: Counter[Stream]) -> None:
        self.done |= event

    def wait_stream(self, other: Stream) -> None:
        self.wait_event(other.record_event())

    def synchronize(self) -> None:
        assert self.host is not None
        self.host.done |= self.done


@dataclass(frozen=True)
class Access:
    stream: Stream
    number: int
    what: str


@dataclass
class Block:
    """The memory of a tensor: who can reuse it, and how it was used since it was last written."""

    owner: Stream | None  # None for pinned memory
    written: Access | None = None
    read: list[Access] = field(default_factory=list)
    recorded: set[Stream] = field(default_factory=set)


class Races(TorchDispatchMode):
    """Records every operation while it is entered; `found` lists the races."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.blocks: dict[int, Block] = {}
        self.host = Stream("the host", None)
        self.streams = list[Stream]()
        self.current, self.syncs = self.stream(), "default"
        self.graph: Graph | None = None  # the graph that is being captured

    def stream(self, device: Any = None) -> Stream:
        self.streams.append(Stream(f"stream {len(self.streams)}", self.host))
        return self.streams[-1]

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    def wait(self, *streams: Stream) -> None:
        """The host waits for everything that was begun."""
        if self.graph or self.syncs == "error":
            raise RuntimeError(SYNCS)
        for stream in streams or (self.current,):
            stream.synchronize()

    # -- memory --------------------------------------------------------------------------------------------

    def block(self, tensor: Any) -> Block | None:
        """The memory of a tensor; None for host memory that is not pinned, since the host uses that in order."""
        storage = storage_of(tensor)
        if storage._cdata not in self.blocks and isinstance(tensor, OnCard):
            self.add(storage, Block(self.current))
        return self.blocks.get(storage._cdata)

    def add(self, storage: torch.UntypedStorage, block: Block) -> None:
        self.blocks[storage._cdata] = block
        weakref.finalize(storage, self.freed, storage._cdata).atexit = False

    def pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        there = tensor.clone()
        self.add(storage_of(there), Block(None))
        return there

    def freed(self, key: int) -> None:
        block = self.blocks.pop(key)
        if block.owner is not None:
            uses = [use for use in (block.written, *block.read) if use and use.stream not in block.recorded]
            self.compare(Access(block.owner, 0, f"the next tensor in freed memory of {block.owner.name}"), uses)

    def used(self, block: Block, access: Access, writes: bool) -> None:
        self.compare(access, [use for use in (block.written, *(block.read if writes else ())) if use])
        if writes:
            block.written, block.read = access, []
        else:
            block.read.append(access)

    def compare(self, access: Access, earlier: list[Access]) -> None:
        done = access.stream.done | self.host.done
        self.found += [f"{access.what} after {use.what}" for use in earlier if done[use.stream] < use.number]

    # -- operations ----------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.graph is not None:
            return self.graph.captured(func, args, kwargs)
        out = func(*args, **kwargs)
        if kwargs.get("pin_memory"):
            self.add(storage_of(out), Block(None))
        self.note(func, args, kwargs, out)
        return out

    def note(self, func: Any, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        """Record an operation of the current stream, or of the host: what it reads, writes and creates."""
        reads, writes = accesses(func, args, kwargs, out)
        on_card = any(isinstance(x, OnCard) for x in [*reads, *writes])
        access = (self.current if on_card else self.host).begin(str(func))
        for tensors, wrote in ((reads, False), (writes, True)):
            for block in {id(b): b for b in map(self.block, tensors) if b}.values():
                self.used(block, access, wrote)
        if is_awaited(func, args, kwargs, out):
            self.wait()


@contextmanager
def streamed_card() -> Iterator[Races]:
    """The pretended card with streams and CUDA graphs. Races that are still in `found` at the end are an error."""
    races = Races()
    tolist = OnCard.tolist

    def read(tensor: OnCard) -> Any:
        races.note(aten.clone.default, (tensor,), {}, None)
        races.wait()
        return tolist(tensor)

    cuda: dict[str, Any] = {
        "Stream": races.stream, "current_stream": lambda device=None: races.current, "stream": races.on,
        "synchronize": lambda device=None: races.wait(*races.streams),
        "CUDAGraph": lambda: Graph(races), "graph_pool_handle": lambda: (0, 1),
        "get_sync_debug_mode": lambda: races.syncs, "set_sync_debug_mode": lambda mode: setattr(races, "syncs", mode),
    }  # fmt: skip
    with pretended_card(), pytest.MonkeyPatch.context() as patch:
        for name, value in cuda.items():
            patch.setattr(torch.cuda, name, value)
        patch.setattr(torch._C, "_host_emptyCache", lambda: None, raising=False)
        patch.setattr(graphs, "_free_streams", defaultdict(list))
        patch.setattr(torch.Tensor, "record_stream", lambda x, stream: races.block(x).recorded.add(stream))  # type: ignore[union-attr]
        patch.setattr(torch.Tensor, "pin_memory", lambda tensor: races.pinned(tensor))
        patch.setattr(OnCard, "tolist", read)
        with races:
            yield races
    assert races.found == []
