"""The options of an export, and the free space that it needs."""

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
    """The options of one export."""

    to: str
    target: Path
    base_gguf: Path | None
    onto: str
    kind: str  # GGUF type of the adapted tensors, "" for that of the base
    legacy_adapter: bool
    template: Path | None
    device: str | None
    document_names: bool  # in the model card


def require_space(target: Path, needed_bytes: int) -> None:
    """Raises EnvironmentNotReady where the disk of `target` has less free space than `needed_bytes`."""
    existing = next(path for path in (target, *target.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise EnvironmentNotReady(
            f"Not enough disk space for the export in {existing}.",
            f"It may take {needed_bytes / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free.",
            "Free some space, or choose an --output on another disk.",
        )
