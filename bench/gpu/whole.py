"""`python -m bench.gpu.whole` runs adapt and two exports by the command line on a model folder of real size.

The folder has the shape of a 7B model, random weights and pocket's tokenizer, so its answers mean nothing; memory, time
and files are those of a real run. Answers end by chance, see `_weights`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import save_file
from torch import nn

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from bench.gpu import machine
from bench.gpu.budget import ROOT
from bench.gpu.shapes import FAMILIES, configuration, tiny
from disc_lite.hub.aliases import ALIASES

GIB = 1 << 30
POCKET = ROOT / "disc_lite" / "pocket"
SHARD_BYTES = 2 * GIB
ENDS = 0.1  # probability of a control token at every position, so that texts end
SETTINGS = {
    "method": "disc", "train.epochs": 3, "train.least_steps": 0, "retention.prompts": 256,
    "evaluation.drift_prompts": 32, "evaluation.answer_tokens": 32, "evaluation.long_answer_tokens": 64,
}  # fmt: skip
QUESTIONS = 64
FORMS = ("gguf-lora", "merged")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.whole", description=__doc__)
    parser.add_argument("--model", default="mistral-7b", choices=FAMILIES)
    parser.add_argument("--dry-run", action="store_true", help="a tiny model, on any device")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--budget", type=float, default=560.0, help="seconds for the commands, in all")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    asked = parser.parse_args()
    began, device = time.monotonic(), torch.device(asked.device)
    found: dict[str, Any] = {
        "format": 1, "dry_run": asked.dry_run, "model": asked.model, "settings": SETTINGS,
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC", "commit": machine.commit(),
        "machine": machine.describe(device), "stages": [],
    }  # fmt: skip
    asked.output.mkdir(parents=True, exist_ok=True)
    path = asked.output / f"{'dry-run-' if asked.dry_run else ''}whole-{asked.model}.json"
    with tempfile.TemporaryDirectory() as scratch:
        model, documents, run = (Path(scratch) / name for name in ("model", "documents", "run"))
        write_model(model, asked.model, device, asked.dry_run)
        write_documents(documents, files=2 if asked.dry_run else 8)
        found["model_bytes"] = sum(f.stat().st_size for f in model.iterdir())
        print(f"[{time.monotonic() - began:5.0f} s] model folder: {found['model_bytes'] / GIB:.1f} GiB", flush=True)
        command = [
            "adapt", str(documents), "--model", str(model), "--output", str(run), "--device", asked.device, "--json",
            "--questions", f"{documents}.questions.jsonl",
        ]  # fmt: skip
        for key, value in SETTINGS.items():
            command += ["--set", f"{key}={value}"]
        exports = [["export", str(run), "--to", form, "--device", asked.device, "--json"] for form in FORMS]
        for arguments in [command, *exports]:
            stage = watched(arguments, asked.budget - (time.monotonic() - began), device)
            found["stages"].append(stage)
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            shown = {k: v for k, v in stage.items() if k not in ("lines", "said")}
            print(f"[{time.monotonic() - began:5.0f} s] {json.dumps(shown)}", flush=True)
            if stage["exit"]:
                print(stage["error"], flush=True)
                return 1
    return 0


def write_model(folder: Path, name: str, device: torch.device, dry_run: bool) -> None:
    """Write a model folder as on the hub: shards, index, configuration, pocket's tokenizer."""
    folder.mkdir()
    shape = tiny(name) if dry_run else ALIASES[name]
    tokenizer = json.loads((POCKET / "config.json").read_text(encoding="utf-8"))
    config = configuration(shape)
    config.vocab_size = max(config.vocab_size, tokenizer["vocab_size"])
    config.bos_token_id, config.eos_token_id = tokenizer["bos_token_id"], tokenizer["eos_token_id"]
    config.architectures = [f"{type(config).__name__.removesuffix('Config')}ForCausalLM"]
    config.dtype = torch.bfloat16
    config.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(POCKET / file, folder)
    from transformers import AutoModelForCausalLM

    causal: Any = AutoModelForCausalLM
    with torch.device("meta"):
        model: nn.Module = causal.from_config(config, dtype=torch.bfloat16)
    rng = torch.Generator(device).manual_seed(0)
    shard: dict[str, torch.Tensor] = {}
    index: dict[str, str] = {}
    number = 0

    def flush() -> None:
        nonlocal number, shard
        number += 1
        file = f"model-{number:05d}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        index.update(dict.fromkeys(shard, file))
        shard = {}

    control = tokenizer["eos_token_id"] + 3  # ids from 0 on: padding, begin, end, the roles
    for key, parameter in model.named_parameters():
        value = _weights(key, tuple(parameter.shape), control, device, rng).cpu()
        shard[key] = value
        if sum(t.nbytes for t in shard.values()) > SHARD_BYTES:
            flush()
    flush()
    total = sum(p.numel() * 2 for p in model.parameters())
    index_file = {"metadata": {"total_size": total}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index_file), encoding="utf-8")


def _weights(key: str, shape: tuple[int, ...], control: int, device: torch.device, rng: Any) -> torch.Tensor:
    """Return random values; all embeddings share a direction that layers hardly change and the head reads as the end.

    With all other logits of size 1, exp(L) / (V exp(1/2)) is the probability of a control token at every position.
    """
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    width = shape[-1]
    value = torch.empty(shape, device=device).normal_(0, width**-0.5, generator=rng)
    towards = torch.arange(width, device=device) % 2 * 2.0 - 1.0  # of size sqrt(width)
    if key.endswith("embed_tokens.weight"):
        value = value + towards / width**0.5
    elif key.endswith(("o_proj.weight", "down_proj.weight")):
        value *= 0.05
    elif key.endswith("lm_head.weight"):
        logit = math.log(shape[0] * ENDS / control) + 0.5
        value[:control] = towards * logit * 2**0.5 / width
    return value.bfloat16()


def write_documents(folder: Path, files: int) -> None:
    """Write files of the handbook's sentences in random order, each of about 4,000 of pocket's tokens."""
    folder.mkdir()
    lines = [
        line.strip() for f in sorted((ROOT / "examples" / "handbook").rglob("*.md"))
        for line in f.read_text(encoding="utf-8").splitlines() if len(line.split()) > 4
    ]  # fmt: skip
    rng = random.Random(0)
    for number in range(files):
        words, parts = 0, [f"# Register {number}"]
        while words < 1500:
            parts.append(rng.choice(lines))
            words += len(parts[-1].split())
        (folder / f"register-{number}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    asked = (ROOT / "examples" / "handbook.questions.jsonl").read_text(encoding="utf-8").splitlines()[:QUESTIONS]
    questions = [{**json.loads(line), "document": "register-0.md"} for line in asked]
    Path(f"{folder}.questions.jsonl").write_text("".join(json.dumps(q) + "\n" for q in questions), encoding="utf-8")


def watched(arguments: list[str], limit_s: float, device: torch.device) -> dict[str, Any]:
    """Run `disc-lite`; return its seconds, exit code and peak memory of process and GPU, read twice a second."""
    begin = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "disc_lite", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    lines: list[tuple[float, str]] = []
    said: list[str] = []
    assert child.stdout is not None
    assert child.stderr is not None
    out, err = child.stdout, child.stderr

    def follow() -> None:
        for line in err:
            lines.append((round(time.monotonic() - begin, 1), line.rstrip()))
            print(f"  {lines[-1][0]:6.1f} {lines[-1][1]}", file=sys.stderr, flush=True)

    readers = [
        threading.Thread(target=lambda: said.append(out.read())),
        threading.Thread(target=follow),
    ]
    for reader in readers:
        reader.start()
    most, card = 0, 0
    while child.poll() is None:
        if time.monotonic() - begin > limit_s:
            child.kill()
        most, card = max(most, _resident(child.pid)), max(card, _on_card(device))
        time.sleep(0.4)
    for reader in readers:
        reader.join()
    try:
        output = json.loads(said[0])
    except ValueError:
        output = {"text": said[0][-500:]}
    return {
        "command": arguments[0] if arguments[0] == "adapt" else f"export {arguments[3]}",
        "seconds": round(time.monotonic() - begin, 1), "exit": child.returncode,
        "resident_bytes": most, "card_bytes": card,
        "peak_bytes": output.get("peak_bytes"), "lines": lines, "said": output,
        "error": "\n".join(line for _, line in lines[-12:]) if child.returncode else "",
    }  # fmt: skip


def _resident(pid: int) -> int:
    """Return the resident bytes of the program and its children (converters, llama.cpp)."""
    try:
        child = psutil.Process(pid)
        return sum(int(p.memory_info().rss) for p in (child, *child.children(recursive=True)))
    except psutil.Error:  # a process has just ended
        return 0


def _on_card(device: torch.device) -> int:
    """Return the bytes of GPU memory that all programs use, which is what a user's GPU must have."""
    if device.type != "cuda":
        return 0
    command = ["nvidia-smi", "-i", str(device.index or 0), "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True)
    return int(done.stdout.split()[0]) << 20 if done.returncode == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
