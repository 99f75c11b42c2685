"""Results by what they follow from, in one file: a line each, added as soon as it is known.

Work that was interrupted is repeated with the journal: what is in it is not computed again. Every line has a check sum,
so that a torn or changed one counts as missing. Lines are not synced to the disk one by one: a kill loses none, a power
failure the last seconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from disc_lite.storage import disk
from disc_lite.storage.files import Json
from disc_lite.storage.lines import line_of, value_in


class Journal:
    """The results of one run, and those of an `earlier` one, which are copied where they are used."""

    def __init__(self, path: Path, earlier: Path | None = None) -> None:
        self.path = path
        self._known, self._ends_torn = _read(path)
        self._earlier = _read(earlier)[0] if earlier else {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Json:
        """The result of this key; None where there is none."""
        if key in self._earlier and key not in self._known:
            self.add({key: self._earlier[key]})
        return self._known.get(key)

    def add(self, results: Mapping[str, Json]) -> None:
        """Add results, in one write."""
        self._known.update(results)
        lines = b"\n" * self._ends_torn + b"".join(map(line_of, results.items()))
        with (
            disk.reporting(f"cannot write {self.path}"),
            disk.opened(self.path, os.O_WRONLY | os.O_APPEND) as descriptor,
        ):
            disk.write(descriptor, lines)
        self._ends_torn = False


def key_of(*parts: object) -> str:
    """A key that is the same in every process for equal parts: numbers, strings and tuples of them."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


def _read(path: Path) -> tuple[dict[str, Json], bool]:
    """The results in a file, and whether its last line is torn; none where there is no file."""
    if not path.is_file():
        return {}, False
    with disk.reporting(f"cannot read {path}"):
        data = path.read_bytes()
    return dict(row for line in data.split(b"\n") if (row := _row(line))), bool(data) and not data.endswith(b"\n")


def _row(line: bytes) -> tuple[str, Json] | None:
    """None for a line that is torn or was changed."""
    row = value_in(line)
    if isinstance(row, list) and len(row) == 2 and isinstance(row[0], str):
        return row[0], row[1]
    return None
