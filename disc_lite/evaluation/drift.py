"""The drift of the adapted model: KL(base || adapted) on answers that the base generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from disc_lite.distillation.examples import AnsweredPrompt, retention_lesson, together
from disc_lite.losses import RETENTION_KL, token_divergence
from disc_lite.models import Base
from disc_lite.models.halving import halved_if_full
from disc_lite.planning.sizes import READING_TOKENS


def drift(
    base: Base, examples: Sequence[AnsweredPrompt], on_finished: Callable[[int], None] = lambda prompts: None
) -> list[float]:
    """KL(base || adapted) for each prompt, in nats per token of the base's answer.

    `on_finished` is called with the number of prompts measured so far.
    """
    means: list[float] = []
    compared = [example for answered in examples for example in retention_lesson(answered).examples]
    sizes = [len(example.input_ids) for example in compared]

    def compare(indices: list[int]) -> Tensor:
        batch = [compared[i] for i in indices]
        with base.frozen(adapter=False):
            before = base.hidden_at(*together(batch))
        with base.frozen(adapter=True):
            after = base.hidden_at(*together(batch))
        return token_divergence(after, before, base.head, RETENTION_KL).cpu()

    batches = halved_if_full(
        range(len(compared)), sizes.__getitem__, READING_TOKENS, compare, lambda i: compared[i].name
    )
    for indices, nats in batches:
        means += [float(part.mean()) for part in nats.split([len(compared[i].compared) for i in indices])]
        on_finished(len(means))
    return means


def mean_drift(nats: Sequence[float], examples: Sequence[AnsweredPrompt]) -> float:
    """The mean drift over all answer tokens, from the drift of each prompt, in nats per token."""
    tokens = [len(example.answer_ids) for example in examples]
    return sum(n * t for n, t in zip(nats, tokens, strict=True)) / max(1, sum(tokens))
