"""Sampling from a causal model: prompts of different length in batches, shared prefixes computed once.

transformers' `generate` takes sampling settings from the model folder and the random state from the process; here
both are arguments. Every prompt has a random stream of its own, seeded by `seed` and the index of the prompt, so that
its text does not depend on the other prompts of the batch, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from disc_lite.models.batches import Batch, batch_of, laid_out, read_prefixes

BATCH_ROWS = 128
BATCH_TOKENS = 32_768  # prompt and answer tokens in the KV cache at once


@dataclass(frozen=True)
class Continuation:
    """New tokens, and the stop token after them (not among them); None where the limit was reached."""

    ids: tuple[int, ...]
    stop_id: int | None

    @property
    def ended(self) -> bool:
        return self.stop_id is not None

    @property
    def whole_ids(self) -> tuple[int, ...]:
        """The new tokens with the stop token, if any."""
        return self.ids if self.stop_id is None else (*self.ids, self.stop_id)


@dataclass(frozen=True)
class Sampling:
    """Settings of one call; greedy at temperature 0."""

    stop_ids: frozenset[int]
    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0

    def uniforms(self, place: int) -> Tensor:
        """The random numbers of the prompt with this index, one in [0, 1) for each new token."""
        rng = torch.Generator().manual_seed((self.seed * 1_000_003 + place) % 2**63)
        return torch.rand(self.max_new_tokens, generator=rng)


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
    """Continue every prompt; the common prefix of the prompts of one group is computed once a batch.

    Where CUDA runs out of memory, batches have half as many rows from there on. `on_finished` is called with the number
    of finished prompts whenever it changes: it grows, except for such a retry.
    """
    groups = groups or range(len(prompts))
    how = Sampling(stop_ids, max_new_tokens, temperature, seed)
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), groups[i], i))
    answers: dict[int, Continuation] = {}
    while order:
        size = _rows_that_fit([len(prompts[i]) + max_new_tokens for i in order], batch_rows, batch_tokens)
        batch = batch_of(model, prompts, groups, order[:size], max_new_tokens)
        written = _continue_if_it_fits(model, batch, how, lambda n: on_finished(len(answers) + n))
        if written is None:
            batch_rows = size // 2
            torch.cuda.empty_cache()
            continue
        answers.update(zip(batch.places, written, strict=True))
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
    """The tokens that `generate` returns for one prompt, one by one as they are sampled, without the stop token."""
    how = Sampling(stop_ids, max_new_tokens, temperature, seed)
    for ((_, token, stopped),) in _steps(model, batch_of(model, [prompt], [0], [0], max_new_tokens), how):
        if not stopped:
            yield token


def _rows_that_fit(widths: Sequence[int], most_rows: int, most_tokens: int) -> int:
    """The number of prompts in the next batch, at least one; widths are in ascending order."""
    size = 1
    while size < min(len(widths), most_rows) and widths[size] * (size + 1) <= most_tokens:
        size += 1
    return size


def _continue_if_it_fits(
    model: PreTrainedModel, batch: Batch, how: Sampling, on_finished: Callable[[int], None]
) -> list[Continuation] | None:
    """None where CUDA runs out of memory; the tensors are freed with this frame."""
    try:
        return _continue(model, batch, how, on_finished)
    except torch.OutOfMemoryError:
        if len(batch.places) == 1:
            raise
        return None


def _continue(
    model: PreTrainedModel, batch: Batch, how: Sampling, on_finished: Callable[[int], None]
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
def _steps(model: PreTrainedModel, batch: Batch, how: Sampling) -> Iterator[list[tuple[int, int, bool]]]:
    """For every forward pass: (index in the batch, new token, whether it is a stop token) of all unfinished prompts."""
    input_ids, mask, position_ids = (tensor.to(model.device) for tensor in laid_out(batch))
    cache = read_prefixes(model, batch)
    stops = torch.tensor(sorted(how.stop_ids), device=model.device)
    alive = list(range(len(batch.places)))
    # [B, max_new_tokens], drawn on the CPU so that they are the same on every machine.
    drawn = torch.stack([how.uniforms(place) for place in batch.places]).to(model.device)
    for step in range(how.max_new_tokens):
        out: Any = model(
            input_ids=input_ids, attention_mask=mask, position_ids=position_ids,
            past_key_values=cache, use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        token = sample(out.logits[:, -1].float(), how.temperature, drawn[:, step])  # [B]
        stopped = torch.isin(token, stops).tolist()
        yield list(zip(alive, token.tolist(), stopped, strict=True))
        unfinished = [row for row, done in enumerate(stopped) if not done]
        if not unfinished:
            return
        if len(unfinished) < len(alive):  # finished rows are removed from the batch
            index = torch.tensor(unfinished, device=model.device)
            cast(Any, cache).reorder_cache(index)  # states of recurrent layers too
            token, mask, position_ids, drawn = token[index], mask[index], position_ids[index], drawn[index]
            alive = [alive[row] for row in unfinished]
        input_ids = token[:, None]
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
        position_ids = position_ids[:, -1:] + 1


def sample(logits: Tensor, temperature: float, drawn: Tensor) -> Tensor:
    """[B, V], [B] -> [B]: argmax at temperature 0, else the token whose part of [0, 1) contains `drawn`."""
    if temperature == 0.0:
        return logits.argmax(-1)
    shares = torch.softmax(logits / temperature, -1).cumsum(-1)
    # The cumulative sum ends a rounding error away from 1.
    token = torch.searchsorted(shares, (drawn * shares[:, -1])[:, None], right=True)[:, 0]
    return token.clamp(max=logits.shape[1] - 1)
