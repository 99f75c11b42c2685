"""llama.cpp in a process of its own: what it makes of a GGUF. A refused adapter would take the process with it.

`python -m disc_lite.export.llama REQUEST.json ANSWER.npz` is the other process. It asks the package llama_cpp, or
llama.cpp's program llama-server.
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
from disc_lite.export.llamaserver import NAME, OtherProgram, find_server, running, server_version

SECONDS, POLL_S = 3600, 0.2
CANNOT_ASK = 3  # exit code of the other process: the fault is llama.cpp's, not the file's


@dataclass(frozen=True)
class Request:
    """What llama.cpp is asked."""

    model: str
    lora: str
    texts: list[str]  # to be tokenised, control tokens in them being control tokens
    prompts: list[list[int]]  # whose next token is predicted
    answered: int  # the first prompts that are also answered
    stop_ids: list[int]
    answer_tokens: int
    server: str = ""  # path of llama-server; the package llama_cpp if empty


@dataclass(frozen=True)
class Given:
    """What it says."""

    ids: list[list[int]]
    logits: Array  # [P, V], up to a constant for each prompt
    answers: list[list[int]]


@dataclass(frozen=True)
class Way:
    """A way to llama.cpp that there is on this machine."""

    name: str
    server: str


def find_llama() -> Way | None:
    """The package llama_cpp, else the program llama-server, else none."""
    try:
        return Way(f"llama.cpp, llama-cpp-python {version('llama-cpp-python')}", "")
    except PackageNotFoundError:
        server = find_server()
        number = server_version(server) if server else ""
        return Way(f"llama.cpp, {NAME} {number}", server) if number else None


def ask_llama(request: Request, check: Callable[[], None] = lambda: None) -> Given:
    """Raises ValueError with llama.cpp's own words where it cannot load or read the file.

    Raises EnvironmentNotReady where llama.cpp itself cannot be used, and what `check` raises to stop.
    """
    with TemporaryDirectory() as folder:
        asked, answer = Path(folder, "request.json"), Path(folder, "answer.npz")
        asked.write_text(json.dumps(asdict(request)), encoding="utf-8")
        # `-m` looks for modules in the working directory first: not in one that strangers may have filled.
        command = [sys.executable, "-m", "disc_lite.export.llama", str(asked), str(answer)]
        code, last = run_child(command, check, Path(folder), SECONDS)
        if code == CANNOT_ASK:
            raise EnvironmentNotReady(
                f"{NAME if request.server else 'llama_cpp'} is installed, but cannot be used.",
                last,
                f"Install it again, or remove {request.server or 'llama-cpp-python'}.",
            )
        if code or not answer.is_file():
            raise ValueError(f"llama.cpp ended with code {code}: {last}")
        with np.load(answer) as found:
            said: dict[str, Any] = json.loads(str(found["said"]))
            return Given(said["ids"], found["logits"], said["answers"])


def run_child(
    command: list[str], check: Callable[[], None], folder: Path | None = None, timeout_s: float = inf
) -> tuple[int, str]:
    """Exit code and last line of another program, which ends with what `check` raises; in `folder` with our modules."""
    ends = monotonic() + timeout_s
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": paths} if folder else None
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        # In a session of its own, so that Ctrl-C comes to us alone and is not taken for a failure of the program.
        with Popen(command, stdout=DEVNULL, stderr=words, cwd=folder, env=env, start_new_session=True) as child:
            try:
                while child.poll() is None and monotonic() < ends:
                    check()
                    with suppress(TimeoutExpired):
                        child.wait(POLL_S)
            finally:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)  # and what it has started
        words.seek(0)
        last = next((line.strip() for line in reversed(words.read().splitlines()) if line.strip()), "It says nothing.")
        return child.returncode, last


class Model(Protocol):
    """A loaded GGUF."""

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, control tokens in it being control tokens."""

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Logits of the next token, [V], up to a constant."""

    def likeliest(self, input_ids: Sequence[int]) -> int:
        """The next token, greedily."""


def answer_request(request: Request) -> Given:
    """In the other process: load, tokenise, predict, answer greedily; cache in f32, so that logits can be compared."""
    context = max(map(len, request.prompts), default=1) + request.answer_tokens + 2
    with _loaded(request, context) as model:
        ids = [model.tokenize(text) for text in request.texts]
        logits = [model.predict(prompt) for prompt in request.prompts]
        answers = [_greedy(model, prompt, request) for prompt in request.prompts[: request.answered]]
    return Given(ids, np.stack(logits), answers)


@contextmanager
def _loaded(request: Request, context: int) -> Iterator[Model]:
    if request.server:
        try:
            with running(request.server, request.model, request.lora, context) as server:
                yield server
        except OtherProgram as error:
            print(error, file=sys.stderr)
            sys.exit(CANNOT_ASK)
    else:
        yield _Package(request, context)


class _Package:
    """The package llama_cpp; reads what it has read before only once."""

    def __init__(self, request: Request, context: int) -> None:
        try:
            from llama_cpp import Llama
        except Exception as error:  # a library that is missing, or of another machine
            print(error, file=sys.stderr)
            sys.exit(CANNOT_ASK)

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
    said: list[int] = []
    while len(said) < request.answer_tokens:
        said.append(model.likeliest([*prompt, *said]))
        if said[-1] in request.stop_ids:
            break
    return said


def main(asked: str, answer: str) -> None:
    given = answer_request(Request(**json.loads(Path(asked).read_text(encoding="utf-8"))))
    np.savez(answer, logits=given.logits, said=json.dumps({"ids": given.ids, "answers": given.answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
