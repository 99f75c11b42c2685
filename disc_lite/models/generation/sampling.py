"""Logits -> the next tokens and their log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from disc_lite.models.device import to_device
from disc_lite.models.generation.requests import Row

RUN = 128  # tokens


def next_tokens(logits: Tensor, rows: Sequence[Row], min_p: float) -> list[tuple[int, float]]:
    """Return the next token of every row, from logits [B, V], and its log-probability at temperature 1."""
    drawn = to_device(torch.tensor([row.uniforms[len(row.written)] for row in rows]), logits.device)
    tokens = sample(logits, [row.request.temperature for row in rows], drawn, min_p)
    # One transfer, so the host waits once. Not in fp64, which Apple's GPUs lack: fp32 holds integers below 2^24.
    both = torch.stack([tokens.float(), log_probabilities(logits, tokens)]).tolist()
    return [(int(token), log_p) for token, log_p in zip(*both, strict=True)]


def sample(logits: Tensor, temperatures: Sequence[float], drawn: Tensor, min_p: float = 0.0) -> Tensor:
    """[B, V], [B], [B] -> [B]: argmax at temperature 0, else the token whose interval of [0, 1) contains `drawn`.

    Tokens less likely than `min_p` times the likeliest one have no interval (min-p sampling, arXiv 2407.01082).
    """
    if not any(temperatures):
        return logits.argmax(-1)
    divisors = to_device(torch.tensor([t or 1.0 for t in temperatures]), logits.device)
    shares = torch.softmax(logits / divisors[:, None], -1)
    if min_p:
        shares = shares.where(shares >= min_p * shares.amax(-1, keepdim=True), 0.0)
    tokens = _drawn(shares, drawn)
    if all(temperatures):
        return tokens
    greedy = to_device(torch.tensor([t == 0.0 for t in temperatures]), logits.device)
    return torch.where(greedy, logits.argmax(-1), tokens)


def _drawn(shares: Tensor, drawn: Tensor) -> Tensor:
    """[B, V], [B] -> [B]: the index at which the cumulative sum of the shares exceeds `drawn`."""
    # First the run of tokens, then the token in it: a cumulative sum over a whole vocabulary takes as long as a third
    # of a small model's layers.
    if shares.shape[1] % RUN:
        shares = torch.nn.functional.pad(shares, (0, -shares.shape[1] % RUN))
    runs = shares.view(len(shares), -1, RUN)  # [B, V / RUN, RUN]
    ends = runs.sum(-1).cumsum(-1)
    target = drawn[:, None] * ends[:, -1:]  # the sum differs from 1 by rounding
    run = _first_beyond(ends, target)
    before = torch.where(run > 0, ends.gather(1, (run - 1).clamp(min=0)), 0.0)
    within = runs.gather(1, run[:, :, None].expand(-1, 1, RUN))[:, 0].cumsum(-1)  # [B, RUN]
    return (run * RUN + _first_beyond(within, target - before))[:, 0]


def _first_beyond(sums: Tensor, target: Tensor) -> Tensor:
    """[B, N] cumulative sums, [B, 1] -> [B, 1]: the first index beyond the target, at most the last that adds any."""
    last = (sums < sums[:, -1:]).sum(-1, keepdim=True)
    return torch.minimum(torch.searchsorted(sums, target, right=True), last)


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return log p of these tokens at temperature 1, nats: [B, V], [B] -> [B]."""
    return logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)
