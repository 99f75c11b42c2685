"""llama.cpp's server, from the package xllamacpp: runs a GGUF in this process and is queried over loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib import import_module

import numpy as np

from disc_lite.exporting.layout import Array
from disc_lite.storage import Json, JsonObject

PACKAGE = "xllamacpp"
ANSWER_S = 1800
FORCED = 1e6  # logit bias that fixes the sampled token; the probabilities are taken before it


class UnknownServer(Exception):
    """The server does not work, or not like the known versions."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    running: object  # the package's server, which stops when it is no longer referenced

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of a text, in which control tokens are recognised."""
        answer = self._ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})
        return [int(i) for i in answer["tokens"]]

    def predict(self, input_ids: Sequence[int]) -> Array:
        """Return the logits of the next token, [V], up to a constant."""
        entries = self._next(input_ids, 2**30)
        row = np.full(1 + max(i for i, _ in entries), -np.inf, dtype=np.float32)
        for i, log_probability in entries:
            row[i] = log_probability
        return row

    def likeliest(self, input_ids: Sequence[int]) -> int:
        return self._next(input_ids, 1)[0][0]

    def _next(self, input_ids: Sequence[int], number: int) -> list[tuple[int, float]]:
        """Return the likeliest next tokens with their log-probabilities, likeliest first.

        The server has to sample a token: token 0 is forced, which is a control token or a whole character in every
        vocabulary. For a part of a character the server reports no probabilities.
        """
        answer = self._ask("/completion", {
            "prompt": list(input_ids), "n_predict": 1, "n_probs": number, "cache_prompt": True, "samplers": [],
            "logit_bias": [[0, FORCED]],
        })  # fmt: skip
        try:
            entries = answer["completion_probabilities"][0]["top_logprobs"]
            return [(int(entry["id"]), float(entry["logprob"])) for entry in entries]
        except (KeyError, IndexError, TypeError) as error:
            raise UnknownServer(f"{PACKAGE} reports no probabilities of next tokens: {str(answer)[:200]}") from error

    def _ask(self, path: str, body: JsonObject) -> Json:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{PACKAGE} answers {answer.status}: {content[:300].decode('utf-8', 'replace')}")
        return json.loads(content)


def started(model: str, lora: str, context: int) -> Server:
    """Start a server with the model. If it cannot load a file, it prints why and the process ends.

    It has an f32 cache, no GPU, which may be full, and a built-in chat template, since it does not start with one that
    it cannot parse.
    """
    try:
        package = import_module(PACKAGE)
        params = package.CommonParams()
        params.model.path, params.port, params.chat_template, params.warmup = model, 0, "chatml", False
        params.n_ctx, params.n_parallel, params.n_gpu_layers, params.no_op_offload = context, 1, 0, True
        params.cache_type_k = params.cache_type_v = package.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = package.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.lora_adapters = [package.CommonAdapterLoraInfo(path=lora, scale=1.0)] if lora else []
    except Exception as error:  # a library is missing, built for another machine, or of another version
        raise UnknownServer(f"{PACKAGE}: {error}") from error
    try:
        server = package.Server(params)
    except RuntimeError:
        sys.exit(1)
    return Server(int(server.listening_address.rsplit(":", 1)[1]), server)
