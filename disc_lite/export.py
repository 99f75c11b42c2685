"""A run -> what others can load: the PEFT adapter, or merged safetensors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from disc_lite.answering import Finished
from disc_lite.errors import RunFailed, UsageError
from disc_lite.storage import atomic_folder, write_json

COPIED = ("*.json", "*.model", "*.jinja", "*.txt", "LICENSE*")
NOT_COPIED = {"probes.json", "model.safetensors.index.json", "training.json"}


def export_adapter(run: Finished, target: Path) -> dict[str, Any]:
    """Copy the adapter folder: plain `peft.PeftModel.from_pretrained` loads it."""
    _check_target(target)
    with atomic_folder(target) as temporary:
        for path in sorted(run.adapter.iterdir()):
            shutil.copy2(path, temporary / path.name)
    return {"to": "adapter", "output": str(target), "tensors": len(load_file(target / "adapter_model.safetensors"))}


def export_merged(run: Finished, target: Path) -> dict[str, Any]:
    """Write base + adapter as safetensors, shard by shard, in the base's own type.

    W' = W + alpha / rank · B·A, computed in fp32 on the original weights; tokenizer, template and
    generation files are copied byte for byte (saving a tokenizer again changes it).
    """
    _check_target(target)
    config = json.loads((run.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    lora = load_file(run.adapter / "adapter_model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    left = {name.removesuffix(".lora_A.weight") for name in lora if name.endswith(".lora_A.weight")}
    shards = sorted(run.model.folder.glob("*.safetensors"))
    index: dict[str, str] = {}
    total = 0
    with atomic_folder(target) as temporary:
        for shard in shards:
            tensors = dict(_merged(shard, lora, scale, left))
            save_file(tensors, temporary / shard.name, metadata={"format": "pt"})
            index.update(dict.fromkeys(tensors, shard.name))
            total += sum(t.numel() * t.element_size() for t in tensors.values())
        if left:
            raise RunFailed(
                "The adapter does not fit the base.", f"No weight was found for {sorted(left)[0]}.",
                "Check that the model folder is the one it was trained on.",
            )  # fmt: skip
        if len(shards) > 1:
            write_json(temporary / "model.safetensors.index.json",
                       {"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))})  # fmt: skip
        for pattern in COPIED:
            for path in run.model.folder.glob(pattern):
                if path.name not in NOT_COPIED:
                    shutil.copy2(path, temporary / path.name)
    return {"to": "merged", "output": str(target), "tensors": len(index), "bytes": total}


def _merged(shard: Path, lora: dict[str, Tensor], scale: float, left: set[str]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one shard, the adapted ones with their update added."""
    with safe_open(shard, framework="pt") as file:
        for name in sorted(file.keys()):
            weight = file.get_tensor(name)
            key = f"base_model.model.{name.removesuffix('.weight')}"
            if key in left:
                left.discard(key)
                a, b = (lora[f"{key}.lora_{x}.weight"].to(torch.float32) for x in "AB")
                weight = (weight.to(torch.float32) + scale * (b @ a)).to(weight.dtype)
            yield name, weight.contiguous()


def _check_target(target: Path) -> None:
    if target.exists():
        raise UsageError(f"{target} exists already.", "", "Choose another --output; nothing is overwritten.")
