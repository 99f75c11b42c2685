"""Single files: text, JSON and JSON lines, written durably and read strictly."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from disc_lite.errors import NonFiniteError, RunFailed, UsageError
from disc_lite.storage import disk
from disc_lite.storage.digests import Digest, digest_of, is_noted, note, read_unchanged

Json = Any  # what `json` reads and writes: dict, list, str, int, float, bool or None
JsonObject = dict[str, Json]


def write_bytes(path: Path, data: bytes, may_differ: bool = False, noted: bool = True) -> None:
    """Write `data` to `path`, durably and in one step; missing parent folders are made.

    Raises RunFailed if the disk refuses; the previous content of `path` is then unchanged. Raises UsageError if `path`
    is a folder, a pipe or a device. In a folder with digests a file that replaces a removed one must be equal, unless
    it `may_differ`; with `noted` false a file is not recorded, so that it can be written without the lock.
    """
    require_file(path)
    with disk.reporting(f"{path} cannot be written."):
        disk.make_parents(path.parent)
        temporary = disk.temporary_beside(path)
        try:
            with disk.opened(temporary, os.O_EXCL | os.O_WRONLY) as descriptor:
                disk.write(descriptor, data)
                disk.sync(descriptor)
            if noted:
                note({path: digest_of(data)}, may_differ)
            disk.rename(temporary, path)
        except BaseException:
            disk.discard(temporary)
            raise
        disk.sync_path(path.parent)


def require_file(path: Path) -> None:
    """Raises UsageError if `path` is a folder, a pipe or a device, which a file would replace."""
    with disk.reporting(f"{path} cannot be written."):
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is not a file.", "It would be replaced.", "Name another file.")


def write_text(path: Path, text: str, noted: bool = True) -> None:
    """`write_bytes` for text in UTF-8, with its line ends unchanged."""
    write_bytes(path, text.encode("utf-8"), noted=noted)


def write_json(path: Path, obj: Json, may_differ: bool = False) -> None:
    """Write a JSON document: keys in insertion order, UTF-8, indented by two spaces, finite numbers only."""
    write_bytes(path, _dump(obj, path, indent=2) + b"\n", may_differ)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Json]], may_differ: bool = False) -> None:
    """Write one JSON object per line, the whole file in one step."""
    write_bytes(path, b"".join(_dump(row, path) + b"\n" for row in rows), may_differ)


def append_jsonl(path: Path, row: Mapping[str, Json]) -> None:
    """Append a line durably in one write; a torn last line is removed first."""
    JsonLines(path).append(row)


class JsonLines:
    """A file that grows line by line; it is read and compared with its digest only once, when it is opened.

    So appending takes no longer after hundreds of thousands of lines. A file that was removed starts again empty.
    """

    def __init__(self, path: Path) -> None:
        with disk.reporting(f"{path} cannot be read."):
            before = read_unchanged(path) if path.exists() else b""
        self.path, self._line_end = path, _missing_line_end(before)
        whole = before if self._line_end else before[: before.rfind(b"\n") + 1]
        self._size_bytes, self._sha256 = len(whole), hashlib.sha256(whole)

    def append(self, row: Mapping[str, Json]) -> None:
        """Append a line as `append_jsonl` does."""
        added = self._line_end + _dump(row, self.path) + b"\n"
        sha256, size_bytes = self._sha256.copy(), self._size_bytes + len(added)
        sha256.update(added)
        with disk.reporting(f"{self.path} cannot be written."):
            is_new = not self._size_bytes  # new, or only a torn line: its name may not be on the disk yet
            note({self.path: Digest(size_bytes, sha256.hexdigest())}, may_differ=is_new)
            disk.make_parents(self.path.parent)
            disk.append(self.path, self._size_bytes, added)
            if is_new:
                disk.sync_path(self.path.parent)
        self._line_end, self._sha256, self._size_bytes = b"", sha256, size_bytes


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises RunFailed if it cannot be read, EnvironmentNotReady if it was changed."""
    with disk.reporting(f"{path} cannot be read."):
        return read_unchanged(path)


def read_json(path: Path, missing_ok: bool = False) -> Json:
    """Read one JSON document. Raises RunFailed if it is broken or missing.

    With `missing_ok` a missing file is an empty object, unless digests say that it was written.
    """
    if missing_ok and not path.is_file() and not is_noted(path):
        return {}
    try:
        return _parse(_read(path))
    except ValueError as error:
        raise RunFailed(f"{path} is not valid JSON.", str(error)) from error


def read_jsonl(path: Path, missing_ok: bool = False) -> list[dict[str, Json]]:
    """Read one JSON object per line; blank lines are skipped.

    With `missing_ok` a missing file has no lines, unless digests say that it was written. A broken last line without a
    line end, as a killed `append_jsonl` leaves it, is dropped. Any other broken line raises RunFailed with its number.
    """
    if missing_ok and not path.is_file() and not is_noted(path):
        return []
    lines = _read(path).split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(_parse_row(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise RunFailed(
                f"Line {number} of {path} is broken.", str(error), "Correct or delete this line."
            ) from error
    return rows


def read_log(path: Path) -> list[dict[str, Json]]:
    """`read_jsonl` for a file that nothing else depends on: if it is missing or was removed, it has no lines."""
    return read_jsonl(path) if path.is_file() else []


def _read(path: Path) -> bytes:
    # Editors on Windows may write a byte order mark, which is not part of the JSON.
    return read_bytes(path).removeprefix(codecs.BOM_UTF8)


def _missing_line_end(data: bytes) -> bytes:
    """The line end that is missing after a whole last line (a file edited by hand); empty if that line is torn."""
    tail = data[data.rfind(b"\n") + 1 :]
    if not tail:
        return b""
    try:
        _parse_row(tail)
    except ValueError:
        return b""
    return b"\n"


def _dump(obj: Json, path: Path, indent: int | None = None) -> bytes:
    try:
        text = json.dumps(obj, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError as error:
        raise NonFiniteError(
            f"{path} was not written.", f"{_non_finite(obj) or error} is not a finite number."
        ) from error
    # Only lone surrogates (undecodable bytes of file names) cannot be encoded in UTF-8; `backslashreplace` writes their
    # JSON escapes, which read back unchanged.
    return text.encode("utf-8", errors="backslashreplace")


def _non_finite(obj: Json, name: str = "") -> str:
    """The path of the first NaN or infinity in `obj`, as in `loss.values.3`; empty if there is none."""
    if isinstance(obj, float) and not math.isfinite(obj):
        return f"{name or 'the value'} = {obj}"
    items: Iterable[tuple[object, Json]] = ()
    if isinstance(obj, Mapping):
        items = obj.items()
    elif isinstance(obj, (list, tuple)):
        items = enumerate(obj)
    places = (_non_finite(value, f"{name}.{key}" if name else str(key)) for key, value in items)
    return next(filter(None, places), "")


def _parse(data: bytes) -> Json:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parse_row(line: bytes) -> JsonObject:
    row = _parse(line)
    if isinstance(row, dict):
        return row
    raise ValueError(f"a line holds one JSON object, not {type(row).__name__}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
