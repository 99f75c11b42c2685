"""Checkpoints of adapter, optimiser state and step: saves them atomically, verifies and loads them.

The batch of step n follows from examples, recipe and n (`schedule.batches`), and training draws no random numbers, so
the step is all the random state there is.
"""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from disc_lite.distillation.optimizer import State, restore
from disc_lite.errors import RunFailed
from disc_lite.planning.amounts import MOST_CHECKPOINTS
from disc_lite.storage import JsonObject, atomic_folder, read_json, seal, verify, write_json
from disc_lite.storage.disk import remove, rename, reporting

FORMAT = 1


def save(folder: Path, step: int, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> Path:
    """Write `folder/step-…` completely or not at all, then remove old checkpoints."""
    target = folder / f"step-{step:08d}"
    if target.exists():  # saved before the run was interrupted
        return target
    tensors, numbers = _flat(parameters, optimizer)
    with atomic_folder(target) as temporary:
        save_file({n: p.detach().cpu().contiguous() for n, p in parameters.items()}, temporary / "adapter.safetensors")
        save_file(tensors, temporary / "optimizer.safetensors")
        write_json(temporary / "state.json", {"format": FORMAT, "step": step, "optimizer": numbers})
        seal(temporary)
    remove_old(folder)
    return target


def remove_old(folder: Path) -> None:
    """Remove all but the newest checkpoints.

    Also called before anything is saved: the process may have been killed between a save and this.
    """
    for old in sorted(folder.glob("step-*"))[:-MOST_CHECKPOINTS]:
        remove(old)


def newest(folder: Path) -> Path | None:
    """Return the newest checkpoint that passes verification; damaged ones are renamed to `broken-…`."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        problems = verify(path)
        if not problems:
            return path
        names = (f"broken-{path.name}{suffix}" for suffix in chain([""], (f"-{n}" for n in count(2))))
        aside = next(place for place in map(folder.joinpath, names) if not place.exists())
        with reporting(f"{path} cannot be moved aside."):
            rename(path, aside)
        write_json(folder / f"{aside.name}.json", {"problems": problems[:20]}, may_differ=True)
    return None


def load(path: Path, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> int:
    """Restore a saved state; returns its step. Raises RunFailed if it is not of this run."""
    state = read_json(path / "state.json")
    adapter = load_file(path / "adapter.safetensors")
    shapes = {n: tuple(t.shape) for n, t in adapter.items()}
    if state.get("format") != FORMAT or shapes != {n: tuple(p.shape) for n, p in parameters.items()}:
        raise RunFailed(
            f"The checkpoint {path.name} does not belong to this run.",
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
) -> tuple[dict[str, Tensor], JsonObject]:
    """Return the optimiser's state by parameter name: tensors, and other values."""
    tensors: dict[str, Tensor] = {}
    numbers: JsonObject = {}
    for name, parameter in parameters.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{key}"] = value.detach().cpu().contiguous().clone()
            else:
                numbers[f"{name}/{key}"] = value
    return tensors, numbers


def _restore(
    parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer,
    tensors: dict[str, Tensor], numbers: JsonObject,
) -> None:  # fmt: skip
    states: dict[str, State] = {}
    for flat, value in [*tensors.items(), *numbers.items()]:
        name, key = flat.rsplit("/", 1)
        states.setdefault(name, {})[key] = value
    for name, saved in states.items():
        restore(optimizer, parameters[name], saved)
