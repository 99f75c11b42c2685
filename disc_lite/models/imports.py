"""Imports of torch and what is built on it, without work that no command needs: a quarter of a command's start."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quick_imports() -> Iterator[None]:
    """Until it ends no garbage is looked for and nothing is compiled.

    Imports leave 700,000 objects and next to no garbage; Python's collector would go through them again and again.
    bitsandbytes compiles what stands in for its kernels where there are none; a CPU and CUDA have them, and to import
    PyTorch's compiler takes as long as to import PyTorch.
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
    """In place of `torch.compile`, also where it is called with options first."""
    return function or _as_it_is
