"""The frozen 4-bit base with its adapter, its tokenizer and chat template, and generation.

Read `base` first: the model with its adapter, its hidden states. `loading` makes it from a folder.
"""

import logging
import os
import sys
from importlib.metadata import version

from disc_lite.models.host import under_wsl2
from disc_lite.models.imports import quick_imports

# Before peft imports bitsandbytes, which downloads a CPU kernel from a hub if `kernels` is installed, and warns if it
# is not.
sys.modules.setdefault("kernels", None)  # type: ignore[arg-type]
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

# Before CUDA's first allocation: segments that grow, instead of many that later tensors do not fit into. What the user
# says stays; the variable's older name is an error of style since torch 2.9, the newer one unknown before. Not under
# WSL2, where Windows' driver fails at them on some cards (https://github.com/pytorch/pytorch/issues/192330).
ALLOCATOR = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
if sys.platform == "linux" and not under_wsl2() and not any(name in os.environ for name in ALLOCATOR):
    os.environ[ALLOCATOR[tuple(map(int, version("torch").split(".")[:2])) >= (2, 9)]] = "expandable_segments:True"

# Before a CPU's first allocation: tensors of 2 MiB and more in pages of 2 MiB, where the system leaves it to programs.
# A model whose freed memory goes back at once (`device.give_back_freed_memory`) else spends as long on new pages of
# 4 KiB as on its matrix products.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

with quick_imports():
    from disc_lite.models.base import Base
    from disc_lite.models.loading import load_base
    from disc_lite.models.tokens import Tokens, common_prefix

__all__ = ["Base", "Tokens", "common_prefix", "load_base"]
