"""If a pass cannot be captured in a CUDA graph, generation continues on the same stream and does not try again.

CUDA is pretended: `torch.cuda.graph` is PyTorch's own, streams are strings, and a capture ends as on a card.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import torch

from disc_lite.models.generation import generate, graphs

PROMPTS = [[30, 31, 32], [40], [50, 51, 52, 53]]
HOW: dict[str, Any] = {"stop_ids": frozenset(), "max_new_tokens": 16}
SYNCS = "called a synchronizing CUDA operation"  # PyTorch's message
INVALID = "CUDA error: operation failed due to a previous error during capture"


class Pretended:
    """Records what is asked of a card, and holds its current stream."""

    def __init__(self) -> None:
        self.current, self.mode, self.done = "usual", 0, list[str]()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        cuda = self

        class Graph:
            def capture_begin(self, *pool: Any, **options: Any) -> None:
                cuda.done.append("begin")

            def capture_end(self) -> None:
                cuda.done.append("end")
                raise RuntimeError(INVALID)

        class Stream(str):
            def wait_stream(self, other: str) -> None: ...

            def synchronize(self) -> None: ...

        def give_up(device: Any, pool: Any) -> None:
            if "begin" not in cuda.done:
                raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
            cuda.done.append(f"no more of {pool}")

        class Block:
            def __init__(self, which: str) -> None:
                self.which = which

            def __enter__(self) -> None:
                self.before, cuda.current = cuda.current, self.which

            def __exit__(self, *error: object) -> None:
                cuda.current = self.before

        for name, value in {
            "CUDAGraph": Graph, "graph_pool_handle": lambda: "its pool", "Stream": lambda device: Stream("side"), "stream": Block,
            "current_stream": lambda device=None: Stream(cuda.current), "synchronize": lambda: None,
            "get_sync_debug_mode": lambda: cuda.mode, "set_sync_debug_mode": lambda mode: setattr(cuda, "mode", mode),
        }.items():  # fmt: skip
            patch.setattr(torch.cuda, name, value)
        patch.setattr(torch._C, "_host_emptyCache", lambda: None, raising=False)
        patch.setattr(torch._C, "_cuda_endAllocateToPool", give_up, raising=False)
        patch.setattr(graphs, "_free_streams", defaultdict(list))
        patch.setattr("disc_lite.models.generation.decoding.AT_ONCE", {"cpu"})


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Pretended]:
    def installed() -> Pretended:
        pretended = Pretended()
        pretended.install(monkeypatch)
        return pretended

    return installed


def test_after_a_failed_capture_the_stream_is_as_before_and_no_other_is_tried(
    load: Callable[..., Any], card: Callable[[], Pretended]
) -> None:
    base = load("llama")
    with base.frozen(adapter=False) as model:
        expected = generate(model, PROMPTS, **HOW)
        cuda = card()
        with pytest.warns(match=f"without a CUDA graph: {INVALID}") as warned:
            assert generate(model, PROMPTS, **HOW) == expected
        assert len(warned) == 1
        assert (cuda.current, cuda.mode, cuda.done) == ("usual", 0, ["begin", "end", "no more of its pool"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert generate(model, PROMPTS, **HOW) == expected
        assert len(cuda.done) == 3


def test_a_pass_that_waits_for_the_card_is_found_before_a_capture_begins(
    load: Callable[..., Any], card: Callable[[], Pretended]
) -> None:
    """LongRoPE did this until transformers 5.21, and dynamic NTK scaling still does."""
    base = load("llama")
    with base.frozen(adapter=False) as model:
        expected = generate(model, PROMPTS, **HOW)
        cuda = card()

        def waits(module: Any, inputs: Any) -> None:
            if cuda.mode == "error":
                raise RuntimeError(SYNCS)

        model.model.rotary_emb.register_forward_pre_hook(waits)
        with pytest.warns(match=f"without a CUDA graph: {SYNCS}"):
            assert generate(model, PROMPTS, **HOW) == expected
        assert (cuda.current, cuda.mode, cuda.done) == ("usual", 0, [])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert generate(model, PROMPTS, **HOW) == expected


def test_where_memory_ran_out_a_later_call_tries_again(
    load: Callable[..., Any], card: Callable[[], Pretended], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    with base.frozen(adapter=False) as model:
        cuda = card()

        def full(graph: Any, *pool: Any, **options: Any) -> None:
            cuda.done.append("full")
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")

        monkeypatch.setattr(torch.cuda.CUDAGraph, "capture_begin", full)
        for _ in range(2):
            with pytest.warns(match="without a CUDA graph: CUDA out of memory"):
                generate(model, PROMPTS, **HOW)
        assert (cuda.current, cuda.done) == ("usual", ["full", "full"])
    assert base.causal not in graphs._not_capturable
