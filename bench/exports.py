"""Seconds and memory of `disc-lite export` on a model of half a billion random weights, and the factor to a 7B.

`python -m bench.exports [--keep FOLDER] [--form merged] [--form gguf]`: about ten minutes on two cores. Each form is a
process of its own, measured from outside; `small` is `merged` as on a machine with too little memory for the model.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from disc_lite.models import load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.made import finished_run, with_adapter
from tests.tiny_models import make_tokenizer

ROOT = Path(__file__).resolve().parents[1]
# The proportions of Llama-3.1-8B, a quarter as wide; every width is divisible into K-quants.
SHAPE = {
    "hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 32, "num_attention_heads": 16,
    "num_key_value_heads": 4, "head_dim": 64, "vocab_size": 32_768, "max_position_embeddings": 1024,
    "tie_word_embeddings": False,
}  # fmt: skip
LINEAR_7B = 6.98e9  # weights of the projections of Llama-3.1-8B and Mistral-7B
# A model of random weights is so undecided that any rounding changes its answers: the proof is timed, but may fail.
RUN = """
import disc_lite.exporting.proof, disc_lite.exporting.weights as weights
disc_lite.exporting.proof.require_passed = lambda *a: None
if {small}:
    weights._room_for = lambda *a: ""
from disc_lite.cli import main
main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.exports", description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the model and its run, used again if they are there")
    parser.add_argument("--form", action="append", choices=("merged", "small", "gguf"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = asked.keep or Path(scratch)
        root.mkdir(exist_ok=True, parents=True)
        run = made(root)
        linear = linear_weights(root / "model")
        print(f"{linear / 1e6:.0f} million weights in projections; bytes x {LINEAR_7B / linear:.1f} for 7B")
        for form in asked.form or ("merged", "small", "gguf"):
            print(json.dumps(measured(form, root, run)), flush=True)


def made(root: Path) -> Path:
    """Return the run folder, after making the model, its Q4_K GGUF and the run if they do not exist yet."""
    model, run = root / "model", root / "run"
    if not run.is_dir():
        if not model.is_dir():
            write_model(model)
        if not (root / "base.gguf").is_file():
            write_base_gguf(model, root / "base.gguf", "Q4_K")
        finished_run(run, model, with_adapter(load_base(model, "nf4", "cpu"), 16, b=0.01))
    return run


def write_model(folder: Path) -> None:
    """Write random bf16 weights that keep the size of the vectors they multiply."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer("llama", folder)
    config: Any = LlamaConfig(
        **SHAPE, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=None
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    rng = torch.Generator().manual_seed(7)
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            size = parameter.shape[1] ** -0.5
            parameter.data.copy_(torch.empty(parameter.shape).normal_(0.0, size, generator=rng))
    model.save_pretrained(folder)


def linear_weights(folder: Path) -> int:
    from disc_lite.hub.weights import weight_shapes

    return sum(s[0] * s[1] for name, s in weight_shapes(folder).items() if "_proj" in name)


def measured(form: str, root: Path, run: Path) -> dict[str, Any]:
    """Run one export in a process of its own and return its seconds and memory."""
    command = ["export", str(run), "--to", "gguf" if form == "gguf" else "merged", "--output", str(root / "out")]
    command += ["--force", "--json", "--device", "cpu"]
    command += ["--base-gguf", str(root / "base.gguf")] if form == "gguf" else []
    before, began = os.times(), time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-c", RUN.format(small=form == "small"), *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    most = {"VmHWM": 0, "RssAnon": 0}
    lines: list[str] = []
    assert child.stdout is not None
    assert child.stderr is not None
    os.set_blocking(child.stderr.fileno(), False)
    while child.poll() is None:
        looked_at(child.pid, most)
        for line in iter(child.stderr.readline, ""):
            lines.append(f"{time.monotonic() - began:.0f} {line.strip()}")
        time.sleep(0.05)
    lines += child.stderr.read().splitlines()
    after, said = os.times(), child.stdout.read()
    if child.returncode:
        sys.exit("\n".join(lines[-5:]))
    record = json.loads(said)
    return {
        "form": form, "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(after.children_user + after.children_system - before.children_user
                             - before.children_system, 1),
        "peak_resident_mib": most["VmHWM"] // 1024, "peak_anonymous_mib": most["RssAnon"] // 1024,
        "bytes": sum(file["bytes"] for file in record["files"].values()),
        "proof": [line["text"] for line in record["proof"]], "stages": [s for s in lines if "tensor" not in s],
    }  # fmt: skip


def looked_at(pid: int, most: dict[str, int]) -> None:
    """Return the KiB of the process and its children: all that is resident, and the part not backed by files."""
    found = dict.fromkeys(most, 0)
    try:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            for key in found:
                found[key] += int((re.search(rf"{key}:\s+(\d+)", status) or [0, 0])[1])
    except (psutil.Error, OSError):  # a process has just ended
        return
    most.update({key: max(most[key], found[key]) for key in most})


if __name__ == "__main__":
    main()
