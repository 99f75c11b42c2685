"""What several tests of exports do with folders.

`model_entry` is `run.json` for a run on another folder, `edited_model` a copy of a model with other tensors,
`refused_without_torch` calls `disc-lite export` in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from disc_lite.run.folder import FORMAT


def model_entry(folder: Path) -> dict[str, Any]:
    from disc_lite.hub.source import open_model

    return {
        "identity": {"format": FORMAT, "model": open_model(str(folder)).fingerprint},
        "model": {"name": str(folder), "reference": str(folder)},
    }


def edited_model(folder: Path, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    shutil.copytree(folder, target)
    tensors = load_file(target / "model.safetensors")
    edit(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


REFUSING = """
import contextlib, io, json, sys
from disc_lite.cli import main
for call in json.loads(sys.argv[1]):
    sys.argv, said = ["disc-lite", "export", *call], io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main()
    except SystemExit as stop:
        print(json.dumps([stop.code, said.getvalue(), "torch" in sys.modules]))
"""


def refused_without_torch(*calls: tuple[Path, list[str], str]) -> None:
    """Each of a run, with its message; in one process for all of them, since torch must not be loaded in it."""
    words = json.dumps([[str(run), *args] for run, args, _ in calls])
    command, environment = [sys.executable, "-c", REFUSING, words], {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    for (_, args, message), line in zip(calls, done.stdout.splitlines(), strict=True):
        code, said, loaded = json.loads(line)
        assert (code, loaded) == (2, False) and message in said, (args, said)
