"""The CPU of this machine: whether it multiplies bf16 natively, and what a process needs in addition to its tensors.

With such a CPU, models wide enough are computed in bf16, as on GPUs. Intel's since Cooper Lake and AMD's since Zen 4
have AVX512-BF16, Intel's since Sapphire Rapids bf16 tiles (AMX); Linux lists both in /proc/cpuinfo. Other CPUs would
compute bf16 in fp32 and round, which is slower than fp32.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
NARROWEST = 512  # smallest hidden size; narrower models gain little
PROCESS_BYTES, WITH_CUDA_BYTES = 600 << 20, 960 << 20  # with PyTorch's CPU build, with its CUDA build


def computes_in_bf16(hidden: int, system: Path = Path("/")) -> bool:
    """Whether a model of this hidden size is computed in bf16 on the CPU; otherwise in fp32."""
    return hidden >= NARROWEST and _has_instructions(system)


def process_bytes() -> int:
    """Bytes of a process that computes on the CPU, without tensors; on Linux PyPI has PyTorch's CUDA build."""
    return WITH_CUDA_BYTES if sys.platform == "linux" and not version("torch").endswith("+cpu") else PROCESS_BYTES


@cache
def _has_instructions(system: Path) -> bool:
    try:
        lines = (system / "proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    return any(INSTRUCTIONS & set(line.split()) for line in lines if line.startswith("flags"))
