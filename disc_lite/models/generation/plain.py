"""Continues prompts in batches through the model's own cache, for models that `attention.attend` does not support."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from disc_lite.errors import memory_ran_out
from disc_lite.losses.head import logits
from disc_lite.models.generation.requests import Limits, Request, Row, Step
from disc_lite.models.generation.sampling import next_tokens
from disc_lite.models.head import head_of
from disc_lite.models.positions import long_texts
from disc_lite.packing import filled
from disc_lite.planning.sizes import MAX_ROWS

ATTENTION = {"full_attention", "sliding_attention"}  # kinds of layers that `attention.attend` supports
BATCH_TOKENS = 32_768  # prompt and new tokens in the cache at once

# Models that `attention.attend` does not support, although their configuration does not say so.
_unserved: weakref.WeakSet[PreTrainedModel] = weakref.WeakSet()


def attends_only(model: PreTrainedModel) -> bool:
    """Whether every layer is attention that calls the registered function with its own keys and values."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ATTENTION)
    other = [getattr(config, name, None) for name in ("attn_logit_softcapping", "num_kv_shared_layers", "kv_lora_rank")]
    known = model._supports_attention_backend and not model._is_stateful and model not in _unserved
    return bool(known) and kinds <= ATTENTION and not any(other)


def use_own_cache(model: PreTrainedModel) -> None:
    """Continue this model through its own cache from now on."""
    _unserved.add(model)


def decode_in_batches(
    model: PreTrainedModel, requests: Sequence[Request], limits: Limits, max_rows: int, long: bool
) -> Iterator[list[Step]]:
    """Yield the new tokens of every forward pass; if CUDA runs out of memory, batches have half as many rows."""
    rows = max_rows or MAX_ROWS.get(model.device.type, MAX_ROWS["cpu"])
    left = sorted(requests, key=lambda request: (_length(request), request.place))
    while left:
        sizes = [_length(request) + limits.max_new_tokens for request in left]
        batch = [left[i] for i in next(filled(range(min(rows, len(left))), sizes, BATCH_TOKENS))]
        done: set[int] = set()
        try:
            for steps in _steps(model, batch, limits, long):
                done |= {place for place, _, finished in steps if finished}
                yield steps
        except RuntimeError as error:
            if not memory_ran_out(error) or len(batch) == 1:
                raise
            rows = len(batch) // 2
        left = [request for request in left if request.place not in done]


def _length(request: Request) -> int:
    return len(request.prefix) + len(request.rest)


@torch.no_grad()
def _steps(model: PreTrainedModel, batch: Sequence[Request], limits: Limits, long: bool) -> Iterator[list[Step]]:
    """Yield the steps of one batch; prompts are padded on the left, finished rows are removed from the cache."""
    rows = [Row(request, 0, request.uniforms(limits.max_new_tokens)) for request in batch]
    decoder = model.get_decoder()
    cache: Any = DynamicCache(config=model.config)
    remembered = {_cache_argument(decoder): cache}
    ids, mask = _padded(batch)
    ids, mask = ids.to(model.device), mask.to(model.device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    while rows:
        with long_texts(model, long):
            out: Any = decoder(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **remembered)
        tokens = next_tokens(logits(out.last_hidden_state[:, -1], head_of(model)), rows, limits.min_p)
        done = [row.write(token, log_p, limits) for row, (token, log_p) in zip(rows, tokens, strict=True)]
        yield [(row.request.place, token, end) for row, (token, _), end in zip(rows, tokens, done, strict=True)]
        unfinished = [n for n, end in enumerate(done) if end is None]
        if unfinished and len(unfinished) < len(rows):
            index = torch.tensor(unfinished, device=model.device)
            cache.reorder_cache(index)  # states of recurrent layers too
            mask, positions = mask[index], positions[index]
        rows = [rows[n] for n in unfinished]
        ids = torch.tensor([[row.written[-1]] for row in rows], device=model.device)
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)


def _cache_argument(decoder: Any) -> str:
    """Return the name of the decoder's cache argument: `cache` since transformers 5.24."""
    return "cache" if "cache" in signature(decoder.forward).parameters else "past_key_values"


def _padded(batch: Sequence[Request]) -> tuple[Tensor, Tensor]:
    """Return ids and mask of the whole prompts, [B, L] each."""
    width = max(map(_length, batch))
    ids, mask = torch.zeros(2, len(batch), width, dtype=torch.long)
    for n, request in enumerate(batch):
        begin = width - _length(request)
        ids[n, begin:] = torch.tensor([*request.prefix, *request.rest])
        mask[n, begin:] = 1
    return ids, mask
