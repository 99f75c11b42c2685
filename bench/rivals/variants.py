"""The variants: how others distil the same items, and how disc-lite does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from bench.rivals.setup import LEARNING_RATE, Setup, Variant, Watch, compared, forward_kl, padded, steps
from bench.rivals.tasks import Item
from disc_lite.distillation.accumulation import accumulate, apply
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.teacher import read_lessons
from disc_lite.recipe import load_recipe


def authors(setup: Setup, watch: Watch) -> None:
    """Train DiSC as its authors run it (arXiv 2602.16093): a second model as teacher reads every target's context.

    Each target has a pass of its own, with whole logits; gradients add up to a step. The authors train all weights, in
    fp32.
    """
    base, teacher = setup.adapted(), setup.base().model
    teacher.eval()

    def make(batch: list[Item]) -> float:
        total = 0.0
        for item in batch:
            size = len(item.completion)
            with torch.no_grad(), setup.autocast():
                ids = torch.tensor([item.teacher_prompt + item.completion], device=setup.device)
                taught = teacher(input_ids=ids, use_cache=False).logits[0, -size - 1 : -1]
            with setup.autocast():
                ids = torch.tensor([item.student_prompt + item.completion], device=setup.device)
                logits = base.model(input_ids=ids, use_cache=False).logits[0, -size - 1 : -1]
            loss = forward_kl(taught, logits) / len(batch)
            loss.backward()
            total += float(loss.detach())
        return total

    watch.ready(base.model, teacher)
    steps(setup, watch, base.adapter_parameters(), make)


def plain_peft(setup: Setup, watch: Watch) -> None:
    """Train with a PEFT loop by hand: one model, adapter off for the teacher, padded batches and whole logits."""
    base = setup.adapted()
    model: Any = base.model

    def logits(prompts: list[tuple[int, ...]], batch: list[Item]) -> torch.Tensor:
        texts = [prompt + item.completion for prompt, item in zip(prompts, batch, strict=True)]
        with setup.autocast():
            whole = model(**padded(texts, setup.device), use_cache=False).logits
        return torch.cat([whole[row, at] for row, at in compared(prompts, batch)])

    def make(batch: list[Item]) -> float:
        with torch.no_grad(), model.disable_adapter():
            taught = logits([item.teacher_prompt for item in batch], batch)
        loss = forward_kl(taught, logits([item.student_prompt for item in batch], batch))
        loss.backward()
        return float(loss.detach())

    watch.ready(model)
    steps(setup, watch, base.adapter_parameters(), make)


def disc_lite(setup: Setup, watch: Watch) -> None:
    """Train with disc-lite: the teacher reads each lesson once, its states are cached, students are packed."""
    settings = {
        "loss.label_share": "0", "loss.temperature_squared": "false", "train.learning_rate": str(LEARNING_RATE),
        "execution.optimizer_bits": "32",
    }  # fmt: skip
    recipe = load_recipe("default", settings).recipe
    base = setup.adapted()
    parameters = base.adapter_parameters()
    optimizer = adamw(list(parameters.values()), recipe)
    watch.ready(base.model)
    with tempfile.TemporaryDirectory() as scratch:
        states = read_lessons(base, setup.lessons, Path(scratch))
        data = TrainingData(Task.of(states))
        for _ in range(setup.epochs):
            for start in range(0, len(states.examples), setup.batch):
                indices = range(start, min(start + setup.batch, len(states.examples)))
                gradient = accumulate(base, data, recipe, Batch(tuple(indices), ()))
                assert gradient is not None
                watch.gradient(parameters, gradient.loss)
                apply(gradient, list(parameters.values()), optimizer, LEARNING_RATE, recipe.train.clip_norm)
            watch.epoch()


def trl_distillation(setup: Setup, watch: Watch) -> None:
    from bench.rivals.trainers import train_distillation  # TRL is only in the bench's own environment

    train_distillation(setup, watch)


def trl_sdft(setup: Setup, watch: Watch) -> None:
    from bench.rivals.trainers import train_sdft

    train_sdft(setup, watch)


VARIANTS: dict[str, Variant] = {
    "authors": authors, "trl-distillation": trl_distillation, "trl-sdft": trl_sdft, "peft": plain_peft,
    "disc-lite": disc_lite,
}  # fmt: skip
