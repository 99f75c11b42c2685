"""Drills on real processes and disks, in addition to the faults that the tests inject.

    python -m bench.reliability.drills [--only NAME ...] [--output bench/results]

Each drill runs `disc-lite adapt` on pocket (with short settings) in processes of its own, breaks something from
outside, and then repeats the command. Writes drills.json with an entry for each drill; exits 1 if one failed. Drills
that mount a tmpfs need root and are left out without it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "examples" / "handbook"
SHORT = {
    "train.epochs": "2", "retention.prompts": "64", "evaluation.drift_prompts": "8", "evaluation.questions": "4",
    "evaluation.long_answer_tokens": "4", "prompt.questions_per_passage": "4", "execution.checkpoint_minutes": "0",
    "lora.rank": "8", "lora.alpha": "16",
}  # fmt: skip
KILLS = 12
DISC_LITE = (sys.executable, "-m", "disc_lite")


class Failed(Exception):
    """A drill failed: the message is what it found."""


class LeftOut(Exception):
    """A drill cannot be done here: the message is the reason."""


class Site:
    """A folder with documents, a cache and a place for runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.docs, self.cache = folder, folder / "docs", folder / "cache"
        self.docs.mkdir()
        for name in ("products/lamps.md", "people/workshop.md"):
            shutil.copy(HANDBOOK / name, self.docs / Path(name).name)

    def command(self, run: Path) -> list[str]:
        sets = [part for key, value in SHORT.items() for part in ("--set", f"{key}={value}")]
        given = ("--model", "pocket", "--output", str(run), "--device", "cpu", "--quiet")
        return [*DISC_LITE, "adapt", str(self.docs), *given, *sets]

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "DISC_LITE_CACHE": str(self.cache),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **more,
        }

    def adapt(self, run: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(run), env=self.environment(), capture_output=True, text=True, check=False)

    def finish(self, run: Path) -> Path:
        """Repeat the command and return the run, which must finish."""
        done = self.adapt(run)
        require(done.returncode == 0, f"the same command ended with {done.returncode}: {done.stderr}")
        return run

    @contextmanager
    def started(self, run: Path) -> Iterator[subprocess.Popen[str]]:
        """Start a run in the background, in a session of its own so that all its processes can be killed."""
        with subprocess.Popen(
            self.command(run), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            yield process

    def kill_when(self, file: Path) -> None:
        """Start a run and kill all its processes as soon as this file of its folder exists."""
        with self.started(file.parent) as process:
            while not file.is_file() and process.poll() is None:
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGKILL)


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


def adapter_of(run: Path) -> str:
    return sha256((run / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest()


def same(run: Path, whole: Path) -> str:
    """Require that two runs have the same adapter, unless rounding after a kill changed the wording of a pair."""
    if (run / "pairs.jsonl").read_bytes() != (whole / "pairs.jsonl").read_bytes():
        return "a pair is worded otherwise"
    require(adapter_of(run) == adapter_of(whole), "the adapter differs from that of an undisturbed run")
    return "the adapter is the same to the byte"


def require_refused(done: subprocess.CompletedProcess[str], codes: tuple[int, ...], *words: str) -> None:
    lines = done.stderr.strip().splitlines()
    require(done.returncode in codes, f"exit code {done.returncode}: {done.stderr}")
    require(len(lines) <= 3 and "defect" not in done.stderr, f"not three lines of an error: {done.stderr}")
    require(all(word in done.stderr for word in words), f"it does not say {words}: {done.stderr}")


# -- the drills -----------------------------------------------------------------------------------------------


def killed_from_outside(site: Site) -> str:
    """Send `kill -9` to the whole process group at random moments; each time repeat the command."""
    began = time.monotonic()
    whole = site.finish(site.folder / "whole")
    seconds, rng, kills = time.monotonic() - began, random.Random(0), 0
    run = site.folder / "killed"
    while kills < KILLS:
        with site.started(run) as process:
            try:
                process.wait(rng.uniform(0.2, 0.9) * seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            else:
                shutil.rmtree(run)
    return f"{kills} kills; {same(site.finish(run), whole)}"


@contextmanager
def tmpfs(folder: Path, mib: int) -> Iterator[Path]:
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise LeftOut(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def full_output(site: Site) -> str:
    """Run on a tmpfs that is too small, which a remount then enlarges."""
    with tmpfs(site.folder / "small", 3) as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * (2 << 20))
        done = site.adapt(disk / "run")
        require_refused(done, (1, 3, 4))
        subprocess.run(["mount", "-o", "remount,size=512m", str(disk)], check=True)
        site.finish(disk / "run")
    return f"exit code {done.returncode}, then finished with room: {done.stderr.splitlines()[0]}"


def full_cache(site: Site) -> str:
    """Put the user's cache on a full tmpfs, which must be reported and lose no run."""
    with tmpfs(site.folder / "full-cache", 1) as disk:
        (disk / "filler").write_bytes(b"x" * ((1 << 20) - 8192))
        site.cache = disk
        done = site.adapt(site.folder / "run")
        require_refused(done, (1, 3), "ree some space")
        (disk / "filler").unlink()
        site.finish(site.folder / "run")
    return f"exit code {done.returncode}, then finished with room"


def read_only_output(site: Site) -> str:
    """Give an output folder that cannot be written to."""
    if os.geteuid() == 0:
        with tmpfs(site.folder / "fixed", 1) as disk:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            done = site.adapt(disk / "run")
    else:
        (site.folder / "fixed").mkdir(mode=0o500)
        done = site.adapt(site.folder / "fixed" / "run")
    require_refused(done, (2, 3))
    return f"exit code {done.returncode}: {done.stderr.splitlines()[0]}"


def document_changed(site: Site) -> str:
    """Change, then remove a document after a kill: the run must refuse to continue and name the documents."""
    run = site.folder / "run"
    site.kill_when(run / "run.json")
    lamps, text = site.docs / "lamps.md", (site.docs / "lamps.md").read_text()
    lamps.write_text(text + "\nOne more sentence stands here.\n")
    require_refused(site.adapt(run), (2,), "documents")
    lamps.unlink()
    require_refused(site.adapt(run), (2,), "documents")
    lamps.write_text(text)
    site.finish(run)
    return "refused with exit code 2 while they differ, continued when they were back"


def document_removed_while_running(site: Site) -> str:
    """Remove a document that the run has already read: it must finish as if the document were there."""
    whole, run = site.finish(site.folder / "whole"), site.folder / "run"
    with site.started(run) as process:
        while not (run / "passages.jsonl").is_file() and process.poll() is None:
            time.sleep(0.05)
        (site.docs / "lamps.md").rename(site.folder / "lamps.md")
        process.wait()
        require(process.returncode == 0, f"exit code {process.returncode}")
    return f"finished; {same(run, whole)}"


def output_inside_documents(site: Site) -> str:
    """Put the run folder inside the documents: it must never be read, even when the run is continued."""
    whole, run = site.finish(site.folder / "whole"), site.docs / "run"
    site.kill_when(run / "metrics.jsonl")
    held = same(site.finish(run), whole)
    subprocess.run([*DISC_LITE, "report", str(run)], env=site.environment(), check=True, capture_output=True)
    require(site.adapt(run).returncode == 0, "with its report in it, it is another run")
    return f"continued and reported inside of the documents; {held}"


def clock_set_back(site: Site) -> str:
    """Date all files of the run a year ahead, as if the clock had been set back between two calls."""
    run = site.folder / "run"
    site.kill_when(run / "metrics.jsonl")
    ahead = time.time() + 365 * 86_400
    for path in run.rglob("*"):
        os.utime(path, (ahead, ahead))
    whole = site.finish(site.folder / "whole")
    return f"continued with files from the future; {same(site.finish(run), whole)}"


def demo_killed(site: Site) -> str:
    """Kill `make demo` once and repeat it: it must finish its run."""
    run = ROOT / "runs" / "demo"
    if run.exists():
        raise LeftOut("runs/demo is there already")
    command = ["make", "-C", str(ROOT), "demo"]
    try:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as made:
            while not (run / "metrics.jsonl").is_file() and made.poll() is None:
                time.sleep(0.2)
            os.killpg(made.pid, signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        require(done.returncode == 0, done.stderr[-500:])
        resumes = (run / "resumes.jsonl").read_text() if (run / "resumes.jsonl").is_file() else "from its first step"
        return f"killed in training, then finished: {resumes.strip()}"
    finally:
        shutil.rmtree(run, ignore_errors=True)


DRILLS: dict[str, Callable[[Site], str]] = {
    drill.__name__: drill
    for drill in (
        killed_from_outside, full_output, full_cache, read_only_output, document_changed, output_inside_documents,
        document_removed_while_running, clock_set_back, demo_killed,
    )
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Real drills: kills, full disks, changing documents, a clock set back."
    )
    parser.add_argument("--only", nargs="*", choices=sorted(DRILLS), default=list(DRILLS))
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    asked = parser.parse_args()
    path = asked.output / "drills.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    for name in asked.only:
        with TemporaryDirectory() as scratch:
            began = time.monotonic()
            try:
                outcome, text = "passed", DRILLS[name](Site(Path(scratch)))
            except LeftOut as why:
                outcome, text = "left out", str(why)
            except Failed as error:
                outcome, text = "failed", str(error)
            text = text.replace(scratch, "SITE")
        found[name] = {"outcome": outcome, "text": text, "seconds": round(time.monotonic() - began)}
        print(f"{outcome}  {name}: {text}", flush=True)
        asked.output.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(row["outcome"] == "failed" for row in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
