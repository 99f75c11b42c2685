"""The processor of this machine: whether it multiplies bf16 itself, and what a process needs beside its tensors.

One that does computes models of some width as GPUs do. Intel's since Cooper Lake and AMD's since Zen 4 have
AVX512-BF16, Intel's since Sapphire Rapids tiles of bf16 (AMX); Linux names both in /proc/cpuinfo. Others would compute
bf16 in fp32 and round, which is slower than fp32.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
NARROWEST = 512  # hidden size of a model; narrower ones gain little
PROCESS_BYTES, WITH_CUDA_BYTES = 600 << 20, 960 << 20  # with PyTorch's build for CPUs, and with that for CUDA


def computes_in_bf16(hidden: int, system: Path = Path("/")) -> bool:
    """Whether a model of this hidden size is bf16 on the processor; otherwise it is fp32."""
    return hidden >= NARROWEST and _has_instructions(system)


def process_bytes() -> int:
    """Of a process that computes on the CPU, beside tensors; on Linux PyPI has PyTorch's build for CUDA."""
    return WITH_CUDA_BYTES if sys.platform == "linux" and not version("torch").endswith("+cpu") else PROCESS_BYTES


@cache
def _has_instructions(system: Path) -> bool:
    try:
        lines = (system / "proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    return any(INSTRUCTIONS & set(line.split()) for line in lines if line.startswith("flags"))
