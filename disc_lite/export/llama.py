"""Outputs of a GGUF in llama.cpp, in a child process, which llama.cpp ends where it refuses an adapter.

`python -m disc_lite.export.llama REQUEST.json ANSWER.npz` is the child. It uses the package llama_cpp, or llama.cpp's
program llama-server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import Any, Protocol

import numpy as np

from disc_lite.errors import EnvironmentNotReady
from disc_lite.export.layout import Array
from disc_lite.export.llamaserver import NAME, UnknownServer, find_server, running, server_version
from disc_lite.storage import JsonObject

TIMEOUT_S, POLL_S = 3600, 0.2
LLAMA_UNUSABLE = 3  # exit code of the child: llama.cpp itself does not work


@dataclass(frozen=True)
class Request:
    """The inputs of llama.cpp."""

    model: str
    lora: str
    texts: list[str]  # to be tokenised, with their control tokens
    prompts: list[list[int]]  # whose next token is predicted
    answered: int  # the first prompts that are also answered
    stop_ids: list[int]
    answer_tokens: int
    server: str = ""  # path of llama-server; the package llama_cpp if empty


@dataclass(frozen=True)
class LlamaOutputs:
    """The outputs of llama.cpp."""

    ids: list[list[int]]
    logits: Array  # [P, V], up to a constant for each prompt
    answers: list[list[int]]


@dataclass(frozen=True)
class Backend:
    """The llama.cpp on this machine: the package, or the path of llama-server."""

    name: str
    server: str


def find_llama() -> Backend | None:
    """The package llama_cpp, else the program llama-server, else None."""
    try:
        return Backend(f"llama.cpp, llama-cpp-python {version('llama-cpp-python')}", "")
    except PackageNotFoundError:
        server = find_server()
        number = server_version(server) if server else ""
        return Backend(f"llama.cpp, {NAME} {number}", server) if number else None


def run_llama(request: Request, check: Callable[[], None] = lambda: None) -> LlamaOutputs:
    """Run llama.cpp on the request. Raises ValueError with its own message where it cannot load the file.

    Raises EnvironmentNotReady where llama.cpp itself does not work, and what `check` raises.
    """
    with TemporaryDirectory() as folder:
        request_file, answer_file = Path(folder, "request.json"), Path(folder, "answer.npz")
        request_file.write_text(json.dumps(asdict(request)), encoding="utf-8")
        # `-m` looks for modules in the working directory first, so that must be a folder of our own.
        command = [sys.executable, "-m", "disc_lite.export.llama", str(request_file), str(answer_file)]
        code, last = run_child(command, check, Path(folder), TIMEOUT_S)
        if code == LLAMA_UNUSABLE:
            raise EnvironmentNotReady(
                f"{NAME if request.server else 'llama_cpp'} is installed, but does not work.",
                last,
                f"Install it again, or remove {request.server or 'llama-cpp-python'}.",
            )
        if code or not answer_file.is_file():
            raise ValueError(f"llama.cpp ended with code {code}: {last}")
        with np.load(answer_file) as saved:
            lists: JsonObject = json.loads(str(saved["lists"]))
            return LlamaOutputs(lists["ids"], saved["logits"], lists["answers"])


def run_child(
    command: list[str], check: Callable[[], None], folder: Path | None = None, timeout_s: float = inf
) -> tuple[int, str]:
    """Exit code and last line of a child process, which is killed when `check` raises; in `folder` with our modules."""
    ends = monotonic() + timeout_s
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": paths} if folder else None
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        # In a session of its own, so that Ctrl-C does not reach the child, where it would look like a failure.
        with Popen(command, stdout=DEVNULL, stderr=log, cwd=folder, env=env, start_new_session=True) as child:
            try:
                while child.poll() is None and monotonic() < ends:
                    check()
                    with suppress(TimeoutExpired):
                        child.wait(POLL_S)
            finally:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)  # and its children
        log.seek(0)
        last = next((line.strip() for line in reversed(log.read().splitlines()) if line.strip()), "No message.")
        return child.returncode, last


class Model(Protocol):
    """A loaded GGUF."""

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, in which control tokens are recognised."""

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Logits of the next token, [V], up to a constant."""

    def likeliest(self, input_ids: Sequence[int]) -> int:
        """The next token, greedily."""


def answer_request(request: Request) -> LlamaOutputs:
    """In the child: load, tokenise, predict, answer greedily; KV cache in f32, so that logits can be compared."""
    context = max(map(len, request.prompts), default=1) + request.answer_tokens + 2
    with _loaded(request, context) as model:
        ids = [model.tokenize(text) for text in request.texts]
        logits = [model.predict(prompt) for prompt in request.prompts]
        answers = [_greedy(model, prompt, request) for prompt in request.prompts[: request.answered]]
    return LlamaOutputs(ids, np.stack(logits), answers)


@contextmanager
def _loaded(request: Request, context: int) -> Iterator[Model]:
    if request.server:
        try:
            with running(request.server, request.model, request.lora, context) as server:
                yield server
        except UnknownServer as error:
            print(error, file=sys.stderr)
            sys.exit(LLAMA_UNUSABLE)
    else:
        yield _Package(request, context)


class _Package:
    """The package llama_cpp; a prefix that was evaluated before is not evaluated again."""

    def __init__(self, request: Request, context: int) -> None:
        try:
            from llama_cpp import Llama
        except Exception as error:  # a library is missing, or built for another machine
            print(error, file=sys.stderr)
            sys.exit(LLAMA_UNUSABLE)

        self._llama: Any = Llama(
            request.model, lora_path=request.lora or None, n_ctx=context, n_batch=context, n_ubatch=context,
            logits_all=True, type_k=0, type_v=0, flash_attn=False, verbose=False,
        )  # fmt: skip
        self._read: list[int] = []

    def tokenize(self, text: str) -> list[int]:
        return [int(i) for i in self._llama.tokenize(text.encode(), add_bos=False, special=True)]

    def predict(self, input_ids: Sequence[int]) -> Array:
        ids = list(input_ids)
        if ids[: len(self._read)] != self._read:
            self._llama.reset()
            self._read = []
        if len(ids) > len(self._read):
            self._llama.eval(ids[len(self._read) :])
        self._read = ids
        return np.array(self._llama.scores[len(ids) - 1], dtype=np.float32)

    def likeliest(self, input_ids: Sequence[int]) -> int:
        return int(np.argmax(self.predict(input_ids)))


def _greedy(model: Model, prompt: Sequence[int], request: Request) -> list[int]:
    answer: list[int] = []
    while len(answer) < request.answer_tokens:
        answer.append(model.likeliest([*prompt, *answer]))
        if answer[-1] in request.stop_ids:
            break
    return answer


def main(request_file: str, answer_file: str) -> None:
    outputs = answer_request(Request(**json.loads(Path(request_file).read_text(encoding="utf-8"))))
    lists = json.dumps({"ids": outputs.ids, "answers": outputs.answers})
    np.savez(answer_file, logits=outputs.logits, lists=lists)


if __name__ == "__main__":
    main(*sys.argv[1:])
