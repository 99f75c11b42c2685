"""The child process, limited in time and memory, that reads files for `workers`: markup, containers, source code.

Usage: `python -m disc_lite.documents STEP_TIMEOUT_S TOTAL_TIMEOUT_S`. For every file the process reads a line of JSON
(`{"suffix", "name", "options", "bytes"}`) and then the file's bytes from stdin, and writes a line of JSON to stdout
(`{"converted" or "refused", "is_last"}`). It opens no document and writes no file; the only program that it starts is
`tesseract`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from disc_lite.documents.formats import convert
from disc_lite.documents.source import ReadingOptions, RefusedFile, Source
from disc_lite.documents.workers import CHILD_MEMORY_BYTES

# If the process is larger than this after a file, the next file gets a fresh process, with the whole limit to itself.
_RECYCLED_BYTES = CHILD_MEMORY_BYTES // 4


def main(step_timeout_s: int, total_timeout_s: int) -> None:
    """Answer requests until stdin ends. SIGPROF ends the process if a step takes too long, SIGALRM if a file does."""
    # macOS refuses this limit; there only the time limits apply.
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    # What a parser prints goes to stderr, so that it cannot corrupt the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        raw = sys.stdin.buffer.read(request["bytes"])
        answer = _answer(request, raw, step_timeout_s, total_timeout_s)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        answer["is_last"] = _memory_bytes() > _RECYCLED_BYTES
        answers.write(json.dumps(answer).encode("ascii") + b"\n")
        answers.flush()


def _answer(request: dict[str, Any], raw: bytes, step_timeout_s: int, total_timeout_s: int) -> dict[str, Any]:
    # A step is limited in processor time, so that a busy machine does not make a good file look endless.
    start_clock = partial(signal.setitimer, signal.ITIMER_PROF, step_timeout_s)
    start_alarm = partial(signal.alarm, total_timeout_s)
    start_alarm()
    try:
        options = ReadingOptions(**request["options"])
        converted = convert(request["suffix"], Source(raw, request["name"], options, start_clock, start_alarm))
        return {"converted": asdict(converted)}
    except RefusedFile as refusal:
        return {"refused": str(refusal)}


def _memory_bytes() -> int:
    if sys.platform == "linux":  # where ru_maxrss may be inherited from the parent process
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
