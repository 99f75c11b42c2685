"""A saved adapter as tensors that can be trusted, and the PEFT folder that others load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from disc_lite.errors import UsageError

FILE, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."
# What changes the meaning of the tensors. llama.cpp's converter reads none of it, and is silently wrong.
FLAGS = (
    "use_rslora", "use_dora", "alpha_pattern", "rank_pattern", "modules_to_save", "lora_bias", "fan_in_fan_out",
    "trainable_token_indices", "layer_replication",
)  # fmt: skip


@dataclass(frozen=True)
class Adapter:
    """What is added to the base: W' = W + scale · B·A for every module named."""

    rank: int
    alpha: float
    # Module as the base names it -> A [r, in] and B [out, r], fp32.
    tensors: Mapping[str, tuple[Tensor, Tensor]]

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def delta(self, module: str) -> Tensor:
        """scale · B·A: [out, in], fp32."""
        a, b = self.tensors[module]
        return self.scale * (b @ a)


def read_adapter(folder: Path, base: Path) -> Adapter:
    """Read an adapter and check it against the base's own weight files.

    PEFT loads an adapter whose tensors are all missing with one warning. Raises UsageError where a
    setting changes the meaning of the tensors, or names, shapes or numbers are not of this base.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        saved = load_file(folder / FILE)
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _unfit(folder, f"It cannot be read: {error}") from error
    flag = next((name for name in FLAGS if config.get(name)), None)
    if flag or config.get("bias", "none") != "none" or rank < 1 or alpha <= 0:
        raise _unfit(
            folder, f"Its setting {flag or 'bias, r or lora_alpha'} is not one that every program understands."
        )
    shapes = weight_shapes(base)
    tensors = {}
    for name in sorted(name for name in saved if name.endswith(".lora_A.weight")):
        module = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
        a = saved.pop(name).to(torch.float32)
        b = saved.pop(name.replace("lora_A", "lora_B"), torch.empty(0)).to(torch.float32)
        out_features, in_features = shapes.get(f"{module}.weight", (0, 0))
        if a.shape != (rank, in_features) or b.shape != (out_features, rank):
            raise _unfit(folder, f"The base has no {module} to which its tensors fit.")
        if not (a.isfinite().all() and b.isfinite().all()):
            raise _unfit(folder, f"It has numbers that are not finite in {module}.")
        tensors[module] = (a, b)
    if saved or not tensors:
        raise _unfit(folder, f"It has tensors that are no LoRA: {next(iter(saved), 'none at all')}.")
    return Adapter(rank, alpha, tensors)


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a model folder, in order; other safetensors may lie beside them (Mistral's do)."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return [folder / "model.safetensors"]
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(names))]


def weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a model folder, from the headers alone."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            shapes.update({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})  # noqa: SIM118
    return shapes


def read_weights(folder: Path, names: list[str]) -> dict[str, Tensor]:
    """The tensors of these names."""
    found: dict[str, Tensor] = {}
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            there = set(file.keys())
            found.update({name: file.get_tensor(name) for name in names if name in there})
    return found


def _unfit(folder: Path, why: str) -> UsageError:
    return UsageError(f"The adapter in {folder} cannot be exported.", why, "Adapt again, or export another run.")
