"""The limit on drift (`retention.max_kl`): training ends with the last adapter whose drift was within it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from disc_lite.errors import EnvironmentNotReady, Interrupted, RunFailed
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.run.context import RunContext
from disc_lite.storage import atomic_folder, read_json, seal, verify, write_json
from disc_lite.storage.disk import remove
from disc_lite.synthesis.retention import read_examples

CHECKS = 20  # over a whole training, so at most a twentieth of it is lost


class DriftLimit:
    """Measures the drift on prompts that are not trained on; ends training where it passes the limit.

    Its decisions are a pure function of the run, so a resumed run decides the same.
    """

    def __init__(self, context: RunContext, steps: int) -> None:
        self.context, self.every = context, max(1, steps // CHECKS)
        self.prompts = read_examples(context.folder.self_generated)
        self.limit = context.recipe.retention.max_kl
        self.within, self.stopped = context.folder.within, context.folder.stopped

    @property
    def reached(self) -> bool:
        """Whether the limit has ended this training, in this call or an earlier one."""
        return self.stopped.is_file()

    def check(self, step: int, last: int) -> None:
        """After a step that is due, of `last` ones: save the adapter if its drift is within the limit, else stop.

        A signal ends the measurement, which is then repeated when the run is continued.
        """
        target = self.within / f"step-{step:08d}"  # of an earlier call, where it exists
        due = step > 0 and (step % self.every == 0 or step == last)
        if not (self.limit and self.prompts and due) or target.exists() or self.reached:
            return
        with suppress(Interrupted), self.context.interrupts.postponed(False):
            self._measure(step, last, target)

    def _measure(self, step: int, last: int, target: Path) -> None:
        base = self.context.base
        nats = mean_drift(drift(base, self.prompts, partial(self._tell, step, last)), self.prompts)
        if nats > self.limit:
            adapter_step = self._newest_before(step)
            write_json(self.stopped, {"step": step, "kl": nats, "max_kl": self.limit, "adapter_step": adapter_step})
            return
        with atomic_folder(target) as temporary:
            tensors = {n: p.detach().cpu().contiguous() for n, p in base.adapter_parameters().items()}
            save_file(tensors, temporary / "adapter.safetensors")
            seal(temporary)
        for old in sorted(self.within.glob("step-*"))[:-2]:
            remove(old)

    def _tell(self, step: int, last: int, prompts: int) -> None:
        text = f"drift on self-generated prompts: {prompts} of {len(self.prompts)}"
        self.context.tell("training", text, step, last)

    def _newest_before(self, step: int) -> int:
        whole = [p for p in sorted(self.within.glob("step-*")) if p.name < f"step-{step:08d}" and not verify(p)]
        if not whole:
            raise RunFailed(
                f"The drift from the base passed {self.limit} nats per token at the first check.",
                "retention.max_kl allows no adapter of this training.",
                "Lower train.learning_rate, or allow more drift, in another output folder.",
            )
        return int(whole[-1].name.removeprefix("step-"))

    def restore(self) -> None:
        """Load the last adapter within the limit onto the base. Raises EnvironmentNotReady where it is damaged."""
        stopped = read_json(self.stopped)
        folder = self.within / f"step-{stopped['adapter_step']:08d}"
        if problems := verify(folder):
            raise EnvironmentNotReady(
                f"{folder} is damaged.", f"{problems[0]}.",
                "Put it back from a copy, or adapt again with another --output.",
            )  # fmt: skip
        saved = load_file(folder / "adapter.safetensors")
        with torch.no_grad():
            for name, parameter in self.context.base.adapter_parameters().items():
                parameter.copy_(saved[name])
