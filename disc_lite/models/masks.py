"""Attention masks by type of layer: full attention, and attention within a sliding window.

transformers takes one mask for all layers if they are alike (Llama; Mistral with its window), and one mask per type
of layer if they are not (Gemma, OLMo 3, Cohere 2). A single 4-D mask without the window would apply to all layers,
and be silently wrong for every token beyond the window.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig

FULL, SLIDING = "full_attention", "sliding_attention"
ALIGNED = 8  # places: PyTorch's attention on CUDA copies a mask whose rows begin anywhere else
Masks = Tensor | dict[str, Tensor]


def has_state(config: PretrainedConfig) -> bool:
    """Whether a layer carries a state from token to token (recurrence or convolution), which no mask can separate."""
    return any(hasattr(layer, "update_conv_state") for layer in DynamicCache(config=config).layers)


def attention_masks(
    config: PretrainedConfig, visible: Tensor | None, positions: Tensor, longest: int, dtype: torch.dtype
) -> Masks | None:
    """Return what the decoder with this configuration takes as `attention_mask`: biases of its scores, in `dtype`.

    visible: whether a query attends to a key under full attention, [R, 1, L, L] bool, or None if the causal mask
    suffices, which is returned as it is; positions: of each token within its own sequence, [R, L]; longest: tokens of
    the longest sequence. Within a window of w tokens a query at position p attends to keys after p - w.

    Raises NotImplementedError for other types of layers (chunks, indices of keys), whose masks depend on where tokens
    are in their row. A model with such layers reads one text per row, whose masks transformers makes.
    """
    if visible is None:
        return None
    window = getattr(config, "sliding_window", None)  # tokens, including the query's own
    of_layers = getattr(config, "layer_types", None)  # None or empty if all layers are alike
    types = set(of_layers or [SLIDING if window else FULL])
    if others := types - {FULL, SLIDING}:
        raise NotImplementedError(f"masks of layers of the type {min(others)}")
    near = visible
    if SLIDING in types and window and longest > window:
        near = visible & (positions[:, None, None, :] > positions[:, None, :, None] - window)
    masks = {kind: _bias(near if kind == SLIDING else visible, dtype) for kind in sorted(types)}
    return masks if of_layers else next(iter(masks.values()))


def _bias(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """[R, 1, L, L] bool -> 0 where it is True, else the lowest value, in `dtype`.

    Every layer would make such a bias of a bool mask, and keep it for its backward pass if it is not recomputed.
    """
    rows, _, queries, keys = visible.shape
    bias = torch.full(
        (rows, 1, queries, -(-keys // ALIGNED) * ALIGNED), torch.finfo(dtype).min, dtype=dtype, device=visible.device
    )
    return bias[..., :keys].masked_fill_(visible, 0.0)
