"""The device of a run, and the memory that is free on it."""

from __future__ import annotations

import ctypes
import platform
from contextlib import suppress

import psutil
import torch

from disc_lite.errors import EnvironmentNotReady

OLDEST = (8, 0)  # compute capability with bf16 matrix products and the attention kernels that take masks
M_MMAP_THRESHOLD, MAPPED_BYTES = -3, 1 << 20  # of malloc.h; tensors that are mapped one by one


def device_of(name: str | None) -> torch.device:
    """`name`, else cuda where there is one. Raises EnvironmentNotReady for a GPU that is missing or too old."""
    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise EnvironmentNotReady("PyTorch finds no CUDA device.", "", "Use --device cpu, or leave --device out.")
    capability = torch.cuda.get_device_capability(device)
    if capability < OLDEST:
        raise EnvironmentNotReady(
            f"The {torch.cuda.get_device_name(device)} is too old: it has no fast bf16.",
            f"Its compute capability is {capability[0]}.{capability[1]}; disc-lite computes in bf16, which needs 8.0 "
            "(NVIDIA Ampere, the RTX 30 series, or later).",
            "Use --device cpu, or a newer GPU.",
        )
    return device


def _index(device: torch.device) -> int:
    """Which GPU it is: PyTorch's limits are not taken for a plain "cuda"."""
    return torch.cuda.current_device() if device.index is None else device.index


def use_device(device: torch.device) -> None:
    """Compute on this GPU from here on: what names none, as CUDA graphs and kernels of libraries, is on the current."""
    if device.type == "cuda":
        torch.cuda.set_device(_index(device))


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def free_bytes(device: torch.device) -> int:
    """Memory that may still be allocated: of the GPU, as far as `limit_memory` allows, or of the host."""
    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    free, total = torch.cuda.mem_get_info(device)
    reserved, allowed = torch.cuda.memory_reserved(device), torch.cuda.get_per_process_memory_fraction(_index(device))
    return min(free, int(allowed * total) - reserved) + reserved - torch.cuda.memory_allocated(device)


def spills_into_host(device: torch.device) -> bool:
    """Whether the driver gives memory of the host, many times slower, where that of the GPU is full: under WSL2.

    There it is Windows' driver, whose "sysmem fallback" does so instead of failing.
    """
    return device.type == "cuda" and "microsoft" in platform.release().lower()


def give_back_freed_memory() -> None:
    """Let the C library return freed tensors to the system at once; without an effect where it is not glibc.

    Else glibc keeps those below 32 MiB in pieces that later ones do not fit into: a pass of 492 tokens of SmolLM2-135M
    took 1.81 GiB on a CPU instead of 1.42. It costs time (0.9 instead of 0.6 s a step of pocket), so only where memory
    is short.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


def limit_memory(device: torch.device, limit: int | None) -> None:
    """Let PyTorch allocate no more than so many bytes of a GPU; more is an out-of-memory error, as on a small card."""
    if device.type == "cuda" and limit is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), _index(device))
