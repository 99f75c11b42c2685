"""Attention masks by type of layer: full attention, and attention within a sliding window.

transformers takes one mask for all layers where all are alike (Llama; Mistral with its window), and a mask for each
type of layers where they are not (Gemma, OLMo 3, Cohere 2). One 4-D mask without the window would reach all layers
alike, and be silently wrong for every token after the window.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig

FULL, SLIDING = "full_attention", "sliding_attention"
Masks = Tensor | dict[str, Tensor]


def has_state(config: PretrainedConfig) -> bool:
    """Whether a layer carries a state from token to token, which no mask can keep apart: recurrent, convolution."""
    return any(hasattr(layer, "update_conv_state") for layer in DynamicCache(config=config).layers)


def attention_masks(
    config: PretrainedConfig, visible: Tensor, queries: Tensor, keys: Tensor, longest: int, dtype: torch.dtype
) -> Masks:
    """What the decoder with this configuration takes as `attention_mask`.

    visible: who sees whom under full attention, [R, 1, Q, K] bool; queries [R, Q] and keys [R, K]: positions, each
    within its own sequence; longest: tokens of the longest sequence. Within a window of w tokens a query at position
    p sees keys after p - w. Where the model runs with `eager` attention the masks are added to the scores, in `dtype`.
    """
    window = _window(config)
    types = set(_layer_types(config)) or {SLIDING if window else FULL}
    near = visible
    if SLIDING in types and window and longest > window:
        near = visible & (keys[:, None, None, :] > queries[:, None, :, None] - window)
    masks = {kind: near if kind == SLIDING else visible for kind in sorted(types)}
    if config._attn_implementation == "eager":
        masks = {kind: torch.where(mask, 0.0, torch.finfo(dtype).min).to(dtype) for kind, mask in masks.items()}
    return masks if _layer_types(config) else next(iter(masks.values()))


def _layer_types(config: PretrainedConfig) -> tuple[str, ...]:
    """The type of every layer; empty where all are alike."""
    return tuple(getattr(config, "layer_types", None) or ())


def _window(config: PretrainedConfig) -> int | None:
    """Tokens in the sliding window of the layers that have one, the query's own among them."""
    return getattr(config, "sliding_window", None)
