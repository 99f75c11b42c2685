"""The pass that continues all rows by one token, as a CUDA graph: one launch by the host instead of a thousand.

A small model's pass takes as long as Python needs to launch its kernels, whatever the number of rows.
"""

from __future__ import annotations

import warnings
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain

import torch
from torch import Tensor
from transformers import PreTrainedModel

from disc_lite.errors import memory_ran_out
from disc_lite.models.device import to_device
from disc_lite.models.embedding import HostEmbedding
from disc_lite.models.generation.attention import forward
from disc_lite.models.generation.cache import KeyValueCache
from disc_lite.models.generation.passes import Decoding, Grid, Pass, Token

WORTH_CAPTURING = 8  # passes in a call before the graph is captured; a capture takes as long as some passes


class DecodingGraph:
    """A CUDA graph over all rows of a cache, used or idle, with inputs at fixed addresses."""

    def __init__(self, cache: KeyValueCache, device: torch.device) -> None:
        shape = cache.shape
        self.cache = cache
        self.rows = torch.arange(shape.rows, device=device)
        # One tensor, since the host waits for every copy.
        self.inputs = torch.zeros(4 * shape.rows + shape.prefixes, dtype=torch.long, device=device)
        self.ids, self.at, self.positions, self.in_grid = self.inputs[: 4 * shape.rows].view(4, shape.rows)
        self.sizes = self.inputs[4 * shape.rows :]
        self.passes = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.logits: Tensor | None = None
        self.failed = False

    def replay(
        self, model: PreTrainedModel, tokens: Sequence[Token], ids: Sequence[int], prefix_sizes: Sequence[int]
    ) -> Tensor | None:
        """Run the last tokens of rows, sorted by prefix; return their logits [B, V], or None without a graph (yet)."""
        self.passes += 1
        on_host = isinstance(model.get_input_embeddings(), HostEmbedding)  # its copy cannot be part of a graph
        if self.failed or on_host or model in _not_capturable or self.passes < WORTH_CAPTURING:
            return None
        self._fill(tokens, ids, prefix_sizes)
        if self.graph is None:
            self._capture(model)
        if self.graph is None or self.logits is None:
            return None
        decoder = model.get_decoder()
        for hook in decoder._forward_pre_hooks.values():  # a graph does not run them; they check for signals
            hook(decoder, ())
        self.graph.replay()
        return self.logits[to_device(torch.tensor([token.row for token in tokens]), self.logits.device)]

    def _fill(self, tokens: Sequence[Token], ids: Sequence[int], prefix_sizes: Sequence[int]) -> None:
        n = self.cache.shape.prefix_rows
        # An idle row writes to its own place 0, which is written again before it is read.
        inputs = [[0, 0, 0, self.cache.shape.prefixes * n] for _ in range(self.cache.shape.rows)]
        number: Counter[int] = Counter()
        for token, i in zip(tokens, ids, strict=True):
            position = prefix_sizes[token.prefix] + token.at
            inputs[token.row] = [i, token.at, position, token.prefix * n + number[token.prefix]]
            number[token.prefix] += 1
        by_kind = zip(*inputs, strict=True)
        self.inputs.copy_(torch.tensor([*chain.from_iterable(by_kind), *prefix_sizes]))

    def one_pass(self) -> Pass:
        """Return the pass over the fixed inputs; its masks are computed within it from the current inputs."""
        shape = self.cache.shape
        grid = Grid(self.sizes, shape.prefix_rows, self.in_grid) if shape.prefix_places else None
        decoding = Decoding(self.rows, self.at, self.positions, shape.rows, shape.own_places, True, (), grid)
        return Pass(self.cache, self.ids[None], self.positions[None], self.rows, decoding, None)

    def _capture(self, model: PreTrainedModel) -> None:
        device = self.rows.device
        main, side = torch.cuda.current_stream(device), _stream_of(self, device)
        graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        side.wait_stream(main)
        try:
            # Without autocast's cache, which would be cleared, and its addresses reused, while the graph reads them.
            # The `stream` block is separate because a failed capture leaves its own stream current.
            with _autocast_without_cache(), torch.cuda.stream(side):
                forward(model, self.one_pass())  # set-up of the first call must not be captured
                with _waits_are_errors():
                    forward(model, self.one_pass())
                with torch.cuda.graph(graph, pool=pool, stream=side):  # PyTorch's own stream is on the first GPU used
                    self.logits = forward(model, self.one_pass())
            self.graph = graph
        except RuntimeError as error:
            self.failed, self.logits = True, None
            if not memory_ran_out(error):
                _not_capturable.add(model)
            # Before 2.13, PyTorch treats a capture whose end failed as still running, and cannot free memory.
            with suppress(RuntimeError):  # it has ended
                torch._C._cuda_endAllocateToPool(device.index, pool)
            warnings.warn(f"Generation continues without a CUDA graph: {str(error).splitlines()[0]}", stacklevel=2)
        finally:
            main.wait_stream(side)  # it may still run work started before an error


# Streams of freed graphs, to be reused: cuBLAS allocates 8 MiB for every stream that it was used on (32 on Hopper and
# Blackwell), which older PyTorch never frees, and `torch.cuda.Stream` cycles through 32 streams.
_free_streams: defaultdict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)


def _stream_of(graph: DecodingGraph, device: torch.device) -> torch.cuda.Stream:
    """Return a stream to capture the graph on, which no other graph uses while this one lives."""
    free = _free_streams[device]
    stream = free.pop() if free else torch.cuda.Stream(device)
    weakref.finalize(graph, _give_back, stream, device).atexit = False
    return stream


def _give_back(stream: torch.cuda.Stream, device: torch.device) -> None:
    """Make the stream available again once it is done.

    Runs before a graph is freed, when PyTorch waits for the stream of its capture, not for that of its replays. The
    host has waited for every replay, except one that was followed by an error: sampling may have run out of memory.
    """
    torch.cuda.current_stream(device).synchronize()
    _free_streams[device].append(stream)


# Models whose pass cannot be captured; later calls do not try again.
_not_capturable: weakref.WeakSet[PreTrainedModel] = weakref.WeakSet()


def _autocast_without_cache() -> torch.autocast:
    return torch.autocast("cuda", torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda"), False)


@contextmanager
def _waits_are_errors() -> Iterator[None]:
    """Make every operation for which the host waits an error, as it would be in a capture.

    In a capture it would end the capture, and PyTorch's allocator may not survive that; here it only raises. LongRoPE
    waits in transformers before 5.21, dynamic NTK scaling in all versions.
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning that PyTorch does not find all of them
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
