"""The memory and disk that a run may use on this machine, and the execution planned for them."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.errors import UsageError, WillNotFit
from disc_lite.planning.cards import MARGIN, card_of_device, usable_bytes
from disc_lite.planning.choice import Choice
from disc_lite.planning.estimate import PROCESS_BYTES, Budget, Plan, what_fits
from disc_lite.planning.sizes import GIB
from disc_lite.recipe import Recipe
from disc_lite.recipe.execution import Execution
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import data_size
from disc_lite.storage import bytes_below, free_disk

if TYPE_CHECKING:
    import torch

Size = str | float | None  # gigabytes, as a number or text like "8GB"
WITHOUT_VRAM = ("cpu", "mps")  # devices that use the memory of the machine
_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:(0|[1-9]\d?))?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) *(?:g|gb|gib)?", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """The device of a run and the memory it may use; None means CUDA if there is any, and all memory that is free.

    Raises UsageError for an invalid device or size, and for `max_vram` with a device that has no memory of its own.
    """

    device: str | None
    max_vram: Size
    host_ram: Size

    def __post_init__(self) -> None:
        require_device(self.device)
        for size, option in ((self.max_vram, "--max-vram"), (self.host_ram, "--host-ram")):
            bytes_of(size, option)  # checked at once, not after documents were read
        if self.max_vram is not None and self.device in WITHOUT_VRAM:
            raise UsageError(
                f"--max-vram has no meaning with --device {self.device}.", "It uses the memory of the machine.",
                "Leave one of them out, or use --host-ram.",
            )  # fmt: skip

    @property
    def usable_vram(self) -> int | None:
        """The bytes that a run may allocate on a card of `max_vram`."""
        size = bytes_of(self.max_vram, "--max-vram")
        return None if size is None else usable_bytes(size)

    @property
    def host_bytes(self) -> int | None:
        return bytes_of(self.host_ram, "--host-ram")


def require_device(name: str | None) -> None:
    """Raises UsageError if `name` is not the name of a device."""
    if name is not None and not _DEVICE.fullmatch(name):
        raise UsageError(
            f"There is no device {name!r}.", "", "Use --device cuda, cuda:1 (the second GPU), xpu, mps or cpu."
        )


def limited_to_plan(limits: Limits, device: torch.device) -> AbstractContextManager[None]:
    """Limit PyTorch's allocations to the planned memory, where exceeding it would otherwise cause no error."""
    from disc_lite.models.device import free_bytes, limited_memory, spills_into_host

    sizes = [round(free_bytes(device) * (1 - MARGIN))] if spills_into_host(device) else []
    if limits.usable_vram is not None:
        sizes.append(limits.usable_vram)
    return limited_memory(device, min(sizes, default=None))


def budget_of(limits: Limits, path: Path) -> Budget:
    """The memory that is free on this machine now, within `limits`, and the disk space that is free for a run folder.

    With a card, the free host memory holds what is offloaded, as the process and its libraries are in memory already.
    Raises EnvironmentNotReady for a GPU that is missing or too old, UsageError for `max_vram` if no device was named
    and no GPU is found.
    """
    from disc_lite.models.device import device_name, device_of, free_bytes, has_own_memory, untested
    from disc_lite.models.host import available_host_bytes

    device = device_of(limits.device)
    vram, host = limits.usable_vram, limits.host_bytes
    sizes, cuda = [round(free_bytes(device) * (1 - MARGIN))], has_own_memory(device)  # Apple's has the host's memory
    if vram is not None and not cuda:
        raise UsageError(
            "--max-vram is the memory of a GPU, and PyTorch finds none here.", "The run would use the CPU.",
            "Leave it out, or use --host-ram.",
        )  # fmt: skip
    sizes += [size for size in (vram if cuda else host,) if size is not None]
    if cuda:
        beside = round(available_host_bytes() * (1 - MARGIN)) + PROCESS_BYTES
        host = beside if host is None else min(host, beside)
    # A continued run has a part of the files that count as needed on the disk already.
    folder = RunFolder(path)
    disk = free_disk(path) + bytes_below(folder.cache, folder.checkpoints, folder.within)
    card, eight_bits = card_of_device(device_name(device)), device.type != "mps"
    return Budget(card, min(sizes), host, disk, cuda, eight_bits, untested(device))


def require_room_for_base(plan: Plan) -> None:
    """Raises WillNotFit if not even the base fits."""
    least, have_bytes = plan.footprint.base, plan.budget.card_bytes
    if have_bytes is not None and least > have_bytes:
        raise WillNotFit(
            f"{plan.shape.name} does not fit into the {have_bytes / GIB:.1f} GiB that are available.",
            f"It takes {least / GIB:.1f} GiB.", "Use a smaller model.",
        )  # fmt: skip


def require_room(plan: Plan) -> Execution:
    """The execution that the plan chose. Raises WillNotFit, with the cheapest remedy, if the run does not fit."""
    budget = plan.budget
    if plan.choice is None:
        least = plan.footprint.base + plan.footprint.adapter
        have = f"{(budget.card_bytes or 0) / GIB:.1f} GiB"
        raise WillNotFit(
            f"{plan.shape.name} does not fit into the {have} that are available.",
            f"Base and adapter alone take {least / GIB:.1f} GiB; the teacher, which reads "
            f"{plan.workload.longest_path:,} tokens at once, and the activations of training need more.",
            f"Try {what_fits(plan)}; `disc-lite plan` shows what takes how much.",
        )
    for what, needed, have_bytes, remedy in (
        # Most of the memory is taken by the process with its libraries, most of the disk by checkpoints: teacher states
        # that do not fit are computed again.
        ("memory of this machine", plan.host_bytes, budget.host_bytes, "Close other programs, or use another machine."),
        ("disk", plan.disk_bytes, budget.disk_bytes,
         "Free some space, choose an --output on another disk, or lower lora.rank for smaller checkpoints."),
    ):  # fmt: skip
        if have_bytes is not None and needed > have_bytes:
            raise WillNotFit(
                f"The run needs about {data_size(needed)} of {what}.", f"{data_size(have_bytes)} are available.", remedy
            )
    return as_planned(plan.recipe, plan.choice)


def as_planned(recipe: Recipe, choice: Choice) -> Execution:
    """The recipe's execution settings with those that the plan chose."""
    size = choice.setup.micro_batch_tokens
    return recipe.execution.model_copy(
        update={
            # 0: the whole step in one pass, as a step may have a few tokens more than `tokens_per_batch`.
            "micro_batch_tokens": 0 if size >= recipe.train.tokens_per_batch else size,
            "reading_tokens": choice.reading_tokens,
            "optimizer_bits": choice.setup.optimizer_bits,
            "recomputed_layers": choice.setup.recomputed,
            "layer_checkpoints": "host" if choice.setup.host_checkpoints else "device",
            "embedding": "host" if choice.setup.host_embedding else "device",
        }
    )


def bytes_of(size: Size, option: str) -> int | None:
    """A size like 8GB, or 8, in bytes; a GB is 2^30 bytes, as cards are sold. Raises UsageError for anything else."""
    if size is None:
        return None
    found = _SIZE.fullmatch(str(size).strip())
    if not found or not float(found[1]):
        raise UsageError(f"{option} cannot be {size!r}.", "", f"Write a number of gigabytes: {option} 8GB.")
    return round(float(found[1]) * GIB)
