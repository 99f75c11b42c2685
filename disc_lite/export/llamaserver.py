"""llama.cpp's own program, llama-server: started on a GGUF, asked over the loopback, stopped again."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from disc_lite.export.layout import Array

NAME = "llama-server"
START_S, ANSWER_S, POLL_S = 1800, 1800, 0.1
FORCED = 1e6  # a bias that leaves the sampler no choice; the probabilities are read before it
# What the user's own servers are told by the environment is not for this one. Arguments are spelled differently
# by versions, and variables that one does not know are passed over. No card: it may be full. A template that
# it knows: it would not start with one that it cannot read, and none is needed here.
SETTINGS = {
    "LLAMA_ARG_FLASH_ATTN": "off", "LLAMA_ARG_CACHE_TYPE_K": "f32", "LLAMA_ARG_CACHE_TYPE_V": "f32",
    "LLAMA_ARG_DEVICE": "none", "LLAMA_ARG_CHAT_TEMPLATE": "chatml",
}  # fmt: skip


class OtherProgram(Exception):
    """It does not answer as a llama-server does that we know."""


def find_server() -> str:
    """The program on the PATH, or nothing."""
    found = shutil.which(NAME)
    return os.path.abspath(found) if found else ""


def server_version(program: str) -> str:
    """llama.cpp's number of the build, as it tells it; nothing where it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = done.stdout + done.stderr
    found = re.search(r"build:? (\d+)", said) or re.search(r"version: (\S+)", said)
    return found[1] if found else ""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, control tokens in it being control tokens."""
        found = self._ask("POST", "/tokenize", {"content": text, "add_special": False, "parse_special": True})
        return [int(i) for i in found["tokens"]]

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Logits of the next token, [V], up to a constant."""
        told = self._next(input_ids, 2**30)
        row = np.full(1 + max(i for i, _ in told), -np.inf, dtype=np.float32)
        for i, logarithm in told:
            row[i] = logarithm
        return row

    def likeliest(self, input_ids: Sequence[int]) -> int:
        return self._next(input_ids, 1)[0][0]

    def _next(self, input_ids: Sequence[int], number: int) -> list[tuple[int, float]]:
        """The likeliest next tokens with their log-probabilities, likeliest first.

        A token is sampled only because the server must: token 0, a control token or a whole character in
        every vocabulary, for of one that is a part of a character the server tells nothing.
        """
        found = self._ask("POST", "/completion", {
            "prompt": list(input_ids), "n_predict": 1, "n_probs": number, "cache_prompt": True, "samplers": [],
            "logit_bias": [[0, FORCED]],
        })  # fmt: skip
        try:
            told = found["completion_probabilities"][0]["top_logprobs"]
            return [(int(entry["id"]), float(entry["logprob"])) for entry in told]
        except (KeyError, IndexError, TypeError) as error:
            raise OtherProgram(f"{NAME} tells no probabilities of next tokens: {str(found)[:200]}") from error

    def healthy(self) -> bool:
        try:
            return bool(self._ask("GET", "/health")["status"] == "ok")
        except (OSError, HTTPException, ValueError, KeyError):  # not catch_signals yet, or still loading
            return False

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{NAME} answers {answer.status}: {said[:300].decode('utf-8', 'replace')}")
        return json.loads(said)


@contextmanager
def running(program: str, model: str, lora: str, context: int) -> Iterator[Server]:
    """A server that has loaded the model; raises ValueError with its own words where it does not, or dies.

    The working folder must be a passing one: the adapter gets a name there that has no comma, which is read as
    the end of a name.
    """
    port = _free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("LLAMA_")} | SETTINGS
    command = [program, "--model", model, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--ctx-size", str(context), "--parallel", "1"]
    if lora:
        os.symlink(lora, "adapter.gguf")
        command += ["--lora", "adapter.gguf"]
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        child = subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=env)
        try:
            yield _started(Server(port), child)
        except (OSError, HTTPException) as error:
            raise ValueError(_last_error(words)) from error
        finally:
            child.kill()
            child.wait()


def _started(server: Server, child: subprocess.Popen[bytes]) -> Server:
    ends = time.monotonic() + START_S
    while not server.healthy():
        if child.poll() is not None or time.monotonic() > ends:
            raise ConnectionError
        time.sleep(POLL_S)
    if child.poll() is not None:  # another program has taken the port
        raise ConnectionError
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_error(words: IO[str]) -> str:
    """The cause among its last words, which end with what every failure ends with."""
    words.seek(0)
    lines = [line.strip() for line in words.read().splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error|failed", line, re.IGNORECASE) and "exiting" not in line]
    return (errors or lines or ["It says nothing."])[-1]
