"""Sampling from a causal model: ragged prompts in batches, shared beginnings read once, private randomness.

transformers' `generate` takes sampling settings from the model folder and randomness from the
process; here both are arguments. Every prompt draws from a random stream of its own, made of the
seed and the prompt's place in the call, so that its text does not depend on what else is in the
batch, up to the rounding of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from disc_lite.packing import shared_length

BATCH_ROWS = 128
BATCH_TOKENS = 32_768  # prompt and answer tokens held in the cache at once


@dataclass(frozen=True)
class Continuation:
    """New tokens, and the token that ended them (not among them), None where nothing did."""

    ids: tuple[int, ...]
    stop_id: int | None

    @property
    def ended(self) -> bool:
        return self.stop_id is not None

    @property
    def whole_ids(self) -> tuple[int, ...]:
        """The new tokens with the one that ended them."""
        return self.ids if self.stop_id is None else (*self.ids, self.stop_id)


@dataclass(frozen=True)
class Sampling:
    """How every prompt of a call is continued; greedily at temperature 0."""

    stop_ids: frozenset[int]
    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0

    def uniforms(self, place: int) -> Tensor:
        """What the prompt at this place of the call draws, one number in [0, 1) for each new token."""
        rng = torch.Generator().manual_seed((self.seed * 1_000_003 + place) % 2**63)
        return torch.rand(self.max_new_tokens, generator=rng)


@dataclass(frozen=True)
class _Batch:
    """Prompts that are continued together: which of all they are, what they begin with, and what follows."""

    places: tuple[int, ...]
    prefixes: tuple[tuple[int, ...], ...]  # each read once
    prefix_of: tuple[int, ...]  # by prompt
    rests: tuple[tuple[int, ...], ...]  # by prompt, never empty


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    groups: Sequence[int] = (),
    batch_rows: int = BATCH_ROWS,
    batch_tokens: int = BATCH_TOKENS,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[Continuation]:
    """Continue every prompt; prompts of one group begin alike, and what they share is read once a batch.

    Where the memory of the card does not suffice, half as many rows at a time are tried from there on.
    `on_finished` gets the number of prompts that are finished whenever it has changed: it grows, but for such a retry.
    """
    groups = groups or range(len(prompts))
    how = Sampling(stop_ids, max_new_tokens, temperature, seed)
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), groups[i], i))
    answers: dict[int, Continuation] = {}
    while order:
        size = _rows_that_fit([len(prompts[i]) + max_new_tokens for i in order], batch_rows, batch_tokens)
        batch = _batch_of(model, prompts, groups, order[:size], max_new_tokens)
        found = _continued_if_it_fits(model, batch, how, lambda n: on_finished(len(answers) + n))
        if found is None:
            batch_rows = size // 2
            torch.cuda.empty_cache()
            continue
        answers.update(zip(batch.places, found, strict=True))
        order = order[size:]
    return [answers[i] for i in range(len(prompts))]


def stream(
    model: PreTrainedModel,
    prompt: Sequence[int],
    *,
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[int]:
    """What `generate` says to one prompt, each token as soon as there is one; not the one that ends it."""
    how = Sampling(stop_ids, max_new_tokens, temperature, seed)
    for ((_, token, stopped),) in _steps(model, _batch_of(model, [prompt], [0], [0], max_new_tokens), how):
        if not stopped:
            yield token


def _rows_that_fit(widths: Sequence[int], most_rows: int, most_tokens: int) -> int:
    """How many of the first prompts, in ascending width, are continued together; at least one."""
    size = 1
    while size < min(len(widths), most_rows) and widths[size] * (size + 1) <= most_tokens:
        size += 1
    return size


def _batch_of(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], groups: Sequence[int], places: Sequence[int],
    max_new_tokens: int,
) -> _Batch:  # fmt: skip
    members: dict[int, list[int]] = {}
    for place in places:
        members.setdefault(groups[place], []).append(place)
    # A cache with a sliding window forgets by place, and rows padded to one width do not agree on places.
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    shared = not window or 2 * max(len(prompts[i]) for i in places) + max_new_tokens < window
    lengths = {g: _beginning([prompts[i] for i in found]) if shared else 0 for g, found in members.items()}
    numbers = {group: number for number, group in enumerate(members)}
    return _Batch(
        places=tuple(places),
        prefixes=tuple(tuple(prompts[found[0]][: lengths[group]]) for group, found in members.items()),
        prefix_of=tuple(numbers[groups[i]] for i in places),
        rests=tuple(tuple(prompts[i][lengths[groups[i]] :]) for i in places),
    )


def _beginning(prompts: Sequence[Sequence[int]]) -> int:
    """How many ids are read once: the last one of each prompt is left over, and one prompt alone shares nothing."""
    return min(shared_length(prompts), len(min(prompts, key=len)) - 1) if len(prompts) > 1 else 0


def _continued_if_it_fits(
    model: PreTrainedModel, batch: _Batch, how: Sampling, on_finished: Callable[[int], None]
) -> list[Continuation] | None:
    """None where the memory does not suffice: what was in it is let go with this frame."""
    try:
        return _continued(model, batch, how, on_finished)
    except torch.OutOfMemoryError:
        if len(batch.places) == 1:
            raise
        return None


def _continued(
    model: PreTrainedModel, batch: _Batch, how: Sampling, on_finished: Callable[[int], None]
) -> list[Continuation]:
    ended: list[int | None] = [None] * len(batch.places)
    written: list[list[int]] = [[] for _ in batch.places]
    for step in _steps(model, batch, how):
        for i, token, stopped in step:
            if stopped:
                ended[i] = token
            else:
                written[i].append(token)
        if any(stopped for _, _, stopped in step):
            on_finished(sum(e is not None for e in ended))
    if None in ended:  # those that ran into the limit
        on_finished(len(ended))
    return [Continuation(tuple(w), e) for w, e in zip(written, ended, strict=True)]


@torch.no_grad()
def _steps(model: PreTrainedModel, batch: _Batch, how: Sampling) -> Iterator[list[tuple[int, int, bool]]]:
    """For every forward pass: (prompt, its new token, whether that ends it) of all that had not ended."""
    input_ids, mask, position_ids = (tensor.to(model.device) for tensor in _laid_out(batch))
    cache = _read_prefixes(model, batch)
    stops = torch.tensor(sorted(how.stop_ids), device=model.device)
    alive = list(range(len(batch.places)))
    # [B, max_new_tokens], as they are on every machine: drawn on the CPU.
    drawn = torch.stack([how.uniforms(place) for place in batch.places]).to(model.device)
    for step in range(how.max_new_tokens):
        out: Any = model(
            input_ids=input_ids, attention_mask=mask, position_ids=position_ids,
            past_key_values=cache, use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        token = sample(out.logits[:, -1].float(), how.temperature, drawn[:, step])  # [B]
        stopped = torch.isin(token, stops).tolist()
        yield list(zip(alive, token.tolist(), stopped, strict=True))
        keep = [row for row, done in enumerate(stopped) if not done]
        if not keep:
            return
        if len(keep) < len(alive):  # finished rows cost nothing from here on
            index = torch.tensor(keep, device=model.device)
            cache.batch_select_indices(index)
            token, mask, position_ids, drawn = token[index], mask[index], position_ids[index], drawn[index]
            alive = [alive[row] for row in keep]
        input_ids = token[:, None]
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
        position_ids = position_ids[:, -1:] + 1


def _laid_out(batch: _Batch) -> tuple[Tensor, Tensor, Tensor]:
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


def _read_prefixes(model: PreTrainedModel, batch: _Batch) -> DynamicCache:
    """The cache of every prompt's beginning, all padded on the left to the longest; each beginning is read once."""
    cache, width = DynamicCache(config=model.config), max(map(len, batch.prefixes))
    read: dict[int, Any] = {}
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


def _padded(states: dict[int, Tensor], batch: _Batch, width: int) -> Tensor:
    """States of the prefixes that are not empty, [1, heads, its length, D] each -> of all prompts, [B, heads, P, D]."""
    _, heads, _, size = (one := next(iter(states.values()))).shape
    whole = one.new_zeros(len(batch.prefixes), heads, width, size)
    for number, state in states.items():
        whole[number, :, width - state.shape[2] :] = state[0]
    return whole[torch.tensor(batch.prefix_of, device=whole.device)]


def sample(logits: Tensor, temperature: float, drawn: Tensor) -> Tensor:
    """[B, V], [B] -> [B]: the likeliest token at temperature 0, else the one whose share of [0, 1) holds `drawn`."""
    if temperature == 0.0:
        return logits.argmax(-1)
    shares = torch.softmax(logits / temperature, -1).cumsum(-1)
    # The last share ends a rounding error away from 1.
    found = torch.searchsorted(shares, (drawn * shares[:, -1])[:, None], right=True)[:, 0]
    return found.clamp(max=logits.shape[1] - 1)
