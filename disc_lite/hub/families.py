"""Model families: what the code must know of each architecture, one entry a family. Does not import torch.

To add a family: write its entry here; CONTRIBUTING.md has the other steps. A model of another family can be adapted and
merged where its layers have the usual names; only GGUF files need an entry.
"""

from __future__ import annotations

from dataclasses import dataclass

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Family:
    """One architecture of transformers."""

    model_type: str  # of config.json
    gguf_architecture: str  # its name in llama.cpp
    # The rows of q_proj and k_proj have another order in llama.cpp: its rotary embedding rotates neighbouring rows,
    # where transformers rotates halves.
    gguf_reorders: bool
    projections: tuple[str, ...] = PROJECTIONS  # the linear layers that the adapter is put on


FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        Family("llama", "llama", gguf_reorders=True),
        Family("mistral", "llama", gguf_reorders=True),
        Family("qwen2", "qwen2", gguf_reorders=False),
        Family("qwen3", "qwen3", gguf_reorders=False),
    )
}


def projections_of(model_type: str) -> tuple[str, ...]:
    """The linear layers that the adapter is put on; in an unknown family those with the usual names."""
    return FAMILIES[model_type].projections if model_type in FAMILIES else PROJECTIONS
