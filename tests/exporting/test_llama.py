"""The program that loads a GGUF for the proof: it is started, asked, stopped, and its failures are named."""

import os
import signal
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from disc_lite.errors import EnvironmentNotReady, Interrupted
from disc_lite.exporting import export, llama
from disc_lite.exporting.llama import Request, run_child, run_llama
from disc_lite.models import load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.made import finished_run, with_adapter
from tests.tiny_models import make_model


def test_an_interrupt_is_no_failure_of_the_other_program() -> None:
    """Ctrl-C reaches a whole group of processes; and whoever asks us alone to stop does not wait for the other."""
    code, group = run_child(
        [sys.executable, "-c", "import os, sys; print(os.getpgrp(), file=sys.stderr)"], lambda: None
    )
    assert code == 0 and int(group) != os.getpgrp()

    def stop() -> None:
        raise Interrupted

    begun = time.monotonic()
    with pytest.raises(Interrupted):
        run_child([sys.executable, "-c", "import time; time.sleep(60)"], stop)
    assert (
        run_child([sys.executable, "-c", "import time; time.sleep(60)"], lambda: None, None, 0.5)[0] == -signal.SIGKILL
    )
    assert time.monotonic() - begun < 30


def test_llama_cpp_that_cannot_be_loaded_is_no_failed_proof(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "modules" / "xllamacpp").mkdir(parents=True)
    (tmp_path / "modules" / "xllamacpp" / "__init__.py").write_text("raise RuntimeError('no libllama.so')")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    (tmp_path / "numpy.py").write_text("raise SystemExit('a file of the working folder was run')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnvironmentNotReady, match=r"no libllama\.so"):
        run_llama(Request("model.gguf", "", [], [[1]], 0, [], 0))


SERVER = """#!{python}
import json, math, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

if "--version" in sys.argv:
    sys.exit("version: 0.5.0-dev (build 9009, commit abc)")
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if options["--model"].startswith("broken"):
    sys.exit("1 I loading\\n2 E failed to apply lora adapter: no base\\n3 E main: exiting due to model loading error")
assert not [k for k in os.environ if k.startswith("LLAMA_") and not k.startswith("LLAMA_ARG")], "the user's own settings"
assert (options["--ctx-size"], os.environ["LLAMA_ARG_CACHE_TYPE_K"]) == ("7", "f32")
assert open(options["--lora"]).read() == "lora" and "," not in options["--lora"]

class Handler(BaseHTTPRequestHandler):
    health = 0

    def send(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        Handler.health += 1
        self.send(*((200, {{"status": "ok"}}) if Handler.health > 2 else (503, {{"error": "loading"}})))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            assert not body["add_special"] and body["parse_special"]
            return self.send(200, {{"tokens": [ord(c) for c in body["content"]]}})
        if options["--model"].startswith("slow"):
            open("asked", "w").close()
            import time; time.sleep(60)
        if 9 in body["prompt"]:
            return self.send(500, {{"error": "no such token"}})
        if 8 in body["prompt"]:
            print("GGML_ASSERT failed: 8", flush=True)
            os._exit(6)
        if options["--model"].startswith("old"):
            return self.send(200, {{"completion_probabilities": [{{"content": "a", "probs": []}}]}})
        ((forced, bias),) = body["logit_bias"]
        assert (forced, body["n_predict"]) == (0, 1) and bias > 1000
        likely = (body["prompt"][-1] + 1) % 4  # the next of 0 to 3; token 0 is beyond all numbers
        probs = [0.0 if i == 0 else 0.7 if i == likely else 0.1 for i in range(4)]
        logs = [{{"id": i, "logprob": math.log(p) if p else -3.4028234663852886e38}} for i, p in enumerate(probs)]
        top = sorted(logs, key=lambda e: -e["logprob"])[: body["n_probs"]]
        self.send(200, {{"completion_probabilities": [{{"top_logprobs": top}}]}})

HTTPServer(("127.0.0.1", int(options["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: Any) -> Path:
    """A program llama-server on the PATH, and no package xllamacpp."""
    program = tmp_path / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(SERVER.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("LLAMA_API_KEY", "mine")
    monkeypatch.setattr(llama, "version", lambda name: (_ for _ in ()).throw(PackageNotFoundError(name)))
    return program


def test_llama_server_is_used_where_there_is_no_package(server: Path, tmp_path: Path, monkeypatch: Any) -> None:
    backend = llama.find_llama()
    assert backend == llama.Backend("llama.cpp, llama-server 9009", str(server))
    lora = tmp_path / "a,b.gguf"
    lora.write_text("lora")

    def given(model: str, prompts: list[list[int]]) -> Any:
        return run_llama(Request(model, str(lora), ["ab", "c"], prompts, 1, [3], 3, str(server)))

    found = given("m.gguf", [[7, 0], [2]])
    assert found.ids == [[97, 98], [99]]
    assert found.answers == [[1, 2, 3]]
    assert np.allclose(np.exp(found.logits), [[0, 0.7, 0.1, 0.1], [0, 0.1, 0.1, 0.7]])
    with pytest.raises(ValueError, match="failed to apply lora adapter: no base"):
        given("broken.gguf", [[1]])
    with pytest.raises(ValueError, match=r"llama-server answers 500: .*no such token"):
        given("m.gguf", [[1, 9]])
    with pytest.raises(ValueError, match="GGML_ASSERT failed: 8"):
        given("m.gguf", [[1, 8]])
    with pytest.raises(EnvironmentNotReady, match="reports no probabilities") as caught:
        given("old.gguf", [[1, 1]])
    assert str(server) in caught.value.remedy
    server.write_text("#!/bin/sh\necho cannot find libllama.so; exit 127")
    assert llama.find_llama() is None
    monkeypatch.setenv("PATH", "")
    assert llama.find_llama() is None


def test_an_interrupted_proof_leaves_no_server(server: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "a.gguf").write_text("lora")

    def stop() -> None:
        if list(tmp_path.glob("*/asked")):
            raise Interrupted

    def running() -> list[Any]:
        lines = [p.info for p in psutil.process_iter(["cmdline", "status"])]
        return [i for i in lines if str(server) in (i["cmdline"] or []) and i["status"] != psutil.STATUS_ZOMBIE]

    with pytest.raises(Interrupted):
        run_llama(Request("slow", str(tmp_path / "a.gguf"), [], [[1]], 0, [3], 4, str(server)), stop)
    ends = time.monotonic() + 10
    while running() and time.monotonic() < ends:
        time.sleep(0.1)
    assert not running()


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
