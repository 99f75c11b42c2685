"""Runs a GGUF in llama.cpp, in a child process, which llama.cpp may end if it refuses a file.

`python -m disc_lite.exporting.llama REQUEST.json ANSWER.npz` is the child.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import IO

import numpy as np

from disc_lite.errors import EnvironmentNotReady
from disc_lite.exporting.llamaserver import PACKAGE, Server, UnknownServer, started
from disc_lite.exporting.proof import Outputs
from disc_lite.storage import JsonObject

TIMEOUT_S, POLL_S = 3600, 0.2
LLAMA_UNUSABLE = 3  # exit code of the child: llama.cpp itself does not work


@dataclass(frozen=True)
class Request:
    """The inputs for llama.cpp."""

    model: str
    lora: str
    texts: list[str]  # texts to tokenise, with their control tokens
    prompts: list[list[int]]  # prompts whose next token is predicted
    answered: int  # number of prompts, from the first, that are also answered
    stop_ids: list[int]
    answer_tokens: int


def find_llama() -> str:
    """Return the name of the llama.cpp on this machine, or ""."""
    try:
        return f"llama.cpp, {PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return ""


def run_llama(request: Request, check: Callable[[], None] = lambda: None) -> Outputs:
    """Run llama.cpp on the request. Raises ValueError with llama.cpp's message if it cannot load the file.

    Raises EnvironmentNotReady if llama.cpp itself does not work, and whatever `check` raises.
    """
    with TemporaryDirectory() as folder:
        request_file, answer_file = Path(folder, "request.json"), Path(folder, "answer.npz")
        request_file.write_text(json.dumps(asdict(request)), encoding="utf-8")
        # `-m` looks for modules in the working directory first, so that must be a folder of our own.
        command = [sys.executable, "-m", "disc_lite.exporting.llama", str(request_file), str(answer_file)]
        code, last = run_child(command, check, Path(folder), TIMEOUT_S)
        if code == LLAMA_UNUSABLE:
            raise EnvironmentNotReady(
                f"{PACKAGE} is installed, but does not work.", last, f"Install it again, or remove {PACKAGE}."
            )
        if code == -signal.SIGKILL:
            raise EnvironmentNotReady(
                "llama.cpp was killed while it ran the export.",
                f"The system had no memory left for it, or it took more than {TIMEOUT_S // 60} minutes.",
                "Free some memory and repeat the command.",
            )
        if code or not answer_file.is_file():
            raise ValueError(f"llama.cpp ended with code {code}: {last}")
        with np.load(answer_file) as saved:
            lists: JsonObject = json.loads(str(saved["lists"]))
            ids, answers = (tuple(map(tuple, lists[name])) for name in ("ids", "answers"))
            return Outputs(ids, saved["logits"], answers)


def run_child(
    command: list[str], check: Callable[[], None], folder: Path | None = None, timeout_s: float = inf
) -> tuple[int, str]:
    """Run a child process; return its exit code and last error.

    It is killed when `check` raises. If `folder` is given, it runs there with this process's module path.
    """
    ends = monotonic() + timeout_s
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": paths} if folder else None
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        # In its own session, so that Ctrl-C does not reach the child and look like a failure.
        with Popen(command, stdout=DEVNULL, stderr=log, cwd=folder, env=env, start_new_session=True) as child:
            try:
                while child.poll() is None and monotonic() < ends:
                    check()
                    with suppress(TimeoutExpired):
                        child.wait(POLL_S)
            finally:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)  # and its children
        return child.returncode, last_error(log)


def last_error(log: IO[str]) -> str:
    """Return the last line with an error, except the one that ends every failure; otherwise the last line."""
    log.seek(0)
    lines = [line.strip() for line in log.read().splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error|failed", line, re.IGNORECASE) and "exiting" not in line]
    return (errors or lines or ["No message."])[-1]


def main(request_file: str, answer_file: str) -> None:
    """Load, tokenise, predict and answer greedily, as the child; an f32 KV cache makes logits comparable."""
    request = Request(**json.loads(Path(request_file).read_text(encoding="utf-8")))
    context = max(map(len, request.prompts), default=1) + request.answer_tokens + 2
    try:
        model = started(request.model, request.lora, context)
        ids = [model.tokenize(text) for text in request.texts]
        logits = [model.predict(prompt) for prompt in request.prompts]
        answers = [_greedy(model, prompt, request) for prompt in request.prompts[: request.answered]]
    except UnknownServer as error:
        print(error, file=sys.stderr)
        sys.exit(LLAMA_UNUSABLE)
    np.savez(answer_file, logits=np.stack(logits), lists=json.dumps({"ids": ids, "answers": answers}))


def _greedy(model: Server, prompt: Sequence[int], request: Request) -> list[int]:
    answer: list[int] = []
    while len(answer) < request.answer_tokens:
        answer.append(model.likeliest([*prompt, *answer]))
        if answer[-1] in request.stop_ids:
            break
    return answer


if __name__ == "__main__":
    main(*sys.argv[1:])
