"""Prompts of different length in one batch for generation; the prefix that some of them share is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from disc_lite.models.masks import has_state
from disc_lite.packing import shared_length


@dataclass(frozen=True)
class Batch:
    """Prompts that are continued together, each split into a prefix and the rest."""

    places: tuple[int, ...]
    prefixes: tuple[tuple[int, ...], ...]  # each computed once
    prefix_of: tuple[int, ...]  # by prompt
    rests: tuple[tuple[int, ...], ...]  # by prompt, never empty


def batch_of(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], groups: Sequence[int], places: Sequence[int],
    max_new_tokens: int,
) -> Batch:  # fmt: skip
    """The prompts with these indices; those of one group share their common prefix, where the model's cache allows."""
    members: dict[int, list[int]] = {}
    for place in places:
        members.setdefault(groups[place], []).append(place)
    # With sliding-window attention the cache drops tokens by column, which differs from position in padded rows.
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    shared = not window or 2 * max(len(prompts[i]) for i in places) + max_new_tokens < window
    shared = shared and not has_state(model.get_decoder().config)
    lengths = {g: _prefix_length([prompts[i] for i in indices]) if shared else 0 for g, indices in members.items()}
    numbers = {group: number for number, group in enumerate(members)}
    return Batch(
        places=tuple(places),
        prefixes=tuple(tuple(prompts[indices[0]][: lengths[group]]) for group, indices in members.items()),
        prefix_of=tuple(numbers[groups[i]] for i in places),
        rests=tuple(tuple(prompts[i][lengths[groups[i]] :]) for i in places),
    )


def _prefix_length(prompts: Sequence[Sequence[int]]) -> int:
    """Length of the shared prefix: at least the last token of each prompt is left over; 0 for a single prompt."""
    return min(shared_length(prompts), len(min(prompts, key=len)) - 1) if len(prompts) > 1 else 0


def laid_out(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [B, L], mask [B, P + L], positions [B, L]: prefixes end in column P, prompts in the last one."""
    before, width = max(map(len, batch.prefixes)), max(map(len, batch.rests))
    input_ids = torch.zeros(len(batch.rests), width, dtype=torch.long)
    mask = torch.zeros(len(batch.rests), before + width, dtype=torch.long)
    for row, (number, rest) in enumerate(zip(batch.prefix_of, batch.rests, strict=True)):
        input_ids[row, width - len(rest) :] = torch.tensor(rest, dtype=torch.long)
        mask[row, before - len(batch.prefixes[number]) : before] = 1
        mask[row, before + width - len(rest) :] = 1
    position_ids = (mask.cumsum(1) - 1)[:, before:].clamp(min=0)
    return input_ids, mask, position_ids


def read_prefixes(model: PreTrainedModel, batch: Batch) -> DynamicCache:
    """The KV cache of every prompt's prefix, padded on the left to the longest; each prefix is computed once."""
    cache, width = DynamicCache(config=model.config), max(map(len, batch.prefixes))
    read: dict[int, Any] = {}  # DynamicCache, whose kinds of layers transformers does not tell apart
    for number, prefix in enumerate(batch.prefixes):
        if prefix:
            ids = torch.tensor([list(prefix)], device=model.device)
            read[number] = DynamicCache(config=model.config)
            model(input_ids=ids, past_key_values=read[number], use_cache=True, logits_to_keep=1)
    if read:
        for layer in range(len(next(iter(read.values())).layers)):
            keys = {number: each.layers[layer].keys for number, each in read.items()}
            values = {number: each.layers[layer].values for number, each in read.items()}
            cache.update(_padded(keys, batch, width), _padded(values, batch, width), layer)
    return cache


def _padded(states: dict[int, Tensor], batch: Batch, width: int) -> Tensor:
    """Keys or values of the non-empty prefixes, [1, heads, length, D] each -> of all prompts, [B, heads, P, D]."""
    _, heads, _, size = (one := next(iter(states.values()))).shape
    whole = one.new_zeros(len(batch.prefixes), heads, width, size)
    for number, state in states.items():
        whole[number, :, width - state.shape[2] :] = state[0]
    return whole[torch.tensor(batch.prefix_of, device=whole.device)]
