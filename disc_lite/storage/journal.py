"""A cache file of results by key, one line per result, appended as soon as it is known.

When interrupted work is repeated, results in the journal are not computed again. Every line has a check sum, so that a
torn or changed line counts as missing. Lines are not synced one by one: a kill loses none, a power failure those of the
last seconds. The file may have gigabytes, so only the positions of results are kept in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from disc_lite.storage import disk
from disc_lite.storage.files import Json
from disc_lite.storage.lines import line_of, value_in


class Journal:
    """The results of a run; those of an `earlier` run are used as well, and copied when they are used."""

    def __init__(self, path: Path, earlier: Path | None = None) -> None:
        self.path, self.earlier = path, earlier
        self._places, self._ends_torn = _places(path)
        self._earlier = _places(earlier)[0] if earlier else {}

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Json:
        """The result for a key; None if there is none."""
        if self.earlier and key in self._earlier and key not in self._places:
            self.add({key: _result(self.earlier, self._earlier[key])})
        return _result(self.path, self._places[key]) if key in self._places else None

    def add(self, results: Mapping[str, Json]) -> None:
        """Append results in one write."""
        lines = [line_of(row) for row in results.items()]
        begin = b"\n" * self._ends_torn
        with (
            disk.reporting(f"{self.path} cannot be written."),
            disk.opened(self.path, os.O_WRONLY | os.O_APPEND) as descriptor,
        ):
            place = os.fstat(descriptor).st_size + len(begin)
            disk.write(descriptor, begin + b"".join(lines))
        for key, line in zip(results, lines, strict=True):
            self._places[key] = place
            place += len(line)
        self._ends_torn = False


def once(journal: Journal | None, key: str, compute: Callable[[], Json]) -> Json:
    """The journal's result for `key`, or else that of `compute`, which is added; None counts as no result."""
    result = None if journal is None else journal.get(key)
    if result is None:
        result = compute()
        if journal is not None:
            journal.add({key: result})
    return result


def key_of(*parts: object) -> str:
    """A key that is equal in every process for equal parts (numbers, strings and tuples of them)."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


def _places(path: Path) -> tuple[dict[str, int], bool]:
    """(key -> position of its line, whether the last line is torn); empty if there is no file."""
    places, place, line = dict[str, int](), 0, b"\n"
    if path.is_file():
        with disk.reporting(f"{path} cannot be read."), path.open("rb") as file:
            for line in file:
                if row := _row(line):
                    places[row[0]] = place
                place += len(line)
    return places, not line.endswith(b"\n")


def _result(path: Path, place: int) -> Json:
    """The result whose line begins at `place`; None if it was changed since."""
    with disk.reporting(f"{path} cannot be read."), path.open("rb") as file:
        file.seek(place)
        row = _row(file.readline())
    return row[1] if row else None


def _row(line: bytes) -> tuple[str, Json] | None:
    """(key, result) of a line; None if it is torn or was changed."""
    row = value_in(line.removesuffix(b"\n"))
    if isinstance(row, list) and len(row) == 2 and isinstance(row[0], str):
        return row[0], row[1]
    return None
