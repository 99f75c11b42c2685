"""The device of a run, and the memory that is free on it."""

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
from disc_lite.planning import processor

OLDEST = (8, 0)  # compute capability with bf16 matrix products and the attention kernels that take masks
M_MMAP_THRESHOLD, MAPPED_BYTES = -3, 1 << 20  # of malloc.h; tensors that are mapped one by one
LARGE = 50_000_000  # parameters of a model whose tensors are worth it


def device_of(name: str | None) -> torch.device:
    """`name`, else cuda where there is one. Raises EnvironmentNotReady for a GPU that is missing or too old."""
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
    """Raises EnvironmentNotReady for a GPU that PyTorch does not find."""
    kind = device.type
    if kind == "cpu":
        return
    found = torch.backends.mps if kind == "mps" else getattr(torch, kind)
    gpus = 0  # also where the driver counts some, but is too old for this PyTorch
    if found.is_available():
        gpus = 1 if kind == "mps" else found.device_count()
    if (device.index or 0) >= gpus:
        raise EnvironmentNotReady(
            f"There is no device '{device}'.", f"{kind} devices that PyTorch finds here: {gpus or 'none'}.",
            "Use --device cpu, or leave it out.",
        )  # fmt: skip


def untested(device: torch.device) -> str:
    """What a user should know of a device that disc-lite was never run on; "" for NVIDIA's GPUs and for CPUs."""
    amd = device.type == "cuda" and torch.version.hip is not None
    maker = "AMD (ROCm)" if amd else {"xpu": "Intel (xpu)", "mps": "Apple (mps)"}.get(device.type)
    if maker is None:
        return ""
    rest = {"xpu": "in bf16", "mps": "in fp32, with the memory of the machine, AdamW in 32 bits"}.get(device.type)
    return (
        f"disc-lite was never tested on GPUs of {maker}: memory and time are estimates for "
        f"{'CPUs' if device.type == 'mps' else 'NVIDIA'}{f'; it computes {rest}' if rest else ''}. "
        "The check of the model at its start does run on it."
    )


def _index(device: torch.device) -> int:
    """Which GPU it is: PyTorch's limits are not taken for a plain "cuda"."""
    return torch.cuda.current_device() if device.index is None else device.index


def use_device(device: torch.device) -> None:
    """Compute on this GPU from here on: what names none, as CUDA graphs and kernels of libraries, is on the current.

    Raises EnvironmentNotReady where its driver has no memory that grows, as those of some virtual GPUs and of Jetson.
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
            f"The driver of the {torch.cuda.get_device_name(device)} gives no memory.", str(error).splitlines()[0],
            "Set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:False in the environment.",
        ) from error  # fmt: skip


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host there; to CUDA by pinned memory: else the host waits for all that the card has begun."""
    if device.type == "cuda":
        with suppress(RuntimeError):  # WSL2 limits how much can be pinned
            return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def has_own_memory(device: torch.device) -> bool:
    """Whether its memory is not that of the host."""
    return device.type in ("cuda", "xpu")


def dtype_on(device: torch.device, config: PretrainedConfig) -> torch.dtype:
    """What a model with this configuration is in: bf16, and LoRA's products too, or all in fp32."""
    bf16 = device.type == "cpu" and processor.computes_in_bf16(config.get_text_config().hidden_size)
    return torch.bfloat16 if bf16 or has_own_memory(device) else torch.float32


def device_name(device: torch.device) -> str:
    """As its maker calls it; of CPUs and Apple's GPUs the kind."""
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def free_bytes(device: torch.device) -> int:
    """Memory that may still be allocated: of the GPU, as far as `limited_memory` allows, or of the host."""
    if not has_own_memory(device):  # Apple's GPUs too have the host's memory
        return available_host_bytes()
    gpu = getattr(torch, device.type)
    (free, total), reserved = gpu.mem_get_info(device), gpu.memory_reserved(device)
    if device.type == "cuda":
        free = min(free, int(torch.cuda.get_per_process_memory_fraction(_index(device)) * total) - reserved)
    return int(free + reserved - gpu.memory_allocated(device))


def spills_into_host(device: torch.device) -> bool:
    """Whether the driver gives memory of the host, many times slower, where that of the GPU is full: under WSL2.

    There it is Windows' driver, whose "sysmem fallback" does so instead of failing.
    """
    return device.type == "cuda" and under_wsl2()


def free_memory() -> None:
    """Free the memory of tensors and models that nothing refers to."""
    gc.collect()
    torch.cuda.empty_cache()


def give_back_freed_memory() -> None:
    """Let the C library return freed tensors to the system at once; without an effect where it is not glibc.

    Else glibc keeps those below 32 MiB in pieces that later ones do not fit into: Qwen2.5-Coder-1.5B, writing on a CPU,
    took 60 MiB more with every pass, until a machine of 24 GiB was full. A training step of SmolLM2-135M takes as long
    and 22 % less memory, one of pocket 16 % longer: for `LARGE` models only.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


@contextmanager
def limited_memory(device: torch.device, limit: int | None) -> Iterator[None]:
    """PyTorch allocates no more than `limit` bytes of a GPU; more is an out-of-memory error, as on a small card."""
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
