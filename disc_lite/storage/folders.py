"""Whole folders: they appear in one step or not at all, and are locked by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady, RunFailed, UsageError
from disc_lite.storage import disk
from disc_lite.storage.digests import DIGESTS, OWN, Digest, note, sha256_of

LOCK = ".lock"
HELD = "held-"  # part of the names of temporary folders that are locked while they are written
WAIT_S = 0.2  # between two attempts to lock
LONGEST_INSIDE = "x" * 100  # at least as long as any path within a run or an export


def require_place(folder: Path) -> None:
    """Raises UsageError if `folder` is a file, or is missing and cannot be made; writes nothing.

    Raises EnvironmentNotReady if the user lacks the rights to make it.
    """
    with disk.reporting(f"{folder} cannot be the output folder.", UsageError, "Choose another --output."):
        with contextlib.suppress(FileNotFoundError):
            os.lstat(folder / LONGEST_INSIDE)  # fails for names that are too long, and if a parent is a file
        existing = _existing(folder)
        if not existing.exists():
            raise OSError(f"{existing} is a broken link.")
        if not folder.is_dir() and not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(f"{existing} is not writable.")


def require_writable(folder: Path, remedy: str) -> None:
    """Raises EnvironmentNotReady if `folder` is not writable or cannot be made; writes nothing."""
    existing = _existing(folder)
    if not os.access(existing, os.W_OK | os.X_OK):
        raise EnvironmentNotReady(f"Nothing can be written into {folder}.", f"{existing} is not writable.", remedy)


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))


@contextlib.contextmanager
def atomic_folder(target: Path, held: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `target`, whole and durable, if the block ends without an error.

    If the block raises, the folder is removed; if the process is killed, `sweep_dead` removes it if it is `held`. In a
    folder with digests its files are recorded, unless it has its own manifest. Raises RunFailed if `target` exists, or
    exists by the end of the block.
    """
    _require_new(target)
    temporary = disk.temporary_beside(target)
    with disk.reporting(f"{target} cannot be written."):
        disk.make_parents(target.parent)
        disk.make_folder(temporary)
    with _held(temporary) if held else contextlib.nullcontext(temporary) as temporary:
        yield from _filled(temporary, target)


def _filled(temporary: Path, target: Path) -> Iterator[Path]:
    """Yield the folder to be filled, then give it the name `target`."""
    try:
        with disk.reporting(f"{target} cannot be written."):
            yield temporary
        with disk.reporting(f"{target} cannot be written."):
            _sync_tree(temporary)
            _require_new(target)  # another process may have made it in the meantime
            _note_tree(temporary, target)
            disk.rename(temporary, target)
    except BaseException:
        disk.discard(temporary)
        raise
    with disk.reporting(f"{target} cannot be written."):
        disk.sync_path(target.parent)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Lock the folder and give it a name that `sweep_dead` looks for, until the block ends or the process is killed.

    On a file system without locks for folders (NFS) `sweep_dead` cannot lock them either, and removes none.
    """
    descriptor, renamed = os.open(folder, os.O_RDONLY | os.O_CLOEXEC), disk.temporary_beside(folder, HELD)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with disk.reporting(f"{folder} cannot be renamed."):
            disk.rename(folder, renamed)
        yield renamed
    finally:
        os.close(descriptor)


def sweep_dead(parent: Path) -> None:
    """Remove the `held` folders in `parent` whose writers were killed, so that they are no longer locked.

    For a user's folder without a lock of its own: other processes may be writing into it, and it can have other files.
    """
    for path in sorted(parent.glob(f"{disk.TEMPORARY}{HELD}*")):
        with contextlib.suppress(OSError):  # another user's, locked, or finished in the meantime
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                disk.remove(path)
            finally:
                os.close(descriptor)


def _require_new(folder: Path) -> None:
    if os.path.lexists(folder):
        raise RunFailed(
            f"{folder} already exists.", "A finished folder is never overwritten.", "Move it away, or name another."
        )


def is_untouched(folder: Path) -> bool:
    """Whether a folder contains nothing but a lock, digests, and temporary files of killed writers."""
    return all(path.name in (LOCK, DIGESTS) or path.name.startswith(disk.TEMPORARY) for path in folder.iterdir())


def sweep(parent: Path) -> None:
    """Remove temporary files that killed writers left in `parent`.

    Only for the holder of the lock: a folder that another process is writing looks the same.
    """
    with disk.reporting(f"{parent} cannot be tidied."):
        for path in sorted(parent.glob(f"{disk.TEMPORARY}*")):
            disk.remove(path)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock `folder` (made if missing) for this process; the kernel releases the lock however the process ends.

    Raises EnvironmentNotReady if another process holds it, or files cannot be locked.
    """
    advice = "Choose a folder that you can write to."
    with _lock_file(folder / LOCK, folder, advice) as (descriptor, is_mine):
        if not is_mine():
            holder = os.read(descriptor, 32).decode("ascii", "replace") or "another one"
            raise EnvironmentNotReady(
                f"{folder} is in use.", f"Process {holder} is using it.",
                "Wait until that has ended, or choose another folder.",
            )  # fmt: skip
        with disk.reporting(f"{folder} cannot be locked.", EnvironmentNotReady, advice):
            disk.truncate(descriptor, 0)
            disk.write(descriptor, str(os.getpid()).encode("ascii"))
        yield


@contextlib.contextmanager
def waiting_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Lock the file `path` (made if missing); while another process holds it, call `on_wait` every WAIT_S seconds.

    `on_wait` may raise. Raises EnvironmentNotReady if files cannot be locked.
    """
    with _lock_file(path, path) as (_, is_mine):
        while not is_mine():
            on_wait()
            time.sleep(WAIT_S)
        yield


@contextlib.contextmanager
def _lock_file(path: Path, what: Path, advice: str = "") -> Iterator[tuple[int, Callable[[], bool]]]:
    """Yields the descriptor of a lock file, and a function that tries to lock it.

    The file is not removed at the end: that could remove the lock of the next process.
    """

    def is_mine() -> bool:
        with disk.reporting(f"{what} cannot be locked.", EnvironmentNotReady, advice):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    with disk.reporting(f"{what} cannot be locked.", EnvironmentNotReady, advice):
        disk.make_parents(path.parent)
        descriptor = disk.create(path, os.O_RDWR)
    try:
        yield descriptor, is_mine
    finally:
        os.close(descriptor)


def _note_tree(folder: Path, target: Path) -> None:
    """Record the digests of all files below `folder`, which is about to become `target`."""
    if any((folder / name).is_file() for name in OWN):
        return
    paths = [path for path in folder.rglob("*") if path.is_file()]
    digests = {target / path.relative_to(folder): Digest(path.stat().st_size, sha256_of(path)) for path in paths}
    if digests:
        note(digests)


def _sync_tree(folder: Path) -> None:
    """fsync `folder` and every file and folder below it, the innermost first.

    Files that other packages (safetensors) write may be readable by their owner only: they get the access rights that
    the umask gave to the folder.
    """
    shared = folder.stat().st_mode & 0o666
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                mode = stat.S_IMODE(path.stat().st_mode)
                if mode | shared != mode:
                    disk.set_mode(path, mode | shared)
                disk.sync_path(path)
        disk.sync_path(Path(parent))
