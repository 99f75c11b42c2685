"""Reads GGUF files of unknown origin: checks all bounds before anything is read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from disc_lite.errors import UsageError
from disc_lite.exporting.layout import Array, require_gguf
from disc_lite.storage import Json

if TYPE_CHECKING:
    from gguf import GGUFReader, ReaderTensor

MOST_KEYS, MOST_TENSORS, MOST_ITEMS, LONGEST_TEXT = 4096, 65_536, 8_000_000, 16 << 20
VERSIONS = (2, 3)
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # GGUF value type -> bytes
TEXT, ARRAY = 8, 9
KeyValue = bool | int | str  # of a key that is written


@dataclass(frozen=True)
class Gguf:
    """A checked file: its keys with their values, and its tensors."""

    path: Path
    reader: GGUFReader
    tensors: dict[str, ReaderTensor]

    def value(self, key: str) -> Json:
        """Return the value of a key, or None if it is not there."""
        field = self.reader.get_field(key)
        try:
            return None if field is None else field.contents()
        except UnicodeError as error:
            raise _unsound(self.path, f"Its value of {key} is not UTF-8.") from error

    def numbers(self, name: str) -> Array:
        """Return a tensor [out, in] as fp32."""
        return self.rows(name, slice(None)).reshape([int(n) for n in reversed(self.tensors[name].shape)])

    def rows(self, name: str, at: slice | Array) -> Array:
        """Return some rows of a tensor as fp32, reading no others. Raises UsageError for an unsupported type."""
        from gguf.quants import dequantize

        tensor = self.tensors[name]
        try:
            values: Array = dequantize(tensor.data[at], tensor.tensor_type)
        except NotImplementedError as error:
            raise UsageError(
                f"{self.path} cannot be read.",
                f"Its tensor {name} has the type {tensor.tensor_type.name}.",
                "Use a GGUF of another type.",
            ) from error
        return values


def open_gguf(path: Path) -> Gguf:
    """Open a file. Raises UsageError if it is no GGUF, truncated, or has counts or lengths out of bounds."""
    gguf = require_gguf()
    try:
        check_bounds(path)
        reader = gguf.GGUFReader(path, "r")
    except (OSError, ValueError, KeyError, IndexError, struct.error, OverflowError, MemoryError, UnicodeError) as error:
        raise _unsound(path, str(error).split("\n")[0] or "It is cut off.") from error
    return Gguf(path, reader, {tensor.name: tensor for tensor in reader.tensors})


def _unsound(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is not a valid GGUF file.", why, "Download or make it again.")


def check_bounds(path: Path) -> None:
    """Read the header once, with a limit on every count and length. Raises ValueError or struct.error."""
    gguf = require_gguf()
    size = path.stat().st_size
    with path.open("rb") as file:
        walk = _Walk(file, size)
        magic, version = walk.take("<4sI")
        if magic != b"GGUF" or version not in VERSIONS:
            raise ValueError("It does not begin like a GGUF file of version 2 or 3.")
        tensors, keys = walk.take("<QQ")
        walk.limit("tensors", tensors, MOST_TENSORS)
        walk.limit("keys", keys, MOST_KEYS)
        alignment = 32
        for _ in range(keys):
            name = walk.text()
            (kind,) = walk.take("<I")
            value = walk.value(kind)
            alignment = value if name == b"general.alignment" and isinstance(value, int) else alignment
        if not 1 <= alignment <= 1 << 20:
            raise ValueError("Its alignment is invalid.")
        ends = []
        for _ in range(tensors):
            walk.text()
            (dimensions,) = walk.take("<I")
            walk.limit("dimensions", dimensions, 4)
            shape = walk.take(f"<{dimensions}Q")
            kind, offset = walk.take("<IQ")
            block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
            if any(n > 1 << 40 for n in shape) or (shape and shape[0] % block):
                raise ValueError("A tensor has a shape that its type does not allow.")
            ends.append(offset + prod(shape) // block * block_bytes)
        start = -(-file.tell() // alignment) * alignment
        if start + max(ends, default=0) > size:
            raise ValueError("It is cut off: its tensors lie beyond its end.")


class _Walk:
    """A position in a file, with reads that check bounds."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def take(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.file.read(struct.calcsize(form)))

    def limit(self, what: str, number: int, most: int) -> None:
        if number > most:
            raise ValueError(f"It claims {number:,} {what}; at most {most:,} are read.")

    def text(self) -> bytes:
        (length,) = self.take("<Q")
        self.limit("bytes of text", length, min(LONGEST_TEXT, self.size))
        text = self.file.read(length)
        if len(text) < length:
            raise ValueError("It is cut off.")
        return text

    def value(self, kind: int) -> bytes | int | None:
        """Read a value; only texts and integers are returned, others are skipped."""
        if kind == TEXT:
            return self.text()
        if kind == ARRAY:
            item, number = self.take("<IQ")
            self.limit("items in an array", number, MOST_ITEMS)
            if item == TEXT:
                for _ in range(number):
                    self.text()
            else:
                self._skip(self._bytes_of(item) * number)
            return None
        raw = self.file.read(self._bytes_of(kind))
        if len(raw) < self._bytes_of(kind):
            raise ValueError("It is cut off.")
        return int.from_bytes(raw, "little")

    def _bytes_of(self, kind: int) -> int:
        if kind not in SCALARS:
            raise ValueError(f"It holds a value of type {kind}, or an array of arrays, which is not supported.")
        return SCALARS[kind]

    def _skip(self, number: int) -> None:
        if self.file.tell() + number > self.size:
            raise ValueError("It is cut off.")
        self.file.seek(number, 1)
