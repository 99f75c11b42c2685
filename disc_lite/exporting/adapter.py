"""The tensors of a saved adapter, checked against its base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from disc_lite.errors import UsageError
from disc_lite.hub.adapters import PREFIX, WEIGHTS, check_fit, read_config
from disc_lite.hub.weights import plain_name, weight_shapes


@dataclass(frozen=True)
class Adapter:
    """An adapter as an update of the base: W' = W + scale · B·A for every module."""

    rank: int
    alpha: float
    # Name of the module in the base's files -> A [r, in] and B [out, r], fp32.
    tensors: Mapping[str, tuple[Tensor, Tensor]]

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    @property
    def plain_names(self) -> dict[str, str]:
        """Return plain name -> name of the module in the base's files."""
        return {plain_name(module): module for module in self.tensors}

    def delta(self, module: str, device: torch.device | None = None) -> Tensor:
        """Return scale · B·A, [out, in], fp32."""
        a, b = (factor.to(device) for factor in self.tensors[module])
        return self.scale * (b @ a)


def read_adapter(folder: Path, base: Path) -> Adapter:
    """Read an adapter. Raises UsageError if it is incomplete, not finite, or does not match the base."""
    config = read_config(folder)
    check_fit(folder, config, base)
    saved = load_file(folder / WEIGHTS)
    stored = {plain_name(name): name for name in weight_shapes(base)}
    tensors = {}
    for name in sorted(name for name in saved if ".lora_A." in name):
        a, b = (saved[name.replace("lora_A", f"lora_{x}")].to(torch.float32) for x in "AB")
        if not (a.isfinite().all() and b.isfinite().all()):
            raise UsageError(f"The adapter in {folder} has values that are not finite.", name, "Adapt again.")
        weight = plain_name(name.removeprefix(PREFIX).replace(".lora_A.", "."))
        tensors[stored[weight].removesuffix(".weight")] = (a, b)
    return Adapter(int(config["r"]), float(config["lora_alpha"]), tensors)
