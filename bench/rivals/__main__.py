"""`python -m bench.rivals --model FOLDER` trains with disc-lite and with others, on the same tokens, in one run.

Every variant has a process of its own, in the environment that `bench/rivals/setup.sh` makes; rounds alternate. For 7B
shapes on a GPU: `python -m bench.rivals --model shape:mistral-7b --quantize nf4 --checkpointing --number 2`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from bench.gpu.budget import ROOT
from bench.gpu.machine import commit, describe
from bench.rivals.one import shared_arguments
from bench.rivals.tables import training_page
from bench.rivals.tasks import TASKS
from bench.rivals.variants import VARIANTS
from disc_lite.storage import write_json, write_text

REFERENCE = "peft"  # whose gradients the others are compared with
ONCE = ("disc-lite",)  # its first epoch differs from later ones; of the others one epoch is measured
FORMAT = 1


def main() -> int:
    options, passed = _arguments()
    device = torch.device(options.device)
    name = Path(options.model).name.replace(":", "-")
    found: dict[str, Any] = {
        "format": FORMAT, "name": name, "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC", "commit": commit(),
        "command": f"python -m bench.rivals {' '.join(sys.argv[1:])}", "machine": describe(device),
        "about": TASKS[options.task], "settings": vars(options) | {"output": str(options.output)},
        "variants": {}, "gradient_errors": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        found["gradient_errors"] = _gradient_errors(options, passed, Path(scratch))
    for variant in options.variants:
        bytes_above = _child(variant, [*passed, "--memory"])["above_weights"]
        found["variants"][variant] = {"above_weights": bytes_above, "rounds": []}
    path = options.output / f"rivals-{name}-{options.task}.json"
    for _ in range(options.rounds):
        for variant in options.variants:
            epochs = 2 if variant in ONCE else 1
            found["variants"][variant]["rounds"].append(_child(variant, [*passed, f"--epochs={epochs}"]))
        write_json(path, found)
        write_text(path.with_suffix(".md"), training_page(found))
    print(training_page(found))
    return 0


def _gradient_errors(options: argparse.Namespace, passed: list[str], scratch: Path) -> dict[str, float]:
    """Return how far every variant's gradient of the first example is from the reference's."""
    vectors = {}
    for variant in {REFERENCE: 0, **dict.fromkeys(options.variants)}:
        path = scratch / f"{variant}.pt"
        _child(variant, [*passed, "--gradient", str(path), "--batch", "1"])
        parts: dict[str, torch.Tensor] = torch.load(path)
        vectors[variant] = torch.cat([parts[key].flatten() for key in sorted(parts)]).double()
    truth = vectors.pop(REFERENCE)
    return {name: float((vector - truth).norm() / truth.norm()) for name, vector in vectors.items()}


def _child(variant: str, arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.rivals.one", variant, *arguments], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{variant} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{variant}: {json.dumps(found)}", file=sys.stderr, flush=True)
    return found


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and those that every child process gets."""
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    child = argparse.ArgumentParser(add_help=False)
    for each in (parser, child):
        shared_arguments(each)
        each.add_argument("--task", choices=TASKS, default="disc")
        each.add_argument("--number", type=int, default=5, help="documents, or pairs")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    options = parser.parse_args()
    passed = [f"--{key.replace('_', '-')}={value}" for key, value in vars(child.parse_known_args()[0]).items()
              if key != "checkpointing"]  # fmt: skip
    return options, passed + ["--checkpointing"] * options.checkpointing


if __name__ == "__main__":
    sys.exit(main())
