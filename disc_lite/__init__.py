"""disc-lite: teach a post-trained language model the knowledge in a folder of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disc_lite.run import adapt as adapt

__version__ = "0.1.0"
__all__ = ["__version__", "adapt"]


def __getattr__(name: str) -> Any:
    """`disc_lite.adapt`, imported when it is asked for: `import disc_lite` stays quick."""
    if name == "adapt":
        from disc_lite.run import adapt

        return adapt
    raise AttributeError(name)
