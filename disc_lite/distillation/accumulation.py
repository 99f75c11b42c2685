"""Accumulates the gradient of a step over micro-batches that fit in memory, and applies it with AdamW."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from disc_lite.distillation.data import TrainingData
from disc_lite.distillation.schedule import Batch, micro_batches
from disc_lite.distillation.step import step
from disc_lite.errors import WillNotFit
from disc_lite.models import Base
from disc_lite.models.halving import too_long, unless_full
from disc_lite.recipe import Recipe
from disc_lite.recipe.fields import LONGEST


@dataclass(frozen=True)
class Gradient:
    """Measurements from accumulating the gradient of a step."""

    loss: float  # the two terms of the loss, see `step`: means over the whole step, retention unweighted
    retention: float
    tokens: int
    target_tokens: int
    max_tokens: int  # largest size of a micro-batch

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss) and math.isfinite(self.retention)


def accumulate(
    base: Base, data: TrainingData, recipe: Recipe, batch: Batch, max_tokens: int = LONGEST,
    should_stop: Callable[[], bool] = lambda: False,
) -> Gradient | None:  # fmt: skip
    """Accumulate the gradient of a step over micro-batches of at most `max_tokens`; None if stopped between them.

    CUDA may run out of memory in the middle of a backward pass, when a part of a gradient is already added. So the
    whole step is repeated, in micro-batches of half the size of the one that failed. Raises WillNotFit if that was a
    single example.
    """
    examples = data.examples(batch)
    task, retention = (sum(len(e.compared) for e in each) for each in examples)
    sizes = [len(e.input_ids) for each in examples for e in each]
    while True:
        sums = list[Tensor]()
        for number, part in enumerate(micro_batches(batch, sizes, max_tokens)):
            if number and should_stop():
                _clear(base)
                return None
            added = unless_full(partial(step, base, data, recipe, part, (task, retention)))
            if isinstance(added, WillNotFit):
                max_tokens = _half(data, part, added)
                break
            sums.append(added)
        else:  # the only wait for the device, which computes while the next micro-batch is packed
            task_sum, retention_sum = map(sum, zip(*torch.stack(sums).tolist(), strict=True))
            return Gradient(task_sum / task, retention_sum / max(1, retention), sum(sizes), task, max_tokens)
        _clear(base)


def _half(data: TrainingData, part: Batch, full: WillNotFit) -> int:
    """Return half the tokens of a micro-batch that did not fit. Raises WillNotFit if it is a single example."""
    examples = [example for each in data.examples(part) for example in each]
    tokens = sum(len(e.input_ids) for e in examples)
    if len(examples) == 1:
        raise too_long(full, examples[0].name, tokens)
    return tokens // 2


def _clear(base: Base) -> None:
    for parameter in base.adapter_parameters().values():
        parameter.grad = None


def apply(
    gradient: Gradient, parameters: list[Any], optimizer: torch.optim.Optimizer, rate: float, clip_norm: float
) -> float:
    """Clip the gradient and apply it if it is finite; returns its norm. Raises WillNotFit if AdamW does not fit."""
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip_norm))
    if math.isfinite(norm) and gradient.finite:
        for group in optimizer.param_groups:
            group["lr"] = rate
        if full := unless_full(optimizer.step):
            raise WillNotFit(
                f"{full.what.removesuffix('.')} in AdamW's step.", full.why,
                "Repeat the command with --set execution.optimizer_bits=8, or lower lora.rank with another --output.",
            )  # fmt: skip
    optimizer.zero_grad(set_to_none=True)
    return norm
