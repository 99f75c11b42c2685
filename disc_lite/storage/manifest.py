"""Makes a folder verifiable: sizes and SHA-256 of all its files are in `manifest.json`.

The manifest has a digest of itself, so a changed bit is found in a file, in its recorded digest, or elsewhere in the
manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from disc_lite.errors import RunFailed
from disc_lite.storage import files
from disc_lite.storage.digests import sha256_of
from disc_lite.storage.files import JsonObject
from disc_lite.storage.folders import LOCK

MANIFEST = "manifest.json"
FileRecord = dict[str, int | str]  # {"bytes": int, "sha256": str}


def manifest(folder: Path) -> dict[str, FileRecord]:
    """Relative path -> size and SHA-256 of every regular file below `folder`, sorted.

    Links are neither followed nor listed; the manifest itself and the lock are not listed.
    """
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)} for name in _names(folder)
    }


def seal(folder: Path) -> None:
    """Write `manifest.json`, with the files and their common digest; the last step in an `atomic_folder`."""
    body: JsonObject = {"files": manifest(folder)}
    files.write_json(folder / MANIFEST, {**body, "sha256": _digest(body)})


def verify(folder: Path) -> list[str]:
    """The differences between a sealed folder and its manifest, one text each; empty if there are none."""
    path = folder / MANIFEST
    try:
        body = files.read_json(path)
    except RunFailed as error:
        return [f"{MANIFEST}: {error.why}"]
    if not isinstance(body, dict) or not isinstance(body.get("files"), dict):
        return [f"{MANIFEST}: it lists no files"]
    recorded_digest = body.pop("sha256", None)
    # White space counts too: only the exact bytes that `seal` wrote are valid.
    whole = json.dumps({**body, "sha256": recorded_digest}, ensure_ascii=False, indent=2) + "\n"
    is_same = path.read_bytes() == whole.encode("utf-8", errors="backslashreplace")
    if not is_same or recorded_digest != _digest(body):
        return [f"{MANIFEST}: its content does not match its own digest"]
    return _differences(folder, body["files"])


def _differences(folder: Path, recorded: Mapping[str, FileRecord]) -> list[str]:
    present = set(_names(folder))
    problems = [f"{name}: not in the manifest" for name in sorted(present - set(recorded))]
    for name, record in recorded.items():
        if name not in present:
            problems.append(f"{name}: missing")
            continue
        size_bytes = (folder / name).stat().st_size
        if size_bytes != record["bytes"]:
            problems.append(f"{name}: {size_bytes} bytes where {record['bytes']} were written")
        elif sha256_of(folder / name) != record["sha256"]:
            problems.append(f"{name}: its SHA-256 differs from what was written")
    return problems


def _names(folder: Path) -> list[str]:
    """Relative paths, with `/`, of the regular files below `folder`."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted({path.relative_to(folder).as_posix() for path in files} - {MANIFEST, LOCK})


def _digest(body: JsonObject) -> str:
    return hashlib.sha256(json.dumps(body).encode("ascii")).hexdigest()
