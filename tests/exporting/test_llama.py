"""llama.cpp in a child process, which loads a GGUF for the proof: it is asked, stopped, and its failures are named."""

import os
import signal
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from disc_lite.errors import EnvironmentNotReady, GateFailed, Interrupted
from disc_lite.exporting import export, ggufs, job, llama
from disc_lite.exporting.llama import Request, run_child, run_llama
from disc_lite.models import load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.made import finished_run, with_adapter
from tests.tiny_models import make_model


def test_an_interrupt_is_no_failure_of_the_other_program(tmp_path: Path) -> None:
    """Ctrl-C reaches a whole group of processes; and whoever asks us alone to stop does not wait for the other."""
    code, group = run_child(
        [sys.executable, "-c", "import os, sys; print(os.getpgrp(), file=sys.stderr)"], lambda: None
    )
    assert code == 0 and int(group) != os.getpgrp()

    def stop() -> None:
        raise Interrupted

    ended = tmp_path / "ended"
    slow = [sys.executable, "-c", f"import time; time.sleep(60); open({str(ended)!r}, 'w')"]
    with pytest.raises(Interrupted):
        run_child(slow, stop)
    assert run_child(slow, lambda: None, None, 0.5)[0] == -signal.SIGKILL
    assert not ended.exists()


def test_llama_cpp_that_cannot_be_loaded_is_no_failed_proof(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "modules" / "xllamacpp").mkdir(parents=True)
    (tmp_path / "modules" / "xllamacpp" / "__init__.py").write_text("raise RuntimeError('no libllama.so')")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    (tmp_path / "numpy.py").write_text("raise SystemExit('a file of the working folder was run')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnvironmentNotReady, match=r"no libllama\.so"):
        run_llama(Request("model.gguf", "", [], [[1]], 0, [], 0))


PACKAGE = """
import json, math, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

class ggml_type: GGML_TYPE_F32 = "f32"
class llama_flash_attn_type: LLAMA_FLASH_ATTN_TYPE_DISABLED = "off"

class CommonAdapterLoraInfo:
    def __init__(self, path, scale): self.path, self.scale = path, scale

class CommonParams:
    def __init__(self): self.model = self  # `model.path` is set

class Server:
    def __init__(self, params):
        if params.path.startswith("broken"):
            print("1 loading\\n2 failed to apply lora adapter: no base\\n3 exiting due to error", file=sys.stderr)
            raise RuntimeError
        assert (params.n_ctx, params.cache_type_k, params.n_gpu_layers) == (7, "f32", 0)
        assert open(params.lora_adapters[0].path).read() == "lora"
        Handler.model = params.path
        http = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=http.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{http.server_port}"

class Handler(BaseHTTPRequestHandler):
    def send(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            assert not body["add_special"] and body["parse_special"]
            return self.send(200, {"tokens": [ord(c) for c in body["content"]]})
        if 9 in body["prompt"]:
            return self.send(500, {"error": "no such token"})
        if 6 in body["prompt"]:
            os.kill(os.getpid(), 9)
        if 8 in body["prompt"]:
            print("GGML_ASSERT failed: 8", file=sys.stderr, flush=True)
            os._exit(6)
        if self.model.startswith("old"):
            return self.send(200, {"completion_probabilities": [{"content": "a", "probs": []}]})
        ((forced, bias),) = body["logit_bias"]
        assert (forced, body["n_predict"]) == (0, 1) and bias > 1000
        likely = (body["prompt"][-1] + 1) % 4  # the next of 0 to 3; token 0 is beyond all numbers
        probs = [0.0 if i == 0 else 0.7 if i == likely else 0.1 for i in range(4)]
        logs = [{"id": i, "logprob": math.log(p) if p else -3.4028234663852886e38} for i, p in enumerate(probs)]
        top = sorted(logs, key=lambda e: -e["logprob"])[: body["n_probs"]]
        self.send(200, {"completion_probabilities": [{"top_logprobs": top}]})
"""


def test_the_server_of_the_package_is_asked(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "xllamacpp.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    lora = tmp_path / "a,b.gguf"
    lora.write_text("lora")

    def given(model: str, prompts: list[list[int]]) -> Any:
        return run_llama(Request(model, str(lora), ["ab", "c"], prompts, 1, [3], 3))

    found = given("m.gguf", [[7, 0], [2]])
    assert found.ids == ((97, 98), (99,))
    assert found.answers == ((1, 2, 3),)
    assert np.allclose(np.exp(found.logits), [[0, 0.7, 0.1, 0.1], [0, 0.1, 0.1, 0.7]])
    with pytest.raises(ValueError, match="failed to apply lora adapter: no base"):
        given("broken.gguf", [[1, 1]])
    with pytest.raises(ValueError, match=r"answers 500: .*no such token"):
        given("m.gguf", [[1, 9]])
    with pytest.raises(ValueError, match="ended with code 6: GGML_ASSERT failed: 8"):
        given("m.gguf", [[1, 8]])
    with pytest.raises(EnvironmentNotReady, match=r"killed(?s:.)*no memory left for it, or it took more than 60"):
        given("m.gguf", [[1, 6]])
    with pytest.raises(EnvironmentNotReady, match="reports no probabilities"):
        given("old.gguf", [[1, 1]])


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_a_gguf_that_llama_cpp_refuses_is_said_not_to_run(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """It was compared with nothing."""

    def refused(request: Request, check: Any) -> None:
        raise ValueError("llama.cpp ended with code 1: failed to allocate buffer")

    monkeypatch.setattr(job, "find_llama", lambda: "llama.cpp")
    monkeypatch.setattr(ggufs, "run_llama", refused)
    base = write_base_gguf(folders("llama"), tmp_path / "base.gguf")
    with pytest.raises(GateFailed, match=r"cannot be run(?s:.)*runs \(llama\.cpp\): .*failed to allocate"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=base)


def test_it_is_named_with_its_version_or_not_at_all(monkeypatch: Any) -> None:
    monkeypatch.setattr(llama, "version", lambda name: "2026.10")
    assert llama.find_llama() == "llama.cpp, xllamacpp 2026.10"
    monkeypatch.setattr(llama, "version", lambda name: (_ for _ in ()).throw(PackageNotFoundError(name)))
    assert not llama.find_llama()


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize(("name", "kind", "most"), [("llama", "F32", 1e-3), ("qwen3", "F16", 0.1)])
def test_llama_cpp_itself_proves_a_whole_gguf(tmp_path: Path, name: str, kind: str, most: float) -> None:
    """Prebuilt, in the package xllamacpp; all families and forms are in the slow tests."""
    pytest.importorskip("xllamacpp")
    folder = make_model(name, tmp_path / "model")
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    base = write_base_gguf(folder, tmp_path / "base.gguf", kind)
    made = export(run, "gguf", tmp_path / "out", base_gguf=base)
    assert [line["what"] for line in made["proof"]] == ["tokens", "logits", "answers", "update"]
    assert all(line["how"].startswith("llama.cpp, xllamacpp 20") for line in made["proof"][:3])
    assert made["proof"][1]["figure"] < most
    assert made["adapted_types"] == [kind]
    assert (tmp_path / "out" / "model.gguf").stat().st_size == base.stat().st_size
