"""A CUDA graph of the pretended card: captured operations are not computed before the graph is replayed.

A replay repeats the captured operations on the memory that they had in the capture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves

from tests.card_operations import arguments_of, made_by, storage_of
from tests.pretended_card import OnCard, aten, run


class Graph:
    """A replacement for `torch.cuda.CUDAGraph`; `races` is a `tests.card_streams.Races`."""

    def __init__(self, races: Any) -> None:
        self.races = races
        self.operations: list[tuple[Any, Any, dict[str, Any], Any]] = []

    def capture_begin(self, *pool: Any, **options: Any) -> None:
        self.races.graph = self

    def capture_end(self) -> None:
        self.races.graph = None

    def captured(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return the tensors that the operation will fill; until a replay they hold NaN."""
        if func is aten._local_scalar_dense.default:
            self.races.wait()  # raises an error during a capture
        named = arguments_of(func, args, kwargs)
        changed = [value for argument, value in named if argument.alias_info and argument.alias_info.is_write]
        out = changed[0] if changed else func(*args, **kwargs)
        for made in made_by(args, kwargs, out):
            self.races.block(made)  # belongs to the stream of the capture
            if made.is_floating_point():
                made.there.fill_(torch.nan)
        self.operations.append((func, args, kwargs, out))
        return out

    def replay(self) -> None:
        for func, args, kwargs, out in self.operations:
            with _disable_current_modes():
                again = run(func, args, kwargs)
                for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                    if isinstance(old, OnCard) and storage_of(old)._cdata != storage_of(new)._cdata:
                        old.there.copy_(new.there)
            self.races.note(func, args, kwargs, out)
