"""Files of many gigabytes: their space is reserved before they are written, and they are read in pieces.

They are never mapped into memory: if the disk is full or fails, a mapping kills the process with a signal (SIGBUS).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from disc_lite.errors import RunFailed, WillNotFit
from disc_lite.storage import disk

GIB = 1 << 30


def free_disk(path: Path) -> int:
    """Free bytes on the disk where `path` is or will be."""
    existing = next(p for p in (path, *path.absolute().parents) if p.exists())
    return shutil.disk_usage(existing).free


def bytes_below(*folders: Path) -> int:
    """Total bytes of the files in these folders; folders that do not exist count as empty."""
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def no_room(path: Path, needed_bytes: int) -> WillNotFit:
    """The error for a disk with too little free space at `path`."""
    return WillNotFit(
        f"The disk of {path} is full: {_size(needed_bytes)} are needed.",
        f"{_size(free_disk(path))} are free.",
        "Free some space and repeat the same command; it continues from here.",
    )


@contextmanager
def reserved_file(path: Path, size_bytes: int) -> Iterator[Callable[[memoryview], None]]:
    """Create a file of `size_bytes` bytes; yields a function that writes the next bytes.

    Raises WillNotFit, with the bytes needed and free, if the disk has too few.
    """
    with _reporting(path, size_bytes):
        descriptor = disk.create(path, os.O_EXCL | os.O_WRONLY)
    try:
        with _reporting(path, size_bytes):
            disk.reserve(descriptor, size_bytes)

        def write(data: memoryview) -> None:
            with _reporting(path, size_bytes):
                disk.write(descriptor, data)

        yield write
    finally:
        os.close(descriptor)


def read_into(path: Path, pieces: list[tuple[int, memoryview]]) -> None:
    """Fill each buffer with the bytes of the file from its offset on. Raises RunFailed if there are too few."""
    with disk.reporting(f"{path} cannot be read."):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for offset, buffer in pieces:
                while buffer:
                    number = os.preadv(descriptor, [buffer], offset)
                    if not number:
                        raise RunFailed(
                            f"{path} ends too early.", f"There is nothing at byte {offset:,}.",
                            "Remove it; it will be made again.",
                        )  # fmt: skip
                    offset, buffer = offset + number, buffer[number:]
        finally:
            os.close(descriptor)


@contextmanager
def _reporting(path: Path, size_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in disk.NO_SPACE:
            raise no_room(path, size_bytes) from error
        raise RunFailed(f"{path} cannot be written.", error.strerror or str(error)) from error


def _size(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.2f} GiB ({size_bytes:,} bytes)"
