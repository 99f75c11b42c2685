"""Quantises arrays to GGUF types: with the package `gguf`, and K-quants with ggml itself, from package xllamacpp."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.exporting.ggufreading import Gguf
from disc_lite.exporting.layout import Array

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType as Kind

K_QUANTS = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
# Types that replace those that cannot be written: of about the same size and error, supported by `gguf` alone.
NEAREST = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q4_1", "Q5_K": "Q5_1", "IQ4_XS": "Q4_0", "IQ4_NL": "Q4_0"}
SAFE = "Q8_0"  # its error is not noticeable
TYPES = ("F32", "F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", *K_QUANTS)
LARGEST_ERROR = 0.4  # Q2_K on normal values has 0.3; a wrong type or layout gives 1 or more


def kinds_to_try(base: Gguf, names: Sequence[str], wanted: str) -> Iterator[dict[str, Kind]]:
    """Yield types to write these tensors in, to try until the proof passes; only `wanted` if given.

    First their own types or the nearest, then Q8_0: rounding may lose a small update.
    """
    from gguf import GGMLQuantizationType as Kind

    columns = {name: int(base.tensors[name].shape[0]) for name in names}
    if wanted:
        yield {name: fitting(Kind[wanted], columns[name]) for name in names}
        return
    kept = {name: fitting(base.tensors[name].tensor_type, columns[name]) for name in names}
    yield kept
    safe = {name: kind if bits(kind) > bits(Kind[SAFE]) else fitting(Kind[SAFE], columns[name])
            for name, kind in kept.items()}  # fmt: skip
    if safe != kept:
        yield safe


def fitting(kind: Kind, columns: int) -> Kind:
    """Return the type itself if it can be written and its blocks divide the columns, else one of similar size."""
    from gguf import GGML_QUANT_SIZES

    for name in (kind.name, NEAREST.get(kind.name, SAFE)):
        candidate = type(kind)[name]
        if columns % GGML_QUANT_SIZES[candidate][0] == 0 and can_write(candidate):
            return candidate
    return type(kind).F16


def bits(kind: Kind) -> float:
    """Return the bits per weight."""
    from gguf import GGML_QUANT_SIZES

    block, block_bytes = GGML_QUANT_SIZES[kind]
    return 8 * block_bytes / block


def quantised(values: Array, kind: Kind) -> Array:
    """Return fp32 rows [n, in] in a type that `can_write` allows: [n, bytes per row]."""
    from gguf.quants import quantize

    write = _by_ggml if kind.name in K_QUANTS else quantize
    parts = [part for part in np.array_split(values, os.cpu_count() or 1) if len(part)]
    with ThreadPoolExecutor() as pool:
        return np.concatenate(list(pool.map(lambda part: write(part, kind), parts)))


def rounded(values: Array, kind: Kind) -> Array:
    """Return the fp32 values [n, in] that are read back after writing in a type."""
    from gguf.quants import dequantize

    read: Array = dequantize(quantised(values, kind), kind)
    return read


def check_type(name: str) -> None:
    """Raise UsageError for a type that does not exist, EnvironmentNotReady for one that cannot be written here."""
    from gguf import GGMLQuantizationType as Kind

    if name not in TYPES:
        plain = name.rpartition("_")[0]  # for llama.cpp's mixtures, such as Q4_K_M
        remedy = f"Use --type {plain}." if plain in TYPES else ""
        raise UsageError(f"There is no --type {name}.", f"Types: {', '.join(TYPES)}.", remedy)
    if not can_write(Kind[name]):
        raise EnvironmentNotReady(
            f"{name} cannot be written here.", "llama.cpp's own code writes it, of the package xllamacpp.",
            f"pip install 'disc-lite[gguf]', or choose another --type, such as {NEAREST.get(name, SAFE)}.",
        )  # fmt: skip


@cache
def can_write(kind: Kind) -> bool:
    """Whether the type can be written here; tries it, and compares what is read back."""
    numbers = np.random.default_rng(0).standard_normal((2, 256), dtype=np.float32)
    try:
        read = rounded(numbers, kind)
    except (NotImplementedError, ImportError):
        return False
    return bool(np.linalg.norm(read - numbers) < LARGEST_ERROR * np.linalg.norm(numbers))


def _by_ggml(values: Array, kind: Kind) -> Array:
    """Call `ggml_quantize_chunk(type, source, target, first, rows, columns, importance)`, as llama-quantize does."""
    from gguf import GGML_QUANT_SIZES

    block, block_bytes = GGML_QUANT_SIZES[kind]
    source = np.ascontiguousarray(values, dtype=np.float32)
    rows, columns = source.shape
    target = np.empty((rows, columns // block * block_bytes), dtype=np.uint8)
    _ggml()(kind.value, source.ctypes.data, target.ctypes.data, 0, rows, columns, None)
    return target


@cache
def _ggml() -> ctypes._NamedFuncPointer:
    """Return ggml's function. Raises ImportError if the package is missing or hides it."""
    found = find_spec("xllamacpp")
    folders = found.submodule_search_locations if found else None
    try:
        (library,) = (path for folder in folders or () for path in Path(folder).glob("xllamacpp*.so"))
        function = ctypes.CDLL(str(library)).ggml_quantize_chunk
    except (ValueError, OSError, AttributeError) as error:
        raise ImportError("xllamacpp has no ggml_quantize_chunk") from error
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    return function
