"""The frozen 4-bit base, its adapter, and its way to write prompts."""

import logging
import sys

# Before peft imports bitsandbytes, which fetches a CPU kernel from a hub where `kernels` is installed,
# and complains where it is not.
sys.modules.setdefault("kernels", None)  # type: ignore[arg-type]
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

from disc_lite.models.base import Base, load_base  # noqa: E402
from disc_lite.models.tokens import Tokens, common_prefix  # noqa: E402

__all__ = ["Base", "Tokens", "common_prefix", "load_base"]
