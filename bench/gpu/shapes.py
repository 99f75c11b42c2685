"""Builds a model of a given shape with random weights on the device, in NF4, without files or downloads.

The skeleton takes no memory; then one projection at a time gets random values and is quantised, so that the peak is the
finished model and one matrix in 16 bits.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bitsandbytes
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen3Config

from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.models import Base

FAMILIES: dict[str, Any] = {  # name of an alias -> its configuration class
    "mistral-7b": MistralConfig,
    "llama-3.1-8b": LlamaConfig,
    "qwen3-8b": Qwen3Config,
}


def tiny(name: str) -> Alias:
    """Return the same architecture, small enough for a CPU."""
    return replace(
        ALIASES[name], hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, intermediate=128, vocab=512
    )  # fmt: skip


def compute_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype that `load_base` computes in: bf16 on CUDA, fp32 on a CPU."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def build(shape: Alias, device: torch.device, seed: int = 0, dtype: torch.dtype | None = None) -> Base:
    """Return a frozen NF4 base with random weights, in the state in which `load_base` returns one."""
    dtype = dtype or compute_dtype(device)
    causal: Any = AutoModelForCausalLM
    with torch.device("meta"):
        model = causal.from_config(configuration(shape), dtype=dtype, attn_implementation="sdpa")
    rng = torch.Generator(device).manual_seed(seed)
    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and child is not head:
                weight = _random((child.out_features, child.in_features), device, dtype, rng)
                setattr(parent, name, nf4_linear(weight))
    for parent in model.modules():
        for name, parameter in list(parent.named_parameters(recurse=False)):
            if parameter.is_meta:  # embedding, head, norms
                size, matrix = tuple(parameter.shape), parameter.ndim > 1
                made = _random(size, device, dtype, rng) if matrix else torch.ones(size, device=device, dtype=dtype)
                setattr(parent, name, nn.Parameter(made, requires_grad=False))
    decoder = model.get_decoder()
    decoder.rotary_emb = type(decoder.rotary_emb)(config=model.config).to(device)
    assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])
    model.is_loaded_in_4bit = True  # PEFT looks for this
    model.requires_grad_(False)
    model.train()  # never eval(): see load_base
    unread: Any = None  # no text is read, so no tokenizer is needed
    return Base(model, unread, Path(), "nf4")


def nf4_linear(weight: Tensor) -> nn.Linear:
    """Return a projection in NF4 with double quantisation that computes in the dtype of `weight` [out, in]."""
    out_features, in_features = weight.shape
    nn4: Any = bitsandbytes.nn  # has no annotations
    layer: nn.Linear = nn4.Linear4bit(
        in_features, out_features, bias=False, compute_dtype=weight.dtype, compress_statistics=True,
        quant_type="nf4", device="meta",
    )  # fmt: skip
    packed = nn4.Params4bit(weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=layer)
    layer.weight = packed.to(weight.device)
    return layer


def linear_parameters(shape: Alias) -> int:
    """Return N, the elements of all projections of all layers, without embedding and head."""
    attention = shape.hidden * shape.head_dim * (2 * shape.heads + 2 * shape.kv_heads)
    return shape.layers * (attention + 3 * shape.hidden * shape.intermediate)


def configuration(shape: Alias) -> Any:
    """Return transformers' configuration of a model of this shape with head and embedding untied."""
    more: dict[str, Any] = {"sliding_window": None} if shape.name == "mistral-7b" else {}
    return FAMILIES[shape.name](
        hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads, head_dim=shape.head_dim, intermediate_size=shape.intermediate,
        vocab_size=shape.vocab, max_position_embeddings=32_768, tie_word_embeddings=False, **more,
    )  # fmt: skip


def _random(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
    """Fill with normal values that keep the norm of the vectors they multiply; embeddings have the norm 1 / sqrt(H)."""
    return torch.empty(shape, device=device, dtype=dtype).normal_(0, shape[-1] ** -0.5, generator=rng)
