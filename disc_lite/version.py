"""The version of disc-lite."""

__version__ = "0.1.0"
