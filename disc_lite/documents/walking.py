"""Paths -> every file below them, in order, with a unique name and the reason, if any, why it must not be opened.

Hidden files (whose name, or that of a folder below the named one, begins with a dot) are left out. Files that a
`.gitignore` in the named folders ignores, links that lead outside, and the run folders of disc-lite are listed as
refused.
"""

from __future__ import annotations

import json
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.errors import UsageError, of_windows

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# The file that makes a folder a run folder; `run.folder` writes it. Reading a run's report would teach its own answers.
RUN_RECORD = "run.json"

_IN_RUN_FOLDER = "in a run folder of disc-lite, which is never read"
_IGNORE_FILE = ".gitignore"
_MOST_RECORD_BYTES = 64 << 20  # it has a line for each document

_Rules = dict[Path, "GitIgnoreSpec"]  # of the `.gitignore` in each folder, from the named one down


@dataclass(frozen=True)
class Found:
    """A file (or a folder that is not entered), its name, and the reason, if any, why it must not be opened."""

    path: Path
    name: str
    refusal: str = ""


def find_files(paths: Sequence[Path]) -> Iterator[Found]:
    """Yield every file below the paths once, under a unique name.

    Raises:
        UsageError: A path does not exist or cannot be reached, or is a URL.
    """
    seen: set[Path] = set()
    names: set[str] = set()
    resolved = lru_cache(maxsize=1024)(Path.resolve)
    for path in map(Path, paths):
        for file in _files_below(path):
            # Not the resolved file: a link to a file is another file, with a line of its own.
            place = resolved(file.path.parent) / file.path.name
            if place in seen:
                continue
            seen.add(place)
            name = next(name for name in _names(file, place) if name not in names)
            names.add(name)
            yield replace(file, name=name)


def _names(file: Found, place: Path) -> Iterator[str]:
    """Yield possible names of a file: its path from the named folder, then with more parent folders, then numbered."""
    yield file.name
    parts = place.parts[1:]
    for number in range(file.name.count("/") + 2, len(parts) + 1):
        yield printable("/".join(parts[-number:]))
    yield from (f"{file.name} ({number})" for number in count(2))


def printable(name: str) -> str:
    """The name in NFC, with escapes for all characters that could break a line or a terminal.

    A Mac writes é as two characters and other systems as one; without NFC, a file from a Mac's zip would have another
    name than it seems to have.
    """
    # Bytes that are not UTF-8 arrive as surrogates, which can be neither printed nor encoded.
    escaped = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return unicodedata.normalize("NFC", escaped)


def _files_below(path: Path) -> Iterator[Found]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        named, why = str(path), getattr(error, "strerror", None) or str(error)
        remedy = of_windows(named) or "Check the path of the documents."
        if named.lower().startswith(("http:/", "https:/")):
            named = named.replace(":/", "://", 1)  # a Path has one slash
            why, remedy = "It is a URL, and nothing is fetched.", "Save the page as .html and name the file."
        raise UsageError(f"{printable(named)} cannot be found.", why, remedy) from None
    root = path.resolve()
    in_run = any(_is_run_folder(folder) for folder in (root, *root.parents))
    if in_run or not is_folder:
        yield Found(path, printable(path.name or root.name), _IN_RUN_FOLDER if in_run else "")
        return
    for file, refusal in _walk(root):
        yield Found(file, printable(file.relative_to(root).as_posix()), refusal)


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file that is not hidden, in the order of path parts, with the reason, if any, not to open it."""
    # A stack of what is still to visit instead of recursion: folders can be a thousand deep.
    stack: list[tuple[Path, bool, _Rules]] = [(root, True, {})]
    while stack:
        path, is_folder, rules = stack.pop()
        if ignored_by := _ignored_by(path, is_folder, rules):
            yield path, f"ignored by {printable(ignored_by.relative_to(root).as_posix())}"
        elif not is_folder:
            yield path, _refused_link(root, path) if os.path.islink(path) else ""  # islink: False if too long
        elif path != root and _is_run_folder(path):
            yield path, _IN_RUN_FOLDER
        else:
            try:
                with os.scandir(path) as scan:
                    entries = sorted(scan, key=lambda entry: entry.name, reverse=True)
            except OSError as error:
                yield path, f"folder cannot be opened: {error.strerror}"
                continue
            if any(entry.name == _IGNORE_FILE for entry in entries):
                rules = rules | _rules_of(path)
            visible = (entry for entry in entries if not entry.name.startswith("."))
            stack += [(path / entry.name, entry.is_dir(follow_symlinks=False), rules) for entry in visible]


def _rules_of(folder: Path) -> _Rules:
    # pathspec: 57 kB of plain Python, maintained for ten years, and used by black and mypy for the same purpose.
    from pathspec import GitIgnoreSpec

    try:
        lines = (folder / _IGNORE_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        return {folder: GitIgnoreSpec.from_lines(lines)}
    except (OSError, ValueError):  # it cannot be opened, or has a line that git would refuse too
        return {}


def _ignored_by(path: Path, is_folder: bool, rules: _Rules) -> Path | None:
    """The `.gitignore` that excludes a path, if one does; the deepest one with a rule for the path decides."""
    for folder, spec in reversed(rules.items()):
        verdict = spec.check_file(path.relative_to(folder).as_posix() + ("/" if is_folder else "")).include
        if verdict is not None:
            return folder / _IGNORE_FILE if verdict else None
    return None


def _is_run_folder(folder: Path) -> bool:
    record = folder / RUN_RECORD
    try:
        if not record.is_file() or record.stat().st_size > _MOST_RECORD_BYTES:
            return False
        content = json.loads(record.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "identity" in content and "model" in content


def _refused_link(root: Path, link: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        return "broken link; remove it"
    if not target.is_relative_to(root):
        return "link that leads outside the folder; name its target"
    return "link to a folder, which is read in its own place" if target.is_dir() else ""
