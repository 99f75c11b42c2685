"""The model and the adapter that all variants train, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax, softmax

from bench.gpu.shapes import build
from bench.rivals.tasks import Item, batches_of, items_of, shape_of
from disc_lite.distillation.examples import Lesson
from disc_lite.models import Base
from disc_lite.models.loading import load_unchecked

TEMPERATURE = 2.0  # as in both papers
LEARNING_RATE = 1e-4
PERTURBED = 0.02  # size of lora_B when gradients are compared; at 0 lora_A would have no gradient


@dataclass(frozen=True)
class Setup:
    """The settings of a training, which every variant gets."""

    model: str  # a folder, or shape:NAME or tiny:NAME for random weights of an alias
    device: torch.device
    quantize: str
    rank: int
    batch: int  # examples a step
    epochs: int
    checkpointing: bool
    lessons: Sequence[Lesson] = field(repr=False)
    perturbed: bool = False  # lora_B is not 0

    @property
    def items(self) -> list[Item]:
        return [item for lesson in self.lessons for item in items_of(lesson)]

    @property
    def batches(self) -> list[list[Item]]:
        return batches_of(self.items, self.batch)

    def base(self) -> Base:
        """Return the frozen model as disc-lite loads it."""
        shape = shape_of(self.model)
        if shape is not None:
            return build(shape, self.device)
        return load_unchecked(Path(self.model), self.quantize, str(self.device))

    def adapted(self) -> Base:
        """Return the model with its adapter, the same in all variants."""
        base = self.base()
        base.attach(self.rank, 2 * self.rank, seed=0, recomputed=None if self.checkpointing else 0)
        if self.perturbed:
            rng = torch.Generator().manual_seed(1)
            for name, parameter in base.adapter_parameters().items():
                if "lora_B" in name:
                    drawn = torch.randn(parameter.shape, generator=rng) * PERTURBED
                    parameter.data.copy_(drawn)
        return base

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


class Watch(Protocol):
    """What a variant calls during its training; each method may raise an exception to end it."""

    def ready(self, *models: nn.Module) -> None: ...

    def gradient(self, parameters: dict[str, Any], loss: float | None) -> None: ...  # before it is applied

    def epoch(self) -> None: ...


Variant = Callable[[Setup, Watch], None]


def steps(setup: Setup, watch: Watch, parameters: dict[str, Any], make: Callable[[list[Item]], float]) -> None:
    """Run the epochs of a hand-written loop; `make` accumulates the gradient of a batch and returns its loss."""
    optimizer = torch.optim.AdamW(list(parameters.values()), lr=LEARNING_RATE, weight_decay=0.0)
    for _ in range(setup.epochs):
        for batch in setup.batches:
            loss = make(batch)
            watch.gradient(parameters, loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        watch.epoch()


def forward_kl(teacher: Tensor, student: Tensor) -> Tensor:
    """Return KL(teacher || student) from whole logits [S, V], averaged over tokens."""
    log_q = log_softmax(student.float() / TEMPERATURE, dim=-1)
    return kl_div(log_q, softmax(teacher.float() / TEMPERATURE, dim=-1), reduction="batchmean")


def padded(sequences: Sequence[Sequence[int]], device: torch.device, left: bool = False) -> dict[str, Tensor]:
    """Return `input_ids` and `attention_mask` [B, L], padded with 0 on the right or on the left."""
    width = max(map(len, sequences))
    rows, masks = [], []
    for sequence in sequences:
        ids, seen, rest = list(sequence), [1] * len(sequence), [0] * (width - len(sequence))
        rows.append(rest + ids if left else ids + rest)
        masks.append(rest + seen if left else seen + rest)
    return {"input_ids": torch.tensor(rows, device=device), "attention_mask": torch.tensor(masks, device=device)}


def compared(prompts: Sequence[Sequence[int]], batch: Sequence[Item]) -> Iterator[tuple[int, slice]]:
    """Yield (row, positions) whose logits predict the completions of a batch padded on the right."""
    for row, (prompt, item) in enumerate(zip(prompts, batch, strict=True)):
        yield row, slice(len(prompt) - 1, len(prompt) - 1 + len(item.completion))
