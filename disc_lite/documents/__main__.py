"""The limited child process that reads one PDF, DOCX or large HTML file.

`python -m disc_lite.documents SUFFIX STEP_TIMEOUT_S`: bytes on stdin, one JSON object on
stdout, `{"text", "title"}` or `{"refused"}`. It opens no file and writes none.
"""

from __future__ import annotations

import json
import resource
import signal
import sys

from disc_lite.documents.conversion import CHILD_MEMORY_BYTES, convert_here
from disc_lite.documents.refusal import RefusedFile


def main(suffix: str, step_timeout_s: int) -> None:
    """Answers for the bytes on stdin; a step that takes too long ends the process by SIGPROF."""
    # macOS refuses this limit; there the time limit alone has to do.
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))

    def start_clock() -> None:
        # Processor time: on a busy machine a good file must not look like an endless one.
        signal.setitimer(signal.ITIMER_PROF, step_timeout_s)

    answer: dict[str, str]
    try:
        raw = sys.stdin.buffer.read()
        converted = convert_here(suffix, raw, on_step=start_clock)
        answer = {"text": converted.text, "title": converted.title}
    except RefusedFile as refusal:
        answer = {"refused": str(refusal)}
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
