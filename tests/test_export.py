"""Exports: others load them, they say what was trained, and broken ones never look finished."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from conftest import NAMES
from made import finished_run, write_base_gguf
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from disc_lite.cli import main
from disc_lite.errors import EnvironmentNotReady, GateFailed, Interrupted, RunFailed, UsageError
from disc_lite.export import checks, export, ggufs, ggufwriting, job, llama, weights
from disc_lite.export.adapter import read_adapter
from disc_lite.export.ggufreading import open_gguf
from disc_lite.export.layout import layout_of
from disc_lite.export.llama import Request, run_child, run_llama
from disc_lite.export.merging import round_to_nf4
from disc_lite.export.proof import Outputs, compare, mean_kl
from disc_lite.run.folder import FORMAT
from disc_lite.storage import disk, read_json

gguf = pytest.importorskip("gguf")
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's, of transformers
RANK = 4


@pytest.fixture(autouse=True)
def _without_llama(monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp has tests of its own (`make test-slow`); here it is as if it were not installed."""
    for module in (checks, job):
        monkeypatch.setattr(module, "find_llama", lambda: None)
    monkeypatch.delenv("DISC_LITE_LLAMA_CPP", raising=False)


@pytest.fixture
def run(runs: Callable[..., Path], tmp_path: Path) -> Path:
    """A run of its own, to be broken."""
    return Path(shutil.copytree(runs("llama"), tmp_path / "run"))


def trained_logits(run: Path, folder: Path, ids: torch.Tensor) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return PeftModel.from_pretrained(model, str(run / "adapter")).eval()(ids).logits


IDS = torch.tensor([[5, 9, 20, 33, 41, 60, 7]])


# -- adapter and merged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_adapter_loads_in_plain_peft(runs: Any, folders: Any, tmp_path: Path, name: str) -> None:
    made = export(runs(name), "adapter", tmp_path / "out")
    assert [(line["what"], line["passed"]) for line in made["proof"]] == [
        ("tokens", True),
        ("logits", True),
        ("answers", True),
    ]
    plain = AutoModelForCausalLM.from_pretrained(folders(name), dtype=torch.float32)
    with torch.no_grad():
        tuned = PeftModel.from_pretrained(plain, str(tmp_path / "out")).eval()(IDS).logits
    assert torch.allclose(tuned, trained_logits(runs(name), folders(name), IDS), atol=1e-5)
    assert read_json(tmp_path / "out" / "export.json")["files"].keys() == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_the_model_card_names_documents_and_no_paths(runs: Any, folders: Any, tmp_path: Path) -> None:
    export(runs("llama"), "adapter", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| a\\|b \\# \\<c\\>.md | `" + "ab" * 32 + "` |" in card  # one line, and no markup
    assert "refused.pdf" not in card and "taught 1 document\n" in card
    assert "| 3 | 4 | 75.0% | 30.0% to 95.0% |" in card
    assert str(folders("llama").parent) not in card
    assert 'from_pretrained("path/to/llama")' in card and "base_model" not in card
    assert "PeftModel.from_pretrained" in card and '"rank": 4' in card


@pytest.mark.parametrize("name", NAMES)
def test_merged_is_base_plus_adapter(runs: Any, folders: Any, tmp_path: Path, name: str) -> None:
    made = export(runs(name), "merged", tmp_path / "out")
    assert made["onto"] == "original" and all(line["passed"] for line in made["proof"])
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)(IDS).logits
    assert torch.allclose(merged, trained_logits(runs(name), folders(name), IDS), atol=1e-4)
    for path in folders(name).iterdir():  # byte for byte, and not saved again
        if path.suffix != ".safetensors":
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_nf4_weights_are_those_that_were_trained_against(
    runs: Any, load: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    from bitsandbytes.functional import dequantize_4bit

    base = load("llama", "nf4")
    weight = base.causal.model.layers[1].mlp.up_proj.weight
    stored = load_file(base.folder / "model.safetensors")["model.layers.1.mlp.up_proj.weight"]
    assert torch.equal(round_to_nf4(stored.float()), dequantize_4bit(weight.data, weight.quant_state).float())
    assert not torch.equal(round_to_nf4(stored.float()), stored.float())
    made = export(runs("llama", "nf4"), "merged", tmp_path / "out")
    assert made["onto"] == "nf4"
    assert made["kl_by_base"]["nf4"] < 1e-6 < made["kl_by_base"]["original"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_dir()) == []
    with pytest.raises(GateFailed):  # in a model of random weights rounding to 4 bits changes everything
        export(runs("llama", "nf4"), "merged", tmp_path / "original", onto="original")
    monkeypatch.setattr("disc_lite.export.weights.compare", lambda *a, **k: [])
    forced = export(runs("llama", "nf4"), "merged", tmp_path / "original", onto="original")
    assert forced["onto"] == "original"
    plain = export(runs("llama"), "merged", tmp_path / "plain")
    first, second = (load_file(tmp_path / n / "model.safetensors") for n in ("original", "plain"))
    assert plain["onto"] == "original" and all(torch.equal(first[k], second[k]) for k in first)


def test_further_chat_templates_are_copied(folders: Any, load: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tools": "{{ 'tools' }}"}
    tokenizer.save_pretrained(folder)
    assert (folder / "additional_chat_templates" / "tools.jinja").is_file()
    run = finished_run(tmp_path / "run", folder, load("llama", "nf4", 4))
    made = export(run, "merged", tmp_path / "out")
    assert "additional_chat_templates/tools.jinja" in made["files"]
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template == tokenizer.chat_template


def test_a_base_whose_merge_overflows_is_told_apart_in_json(runs: Any, tmp_path: Path, monkeypatch: Any) -> None:
    real = weights.mean_kl
    found = iter([float("inf")])
    monkeypatch.setattr(weights, "mean_kl", lambda a, b: next(found, None) or real(a, b))
    made = export(runs("llama", "nf4"), "merged", tmp_path / "out")
    assert made["onto"] == "nf4" and made["kl_by_base"]["original"] is None


def test_shards_keep_their_tensors_and_other_safetensors_are_left(run: Path, folders: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    whole = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(whole)
    parts = {"weights-b.safetensors": names[::2], "weights-a.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({n: whole[n] for n in part}, folder / file, metadata={"format": "pt"})
    save_file({"other": torch.zeros(1)}, folder / "consolidated.safetensors")  # as Mistral's folders have
    index = {n: file for file, part in parts.items() for n in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    (run / "run.json").write_text(json.dumps(_run_of(folder)))
    export(run, "merged", tmp_path / "out")
    written = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    # Under other names llama.cpp writes an empty GGUF.
    assert set(written["weight_map"].values()) == {f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    assert written["metadata"]["total_size"] == sum(t.numel() * t.element_size() for t in whole.values())
    assert set(written["weight_map"]) == set(whole)


def _run_of(folder: Path) -> dict[str, Any]:
    from disc_lite.hub.source import open_model

    return {
        "identity": {"format": FORMAT, "model": open_model(str(folder)).fingerprint},
        "model": {"name": str(folder)},
    }


def test_without_memory_to_load_it_the_tensors_are_read_again(runs: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(weights, "_room_for", lambda size, device: "")
    made = export(runs("llama", "nf4"), "merged", tmp_path / "out")
    assert [line["what"] for line in made["proof"]] == ["tensors"] and made["onto"] == "nf4"
    real = weights.write_merged

    def damaged(base: Path, adapter: Any, onto: str, target: Path, on_shard: Any) -> None:
        real(base, adapter, onto, target, on_shard)
        tensors = load_file(target / "model.safetensors")
        tensors["model.layers.0.mlp.up_proj.weight"][3, 3] += 1
        save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(weights, "write_merged", damaged)
    with pytest.raises(GateFailed, match="was not written"):
        export(runs("llama"), "merged", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


# -- GGUF ------------------------------------------------------------------------------------------------


def expected_rows(values: Any, heads: int, width: int) -> Any:
    order = [h * width + half * width // 2 + i for h in range(heads) for i in range(width // 2) for half in (0, 1)]
    return values[order]


@pytest.mark.parametrize("name", NAMES)
def test_the_lora_gguf_holds_the_adapter_in_llama_cpps_order(runs: Any, tmp_path: Path, name: str) -> None:
    export(runs(name), "gguf-lora", tmp_path / "out")
    file = open_gguf(tmp_path / "out" / "adapter.gguf")
    saved = load_file(runs(name) / "adapter" / "adapter_model.safetensors")
    assert file.value("general.type") == "adapter" and file.value("adapter.type") == "lora"
    assert file.value("general.architecture") == {"mistral": "llama"}.get(name, name)
    assert file.value("adapter.lora.alpha") == 2 * RANK
    assert len(file.tensors) == len(saved) == 2 * 7 * 2
    for layer in (0, 1):
        for module, there, heads in (
            ("self_attn.q_proj", "attn_q", 4),
            ("self_attn.k_proj", "attn_k", 2),
            ("mlp.down_proj", "ffn_down", 0),
        ):
            a, b = (saved[f"base_model.model.model.layers.{layer}.{module}.lora_{x}.weight"].numpy() for x in "AB")
            if heads and name in ("llama", "mistral"):
                b = expected_rows(b, heads, 16)
            assert np.array_equal(file.numbers(f"blk.{layer}.{there}.weight.lora_a"), a)
            assert np.array_equal(file.numbers(f"blk.{layer}.{there}.weight.lora_b"), b)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0"])
def test_a_whole_gguf_is_the_base_plus_the_update(
    runs: Any, folders: Any, tmp_path: Path, name: str, kind: str
) -> None:
    path = write_base_gguf(folders(name), tmp_path / "base.gguf", kind)
    made = export(runs(name), "gguf", tmp_path / "out", base_gguf=path)
    assert [line["what"] for line in made["proof"]] == ["tensors", "the rest"]
    base, file = open_gguf(path), open_gguf(tmp_path / "out" / "model.gguf")
    merged = tmp_path / "merged"
    export(runs(name), "merged", merged, onto="original")
    weights_ = load_file(merged / "model.safetensors")
    for hf, there, heads in (
        ("self_attn.q_proj", "attn_q", 4),
        ("self_attn.k_proj", "attn_k", 2),
        ("mlp.up_proj", "ffn_up", 0),
    ):
        right = weights_[f"model.layers.1.{hf}.weight"].float().numpy()
        if heads and name in ("llama", "mistral"):
            right = expected_rows(right, heads, 16)
        found = file.numbers(f"blk.1.{there}.weight")
        assert file.tensors[f"blk.1.{there}.weight"].tensor_type.name == kind
        limit = {"F32": 1e-6, "F16": 2e-3, "BF16": 8e-3, "Q8_0": 2e-2}[kind]
        assert np.linalg.norm(found - right) < limit * np.linalg.norm(right)
        assert np.linalg.norm(base.numbers(f"blk.1.{there}.weight") - right) > 0.03 * np.linalg.norm(right)
    assert set(file.reader.fields) == set(base.reader.fields)
    assert file.value("tokenizer.ggml.tokens") == base.value("tokenizer.ggml.tokens")


def test_types_that_cannot_be_written_become_q8_0(runs: Any, folders: Any) -> None:
    kinds = gguf.GGMLQuantizationType
    from disc_lite.export.ggufwriting import _writable

    assert {k: _writable(kinds[k]).name for k in ("Q4_K", "Q6_K", "Q5_K", "Q4_0", "Q5_0", "F16")} == {
        "Q4_K": "Q8_0", "Q6_K": "Q8_0", "Q5_K": "Q8_0", "Q4_0": "Q4_0", "Q5_0": "Q5_0", "F16": "F16"
    }  # fmt: skip


def _edited(folder: Path, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    shutil.copytree(folder, target)
    tensors = load_file(target / "model.safetensors")
    edit(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


@pytest.mark.parametrize("case", ["architecture", "vocabulary", "shape", "norm", "matrix", "rows"])
def test_a_gguf_of_another_model_is_refused(runs: Any, folders: Any, tmp_path: Path, case: str) -> None:
    folder = folders("llama")
    if case == "architecture":
        folder = folders("qwen3")
    elif case == "vocabulary":
        folder = Path(shutil.copytree(folder, tmp_path / "other"))
        text = (folder / "tokenizer.json").read_text()
        spec = json.loads(text)
        first, second = [t for t in spec["model"]["vocab"] if len(t) > 3][-2:]
        spec["model"]["vocab"][first], spec["model"]["vocab"][second] = (
            spec["model"]["vocab"][second],
            spec["model"]["vocab"][first],
        )
        (folder / "tokenizer.json").write_text(json.dumps(spec))
    elif case == "shape":
        from conftest import make_model

        folder = make_model("llama", tmp_path / "other", intermediate_size=96)
    elif case == "norm":
        folder = _edited(folder, tmp_path / "other", lambda t: t["model.layers.1.input_layernorm.weight"].mul_(1.02))
    elif case == "matrix":  # as a LoRA training leaves it: all norms are those of the base
        folder = _edited(folder, tmp_path / "other", lambda t: t["model.layers.1.mlp.down_proj.weight"].mul_(1.02))
    else:
        folder = _edited(folder, tmp_path / "other", lambda t: t["model.layers.1.self_attn.q_proj.weight"].neg_())
    path = write_base_gguf(folder, tmp_path / "other.gguf")
    with pytest.raises(UsageError, match="is not the base of this run") as refused:
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)
    said = {
        "architecture": "qwen3",
        "vocabulary": "token",
        "shape": "shape",
        "norm": "another training",
        "rows": "Rows",
        "matrix": "Rows",
    }
    assert said[case] in refused.value.why
    assert not (tmp_path / "out").exists()


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
    (tmp_path / "modules" / "llama_cpp").mkdir(parents=True)
    (tmp_path / "modules" / "llama_cpp" / "__init__.py").write_text("raise RuntimeError('no libllama.so')")
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
told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if told["--model"].startswith("broken"):
    sys.exit("1 I loading\\n2 E failed to apply lora adapter: no base\\n3 E main: exiting due to model loading error")
assert not [k for k in os.environ if k.startswith("LLAMA_") and not k.startswith("LLAMA_ARG")], "the user's own settings"
assert (told["--ctx-size"], os.environ["LLAMA_ARG_CACHE_TYPE_K"]) == ("7", "f32")
assert open(told["--lora"]).read() == "lora" and "," not in told["--lora"]

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
        if told["--model"].startswith("slow"):
            open("asked", "w").close()
            import time; time.sleep(60)
        if 9 in body["prompt"]:
            return self.send(500, {{"error": "no such token"}})
        if 8 in body["prompt"]:
            print("GGML_ASSERT failed: 8", flush=True)
            os._exit(6)
        if told["--model"].startswith("old"):
            return self.send(200, {{"completion_probabilities": [{{"content": "a", "probs": []}}]}})
        ((forced, bias),) = body["logit_bias"]
        assert (forced, body["n_predict"]) == (0, 1) and bias > 1000
        likely = (body["prompt"][-1] + 1) % 4  # the next of 0 to 3; token 0 is beyond all numbers
        probs = [0.0 if i == 0 else 0.7 if i == likely else 0.1 for i in range(4)]
        logs = [{{"id": i, "logprob": math.log(p) if p else -3.4028234663852886e38}} for i, p in enumerate(probs)]
        top = sorted(logs, key=lambda e: -e["logprob"])[: body["n_probs"]]
        self.send(200, {{"completion_probabilities": [{{"top_logprobs": top}}]}})

HTTPServer(("127.0.0.1", int(told["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: Any) -> Path:
    """A program llama-server on the PATH, and no package llama_cpp."""
    program = tmp_path / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(SERVER.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("LLAMA_API_KEY", "mine")
    monkeypatch.setattr(llama, "version", lambda name: (_ for _ in ()).throw(PackageNotFoundError(name)))
    return program


def test_llama_server_is_asked_where_there_is_no_package(server: Path, tmp_path: Path, monkeypatch: Any) -> None:
    way = llama.find_llama()
    assert way == llama.Backend("llama.cpp, llama-server 9009", str(server))
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
    with pytest.raises(EnvironmentNotReady, match="reports no probabilities") as told:
        given("old.gguf", [[1, 1]])
    assert str(server) in told.value.remedy
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


def test_the_converter_is_told_the_models_name_and_not_asked_in_vain(
    run: Path, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text("import sys\nsys.exit(' '.join(sys.argv[3:]))")
    monkeypatch.setenv("DISC_LITE_LLAMA_CPP", str(tmp_path))
    with pytest.raises(RunFailed, match="--model-name llama"):
        export(run, "gguf", tmp_path / "out")
    monkeypatch.setattr("disc_lite.export.layout.FAMILIES", {})
    monkeypatch.setattr(ggufs, "make_merged", lambda job, folder: pytest.fail("merged first"))
    with pytest.raises(UsageError, match="model type llama"):
        export(run, "gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _header(keys: int = 0, tensors: int = 0, version: int = 3, body: bytes = b"") -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", version, tensors, keys) + body


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


BROKEN = {
    "empty": b"", "text": b"hello " * 100, "version": _header(version=9), "keys": _header(keys=1 << 60),
    "tensors": _header(tensors=1 << 60), "cut": _header(keys=3), "key length": _header(1, body=struct.pack("<Q", 1 << 62)),
    "array": _header(1, body=_text(b"k") + struct.pack("<IIQ", 9, 4, 1 << 60)),
    "array of arrays": _header(1, body=_text(b"k") + struct.pack("<IIQ", 9, 9, 5)),
    "kind": _header(1, body=_text(b"k") + struct.pack("<I", 77)),
    "dimensions": _header(0, 1, body=_text(b"t") + struct.pack("<I", 1 << 30)),
    "shape": _header(0, 1, body=_text(b"t") + struct.pack("<IQQIQ", 2, 1 << 50, 1 << 50, 0, 0)),
    "beyond": _header(0, 1, body=_text(b"t") + struct.pack("<IQIQ", 1, 64, 0, 1 << 40)),
    "type": _header(0, 1, body=_text(b"t") + struct.pack("<IQIQ", 1, 64, 999, 0)),
    "alignment": _header(1, body=_text(b"general.alignment") + struct.pack("<II", 4, 0)),
    "same name": _header(0, 2, body=2 * (_text(b"t") + struct.pack("<IQIQ", 1, 1, 0, 0)) + bytes(64)),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_gguf_is_refused_at_once(runs: Any, tmp_path: Path, case: str) -> None:
    (tmp_path / "base.gguf").write_bytes(BROKEN[case])
    with pytest.raises(UsageError, match="not a valid GGUF"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "base.gguf")


def test_a_gguf_that_is_cut_anywhere_is_refused(folders: Any, tmp_path: Path) -> None:
    path = write_base_gguf(folders("qwen2"), tmp_path / "base.gguf", "Q8_0")
    whole = path.read_bytes()
    open_gguf(path)
    for share in (0.0001, 0.01, 0.05, 0.3, 0.9, 0.9999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UsageError, match="not a valid GGUF"):
            open_gguf(path)


def _rewritten(path: Path, target: Path, without: str = "", key: Any = None, kinds: Any = None) -> Path:
    """A GGUF again, without a tensor or key, with a key of (name, value, type), or a tensor in another type."""
    file = open_gguf(path)
    writer = gguf.GGUFWriter(target, file.value("general.architecture"))
    for field in file.reader.fields.values():
        if not field.name.startswith(("GGUF.", "general.architecture")) and field.name not in (without, key and key[0]):
            inner = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    if key:
        writer.add_key_value(*key)
    for name, tensor in file.tensors.items():
        if name != without:
            writer.add_tensor(name, np.array(tensor.data).astype((kinds or {}).get(name, tensor.data.dtype)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


VALUES = gguf.GGUFValueType
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "a part": ({"key": ("split.count", 3, VALUES.UINT16)}, "one of 3 files"),
    "not UTF-8": ({"key": ("general.name", b"\xff", VALUES.STRING)}, "not UTF-8"),
    "no tokens": ({"key": ("tokenizer.ggml.tokens", 3, VALUES.UINT32)}, "0 tokens"),
    "no float": ({"kinds": {"output_norm.weight": np.int32}}, "I32"),
    "no head": ({"without": "output.weight"}, "output.weight has the shape None"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_base_gguf_is_refused_in_words(runs: Any, folders: Any, tmp_path: Path, case: str) -> None:
    change, why = ODD[case]
    path = _rewritten(write_base_gguf(folders("llama"), tmp_path / "base.gguf"), tmp_path / "odd.gguf", **change)
    with pytest.raises(UsageError, match=why):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)


def test_an_empty_array_is_told_and_not_dropped(runs: Any, folders: Any, tmp_path: Path) -> None:
    raw = write_base_gguf(folders("llama"), tmp_path / "base.gguf").read_bytes()
    file = open_gguf(tmp_path / "base.gguf")
    end = max(t.field.offset + sum(int(p.nbytes) for p in t.field.parts) for t in file.reader.tensors)
    head = raw[:16] + struct.pack("<Q", 1 + file.reader.fields["GGUF.kv_count"].contents())
    head += _text(b"x.empty") + struct.pack("<IIQ", 9, 8, 0) + raw[24:end]
    (tmp_path / "odd.gguf").write_bytes(head + bytes(-len(head) % 32) + raw[file.reader.data_offset :])
    with pytest.raises(UsageError, match=r"an empty array: x\.empty"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "odd.gguf")


def test_a_base_of_old_with_its_rotary_frequencies_is_taken(run: Path, folders: Any, tmp_path: Path) -> None:
    """Llama 2 has them in its folder; no GGUF does."""
    path = write_base_gguf(folders("llama"), tmp_path / "base.gguf")
    folder = _edited(
        folders("llama"),
        tmp_path / "old",
        lambda t: t.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}),
    )
    (run / "run.json").write_text(json.dumps(_run_of(folder)))
    export(run, "gguf", tmp_path / "out", base_gguf=path)


def test_only_the_rows_that_are_looked_at_are_read(folders: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A model may be larger than memory: a tensor at a time."""
    base = open_gguf(write_base_gguf(folders("llama"), tmp_path / "base.gguf", "Q8_0"))
    layout = layout_of(folders("llama"))
    real, asked = ggufwriting.read_weights, []
    monkeypatch.setattr(ggufwriting, "read_weights", lambda f, names: asked.append(len(names)) or real(f, names))
    vocabulary = {t: i for i, t in enumerate(base.value("tokenizer.ggml.tokens"))}
    ggufwriting.check_same_model(base, folders("llama"), layout, vocabulary)
    assert set(asked) == {1}
    assert np.array_equal(base.rows("blk.0.attn_q.weight", [3, 9]), base.numbers("blk.0.attn_q.weight")[[3, 9]])


def test_the_order_of_rows_goes_and_comes_back(folders: Any) -> None:
    layout = layout_of(folders("mistral"))
    values = np.arange(4 * 16 * 3).reshape(64, 3)
    for tensor in (
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.k_proj.weight",
        "model.layers.0.mlp.up_proj.weight",
    ):
        assert np.array_equal(layout.rows_back(tensor, layout.rows(tensor, values)), values)
    assert np.array_equal(layout.rows("x.self_attn.q_proj.weight", values), expected_rows(values, 4, 16))


def test_an_unknown_family_is_refused(run: Path, folders: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "granite"}))
    with pytest.raises(UsageError, match="granite"):
        layout_of(folder)


# -- Ollama ----------------------------------------------------------------------------------------------


def test_ollama_gets_a_gguf_and_a_modelfile(runs: Any, folders: Any, tmp_path: Path) -> None:
    path = write_base_gguf(folders("qwen3"), tmp_path / "base.gguf")
    export(runs("qwen3"), "ollama", tmp_path / "out", base_gguf=path)
    text = (tmp_path / "out" / "Modelfile").read_text()
    assert "FROM ./model.gguf\n" in text and "ADAPTER" not in text and "TEMPLATE" in text
    assert (tmp_path / "out" / "model.gguf").is_file()
    export(runs("qwen3"), "ollama", tmp_path / "old", base_gguf=path, legacy_adapter=True)
    text = (tmp_path / "old" / "Modelfile").read_text()
    assert "FROM ./base.gguf\nADAPTER ./adapter.gguf\n" in text
    assert (tmp_path / "old" / "base.gguf").read_bytes() == path.read_bytes()


# -- an adapter that is not what it should be ----------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"use_rslora": True}, {"use_dora": True}, {"alpha_pattern": {"q_proj": 3}}, {"rank_pattern": {"q_proj": 2}},
     {"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"lora_alpha": 0}, {"r": 5}, {"r": None}],
)  # fmt: skip
def test_settings_that_llama_cpp_would_not_see_are_refused(run: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    path = run / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UsageError):
        export(run, "gguf-lora", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", ["missing", "empty", "renamed", "shape", "nan", "more", "pickle"])
def test_tensors_that_do_not_fit_the_base_are_refused(run: Path, folders: Any, case: str) -> None:
    path = run / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(n for n in tensors if "lora_B" in n)
    if case == "missing":
        path.unlink()
    elif case == "pickle":
        path.write_bytes(b"\x80\x04 not safetensors")
    else:
        if case == "empty":
            tensors = {}
        elif case == "renamed":
            tensors = {n.replace("layers.1", "layers.9"): t for n, t in tensors.items()}
        elif case == "shape":
            tensors[name] = tensors[name][:-1].contiguous()
        elif case == "nan":
            tensors[name][0, 0] = float("nan")
        else:
            tensors["base_model.model.lm_head.weight"] = torch.zeros(2, 2)
        save_file(tensors, path)
    with pytest.raises(UsageError):
        read_adapter(run / "adapter", folders("llama"))


@pytest.mark.parametrize(
    ("to", "file", "change", "said"),
    [("merged", "model/config.json", {"quantization_config": {"load_in_4bit": True}}, "stored quantised"),
     ("gguf-lora", "model/config.json", {"model_type": "granite"}, "type granite"),
     ("gguf", "model/config.json", {"model_type": "granite"}, "type granite"),
     ("adapter", "run/adapter/adapter_config.json", {"use_rslora": True}, "use_rslora")],
)  # fmt: skip
def test_a_run_that_cannot_be_exported_is_told_without_torch(
    run: Path, folders: Any, tmp_path: Path, to: str, file: str, change: dict[str, Any], said: str
) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    config = tmp_path / file
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    (run / "run.json").write_text(json.dumps(_run_of(folder)))
    refused_without_torch(run, ["--to", to, *(["--base-gguf", str(config)] if to == "gguf" else [])], said)


def refused_without_torch(run: Path, args: list[str], said: str) -> None:
    code = "import sys\nfrom disc_lite.cli import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "export", str(run), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and done.stdout.strip() == "False"


# -- the proof ---------------------------------------------------------------------------------------------


def said(shift: float = 0.0, ids: int = 1, answer: int = 2, edge: int = 3) -> Outputs:
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], dtype=np.float32)
    logits[0, 0] += shift
    return Outputs(((1,), (ids,), (edge,)), 2, logits, ((1,), (2,), (answer,)))


def test_the_proof_sees_every_difference() -> None:
    def passed(other: Outputs, exact: bool) -> list[bool]:
        return [line.passed for line in compare(said(), other, "x", exact)]

    assert passed(said(), True) == passed(said(), False) == [True] * 3
    assert passed(said(ids=9), False) == [False, True, True]
    (tokens, *_) = compare(said(), said(edge=4), "x", True)
    assert (
        tokens.passed
        and tokens.text == "equal on 2 of 2 texts, and on 0 of 1 that begin with a space or a control token"
    )
    assert passed(said(0.02), True) == [True, False, True] and passed(said(0.02), False) == [True] * 3
    assert passed(said(9.0), False) == [True, False, True]
    assert passed(said(float("nan")), False)[1] is False
    assert passed(said(answer=5), True)[2] is False and passed(said(answer=5), False)[2] is True
    p = torch.tensor(said().logits).log_softmax(-1)
    q = torch.tensor(said(1.5).logits).log_softmax(-1)
    assert mean_kl(said().logits, said(1.5).logits) == pytest.approx(
        (p.exp() * (p - q)).sum(-1).mean().item(), rel=1e-5
    )


def test_the_base_without_what_was_learned_never_passes() -> None:
    """Where little was learned, its logits are within what rounding may cost."""
    from dataclasses import replace

    untrained = said(1.3).logits
    trained = replace(said(), untrained=untrained)
    rounded = Outputs(said().ids, 2, said().logits + np.float32([0.1, 0, 0]), said().answers)
    (_, line, _) = compare(trained, rounded, "x", exact=False)
    assert line.passed and ", of the base 0.0" in line.text
    (_, line, _) = compare(trained, replace(rounded, logits=untrained + np.float32([0, 0.1, 0])), "x", exact=False)
    assert not line.passed and mean_kl(trained.logits, untrained) < 0.1
    nothing = replace(said(), untrained=said(0.05).logits)  # nothing was learned: nothing can be told apart
    assert compare(nothing, replace(rounded, logits=said(0.1).logits), "x", exact=False)[1].passed


@pytest.mark.parametrize("to", ["adapter", "merged", "gguf-lora", "gguf"])
def test_a_failed_proof_leaves_nothing_and_exits_with_5(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, to: str
) -> None:
    """Each writer writes what was not trained."""
    if to == "adapter":
        real = shutil.copyfile

        def copy(source: Path, target: Path) -> None:
            real(source, target)
            if target.suffix == ".safetensors":
                save_file({n: 2 * t for n, t in load_file(target).items()}, target)

        monkeypatch.setattr(weights.shutil, "copyfile", copy)
    elif to == "merged":
        monkeypatch.setattr(
            "disc_lite.export.merging.Adapter.scale", property(lambda self: -3 * self.alpha / self.rank)
        )
    elif to == "gguf-lora":
        real_numbers = ggufwriting.numbers
        monkeypatch.setattr(ggufwriting, "numbers", lambda tensor: -1.5 * real_numbers(tensor))
    else:  # the base, without what was learned
        monkeypatch.setattr(ggufwriting, "adapted_numbers", lambda b, a, lay, m: b.numbers(lay.name(f"{m}.weight")))
    command = ["disc-lite", "export", str(runs("llama")), "--to", to, "-o", str(tmp_path / "out"), "--quiet"]
    if to == "gguf":
        command += ["--base-gguf", str(write_base_gguf(folders("llama"), tmp_path / "base.gguf"))]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 5
    assert "differs from the trained one" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} <= {"base.gguf"}


# -- where it is written -----------------------------------------------------------------------------------


def test_an_export_is_replaced_only_by_force_and_nothing_else_ever(run: Path, tmp_path: Path) -> None:
    made = export(run, "gguf-lora")
    assert Path(made["output"]) == run / "exports" / "gguf-lora"
    with pytest.raises(UsageError, match="holds an export already"):
        export(run, "gguf-lora")
    (run / "exports" / "gguf-lora" / "mine.txt").write_text("x")
    export(run, "gguf-lora", force=True)
    assert {p.name for p in (run / "exports" / "gguf-lora").iterdir()} == {"adapter.gguf", "export.json"}
    assert [p.name for p in (run / "exports").iterdir()] == ["gguf-lora"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()  # another program's record
    (tmp_path / "other" / "export.json").write_text('{"to": "gguf", "files": []}')
    for target in (tmp_path / "mine", tmp_path / "file", tmp_path / "other"):
        with pytest.raises(UsageError, match="is not an export"):
            export(run, "gguf-lora", target, force=True)


def test_what_cannot_be_replaced_stays_and_nothing_lies_beside_it(run: Path, monkeypatch: Any) -> None:
    export(run, "gguf-lora")
    monkeypatch.chdir(run / "exports" / "gguf-lora")
    with pytest.raises(RunFailed, match="cannot replace"):
        export(run, "gguf-lora", ".", force=True)
    assert {p.name for p in Path().iterdir()} == {"adapter.gguf", "export.json"}


def test_the_adapter_takes_nothing_along_that_lies_beside_it(run: Path, folders: Any) -> None:
    (run / "adapter" / "notes").mkdir()
    export(run, "adapter", run / "adapter" / "out")
    out = run / "adapter" / "out"
    assert {p.name for p in out.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "export.json",
    }
    assert read_json(out / "adapter_config.json")["base_model_name_or_path"] == "llama"
    assert not [p for p in out.iterdir() if str(folders("llama").parent).encode() in p.read_bytes()]


def test_a_run_without_its_adapter_is_told_without_torch(run: Path) -> None:
    shutil.rmtree(run / "adapter")
    with pytest.raises(UsageError, match="is not an adapter folder"):
        export(run, "merged")


def test_whatever_ends_a_replacement_an_export_stays(run: Path, monkeypatch: Any) -> None:
    export(run, "gguf-lora")
    real = disk.rename

    def killed(source: Path, target: Path) -> None:
        if ".old-" in str(next((p for p in (run / "exports").iterdir() if ".old-" in p.name), "")):
            raise SystemExit("killed")
        real(source, target)

    monkeypatch.setattr(disk, "rename", killed)
    with pytest.raises(SystemExit):
        export(run, "gguf-lora", force=True)
    monkeypatch.undo()
    monkeypatch.setattr(job, "find_llama", lambda: None)
    export(run, "merged")  # sweeps what was left
    (old,) = (p for p in (run / "exports").iterdir() if ".old-" in p.name)
    assert (old / "adapter.gguf").is_file() and (old / "export.json").is_file()


def test_the_disk_is_looked_at_first(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    import collections

    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("disc_lite.export.choice.shutil.disk_usage", lambda path: usage(1, 1, 1000))
    for to in ("adapter", "merged", "gguf-lora"):
        with pytest.raises(EnvironmentNotReady, match="Not enough disk space"):
            export(run, to, tmp_path / "a" / "b" / "out")
    assert not (tmp_path / "a").exists()


def test_k_quants_that_become_q8_0_need_the_room_of_q8_0(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import collections

    path = write_base_gguf(folders("llama"), tmp_path / "base.gguf", "Q4_0")
    usage = collections.namedtuple("usage", "total used free")
    free = path.stat().st_size
    monkeypatch.setattr("disc_lite.export.choice.shutil.disk_usage", lambda path: usage(1, 1, free))
    export(runs("llama"), "gguf", tmp_path / "same", base_gguf=path)
    monkeypatch.setattr(ggufwriting, "_writable", lambda kind: gguf.GGMLQuantizationType.F32)  # as if it had to
    with pytest.raises(EnvironmentNotReady, match="Not enough disk space"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["merged", "gguf-lora", "gguf"])
def test_a_disk_that_is_full_is_told(runs: Any, folders: Any, tmp_path: Path, to: str) -> None:
    command = ["export", str(runs("llama")), "--to", to, "-o", str(tmp_path / "out"), "--quiet"]
    if to == "gguf":
        command += ["--base-gguf", str(write_base_gguf(folders("llama"), tmp_path / "base.gguf"))]
    code = "import resource\nfrom disc_lite.cli import main\nresource.setrlimit(resource.RLIMIT_FSIZE, (20480, 20480))\nmain()"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot write" in done.stderr and "Free some space" in done.stderr, done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {"base.gguf"}


def test_everybody_may_read_what_is_handed_on(runs: Any, tmp_path: Path) -> None:
    export(runs("llama"), "merged", tmp_path / "out")
    assert {oct(p.stat().st_mode) for p in (tmp_path / "out").iterdir()} == {oct(0o100666 & ~_umask())}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_interrupted_export_leaves_nothing(run: Path) -> None:
    def listener(text: str) -> None:
        if text.startswith("writing"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        export(run, "merged", listener=listener)
    assert list((run / "exports").iterdir()) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [(["--to", "merged", "--base-gguf", "x.gguf"], "no meaning"), (["--to", "gguf", "--base-gguf", "x.gguf"], "no file"),
     (["--to", "gguf"], "llama.cpp's converter"), (["--to", "ollama", "--legacy-adapter"], "needs"),
     (["--to", "gguf-lora", "--template", "README.md"], "no meaning"), (["--to", "pdf"], "pdf"),
     (["--to", "merged", "--onto", "nf4"], "not trained in 4 bits"), (["--to", "adapter", "--onto", "nf4"], "no meaning"),
     (["--to", "adapter", "--device", "gpu"], "no device"), (["--to", "adapter", "-o", "x" * 300], "another --output"),
     (["--to", "adapter", "-o", "README.md/out"], "another --output")],
)  # fmt: skip
def test_calls_that_cannot_work_are_told_without_torch(runs: Any, args: list[str], said: str) -> None:
    refused_without_torch(runs("llama"), args, said)


def test_a_template_that_is_no_utf_8_is_told(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes('TEMPLATE "x"'.encode("utf-16"))
    with pytest.raises(UsageError, match="as UTF-8"):
        export(runs("llama"), "ollama", tmp_path / "out", base_gguf=tmp_path / "t", template=tmp_path / "t")


def test_the_command_prints_its_proof(run: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "export", str(run), "--to", "gguf-lora"])
    with pytest.raises(SystemExit) as left:
        main()
    out = capsys.readouterr()
    assert left.value.code == 0 and "tensors   equal: 28 of 28" in out.out and "--lora" in out.out
    monkeypatch.setattr(sys, "argv", ["disc-lite", "export", str(run), "--to", "adapter", "--json", "--quiet"])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr()
    assert json.loads(out.out)["proof"][1]["figure"] <= 1e-2 and not out.err
