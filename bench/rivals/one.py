"""`python -m bench.rivals.one VARIANT ...` runs one variant and prints JSON as its last line.

By default the JSON has the wall-clock and processor seconds of every epoch; with --memory the bytes that the first two
steps allocate beyond one copy of the frozen weights; with --gradient FILE the loss of a step; its gradient is in FILE.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

import disc_lite.models  # noqa: F401  # first, see `bench.gpu.__main__`
from bench.gpu.machine import synchronize
from bench.memory import bytes_of, most_resident, peak_allocated, resident
from bench.rivals.setup import Setup, Variant
from bench.rivals.tasks import TASKS, lessons_of
from bench.rivals.variants import VARIANTS

STEPS = 2  # whose memory is measured: the second step has the optimiser's state


class Enough(Exception):
    """Raised to end a training that has been measured."""


class Clock:
    """A watch that measures every epoch; the first includes what is done once, such as the teacher's reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.resident = 0

    def ready(self, *models: nn.Module) -> None:
        self.resident = resident()
        self._start()

    def _start(self) -> None:
        synchronize(self.device)
        self.began = time.perf_counter(), time.process_time()

    def gradient(self, parameters: dict[str, Any], loss: float | None) -> None:
        pass

    def epoch(self) -> None:
        synchronize(self.device)
        self.wall.append(time.perf_counter() - self.began[0])
        self.cpu.append(time.process_time() - self.began[1])
        self._start()


class Bytes:
    """A watch of the most bytes of the first steps, and of those held before, beyond one copy of the frozen weights."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.steps, self.held = device, 0, 0
        self.recording = ExitStack()

    def ready(self, *models: nn.Module) -> None:
        adapter = {id(p): p.nbytes for n, p in models[0].named_parameters() if "lora_" in n}
        self.weights = bytes_of(models[:1]) - sum(adapter.values())
        self.held = bytes_of(models) - self.weights
        self.peak = self.recording.enter_context(peak_allocated(self.device))

    def gradient(self, parameters: dict[str, Any], loss: float | None) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise Enough

    def epoch(self) -> None:
        raise Enough


class Gradient:
    """A watch that takes the gradient of the first step."""

    def __init__(self) -> None:
        self.loss: float | None = None
        self.parts: dict[str, torch.Tensor] = {}

    def ready(self, *models: nn.Module) -> None:
        pass

    def gradient(self, parameters: dict[str, Any], loss: float | None) -> None:
        self.loss = loss
        self.parts = {name: p.grad.detach().float().cpu() for name, p in parameters.items()}
        raise Enough

    def epoch(self) -> None:
        raise AssertionError


def timed(train: Variant, setup: Setup) -> dict[str, Any]:
    clock = Clock(setup.device)
    train(setup, clock)
    items = setup.items
    counts = {
        "examples": len(items), "targets": sum(len(item.completion) for item in items),
        "student_tokens": sum(len(item.student_prompt) + len(item.completion) for item in items),
        "teacher_tokens": sum(len(item.teacher_prompt) + len(item.completion) for item in items),
        "lesson_tokens": sum(lesson.tokens for lesson in setup.lessons),
    }  # fmt: skip
    return counts | {"wall": clock.wall, "cpu": clock.cpu, "resident": most_resident() - clock.resident}


def measured(train: Variant, setup: Setup) -> dict[str, Any]:
    watch = Bytes(setup.device)
    with suppress(Enough):
        train(setup, watch)
    watch.recording.close()
    return {"weights": watch.weights, "above_weights": watch.held + watch.peak.allocated}


def gradient(train: Variant, setup: Setup, path: Path) -> dict[str, Any]:
    watch = Gradient()
    with suppress(Enough):
        train(setup, watch)
    torch.save(watch.parts, path)
    return {"loss": watch.loss}


def main() -> None:
    options = _arguments()
    for name in ("transformers", "trl", "accelerate", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    setup = Setup(
        options.model, torch.device(options.device), options.quantize, options.rank, options.batch, options.epochs,
        options.checkpointing, lessons_of(options.task, options.model, options.number), options.gradient is not None,
    )  # fmt: skip
    train = VARIANTS[options.variant]
    if options.gradient:
        found = gradient(train, setup, options.gradient)
    else:
        found = (measured if options.memory else timed)(train, setup)
    print("\n" + json.dumps(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=VARIANTS)
    shared_arguments(parser)
    parser.add_argument("--task", choices=TASKS, default="disc")
    parser.add_argument("--number", type=int, required=True, help="documents, or pairs")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--gradient", type=Path)
    return parser.parse_args()


def shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of a training, which `python -m bench.rivals` passes on."""
    parser.add_argument("--model", required=True, help="a model folder; shape:NAME: random weights of an alias")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quantize", default="none", choices=("none", "nf4"))
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8, help="examples a step")
    parser.add_argument("--checkpointing", action="store_true", help="layers are computed again in the backward pass")


if __name__ == "__main__":
    main()
