"""Reads the tensors of a model folder one at a time, and copies its files with some tensors replaced.

Files are read, not mapped: the pages of a mapped file count as memory of the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from disc_lite.hub.weights import Shape, weight_files
from disc_lite.storage import JsonObject, disk

_AGAIN = "Copy it again from its source, then repeat the command."
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Stored:
    """The location of a tensor in a file."""

    path: Path
    kind: str  # its type, as safetensors names it
    shape: Shape
    start: int  # offset of its first byte in the file
    end: int

    def raw(self) -> bytearray:
        return _bytes(self.path, self.start, self.end)

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.kind]

    def read(self) -> Tensor:
        return torch.frombuffer(self.raw(), dtype=self.dtype).reshape(self.shape)

    def rows(self, rows: Sequence[int]) -> Tensor:
        """Return some rows of a matrix: [len(rows), in]."""
        size = (self.end - self.start) // self.shape[0]
        parts = [_bytes(self.path, self.start + row * size, self.start + (row + 1) * size) for row in rows]
        return torch.stack([torch.frombuffer(part, dtype=self.dtype) for part in parts])


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Return every tensor of a model folder."""
    return {name: stored for path in weight_files(folder) for name, stored in tensors_in(path).items()}


def tensors_in(path: Path) -> dict[str, Stored]:
    """Return the tensors of one safetensors file, in the order of their bytes."""
    header = _header(path)
    entries: JsonObject = json.loads(header[8:])
    entries.pop("__metadata__", None)
    begin = len(header)
    found = {
        name: Stored(path, entry["dtype"], tuple(entry["shape"]), *(begin + offset for offset in entry["data_offsets"]))
        for name, entry in entries.items()
    }
    return dict(sorted(found.items(), key=lambda item: item[1].start))


def write_changed(source: Path, target: Path, change: Callable[[str, Stored], Tensor | None]) -> None:
    """Copy a safetensors file tensor by tensor; a tensor that `change` returns replaces the stored one, in its type."""
    with target.open("xb") as file:
        file.write(_header(source))
        for name, stored in tensors_in(source).items():
            changed = change(name, stored)
            if changed is None:
                file.write(stored.raw())
                continue
            if changed.dtype != stored.dtype or prod(changed.shape) != prod(stored.shape):
                raise ValueError(f"{name} would be {changed.dtype} {tuple(changed.shape)}")
            file.write(changed.contiguous().view(torch.uint8).numpy().data)


def _header(path: Path) -> bytes:
    """Return the header: its length, and the table of tensors."""
    with disk.reporting(f"{path} cannot be read.", remedy=_AGAIN), path.open("rb") as file:
        length = file.read(8)
        return length + file.read(int.from_bytes(length, "little"))


def _bytes(path: Path, start: int, end: int) -> bytearray:
    """Return mutable bytes, as torch requires. Raises RunFailed if the file is truncated."""
    read = bytearray(end - start)
    with disk.reporting(f"{path} cannot be read.", remedy=_AGAIN), path.open("rb") as file:
        file.seek(start)
        if file.readinto(read) != len(read):
            raise OSError("It is cut off.")
    return read
