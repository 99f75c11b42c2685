"""Sampling from a causal model: batches of ragged prompts, a shared prefix read once, private randomness.

transformers' `generate` takes sampling settings from the model folder and randomness from the
process; here both are arguments, so the same call gives the same tokens anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel


@dataclass(frozen=True)
class Continuation:
    """New tokens, and the token that ended them (not among them), None where nothing did."""

    ids: tuple[int, ...]
    stop_id: int | None

    @property
    def ended(self) -> bool:
        return self.stop_id is not None


BATCH_ROWS = 128
BATCH_TOKENS = 16_384  # prompt and answer tokens held in the cache at once


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    prefix: Sequence[int] = (),
    batch_rows: int = BATCH_ROWS,
    batch_tokens: int = BATCH_TOKENS,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[Continuation]:
    """Continue every prompt (after the shared `prefix`, read once); greedy at temperature 0.

    Where the memory of the card does not suffice, half as many rows at a time are tried from there on.
    `on_finished` gets the number of prompts that are finished whenever it has changed: it grows, but for such a retry.
    """
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    answers: dict[int, Continuation] = {}
    rng = torch.Generator(device=model.device).manual_seed(seed)
    while order:
        size, widest = 0, 0
        while size < min(len(order), batch_rows):
            widest = len(prompts[order[size]]) + max_new_tokens + len(prefix)
            if size and widest * (size + 1) > batch_tokens:
                break
            size += 1
        rows, drawn = [prompts[i] for i in order[:size]], rng.get_state()
        how = (prefix, stop_ids, max_new_tokens, temperature, rng, len(answers), on_finished)
        found = _batch_if_it_fits(model, rows, *how)
        if found is None:
            batch_rows = size // 2
            rng.set_state(drawn)
            torch.cuda.empty_cache()
            continue
        answers.update(zip(order[:size], found, strict=True))
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
    rng = torch.Generator(device=model.device).manual_seed(seed)
    for ((_, token, stopped),) in _steps(model, [prompt], (), stop_ids, max_new_tokens, temperature, rng):
        if not stopped:
            yield token


def _batch_if_it_fits(model: PreTrainedModel, prompts: Sequence[Sequence[int]], *how: Any) -> list[Continuation] | None:
    """None where the memory does not suffice: what was in it is let go with this frame."""
    try:
        return _batch(model, prompts, *how)
    except torch.OutOfMemoryError:
        if len(prompts) == 1:
            raise
        return None


def _batch(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    prefix: Sequence[int],
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float,
    rng: torch.Generator,
    before: int,
    on_finished: Callable[[int], None],
) -> list[Continuation]:
    """`before` prompts were finished in earlier batches."""
    ended: list[int | None] = [None] * len(prompts)
    written: list[list[int]] = [[] for _ in prompts]
    for step in _steps(model, prompts, prefix, stop_ids, max_new_tokens, temperature, rng):
        for i, token, stopped in step:
            if stopped:
                ended[i] = token
            else:
                written[i].append(token)
        if any(stopped for _, _, stopped in step):
            on_finished(before + sum(e is not None for e in ended))
    if None in ended:  # those that ran into the limit
        on_finished(before + len(prompts))
    return [Continuation(tuple(w), e) for w, e in zip(written, ended, strict=True)]


@torch.no_grad()
def _steps(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    prefix: Sequence[int],
    stop_ids: frozenset[int],
    max_new_tokens: int,
    temperature: float,
    rng: torch.Generator,
) -> Iterator[list[tuple[int, int, bool]]]:
    """For every forward pass: (prompt, its new token, whether that ends it) of all that had not ended."""
    input_ids, mask, position_ids = _left_padded(prompts, len(prefix), model.device)
    cache = _read_prefix(model, prefix, len(prompts))
    stops = torch.tensor(sorted(stop_ids), device=model.device)
    alive = list(range(len(prompts)))
    for _ in range(max_new_tokens):
        out: Any = model(
            input_ids=input_ids, attention_mask=mask, position_ids=position_ids,
            past_key_values=cache, use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        token = sample(out.logits[:, -1].float(), temperature, rng)  # [B]
        stopped = torch.isin(token, stops).tolist()
        yield list(zip(alive, token.tolist(), stopped, strict=True))
        keep = [row for row, done in enumerate(stopped) if not done]
        if not keep:
            return
        if len(keep) < len(alive):  # finished rows cost nothing from here on
            index = torch.tensor(keep, device=model.device)
            cache.batch_select_indices(index)
            token, mask, position_ids = token[index], mask[index], position_ids[index]
            alive = [alive[row] for row in keep]
        input_ids = token[:, None]
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
        position_ids = position_ids[:, -1:] + 1


def _left_padded(prompts: Sequence[Sequence[int]], before: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [B, L], mask [B, before + L], positions [B, L]; every prompt ends in the last column."""
    width = max(map(len, prompts))
    input_ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.ones(len(prompts), before + width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        pad = width - len(prompt)
        input_ids[row, pad:] = torch.tensor(prompt, dtype=torch.long)
        mask[row, before : before + pad] = 0
    position_ids = (mask.cumsum(1) - 1)[:, before:].clamp(min=0)
    return input_ids.to(device), mask.to(device), position_ids.to(device)


def _read_prefix(model: PreTrainedModel, prefix: Sequence[int], rows: int) -> DynamicCache:
    cache = DynamicCache(config=model.config)
    if prefix:
        ids = torch.tensor([list(prefix)], device=model.device)
        model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(rows)
    return cache


def sample(logits: Tensor, temperature: float, rng: torch.Generator) -> Tensor:
    """[B, V] -> [B]: the likeliest token at temperature 0, else one drawn."""
    if temperature == 0.0:
        return logits.argmax(-1)
    return torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=rng)[:, 0]
