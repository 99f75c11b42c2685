"""The device of a run, and the free memory on it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor
from transformers import PretrainedConfig

from disc_lite.errors import EnvironmentNotReady
from disc_lite.models.host import available_host_bytes, under_wsl2
from disc_lite.planning import cpu

OLDEST = (8, 0)  # compute capability with bf16 matrix products and the attention kernels that take masks
M_MMAP_THRESHOLD, MAPPED_BYTES = -3, 1 << 20  # of malloc.h; bytes from which an allocation is mapped on its own
LARGE = 50_000_000  # parameters from which on a model gets `give_back_freed_memory`


def device_of(name: str | None) -> torch.device:
    """Return device `name`, by default cuda if there is one. Raises EnvironmentNotReady if it is missing or too old."""
    device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    require_there(device)
    if device.type != "cuda":
        return device
    capability = torch.cuda.get_device_capability(device)
    if capability < OLDEST:
        raise EnvironmentNotReady(
            f"The {torch.cuda.get_device_name(device)} is too old: it has no fast bf16.",
            f"Its compute capability is {capability[0]}.{capability[1]}; disc-lite computes in bf16, which needs 8.0 "
            "(NVIDIA Ampere, the RTX 30 series, or later).",
            "Use --device cpu, or a newer GPU.",
        )
    return device


def require_there(device: torch.device) -> None:
    """Raise EnvironmentNotReady for a GPU that PyTorch does not find."""
    kind = device.type
    if kind == "cpu":
        return
    found = torch.backends.mps if kind == "mps" else getattr(torch, kind)
    gpus = 0  # also if the driver finds some, but is too old for this PyTorch
    if found.is_available():
        gpus = 1 if kind == "mps" else found.device_count()
    if (device.index or 0) >= gpus:
        raise EnvironmentNotReady(
            f"There is no device '{device}'.", f"{kind} devices that PyTorch finds here: {gpus or 'none'}.",
            "Use --device cpu, or leave it out.",
        )  # fmt: skip


def untested(device: torch.device) -> str:
    """Return a warning for a device that disc-lite was never run on; "" for NVIDIA's GPUs and for CPUs."""
    amd = device.type == "cuda" and torch.version.hip is not None
    maker = "AMD (ROCm)" if amd else {"xpu": "Intel (xpu)", "mps": "Apple (mps)"}.get(device.type)
    if maker is None:
        return ""
    rest = {"xpu": "in bf16", "mps": "in fp32, with the memory of the machine, AdamW in 32 bits"}.get(device.type)
    return (
        f"disc-lite was never tested on GPUs by {maker}: memory and time are estimates for "
        f"{'CPUs' if device.type == 'mps' else 'NVIDIA'}{f'; it computes {rest}' if rest else ''}. "
        "The check of the model at the start does run on it."
    )


def _index(device: torch.device) -> int:
    """Return the index of the GPU: PyTorch's memory limits do not accept a plain "cuda"."""
    return torch.cuda.current_device() if device.index is None else device.index


def use_device(device: torch.device) -> None:
    """Make this GPU the current one: CUDA graphs and library kernels name no device and use that.

    Raises EnvironmentNotReady if its driver has no expandable segments, as on some virtual GPUs and on Jetson.
    """
    if device.type != "cuda":
        return
    torch.cuda.set_device(_index(device))
    try:
        torch.empty(1, device=device)
    except RuntimeError as error:
        if "CUDA driver error" not in str(error):
            raise
        raise EnvironmentNotReady(
            f"The driver of the {torch.cuda.get_device_name(device)} allocates no memory.", str(error).splitlines()[0],
            "Set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:False in the environment.",
        ) from error  # fmt: skip


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a host tensor to the device; to CUDA through pinned memory, so that the host does not wait for the card."""
    if device.type == "cuda":
        with suppress(RuntimeError):  # WSL2 limits how much can be pinned
            return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def has_own_memory(device: torch.device) -> bool:
    """Whether the device has memory of its own, separate from the host's."""
    return device.type in ("cuda", "xpu")


def dtype_on(device: torch.device, config: PretrainedConfig) -> torch.dtype:
    """Return the dtype in which a model with this configuration is computed, LoRA's products included: bf16 or fp32."""
    bf16 = device.type == "cpu" and cpu.computes_in_bf16(config.get_text_config().hidden_size)
    return torch.bfloat16 if bf16 or has_own_memory(device) else torch.float32


def device_name(device: torch.device) -> str:
    """Return the device's name as its maker gives it; for CPUs and Apple's GPUs the kind."""
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def free_bytes(device: torch.device) -> int:
    """Bytes that may still be allocated: on the GPU, as far as `limited_memory` allows, or on the host."""
    if not has_own_memory(device):  # Apple's GPUs too use the host's memory
        return available_host_bytes()
    gpu = getattr(torch, device.type)
    (free, total), reserved = gpu.mem_get_info(device), gpu.memory_reserved(device)
    if device.type == "cuda":
        free = min(free, int(torch.cuda.get_per_process_memory_fraction(_index(device)) * total) - reserved)
    return int(free + reserved - gpu.memory_allocated(device))


def spills_into_host(device: torch.device) -> bool:
    """Whether the driver uses host memory, many times slower, when the GPU's memory is full: under WSL2.

    There Windows' driver does this ("sysmem fallback") instead of failing.
    """
    return device.type == "cuda" and under_wsl2()


def free_memory() -> None:
    """Free the memory of tensors and models that are no longer referenced."""
    gc.collect()
    torch.cuda.empty_cache()


def give_back_freed_memory() -> None:
    """Make the C library return freed tensors to the system at once; has no effect without glibc.

    Otherwise glibc keeps those below 32 MiB as fragments that later ones do not fit into: Qwen2.5-Coder-1.5B, writing
    on a CPU, took 60 MiB more with every pass, until a machine of 24 GiB was full. A training step of SmolLM2-135M
    takes as long and 22 % less memory, one of pocket 16 % longer: so it is for models above `LARGE` only.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


@contextmanager
def limited_memory(device: torch.device, limit: int | None) -> Iterator[None]:
    """Limit PyTorch to `limit` bytes of a GPU; more raises an out-of-memory error, as on a small card."""
    if device.type != "cuda" or limit is None:
        yield
        return
    index, total = _index(device), torch.cuda.get_device_properties(device).total_memory
    before = torch.cuda.get_per_process_memory_fraction(index)
    torch.cuda.set_per_process_memory_fraction(min(before, limit / total), index)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(before, index)
