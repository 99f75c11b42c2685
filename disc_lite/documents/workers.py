"""Child processes with limits on time and memory, in which parsers run.

Compressed containers, markup and source code can ask for gigabytes or never end, and a parser
in C can crash. A worker reads one file after another, so that a thousand small files need one
start. A file that breaks a limit ends its process and is refused; the next file starts another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from disc_lite.documents.headings import Heading
from disc_lite.documents.source import Converted, RefusedFile, Source

STEP_TIMEOUT_S = 20  # processor time for one page of a PDF, or a whole file of another format
TOTAL_TIMEOUT_S = 600  # by the clock, for a file; restarted after every page that was read by OCR
CHILD_MEMORY_BYTES = 2 << 30
_MOST_WORKERS = 8  # each can need that memory


class Worker:
    """One child process, which is started for the first file and again after every file that ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def convert(self, suffix: str, source: Source) -> Converted:
        """Call `formats.convert` in the process; a file that exceeds a limit raises RefusedFile too."""
        process = self._process = self._process or _start()
        answer = _exchange(process, suffix, source)
        if answer is None or answer["is_last"]:
            self.end()
        if answer is None:
            raise RefusedFile(_cause_of_death(process.returncode))
        if "refused" in answer:
            raise RefusedFile(answer["refused"])
        given = answer["converted"].pop("headings")
        headings = None if given is None else tuple(Heading(**heading) for heading in given)
        return Converted(**answer["converted"], headings=headings)

    def end(self) -> None:
        """End the process and wait for it."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):  # the process may be gone, with bytes left unread
                process.stdin.close()  # type: ignore[union-attr]
            process.stdout.close()  # type: ignore[union-attr]
            process.wait()

    def kill(self) -> None:
        """End the process at once; a thread that waits for its answer gets a refusal."""
        if (process := self._process) is not None:
            process.kill()


class WorkerPool:
    """A pool with a worker for each core that this process may use, up to a limit, and a thread for each worker."""

    def __init__(self) -> None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        self._workers = [Worker() for _ in range(min(cores, _MOST_WORKERS))]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self.threads = ThreadPoolExecutor(len(self._workers))

    def convert(self, suffix: str, source: Source) -> Converted:
        """`Worker.convert` on the next free worker."""
        worker = self._free.get()
        try:
            return worker.convert(suffix, source)
        finally:
            self._free.put(worker)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers if kind is not None else ():
            worker.kill()
        self.threads.shutdown()
        for worker in self._workers:
            worker.end()


def _start() -> subprocess.Popen[bytes]:
    # Started in the folder of the package, so that no file of the user's folder is imported.
    return subprocess.Popen(
        [sys.executable, "-m", str(__package__), str(STEP_TIMEOUT_S), str(TOTAL_TIMEOUT_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )


def _exchange(process: subprocess.Popen[bytes], suffix: str, source: Source) -> dict[str, Any] | None:
    """The child's answer, which is a line of JSON; None if the child died first."""
    assert process.stdin is not None
    assert process.stdout is not None
    request = {"suffix": suffix, "name": source.name, "options": asdict(source.options), "bytes": len(source.raw)}
    try:
        process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        process.stdin.write(source.raw)
        process.stdin.flush()
    except OSError:
        return None
    line = process.stdout.readline()
    answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
    return answer


def _cause_of_death(returncode: int) -> str:
    if returncode == -signal.SIGALRM:
        return f"reading it took more than {TOTAL_TIMEOUT_S} s; split it"
    if returncode == -signal.SIGPROF:
        return f"reading it, or one page of it, took more than {STEP_TIMEOUT_S} s; split it, or save it as text"
    if returncode == -signal.SIGKILL:  # none of the limits sends it
        return "its reader was killed, perhaps because no memory was left; free some and read it again"
    return f"its reader crashed (exit status {returncode}); save it again, or as text"
