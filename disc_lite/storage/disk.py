"""Every operation that changes the disk, one small function each.

The other modules of this package call them through the module (`disk.write(...)`), so that tests can replace them to
count the operations, and to fail or kill the process at the k-th one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from disc_lite.errors import DiscLiteError, EnvironmentNotReady, RunFailed

TEMPORARY = ".tmp-"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def make_folder(path: Path) -> None:
    """Make one new folder; its parent must exist."""
    os.mkdir(path)


def create(path: Path, flags: int) -> int:
    """Open `path` for writing, creating it if it is missing; returns the descriptor."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o666)


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """`create` as a context manager that closes the descriptor."""
    descriptor = create(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`, however many system calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def append(path: Path, size_bytes: int, data: bytes) -> None:
    """Write `data` durably after the first `size_bytes` bytes of a file; cuts off what a killed writer left there."""
    with opened(path, os.O_RDWR | os.O_APPEND) as descriptor:
        if os.fstat(descriptor).st_size > size_bytes:
            truncate(descriptor, size_bytes)
        write(descriptor, data)
        sync(descriptor)


def reserve(descriptor: int, size_bytes: int) -> None:
    """Reserve the bytes of a new file on the disk, if the system can do that."""
    if size_bytes and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)


def truncate(descriptor: int, size_bytes: int) -> None:
    """Truncate the file to `size_bytes` bytes."""
    os.ftruncate(descriptor, size_bytes)


def set_mode(path: Path, mode: int) -> None:
    """Set the access rights of a file."""
    os.chmod(path, mode)


def sync(descriptor: int) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    os.fsync(descriptor)


def sync_path(path: Path) -> None:
    """`sync` for the path of a folder, or of a file that other code wrote."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Rename `source` to `target` in one step, replacing a file that is there."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Remove a file, a folder with its content, or a link but not what it links to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_parents(folder: Path) -> None:
    """Make `folder` and its missing parents, durably."""
    if folder.is_dir():
        return
    make_parents(folder.parent)
    with contextlib.suppress(FileExistsError):  # another process made it first
        make_folder(folder)
        sync_path(folder.parent)


def temporary_beside(target: Path, kind: str = "") -> Path:
    """A new name in the folder of `target`, on the same disk, so that a rename is one step."""
    return target.parent / f"{TEMPORARY}{kind}{secrets.token_hex(8)}"


def discard(path: Path) -> None:
    """Remove a temporary file or folder; errors are ignored, since the error that led here matters more."""
    with contextlib.suppress(OSError):
        remove(path)


@contextlib.contextmanager
def reporting(what: str, error_class: type[DiscLiteError] = RunFailed, remedy: str = "") -> Iterator[None]:
    """Turn disk errors into `error_class` with cause and remedy, or EnvironmentNotReady if access is denied.

    A closed pipe or connection, such as the listener's, is not a disk error.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *_safetensors_error())) or isinstance(error, ConnectionError):
            raise
        if is_full(error):
            remedy = "Free some space and run the same command again."
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
            error_class = EnvironmentNotReady
            remedy = remedy or "Change the permissions, or work on a copy that you can read and write."
        raise error_class(what, getattr(error, "strerror", None) or str(error), remedy) from error


def _safetensors_error() -> tuple[type[Exception], ...]:
    """The error class of safetensors if that is imported; importing it is slow, and --help does not need it."""
    module = sys.modules.get("safetensors")
    return (module.SafetensorError,) if module else ()


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk or the user's quota is full.

    Libraries in Rust (safetensors, the hub's transfer) quote the system, "(os error 28)"; numpy reports the bytes
    requested and written.
    """
    text = str(error)
    if any(f"os error {number})" in text for number in NO_SPACE):
        return True
    return isinstance(error, OSError) and (error.errno in NO_SPACE or " requested and " in text)
