"""The folder that an export is written to, and the earlier export that it replaces.

Only what `export` wrote is ever removed: a folder that is prepared for upload may have a repository, notes, and an
edited model card.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from disc_lite.errors import RunFailed, UsageError
from disc_lite.exporting.choice import FORMS
from disc_lite.hub.adapters import EXPORT_RECORD
from disc_lite.run.wording import listed
from disc_lite.storage import JsonObject, disk, read_json, require_place, sha256_of

EDITED = ("README.md", "Modelfile")  # files that people edit in an export; a difference in others is damage


def check_target(target: Path, force: bool) -> None:
    """Raise UsageError if the folder cannot be made, is not an export, or holds one that may not be replaced."""
    if not os.path.lexists(target):
        require_place(target)
        return
    made = _record_in(target)
    if made is None:
        raise UsageError(
            f"{target} exists and is not an export.",
            "Only an earlier export is ever replaced.",
            "Choose another --output.",
        )
    if not force:
        raise UsageError(f"{target} holds an export already (--to {made['to']}).", "", "Add --force to replace it.")
    if others := _others_in(target, made):
        raise UsageError(
            f"{target} holds more than the earlier export: {listed(others, 1)}.",
            "Only what `export` wrote is replaced.",
            "Move it elsewhere, or choose another --output.",
        )


def replace(staged: Path, target: Path) -> Path | None:
    """Replace the earlier export by the finished one, and remove the earlier one.

    Returns where the earlier one is, if files have come into it since `check_target`.
    """
    # Under a name that is not swept: if the process is killed between the two renames, the old export still exists.
    aside = target.parent / f"{target.name}.old-{secrets.token_hex(4)}"
    with disk.reporting(f"{target} cannot be replaced.", remedy="Repeat the command with another --output."):
        try:
            with suppress(FileNotFoundError):  # removed meanwhile
                disk.rename(target, aside)
            disk.rename(staged, target)
        except OSError:
            if os.path.lexists(aside) and not target.exists():
                disk.rename(aside, target)
            disk.discard(staged)
            raise
    if not os.path.lexists(aside):
        return None
    made = _record_in(aside)
    if made is None or _others_in(aside, made):
        return aside
    disk.discard(aside)
    return None


def _record_in(folder: Path) -> JsonObject | None:
    """Return the record of an earlier export, or None: other programs write files of this name too."""
    try:
        made = read_json(folder / EXPORT_RECORD)
    except RunFailed:
        return None
    if not (isinstance(made, dict) and made.get("to") in FORMS and "proof" in made):
        return None
    files = made.get("files")
    ours = isinstance(files, dict) and all(isinstance(file, dict) and "sha256" in file for file in files.values())
    return made if ours else None


def _others_in(folder: Path, made: JsonObject) -> list[str]:
    """Return what `export` did not write, or not with this content, sorted: files, links and folders."""
    written = {EXPORT_RECORD, *made["files"]}
    folders = {str(parent) for name in written for parent in Path(name).parents}
    found = []
    for parent, names_of_folders, names in os.walk(folder):
        below = Path(parent).relative_to(folder)
        found += [str(below / name) for name in names if str(below / name) not in written]
        found += [str(below / name) for name in names_of_folders if str(below / name) not in folders]
    edited = [name for name in EDITED if name in written and (folder / name).is_file()]
    found += [f"{name} (edited)" for name in edited if made["files"][name]["sha256"] != sha256_of(folder / name)]
    return sorted(found)
