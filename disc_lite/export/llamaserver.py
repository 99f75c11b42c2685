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


def find_server() -> str:
    """The program on the PATH, or nothing."""
    return shutil.which(NAME) or ""


def server_version(program: str) -> str:
    """llama.cpp's number of the build, as it tells it."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"version:\s*(\S+)", done.stdout + done.stderr)
    return found[1] if found else ""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    stop_id: int

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, control tokens in it being control tokens."""
        found = self._ask("POST", "/tokenize", {"content": text, "add_special": False, "parse_special": True})
        return [int(i) for i in found["tokens"]]

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Log-probabilities of the next token, [V].

        A token is sampled only because the server must: one that ends the answer, for it says nothing of
        tokens that are part of a character.
        """
        found = self._ask("POST", "/completion", {
            "prompt": list(input_ids), "n_predict": 1, "n_probs": 2**30, "cache_prompt": True, "samplers": [],
            "logit_bias": [[self.stop_id, FORCED]],
        })  # fmt: skip
        told = found["completion_probabilities"][0]["top_logprobs"]
        row = np.full(1 + max(entry["id"] for entry in told), -np.inf, dtype=np.float32)
        for entry in told:
            row[entry["id"]] = entry["logprob"]
        return row

    def healthy(self) -> bool:
        try:
            return bool(self._ask("GET", "/health")["status"] == "ok")
        except (OSError, HTTPException, ValueError, KeyError):  # not listening yet, or still loading
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
def running(program: str, model: str, lora: str, context: int, stop_id: int) -> Iterator[Server]:
    """A server that has loaded the model; raises ValueError with its last words where it does not."""
    port = _free_port()
    # What the user's own servers are told by the environment is not for this one. Arguments are spelled
    # differently by versions, variables that one does not know are passed over.
    env = {key: value for key, value in os.environ.items() if not key.startswith("LLAMA_")}
    env |= {"LLAMA_ARG_FLASH_ATTN": "off", "LLAMA_ARG_CACHE_TYPE_K": "f32", "LLAMA_ARG_CACHE_TYPE_V": "f32"}
    command = [program, "--model", model, *(["--lora", lora] if lora else []), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--ctx-size", str(context), "--parallel", "1", "--n-gpu-layers", "0"]
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        child = subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=env)
        server, ends = Server(port, stop_id), time.monotonic() + START_S
        try:
            while not server.healthy():
                if child.poll() is not None or time.monotonic() > ends:
                    raise ValueError(_last_error(words))
                time.sleep(POLL_S)
            yield server
        finally:
            child.kill()
            child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_error(words: IO[str]) -> str:
    words.seek(0)
    lines = [line.strip() for line in words.read().splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["It says nothing."])[-1]
