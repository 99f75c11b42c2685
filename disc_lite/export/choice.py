"""What an export is to be, and the room it needs on its disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady

FORMS = ("adapter", "merged", "gguf-lora", "gguf", "ollama")
WITH_GGUF = FORMS[2:]
ONTO = ("auto", "original", "nf4")


@dataclass(frozen=True)
class Choice:
    """What is to be written, where, and from what."""

    to: str
    target: Path
    base_gguf: Path | None
    onto: str
    legacy_adapter: bool
    template: Path | None
    force: bool
    device: str | None


def require_space(target: Path, needed: int) -> None:
    """Raises EnvironmentNotReady where the disk of `target` has less room than that."""
    there = next(path for path in (target, *target.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise EnvironmentNotReady(
            f"There is no room for the export on the disk of {there}.",
            f"It may take {needed / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free.",
            "Free some space, or choose an --output on another disk.",
        )
