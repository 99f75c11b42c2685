"""Base + adapter as one model folder, shard by shard: peak memory is a shard and a layer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from disc_lite.export.adapter import Adapter, weight_files
from disc_lite.storage import write_json

COPIED = ("*.json", "*.model", "*.jinja", "additional_chat_templates/*.jinja", "*.txt", "LICENSE*", "NOTICE*")
NOT_COPIED = {"probes.json", "training.json", "model.safetensors.index.json", "export.json"}
BLOCK = 64  # weights that share a scale in NF4, as transformers quantises


def write_merged(
    base: Path, adapter: Adapter, onto: str, target: Path, on_shard: Callable[[str], None] = lambda name: None
) -> None:
    """Write W + alpha / rank · B·A, computed in fp32, in the base's own type.

    `onto`: `original` are the base's stored weights, `nf4` those weights rounded to 4 bits and back,
    which is what was trained against. Everything else is copied byte for byte: a tokenizer that is
    saved again loses `tokenizer.model` and its class, and llama.cpp then splits words otherwise.
    """
    files, index, total = weight_files(base), {}, 0
    for number, path in enumerate(files, 1):
        # Under any other name llama.cpp finds no weights, and writes an empty GGUF without an error.
        name = f"model-{number:05d}-of-{len(files):05d}.safetensors" if len(files) > 1 else "model.safetensors"
        on_shard(name)
        tensors = dict(merged_tensors(path, adapter, onto))
        save_file(tensors, target / name, metadata={"format": "pt"})
        index.update(dict.fromkeys(tensors, name))
        total += sum(t.numel() * t.element_size() for t in tensors.values())
    if len(files) > 1:
        write_json(target / "model.safetensors.index.json",
                   {"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))})  # fmt: skip
    for pattern in COPIED:
        for path in base.glob(pattern):
            if path.name not in NOT_COPIED:
                copy = target / path.relative_to(base)
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)
    for path in target.glob("*.safetensors"):  # safetensors lets nobody but the writer read them, such as Ollama
        shutil.copymode(target / "config.json", path)


def merged_tensors(path: Path, adapter: Adapter, onto: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one weight file, the adapted ones with their update added."""
    with safe_open(path, framework="pt") as file:
        for name in sorted(file.keys()):
            weight = file.get_tensor(name)
            module = name.removesuffix(".weight")
            if module in adapter.tensors:
                wide = weight.to(torch.float32)
                wide = round_to_nf4(wide) if onto == "nf4" else wide
                weight = (wide + adapter.delta(module)).to(weight.dtype)
            yield name, weight.contiguous()


def round_to_nf4(weight: Tensor) -> Tensor:
    """The weight as the 4-bit base has it: NF4 in blocks of 64, their scales quantised too."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    codes, state = quantize_4bit(weight.contiguous(), blocksize=BLOCK, compress_statistics=True, quant_type="nf4")
    back: Tensor = dequantize_4bit(codes, state)
    return back
