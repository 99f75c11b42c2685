"""Base and adapter merged into one model folder, shard by shard; peak memory is a shard and a layer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from disc_lite.export.adapter import Adapter
from disc_lite.hub.weights import INDEX, weight_files
from disc_lite.storage import write_json

COPIED = ("*.json", "*.model", "*.jinja", "additional_chat_templates/*.jinja", "*.txt", "LICENSE*", "NOTICE*")
NOT_COPIED = {"probes.json", "training.json", INDEX, "export.json"}
BLOCK = 64  # weights that share a scale in NF4, as transformers quantises


def write_merged(
    base: Path, adapter: Adapter, onto: str, target: Path, on_shard: Callable[[str], None] = lambda name: None
) -> None:
    """Write W + alpha / rank · B·A, computed in fp32, in the base's own type.

    `onto`: `original` are the stored weights of the base, `nf4` those weights rounded to NF4, which training used.
    Everything else is copied byte for byte: a tokenizer that is saved again loses `tokenizer.model` and its class, and
    llama.cpp then tokenises differently.
    """
    files, index, total = weight_files(base), {}, 0
    for number, path in enumerate(files, 1):
        # With any other name llama.cpp finds no weights and writes an empty GGUF without an error.
        name = f"model-{number:05d}-of-{len(files):05d}.safetensors" if len(files) > 1 else "model.safetensors"
        on_shard(name)
        tensors = dict(merged_tensors(path, adapter, onto))
        save_file(tensors, target / name, metadata={"format": "pt"})
        index.update(dict.fromkeys(tensors, name))
        total += sum(t.numel() * t.element_size() for t in tensors.values())
    if len(files) > 1:
        write_json(target / INDEX,
                   {"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))})  # fmt: skip
    for pattern in COPIED:
        for path in base.glob(pattern):
            if path.name not in NOT_COPIED:
                copy = target / path.relative_to(base)
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)
    for path in target.glob("*.safetensors"):  # safetensors makes them readable by their owner only, not by Ollama
        shutil.copymode(target / "config.json", path)


def merged_tensors(path: Path, adapter: Adapter, onto: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one weight file, the adapted ones with their update added."""
    with safe_open(path, framework="pt") as file:
        for name in sorted(file.keys()):
            weight = file.get_tensor(name)
            module = name.removesuffix(".weight")
            if module in adapter.tensors:
                fp32 = weight.to(torch.float32)
                fp32 = round_to_nf4(fp32) if onto == "nf4" else fp32
                weight = (fp32 + adapter.delta(module)).to(weight.dtype)
            yield name, weight.contiguous()


def round_to_nf4(weight: Tensor) -> Tensor:
    """The weight as in the 4-bit base: NF4 in blocks of 64, with quantised scales (double quantisation)."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    codes, state = quantize_4bit(weight.contiguous(), blocksize=BLOCK, compress_statistics=True, quant_type="nf4")
    rounded: Tensor = dequantize_4bit(codes, state)
    return rounded
