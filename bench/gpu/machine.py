"""The GPU, the versions of packages, and the measured matrix rate."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
import torch

from bench.gpu.budget import ROOT

PACKAGES = ("torch", "triton", "bitsandbytes", "transformers", "peft", "safetensors", "numpy")


def describe(device: torch.device) -> dict[str, Any]:
    """Return everything that a figure depends on besides the code."""
    about: dict[str, Any] = {
        "device": device_name(device), "python": platform.python_version(), "system": platform.platform(),
        "cpu_cores": os.cpu_count(), "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }  # fmt: skip
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        about |= {
            "card_memory_gib": round(card.total_memory / 2**30, 1), "compute_capability": f"{card.major}.{card.minor}",
            "multiprocessors": card.multi_processor_count, "cuda": torch.version.cuda, "driver": _driver(),
        }  # fmt: skip
    return about | {"versions": {name: _version(name) for name in PACKAGES}}


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def commit() -> str:
    """Return the commit that is measured; `DISC_LITE_COMMIT` names it if the checkout has no history."""
    named = os.environ.get("DISC_LITE_COMMIT")
    if named:
        return named
    head = _output(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    changed = _output(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return (head or "unknown") + (" with changes" if head and changed else "")


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_tflops(device: torch.device, size: int) -> float:
    """Return the TFLOP/s of bf16 products of random [size, size] matrices, the GPU's practical limit (median of 10)."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for run in range(13):
        synchronize(device)
        begin = time.perf_counter()
        torch.mm(a, b)
        synchronize(device)
        if run >= 3:
            seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(seconds) / 1e12


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _driver() -> str:
    return _output(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]).split("\n")[0]


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
