"""The drift of the adapted model: KL(base || adapted) on answers that the base generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from disc_lite.losses import RETENTION_KL, token_divergence
from disc_lite.models import Base
from disc_lite.packing import lone, pack
from disc_lite.synthesis.retention import RetentionExample


def drift(
    base: Base, examples: Sequence[RetentionExample], tokens_per_batch: int,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[float]:  # fmt: skip
    """KL(base || adapted) of each prompt, in nats per token of the answer of the base.

    `on_finished` is called with the number of prompts measured so far.
    """
    means: list[float] = []
    for batch in _batches(examples, tokens_per_batch):
        packed = pack([lone((*s.prompt_ids, *s.answer_ids)) for s in batch])
        runs = [range(len(s.prompt_ids) - 1, len(s.prompt_ids) + len(s.answer_ids) - 1) for s in batch]
        places = [packed.starts[i][0] + p for i, run in enumerate(runs) for p in run]
        at = torch.tensor(places, device=base.device)
        with base.frozen(adapter=False):
            before = base.hidden(packed)[at]
        with base.frozen(adapter=True):
            after = base.hidden(packed)[at]
        nats = token_divergence(after, before, base.head, RETENTION_KL).cpu()
        means += [float(part.mean()) for part in nats.split([len(run) for run in runs])]
        on_finished(len(means))
    return means


def mean_drift(nats: Sequence[float], examples: Sequence[RetentionExample]) -> float:
    """The mean over all tokens of the drifts by prompt."""
    tokens = [len(example.answer_ids) for example in examples]
    return sum(n * t for n, t in zip(nats, tokens, strict=True)) / max(1, sum(tokens))


def _batches(examples: Sequence[RetentionExample], tokens_per_batch: int) -> list[list[RetentionExample]]:
    batches: list[list[RetentionExample]] = [[]]
    size = 0
    for s in examples:
        tokens = len(s.prompt_ids) + len(s.answer_ids)
        if batches[-1] and size + tokens > tokens_per_batch:
            batches.append([])
            size = 0
        batches[-1].append(s)
        size += tokens
    return [batch for batch in batches if batch]
