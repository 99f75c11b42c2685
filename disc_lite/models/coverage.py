"""Chooses the layers for the adapter: every linear layer of the decoder; and their share of the decoder's weights.

This is PEFT's rule for `all-linear`, limited to the decoder: the head and the image and audio towers get no adapter.
"""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

# PEFT puts no adapter on `out_proj` of these: their kernels read its weight and would skip the adapter.
MAMBA = {"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"}


def linear_layers(model: PreTrainedModel) -> dict[str, nn.Linear]:
    """Return name in the model -> linear layer of its decoder, for a model that has no adapter yet."""
    inside = set(model.get_decoder().modules()) - {model.get_output_embeddings()}
    refused = "out_proj" if model.config.model_type in MAMBA else ""
    return {
        name: module for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module in inside and name.rpartition(".")[2] != refused
        # In 4 bits, GPT-2's transposed `Conv1D` looks like a linear layer; in its file it has another shape.
        and issubclass(getattr(module, "source_cls", nn.Linear), nn.Linear)
    }  # fmt: skip


def target_modules(model: PreTrainedModel) -> list[str]:
    """Return the decoder's linear layers as PEFT's `target_modules`: by last names if no other module has them."""
    chosen = linear_layers(model)
    names = {name.rpartition(".")[2] for name in chosen}
    elsewhere = {name.rpartition(".")[2] for name, _ in model.named_modules() if name not in chosen}
    return sorted(chosen if names & elsewhere else names)


def covered_share(model: PreTrainedModel) -> float:
    """Return the share of the decoder's weights in its linear layers; embeddings and vectors do not count."""
    chosen = set(linear_layers(model).values())
    sizes = {module: _size(module) for module in model.get_decoder().modules() if not isinstance(module, nn.Embedding)}
    return sum(sizes[module] for module in chosen) / max(1, sum(sizes.values()))


def _size(module: nn.Module) -> int:
    """Number of weights of a module itself; 4-bit weights are counted unpacked, vectors do not count."""
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    return sum(p.numel() for p in module.parameters(recurse=False) if p.ndim > 1)
