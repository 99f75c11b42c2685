"""Faster imports of torch and of what uses it: skips work that no command needs, a quarter of a command's start."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quick_imports() -> Iterator[None]:
    """Switch off garbage collection and `torch.compile` during imports.

    Imports create 700,000 objects and almost no garbage; Python's collector would traverse them again and again.
    bitsandbytes compiles substitutes for its kernels where it has none; CPUs and CUDA have them, and importing
    PyTorch's compiler takes as long as importing PyTorch.
    """
    import torch

    collects, compiles = gc.isenabled(), torch.compile
    gc.disable()
    if sys.platform != "darwin" and not torch.xpu.is_available():
        torch.compile = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compile = compiles
        if collects:
            gc.enable()


def _as_it_is(function: Callable[..., Any] | None = None, **options: object) -> Any:
    """Stand in for `torch.compile`, also if it is called with options first."""
    return function or _as_it_is
