"""What the state of a training is; how it is saved, found again and loaded.

The batch of step n depends on (seed, n) alone and no random number is drawn while training, so the
step is the whole random state: adapter, optimiser, step.
"""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from disc_lite.errors import RunFailed
from disc_lite.storage import atomic_folder, read_json, seal, verify, write_json
from disc_lite.storage.disk import remove

FORMAT = 1
KEPT = 2  # newest checkpoints that stay


def save(folder: Path, step: int, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> Path:
    """Write `folder/step-…` whole or not at all, then let the oldest go."""
    target = folder / f"step-{step:08d}"
    if target.exists():  # this very step was saved before the run was cut
        return target
    tensors, numbers = _flat(parameters, optimizer)
    with atomic_folder(target) as temporary:
        save_file({n: p.detach().cpu().contiguous() for n, p in parameters.items()}, temporary / "adapter.safetensors")
        save_file(tensors, temporary / "optimizer.safetensors")
        write_json(temporary / "state.json", {"format": FORMAT, "step": step, "optimizer": numbers})
        seal(temporary)
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        remove(old)
    return target


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that is as it was written; broken ones are moved aside."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        problems = verify(path)
        if not problems:
            return path
        names = (f"broken-{path.name}{suffix}" for suffix in chain([""], (f"-{n}" for n in count(2))))
        aside = next(place for place in map(folder.joinpath, names) if not place.exists())
        path.rename(aside)
        write_json(folder / f"{aside.name}.json", {"problems": problems[:20]})
    return None


def load(path: Path, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> int:
    """Put a saved state back; returns the step. Raises RunFailed if it is not of this run."""
    state = read_json(path / "state.json")
    adapter = load_file(path / "adapter.safetensors")
    shapes = {n: tuple(t.shape) for n, t in adapter.items()}
    if state.get("format") != FORMAT or shapes != {n: tuple(p.shape) for n, p in parameters.items()}:
        raise RunFailed(
            f"The checkpoint {path.name} is not of this run.",
            "Its format or the shapes of its adapter differ.",
            "Move the checkpoints away to start again, or choose another output folder.",
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(adapter[name])
    _restore(parameters, optimizer, load_file(path / "optimizer.safetensors"), state["optimizer"])
    return int(state["step"])


def _flat(
    parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The optimiser's state by parameter name: tensors, and what else there is."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, parameter in parameters.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{key}"] = value.detach().cpu().contiguous().clone()
            else:
                numbers[f"{name}/{key}"] = value
    return tensors, numbers


def _restore(
    parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer,
    tensors: dict[str, Tensor], numbers: dict[str, Any],
) -> None:  # fmt: skip
    for flat, value in [*tensors.items(), *numbers.items()]:
        name, key = flat.rsplit("/", 1)
        parameter = parameters[name]
        # A step count stays on the CPU, moments go where their parameter is.
        moved = value.to(parameter.device) if isinstance(value, Tensor) and value.ndim else value
        optimizer.state[parameter][key] = moved
