"""The frozen 4-bit base, its adapter, and its way to write prompts."""

from disc_lite.models.base import Base, load_base
from disc_lite.models.tokens import Tokens, common_prefix

__all__ = ["Base", "Tokens", "common_prefix", "load_base"]
