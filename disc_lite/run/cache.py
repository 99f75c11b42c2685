"""The user's cache of what models generate by themselves: where it is, and whether it can be written."""

from __future__ import annotations

import os
from pathlib import Path

from disc_lite.storage import require_writable

REMEDY = "Set DISC_LITE_CACHE to a folder that can be written."


def prompts_folder() -> Path:
    """Where self-generated prompts are: below `$DISC_LITE_CACHE`, or the user's cache folder."""
    root = os.environ.get("DISC_LITE_CACHE")
    beside = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(root) if root else Path(beside) / "disc-lite") / "retention"


def require_cache() -> None:
    """Raises EnvironmentNotReady where prompts cannot be saved: that would be found out hours later.

    A cache that may only be read passes where it holds prompts: those of this model may be all there.
    """
    folder = prompts_folder()
    if not any(folder.glob("*.txt")):
        require_writable(folder, REMEDY)
