"""llama.cpp's server, of the package xllamacpp or the program llama-server: started on a GGUF, asked, stopped again.

Both are asked over the loopback interface.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from disc_lite.exporting.layout import Array
from disc_lite.storage import Json

NAME, PACKAGE = "llama-server", "xllamacpp"
START_S, ANSWER_S, POLL_S = 1800, 1800, 0.1
FORCED = 1e6  # logit bias that fixes the sampled token; the probabilities are taken before it
# Settings of the user's own servers in the environment are removed. Names of arguments differ between versions, but a
# version ignores variables that it does not know. No GPU, which may be full. A built-in chat template, since the server
# does not start with one that it cannot parse.
SETTINGS = {
    "LLAMA_ARG_FLASH_ATTN": "off", "LLAMA_ARG_CACHE_TYPE_K": "f32", "LLAMA_ARG_CACHE_TYPE_V": "f32",
    "LLAMA_ARG_DEVICE": "none", "LLAMA_ARG_CHAT_TEMPLATE": "chatml",
}  # fmt: skip


class UnknownServer(Exception):
    """It does not work, or not like the versions that are known."""


def find_server() -> str:
    """The program on the PATH, or nothing."""
    path = shutil.which(NAME)
    return os.path.abspath(path) if path else ""


def server_version(program: str) -> str:
    """Its build number, "" if it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    printed = done.stdout + done.stderr
    match = re.search(r"build:? (\d+)", printed) or re.search(r"version: (\S+)", printed)
    return match[1] if match else ""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, in which control tokens are recognised."""
        answer = self._ask("POST", "/tokenize", {"content": text, "add_special": False, "parse_special": True})
        return [int(i) for i in answer["tokens"]]

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Logits of the next token, [V], up to a constant."""
        entries = self._next(input_ids, 2**30)
        row = np.full(1 + max(i for i, _ in entries), -np.inf, dtype=np.float32)
        for i, log_probability in entries:
            row[i] = log_probability
        return row

    def likeliest(self, input_ids: Sequence[int]) -> int:
        return self._next(input_ids, 1)[0][0]

    def _next(self, input_ids: Sequence[int], number: int) -> list[tuple[int, float]]:
        """The likeliest next tokens with their log-probabilities, likeliest first.

        The server has to sample a token: it is token 0, which is a control token or a whole character in every
        vocabulary. For a part of a character the server reports no probabilities.
        """
        answer = self._ask("POST", "/completion", {
            "prompt": list(input_ids), "n_predict": 1, "n_probs": number, "cache_prompt": True, "samplers": [],
            "logit_bias": [[0, FORCED]],
        })  # fmt: skip
        try:
            entries = answer["completion_probabilities"][0]["top_logprobs"]
            return [(int(entry["id"]), float(entry["logprob"])) for entry in entries]
        except (KeyError, IndexError, TypeError) as error:
            raise UnknownServer(f"{NAME} reports no probabilities of next tokens: {str(answer)[:200]}") from error

    def healthy(self) -> bool:
        try:
            return bool(self._ask("GET", "/health")["status"] == "ok")
        except (OSError, HTTPException, ValueError, KeyError):  # not listening yet, or still loading
            return False

    def _ask(self, method: str, path: str, body: Json = None) -> Json:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{NAME} answers {answer.status}: {content[:300].decode('utf-8', 'replace')}")
        return json.loads(content)


@contextmanager
def packaged(model: str, lora: str, context: int) -> Iterator[Server]:
    """The server of the package, in this process. It prints why, and the process ends, where it cannot load a file.

    As with `SETTINGS`: a cache in f32, no GPU, a built-in chat template.
    """
    try:
        package = import_module(PACKAGE)
        params = package.CommonParams()
        params.model.path, params.port, params.chat_template, params.warmup = model, 0, "chatml", False
        params.n_ctx, params.n_parallel, params.n_gpu_layers, params.no_op_offload = context, 1, 0, True
        params.cache_type_k = params.cache_type_v = package.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = package.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.lora_adapters = [package.CommonAdapterLoraInfo(path=lora, scale=1.0)] if lora else []
    except Exception as error:  # a library is missing, built for another machine, or another version's
        raise UnknownServer(f"{PACKAGE}: {error}") from error
    try:
        server = package.Server(params)
    except RuntimeError:
        sys.exit(1)
    yield Server(int(server.listening_address.rsplit(":", 1)[1]))


@contextmanager
def running(program: str, model: str, lora: str, context: int) -> Iterator[Server]:
    """A server that has loaded the model. Raises ValueError with its last error where it fails to load, or ends.

    The working folder must be temporary: the adapter is linked into it under a name without a comma, which would
    separate two names.
    """
    port = _free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("LLAMA_")} | SETTINGS
    command = [program, "--model", model, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--ctx-size", str(context), "--parallel", "1"]
    if lora:
        os.symlink(lora, "adapter.gguf")
        command += ["--lora", "adapter.gguf"]
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)
        try:
            yield _started(Server(port), child)
        except (OSError, HTTPException) as error:
            raise ValueError(last_error(log)) from error
        finally:
            child.kill()
            child.wait()


def _started(server: Server, child: subprocess.Popen[bytes]) -> Server:
    ends = time.monotonic() + START_S
    while not server.healthy():
        if child.poll() is not None or time.monotonic() > ends:
            raise ConnectionError
        time.sleep(POLL_S)
    if child.poll() is not None:  # another program uses the port
        raise ConnectionError
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_error(log: IO[str]) -> str:
    """The last line with an error, except the one that ends every failure; else the last line."""
    log.seek(0)
    lines = [line.strip() for line in log.read().splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error|failed", line, re.IGNORECASE) and "exiting" not in line]
    return (errors or lines or ["No message."])[-1]
