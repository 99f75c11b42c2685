"""The limit on drift: training ends with the last adapter that was within `retention.max_kl`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors.torch import load_file, save_file

from disc_lite.distillation.training import Step
from disc_lite.errors import RunFailed
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.run.context import Workshop
from disc_lite.storage import atomic_folder, read_json, seal, verify, write_json
from disc_lite.storage.disk import remove
from disc_lite.synthesis.retention import RetentionExample

CHECKS = 20  # over a whole training, so at most a twentieth of it is thrown away


class DriftWatch:
    """Measures the drift on prompts that are not trained on; says when to end, and goes back then.

    What it decides is a pure function of the run, so a resumed run decides the same.
    """

    def __init__(self, shop: Workshop, neutral: Sequence[RetentionExample], steps: int) -> None:
        self.shop, self.neutral, self.every = shop, neutral, max(1, steps // CHECKS)
        self.limit = shop.recipe.retention.max_kl
        self.within, self.stop = shop.folder.within, shop.folder.stopped

    @property
    def ended(self) -> bool:
        """Whether an earlier part of this run ended it."""
        return self.stop.is_file()

    def exceeded(self, step: Step) -> bool:
        """After a step that is due: whether the limit is passed. Keeps the adapter if it is not."""
        if not self.limit or not self.neutral or (step.step % self.every and step.step < step.steps):
            return False
        base = self.shop.base
        nats = mean_drift(drift(base, self.neutral, self.shop.recipe.train.tokens_per_batch), self.neutral)
        if nats > self.limit:
            write_json(
                self.stop,
                {"step": step.step, "kl": nats, "max_kl": self.limit, "adapter_step": self._newest_within(step.step)},
            )
            return True
        target = self.within / f"step-{step.step:08d}"
        if not target.exists():
            with atomic_folder(target) as temporary:
                tensors = {n: p.detach().cpu().contiguous() for n, p in base.adapter_parameters().items()}
                save_file(tensors, temporary / "adapter.safetensors")
                seal(temporary)
            for old in sorted(self.within.glob("step-*"))[:-2]:
                remove(old)
        return False

    def _newest_within(self, before: int) -> int:
        kept = [p for p in sorted(self.within.glob("step-*")) if p.name < f"step-{before:08d}" and not verify(p)]
        if not kept:
            raise RunFailed(
                f"The drift from the base passed {self.limit} nats per token at the first check.",
                "retention.max_kl allows no adapter of this training.",
                "Lower train.learning_rate, or allow more drift, in another output folder.",
            )
        return int(kept[-1].name.removeprefix("step-"))

    def go_back(self) -> None:
        """Put the last adapter within the limit on the base."""
        stopped = read_json(self.stop)
        folder = self.within / f"step-{stopped['adapter_step']:08d}"
        saved = load_file(folder / "adapter.safetensors")
        with torch.no_grad():
            for name, parameter in self.shop.base.adapter_parameters().items():
                parameter.copy_(saved[name])
