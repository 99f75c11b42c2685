"""Model families: what is known about each architecture before a model is loaded. Does not import torch.

How a model attends, where its linear layers are and what its head does is read from the model itself and checked when
it is loaded (`models/check.py`). This file has only what no check can find: the layout of its tensors in llama.cpp.
To add a family, write its entry here; CONTRIBUTING.md has the other steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.configuration import completed
from disc_lite.hub.weights import read_object

# Names of the setting that counts the experts of a layer.
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")


@dataclass(frozen=True)
class Family:
    """One architecture of transformers."""

    model_type: str  # of config.json
    gguf_architecture: str  # its name in llama.cpp
    # Whether disc-lite writes its GGUF files itself, tested against llama.cpp; else llama.cpp's own converter does.
    gguf_written: bool = False
    # Whether the rows of q_proj and k_proj have another order in llama.cpp, whose rotary embedding rotates neighbouring
    # rows instead of halves.
    gguf_reorders: bool = False
    gguf_norm_shift: float = 0.0  # Gemma's norms multiply by 1 + w; llama.cpp stores that sum


FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        Family("llama", "llama", gguf_written=True, gguf_reorders=True),
        Family("mistral", "llama", gguf_written=True, gguf_reorders=True),
        Family("qwen2", "qwen2", gguf_written=True),
        Family("qwen3", "qwen3", gguf_written=True),
        Family("gemma2", "gemma2"),
        Family("gemma3", "gemma3", gguf_written=True, gguf_norm_shift=1.0),
        Family("gemma3_text", "gemma3", gguf_written=True, gguf_norm_shift=1.0),
        Family("gemma4", "gemma4"),
        Family("phi3", "phi3", gguf_written=True),
        Family("smollm3", "smollm3", gguf_written=True, gguf_reorders=True),
        Family("mistral3", "mistral3"),
        Family("granite", "granite", gguf_written=True, gguf_reorders=True),
        Family("granitemoehybrid", "granitehybrid"),
        Family("olmo2", "olmo2"),
        Family("olmo3", "olmo2"),
        Family("qwen3_5", "qwen35"),
        Family("lfm2", "lfm2"),
    )
}
WRITTEN = tuple(name for name, family in FAMILIES.items() if family.gguf_written)


def check_kind(folder: Path) -> None:
    """Raises EnvironmentNotReady if `config.json` says that a model cannot be adapted, before its weights are read.

    Most of a mixture of experts is in tensors that LoRA on linear layers does not reach. Weights that are stored
    quantised would be loaded in that form whatever the recipe says.
    """
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        config = read_object(path)
        text = completed(config)
        experts = max(int(text.get(name) or 0) for name in EXPERTS)
    except (EnvironmentNotReady, ValueError, TypeError):
        return  # the error is reported when the configuration is loaded
    if experts > 1:
        raise EnvironmentNotReady(
            f"Models of the type {config.get('model_type')} cannot be adapted.",
            f"It is a mixture of {experts} experts, most of which the adapter would not reach.",
            "Use a dense model; `disc-lite models` lists names of models that work.",
        )
    stored = config.get("quantization_config") or text.get("quantization_config")
    if _quantises(stored):
        raise EnvironmentNotReady(
            f"The weights in {folder} are quantised already ({_stored_as(stored)}).",
            "disc-lite quantises a model itself when it loads it (memory.quantize), and learns from its own weights.",
            "Use the model as its publisher stores it in 16 bits; `disc-lite models` lists names.",
        )


def _quantises(stored: object) -> bool:
    """Whether a `quantization_config` quantises anything; some do not."""
    if not isinstance(stored, dict):
        return bool(stored)
    if str(stored.get("quant_method") or "none").lower() in ("none", "bitsandbytes"):
        return any(stored.get(key) for key in ("load_in_4bit", "load_in_8bit", "bits"))
    return True


def _stored_as(stored: object) -> str:
    """A `quantization_config` in a few words: its method and bits."""
    if not isinstance(stored, dict):
        return "quantization_config"
    bits = stored.get("bits") or (8 if stored.get("load_in_8bit") else 4 if stored.get("load_in_4bit") else None)
    return str(stored.get("quant_method") or "bitsandbytes") + (f", {bits} bits" if bits else "")
