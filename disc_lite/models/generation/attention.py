"""Attention of many rows to shared prefixes and to their own tokens.

A query that attends to two sets of keys has outputs o_1, o_2 and log-sum-exps z_1, z_2 of its scores; over both sets
it is o = (exp(z_1) o_1 + exp(z_2) o_2) / (exp(z_1) + exp(z_2)), exactly. So the keys of a prefix are stored once and
read once for all queries of its rows, as one matrix product.

transformers calls `attend` instead of its own attention function while `config._attn_implementation` is NAME.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from disc_lite.losses.head import logits
from disc_lite.models.generation.cache import STEP, LayerCache
from disc_lite.models.generation.passes import (
    HIDDEN,
    Decoding,
    Grid,
    Pass,
    Prefill,
    PrefixTokens,
    hidden_where,
)
from disc_lite.models.head import head_of
from disc_lite.models.positions import long_texts

NAME = "disc_lite_generation"

Joinable = tuple[Tensor, Tensor]  # outputs [..., D], log-sum-exps [...] in fp32


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *,
    generation_pass: Pass, scaling: float | None = None, sliding_window: int | None = None, **unused: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Queries [1, heads, T, D], keys and values [1, kv heads, T, D] -> [1, T, heads, D]; stores keys and values."""
    if unused.get("softcap") is not None or unused.get("s_aux") is not None:
        raise NotImplementedError("attention with capped scores or sinks; see `plain.attends_only`")
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))
    store = generation_pass.cache.layer(cast(int, module.layer_idx), k, v)
    scale = scaling if scaling is not None else q.shape[-1] ** -0.5
    # A layer has a window if it names one; the configuration gives the width, as for transformers' own masks.
    window = cast(Any, module).config.sliding_window if sliding_window else None
    parts, split = [], 0
    if generation_pass.decoding:
        split = len(generation_pass.decoding.rows)
        parts.append(_decode(q[:split], k[:split], v[:split], store, generation_pass.decoding, scale, window))
    if generation_pass.prefill:
        parts.append(_prefill(q[split:], k[split:], v[split:], store, generation_pass.prefill, scale, window))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


AttentionInterface.register(NAME, attend)


def forward(model: PreTrainedModel, one_pass: Pass) -> Tensor:
    """Return the fp32 logits of the tokens `one_pass.last`, [N, V]."""
    config = model.config.get_text_config()
    before = config._attn_implementation
    config._attn_implementation = NAME  # for this pass only: nothing else may go through our attention
    try:
        with long_texts(model, one_pass.cache.long):
            out: Any = model.get_decoder()(
                input_ids=one_pass.input_ids,
                position_ids=one_pass.position_ids,
                use_cache=False,
                generation_pass=one_pass,
            )
    finally:
        config._attn_implementation = before
    return logits(out.last_hidden_state[0, one_pass.last], head_of(model))


# -- decoding: one new token a row -------------------------------------------------------------------------------


def _decode(
    q: Tensor, k: Tensor, v: Tensor, store: LayerCache, d: Decoding, scale: float, window: int | None
) -> Tensor:
    """[B, heads, D] -> [B, heads, D]: attention of one new token per row to its own tokens and its prefix."""
    store.own_keys[d.rows, :, d.at] = k
    store.own_values[d.rows, :, d.at] = v
    q = q.reshape(len(q), k.shape[1], -1, q.shape[2])  # [B, kv heads, heads of one kv head, D]
    keys, values = store.own_keys[: d.top, :, : d.width], store.own_values[: d.top, :, : d.width]
    by_row = q if d.in_order else q.new_zeros(d.top, *q.shape[1:]).index_copy_(0, d.rows, q)
    own = with_lse(by_row, keys, values, d.own_bias(window, q.dtype), False, scale)
    own = own if d.in_order else (own[0][d.rows], own[1][d.rows])
    if d.grid:
        return join(own, _prefixes_at_once(q, store, d, d.grid, scale, window)).flatten(1, 2)
    return join(own, _prefixes_in_turn(q, store, d.prefixes, d.positions, scale, window)).flatten(1, 2)


def _prefixes_at_once(
    q: Tensor, store: LayerCache, d: Decoding, grid: Grid, scale: float, window: int | None
) -> Joinable:
    """[B, kv heads, G, D] -> attention over each token's prefix, all prefixes at once."""
    n, (_, heads, each, size), keys = grid.prefix_rows, q.shape, store.prefix_keys
    by_prefix = q.new_zeros(len(keys) * n + 1, heads, each, size).index_copy_(0, grid.at, q)[:-1]
    by_prefix = by_prefix.view(-1, n, heads, each, size).transpose(1, 2).flatten(2, 3)  # [prefixes, kv heads, n G, D]
    bias = d.prefix_bias(grid, window, keys.shape[2], each, q.dtype)
    out, lse = with_lse(by_prefix, keys, store.prefix_values, bias, False, scale)
    out = out.reshape(-1, heads, n, each, size).transpose(1, 2).flatten(0, 1)
    lse = lse.reshape(-1, heads, n, each).transpose(1, 2).flatten(0, 1)
    at = grid.at.clamp(max=len(out) - 1)  # idle rows read any value
    return out[at], lse[at]


def _prefixes_in_turn(
    q: Tensor, store: LayerCache, prefixes: Sequence[PrefixTokens], positions: Tensor, scale: float, window: int | None
) -> Joinable | None:
    """[B, kv heads, G, D] -> attention over each token's prefix, prefix by prefix; None if there are no prefixes."""
    if not any(p.places for p in prefixes):
        return None
    parts = [_over_prefix(q[p.first : p.last], store, p, positions[p.first : p.last], scale, window) for p in prefixes]
    return torch.cat([out for out, _ in parts]), torch.cat([lse for _, lse in parts])


def _over_prefix(
    q: Tensor, store: LayerCache, p: PrefixTokens, positions: Tensor, scale: float, window: int | None
) -> Joinable:
    """[M, kv heads, G, D] -> attention over the part of their prefix that these tokens see."""
    if not p.places:
        return torch.zeros_like(q), q.new_full(q.shape[:-1], HIDDEN, dtype=torch.float32)
    m, heads, each, size = q.shape
    keys, values = (t[p.prefix : p.prefix + 1, :, : p.places] for t in (store.prefix_keys, store.prefix_values))
    bias = None
    if window and p.end >= window:
        place = torch.arange(p.places, device=q.device)
        bias = hidden_where(place <= positions[:, None] - window, q.dtype).repeat_interleave(each, 0)[None, None]
    out, lse = with_lse(q.transpose(0, 1).flatten(1, 2)[None], keys, values, bias, False, scale)
    return out.reshape(heads, m, each, size).transpose(0, 1), lse.reshape(heads, m, each).transpose(0, 1)


# -- prefill: many tokens a row ---------------------------------------------------------------------------------


def _prefill(
    q: Tensor, k: Tensor, v: Tensor, store: LayerCache, p: Prefill, scale: float, window: int | None
) -> Tensor:
    """[T, heads, D] -> [T, heads, D]: every chunk attends to its prefix and causally to itself."""
    keys, values = (store.own_keys, store.own_values) if p.own else (store.prefix_keys, store.prefix_values)
    keys[p.slots, :, p.at] = k
    values[p.slots, :, p.at] = v
    kv_heads, each = k.shape[1], q.shape[1] // k.shape[1]
    out, lse = torch.empty_like(q), q.new_empty(q.shape[:2], dtype=torch.float32)
    for padded in p.padded:
        query, key, value = (t[padded.tokens].transpose(1, 2) for t in (q, k, v))  # [N, heads, L, D]
        key, value = key.repeat_interleave(each, 1), value.repeat_interleave(each, 1)
        width = query.shape[2]
        bias = _band(width, window, q)[None, None] if window and width > window else None
        part, z = with_lse(query, key, value, bias, bias is None, scale)
        out.index_copy_(0, padded.at, part.transpose(1, 2).flatten(0, 1)[padded.real])
        lse.index_copy_(0, padded.at, z.transpose(1, 2).flatten(0, 1)[padded.real])
    q = q.reshape(len(q), kv_heads, each, -1)
    prefixes = _prefixes_in_turn(q, store, p.prefixes, p.positions, scale, window)
    return join((out.view_as(q), lse.view(q.shape[:-1])), prefixes).flatten(1, 2)


def _band(width: int, window: int, like: Tensor) -> Tensor:
    """Return the bias [L, L] with which a token sees itself and the window - 1 tokens before it."""
    place = torch.arange(width, device=like.device)
    ago = place[:, None] - place
    return hidden_where((ago < 0) | (ago >= window), like.dtype)


# -- parts ---------------------------------------------------------------------------------------------


def join(a: Joinable, b: Joinable | None) -> Tensor:
    """Return attention over two sets of keys from the attention over each, [..., D]."""
    if b is None:
        return a[0]
    share = torch.sigmoid(a[1] - b[1])[..., None]
    return (a[0] * share + b[0] * (1 - share)).to(a[0].dtype)


def with_lse(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, causal: bool, scale: float) -> Joinable:
    """Return attention [B, heads, L, D] and the log-sum-exp [B, heads, L] of the scaled scores.

    torch's public function does not return the latter; these are the kernels that it calls.
    """
    ops = torch.ops.aten
    if bias is not None:
        spare = -bias.shape[-1] % STEP if q.device.type == "cuda" else 0  # its kernel wants aligned rows
        bias = nn.functional.pad(bias, (0, spare))[..., : k.shape[2]] if spare else bias
        bias = bias.expand(*q.shape[:3], k.shape[2])
    if q.shape[-1] == v.shape[-1] and q.device.type == "cpu":
        out, lse = ops._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, attn_mask=bias, scale=scale)
        return out, lse
    if q.shape[-1] == v.shape[-1] and q.device.type == "cuda":
        out, lse, *_ = ops._scaled_dot_product_efficient_attention(q, k, v, bias, True, 0.0, causal, scale=scale)
        return out, lse[..., : q.shape[2]]  # the kernel pads it
    scores = (q.float() @ k.float().transpose(-1, -2)) * scale
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1), HIDDEN)
    scores = scores if bias is None else scores + bias
    lse = scores.logsumexp(-1)
    return ((scores - lse[..., None]).exp() @ v.float()).to(v.dtype), lse
