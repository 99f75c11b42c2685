"""R20: with a model folder, a whole run, its export and a question create no socket and write nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.made import SmallAdapt
from tests.tiers import reached

ROOT = Path(__file__).resolve().parents[2]
# Records every socket and every file opened for writing, in this process and in every Python process that it starts.
HOOK = """
import os, sys
LOG = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(event, given):
    if event.startswith("socket."):
        os.write(LOG, f"socket {event} {given[:1]}\\n".encode())
    elif event == "open" and isinstance(given[0], (str, bytes)) and (given[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        os.write(LOG, f"write {os.path.realpath(os.fsdecode(given[0]))}\\n".encode())
sys.addaudithook(note)
"""
WORK = """
import os, sys
from pathlib import Path
from click.testing import CliRunner
import disc_lite
from disc_lite.cli import cli
from disc_lite.exporting import export
from tests.made import SMALL

root, model = map(Path, sys.argv[1:])
short = {**SMALL, "train.epochs": "1"}
def look(event):  # sockets of code that is not Python's
    for name in os.listdir("/proc/self/fd"):
        try:
            kind = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        assert not kind.startswith("socket:"), event
disc_lite.adapt(root / "docs", str(model), recipe="default", output=root / "run", device="cpu", listener=look,
                questions=root / "questions.jsonl", pairs=root / "pairs.jsonl", overrides=short)
for form in ("adapter", "merged"):
    export(root / "run", form, device="cpu")
asked = CliRunner().invoke(cli, ["ask", str(root / "run"), "Who keeps the keys?", "--device", "cpu"])
assert asked.exit_code == 0, asked.output
look("the end")
"""


def test_no_socket_is_made_and_nothing_is_written_elsewhere(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    small = SmallAdapt(tmp_path / "small", folders("llama"))
    (small.root / "docs" / "page.html").write_text("<p>The saw is loud.</p>")  # read by a child process
    for name in ("hook", "cache", "scratch", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    # As for a user who did not give --offline: nothing tells the libraries that there is no network.
    kept = {
        k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "DISC_LITE_OFFLINE", "TRANSFORMERS_OFFLINE")
    }
    environment = {
        **kept, "PYTHONPATH": f"{tmp_path / 'hook'}:{ROOT}", "AUDIT_LOG": str(tmp_path / "log"),
        "DISC_LITE_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "scratch"), "HOME": str(tmp_path / "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(small.root), str(small.model)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line for line in lines if line.startswith("socket")] == []
    written = {Path(line.removeprefix("write ")) for line in lines if line.startswith("write")}
    allowed = [small.root / "run", tmp_path / "cache", tmp_path / "scratch", Path("/dev")]
    assert [path for path in sorted(written) if not any(path.is_relative_to(folder) for folder in allowed)] == []
    assert (small.root / "run" / ".lock") in written  # so the hook was active
    assert list((tmp_path / "home").rglob("*")) == list((tmp_path / "scratch").iterdir()) == []
    reached("R20", sockets=0, files_opened_for_writing=len(written))
