"""Records size and SHA-256 of everything written below a folder in its `digests.txt`, and verifies what is read.

In a folder with this file, every write of this package is recorded and every read is compared with the record. So a
later stage uses exactly what an earlier one wrote, or an error names the file that differs.

There is a line for every write, with its own check sum; the last line that names a file counts. A line is written
before its file appears. So after a kill in between, the very last line can be about a write that did not happen; then
the previous line about the file still holds. Only the holder of the folder's lock writes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady
from disc_lite.storage import disk
from disc_lite.storage.lines import line_of, value_in

DIGESTS = "digests.txt"
HEADER = line_of("disc-lite: size and SHA-256 of what is written into this folder")
OWN = ("manifest.json", "export.json")  # a folder with one of these files is verified by that file instead
_CHUNK_BYTES = 1 << 20
_REMEDY = (
    "Restore it from a copy, or remove it (in a finished run summary.json too) and repeat the command that wrote it. "
    "To edit a file, copy it out of the folder first."
)
_IF_MISSING = (
    "Restore it from a copy, or remove summary.json of a finished run and repeat its `adapt`, which makes it again."
)


@dataclass(frozen=True)
class Digest:
    """Size and SHA-256 of a file."""

    size_bytes: int
    sha256: str


Noted = Digest | None  # None: the file does not exist
Line = dict[str, Noted]  # path below the folder -> digest, for the files of one write


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with disk.reporting(f"{path} cannot be read."), path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of(data: bytes) -> Digest:
    return Digest(len(data), hashlib.sha256(data).hexdigest())


def begin_digests(folder: Path) -> None:
    """Create the digests of a folder, and the folder if needed: from now on writes below it are recorded."""
    if _is_begun(folder):
        return
    with disk.reporting(f"{folder / DIGESTS} cannot be written."):
        disk.make_parents(folder)
        with disk.opened(folder / DIGESTS, os.O_WRONLY) as descriptor:
            disk.truncate(descriptor, 0)  # a kill may have left a part of the header
            disk.write(descriptor, HEADER)
            disk.sync(descriptor)
        disk.sync_path(folder)


def require_digests(folder: Path) -> None:
    """Raises EnvironmentNotReady if a folder that should have digests has none."""
    if not _is_begun(folder):
        raise _damaged(folder)


def note(files: Mapping[Path, Digest], may_differ: bool = False) -> None:
    """Record the files that are about to appear in one step.

    If a file was removed, others may have been made from it: a file that replaces it must be equal, unless it
    `may_differ`. Raises EnvironmentNotReady if it is not.
    """
    folder = _folder_of(next(iter(files)))
    if folder is None:
        return
    log = _Log(folder)
    named: Line = {log.name_of(path): digest for path, digest in files.items()}
    for name, digest in named.items():
        # A file of the very last write may never have appeared; then nothing was made from it.
        before = log.history(name)[1 if name in log.last else 0]
        if not may_differ and before not in (None, digest) and not os.path.lexists(folder / name):
            raise EnvironmentNotReady(
                f"{folder / name} was removed, and what was made in its place is not the same.",
                "Other files of the run were made from it.",
                "Restore it from a copy, or adapt again with another --output.",
            )
    # Needed also if the last write is of the same file: after two failed writes, the file still has the content from
    # before both.
    undone = log.undone()
    log.add([undone, named] if undone else [named])


def read_unchanged(path: Path) -> bytes:
    """The content of a file, without what a killed `append_jsonl` left at its end.

    Raises EnvironmentNotReady if it is not what was recorded, OSError if it cannot be read.
    """
    folder = _folder_of(path)
    if folder is None:
        return path.read_bytes()
    log = _Log(folder)
    name = log.name_of(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        log.require(name, None)
        raise
    if None in log.valid(name) and _is_part_of_first_line(data, log.history(name)):
        return b""
    whole = next((data[: one.size_bytes] for one in log.valid(name) if one and _is_torn(data, one)), data)
    log.require(name, digest_of(whole))
    return whole


def require_unchanged(path: Path) -> None:
    """Check, as `read_unchanged` does, a file that other code reads; one that was never recorded can be missing."""
    folder = _folder_of(path)
    if folder is not None:
        log = _Log(folder)
        log.require(log.name_of(path), _digest_on_disk(path))


def is_noted(path: Path) -> bool:
    """Whether a file was recorded as written, so that it should exist."""
    folder = _folder_of(path)
    return folder is not None and None not in (log := _Log(folder)).valid(log.name_of(path))


def require_all_unchanged(folder: Path) -> None:
    """Raises EnvironmentNotReady if a file below a folder with digests is not what was recorded.

    Missing files are no error here: they are made again, or reported when they are read.
    """
    log = _Log(folder)
    for name in log.names():
        path = folder / name
        if path.is_file() and _digest_on_disk(path) not in log.valid(name):
            read_unchanged(path)  # tolerates the end that a killed `append_jsonl` leaves


class _Log:
    """The lines of a `digests.txt`; they are searched without parsing all, since every training step adds one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / DIGESTS
        with disk.reporting(f"{self.path} cannot be read."):
            data = self.path.read_bytes()
        self.data = data[: data.rfind(b"\n") + 1]  # a kill may have torn the last line
        self.last: Line = {}
        if len(self.data) > len(HEADER):
            self.last = self._line_at(len(self.data) - 1)

    def history(self, name: str) -> list[Noted]:
        """The digests in the last two lines that name this file, the last one first; None if there is no such line."""
        digests: list[Noted] = []
        end = len(self.data)
        needle = f"{json.dumps(name, ensure_ascii=False)}:".encode()
        while len(digests) < 2 and (at := self.data.rfind(needle, 0, end)) >= 0:
            digests.append(self._line_at(at).get(name))
            end = self.data.rfind(b"\n", 0, at) + 1
        return [*digests, None, None][:2]

    def valid(self, name: str) -> list[Noted]:
        """The digests that this file may have: two if the very last write, which may not have happened, names it."""
        return self.history(name)[: 2 if name in self.last else 1]

    def names(self) -> list[str]:
        """The names of all files that were ever recorded."""
        lines = self.data[len(HEADER) :].splitlines()
        return sorted({name for line in lines for name in self._files_in(line)})

    def name_of(self, path: Path) -> str:
        return path.absolute().relative_to(self.folder).as_posix()

    def undone(self) -> Line:
        """The line that undoes the last write, if it did not happen; else empty."""
        before = {name: self.history(name)[1] for name in self.last}
        happened = all(self._is_made(name, digest, before[name]) for name, digest in self.last.items())
        return {} if happened else before

    def _is_made(self, name: str, noted: Noted, before: Noted) -> bool:
        """Whether a file has digest `noted` and not `before`; it is read only if both have the same size."""
        path = self.folder / name
        if noted and before and noted.size_bytes != before.size_bytes:
            return path.is_file() and path.stat().st_size == noted.size_bytes
        return _digest_on_disk(path) == noted

    def add(self, lines: Iterable[Line]) -> None:
        rows = ({n: one and [one.size_bytes, one.sha256] for n, one in line.items()} for line in lines)
        with disk.reporting(f"{self.path} cannot be written."):
            disk.append(self.path, len(self.data), b"".join(map(line_of, rows)))

    def require(self, name: str, on_disk: Noted) -> None:
        """Raises EnvironmentNotReady unless `on_disk` is a digest that the file may have."""
        valid = self.valid(name)
        if on_disk in valid:
            return
        path, noted = self.folder / name, valid[0]
        if on_disk is None:
            raise EnvironmentNotReady(f"{path} is missing.", f"It is listed in {DIGESTS}.", _IF_MISSING)
        if noted is None:
            why = f"It is not listed in {DIGESTS}."
        elif noted.size_bytes != on_disk.size_bytes:
            why = f"It has {on_disk.size_bytes:,} bytes; {noted.size_bytes:,} were written."
        else:
            why = "Its SHA-256 is not the one recorded when it was written."
        raise EnvironmentNotReady(f"{path} is damaged or was edited.", why, _REMEDY)

    def _line_at(self, at: int) -> Line:
        """The parsed line around byte `at`."""
        return self._files_in(self.data[self.data.rfind(b"\n", 0, at) + 1 : self.data.find(b"\n", at)])

    def _files_in(self, line: bytes) -> Line:
        row = value_in(line)
        try:
            return {name: one and Digest(*one) for name, one in row.items()}
        except (AttributeError, TypeError) as error:
            raise _damaged(self.folder) from error


def _is_begun(folder: Path) -> bool:
    try:
        with (folder / DIGESTS).open("rb") as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:
        return False


def _folder_of(path: Path) -> Path | None:
    """The folder with digests that contains a file; None without one, or for a file in a folder with its own record."""
    for folder in path.absolute().parents:
        if folder.name.startswith(disk.TEMPORARY) or any((folder / name).is_file() for name in OWN):
            return None
        if _is_begun(folder):
            return folder
    return None


def _digest_on_disk(path: Path) -> Noted:
    return Digest(path.stat().st_size, sha256_of(path)) if path.is_file() else None


def _is_torn(data: bytes, noted: Digest) -> bool:
    """Whether data is what was recorded, followed by a part of a line."""
    tail = data[noted.size_bytes :]
    return bool(tail) and b"\n" not in tail and digest_of(data[: noted.size_bytes]) == noted


def _is_part_of_first_line(data: bytes, history: Iterable[Noted]) -> bool:
    """Whether data can be a part of the first line of a new file, left by a killed write."""
    return b"\n" not in data and any(one and len(data) < one.size_bytes for one in history)


def _damaged(folder: Path) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        f"{folder / DIGESTS} is missing or damaged.",
        "It records the content of the other files in the folder, so none of them can be relied on.",
        "Restore it from a copy, or adapt again with another --output.",
    )
