"""Merges base and adapter, one matrix at a time, and writes them as one model folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from disc_lite.exporting.adapter import Adapter
from disc_lite.exporting.streaming import projections
from disc_lite.exporting.tensors import Stored, tensors_in, write_changed
from disc_lite.hub.weights import INDEX, plain_name, weight_files
from disc_lite.models import Base
from disc_lite.storage import write_json

LICENCE = ("LICENSE*", "NOTICE*")
COPIED = ("*.json", "*.model", "*.jinja", "additional_chat_templates/*.jinja", "*.txt", *LICENCE)
# With a `params.json` some versions of vLLM take the folder for one in Mistral's own layout, whose weights have other
# names. No index is copied: that of the weights is made with them, others name files that are not there.
NOT_COPIED = {"probes.json", "training.json", "export.json", "params.json"}


@dataclass(frozen=True)
class Merging:
    """Merged matrices W + alpha / rank · B·A, computed in fp32, returned in the base's own type.

    W is the base's stored weight with `original`, or the trained model's, which is rounded, with `nf4`.
    """

    stored: Mapping[str, Stored]
    adapter: Adapter
    trained: Callable[[], Base]  # a function, so that the model is loaded only if needed, and can be unloaded
    device: torch.device

    def weight(self, module: str, onto: str) -> Tensor:
        """Return the merged matrix of an adapted module, named as in the base's files: [out, in]."""
        stored = self.stored[f"{module}.weight"]
        return self.exact(module, onto).to(stored.dtype)

    def exact(self, module: str, onto: str) -> Tensor:
        """Return the merged matrix in fp32."""
        plain = self._rounded(module) if onto == "nf4" else self.stored[f"{module}.weight"].read()
        return plain.to(self.device, torch.float32) + self.adapter.delta(module, self.device)

    def _rounded(self, module: str) -> Tensor:
        from bitsandbytes.functional import dequantize_4bit

        weight = projections(self.trained())[plain_name(module)].get_base_layer().weight
        rounded: Tensor = dequantize_4bit(weight.data, weight.quant_state)
        return rounded


def write_merged(base: Path, merging: Merging, onto: str, target: Path, on_shard: Callable[[str], None]) -> None:
    """Write the merged model, with one matrix in memory at a time.

    Everything else is copied byte for byte: a tokenizer that is saved again loses `tokenizer.model` and its class, and
    llama.cpp then tokenises differently.
    """
    files, index, total = weight_files(base), {}, 0

    def change(name: str, stored: Stored) -> Tensor | None:
        module = name.removesuffix(".weight")
        return merging.weight(module, onto).cpu() if module in merging.adapter.tensors else None

    for number, path in enumerate(files, 1):
        # With any other name llama.cpp finds no weights and writes an empty GGUF without an error.
        name = f"model-{number:05d}-of-{len(files):05d}.safetensors" if len(files) > 1 else "model.safetensors"
        on_shard(name)
        write_changed(path, target / name, change)
        stored = tensors_in(path)
        index.update(dict.fromkeys(stored, name))
        total += sum(tensor.end - tensor.start for tensor in stored.values())
    if len(files) > 1:
        write_json(target / INDEX,
                   {"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))})  # fmt: skip
    _copy(base, target, COPIED)


def copy_licence(base: Path, target: Path) -> None:
    """Copy the licence of the base, which holds for every file with its weights."""
    _copy(base, target, LICENCE)


def _copy(base: Path, target: Path, patterns: Sequence[str]) -> None:
    for path in (path for pattern in patterns for path in base.glob(pattern)):
        if path.name not in NOT_COPIED and not path.name.endswith(".index.json") and path.is_file():
            copy = target / path.relative_to(base)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)
