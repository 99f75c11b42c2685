"""The frozen 4-bit base with its adapter, its tokenizer and chat template, and generation.

Read `base` first: the model with its adapter and its hidden states. `loading` makes it from a folder.
"""

import logging
import os
import sys
from importlib.metadata import version

from disc_lite.models.host import under_wsl2
from disc_lite.models.imports import quick_imports

# Must run before peft imports bitsandbytes, which downloads a CPU kernel from a hub if `kernels` is installed, and
# warns if it is not.
sys.modules.setdefault("kernels", None)  # type: ignore[arg-type]
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

# Must run before CUDA's first allocation: segments that grow leave fewer gaps that later tensors do not fit into. A
# setting of the user is left as it is. The older name of the variable is deprecated since torch 2.9, the newer one
# unknown before. Not under WSL2, where the Windows driver fails at them on some cards
# (https://github.com/pytorch/pytorch/issues/192330).
ALLOCATOR = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
if sys.platform == "linux" and not under_wsl2() and not any(name in os.environ for name in ALLOCATOR):
    os.environ[ALLOCATOR[tuple(map(int, version("torch").split(".")[:2])) >= (2, 9)]] = "expandable_segments:True"

# Must run before a CPU's first allocation: tensors of 2 MiB and more in pages of 2 MiB, if the system lets programs
# choose. Otherwise a model whose freed memory is returned at once (`device.give_back_freed_memory`) spends as long on
# new 4 KiB pages as on its matrix products.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

with quick_imports():
    from disc_lite.models.base import Base
    from disc_lite.models.loading import load_base
    from disc_lite.models.tokens import Tokens, common_prefix

__all__ = ["Base", "Tokens", "common_prefix", "load_base"]
