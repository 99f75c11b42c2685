"""What several tests of exports do with folders.

`model_entry` is `run.json` for a run on another folder, `edited_model` a copy of a model with other tensors,
`refused_without_torch` calls `disc-lite export` in a process of its own.
"""

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


def refused_without_torch(run: Path, args: list[str], message: str) -> None:
    code = "import sys\nfrom disc_lite.cli import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "export", str(run), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and done.stdout.strip() == "False"
