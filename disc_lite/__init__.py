"""disc-lite: teach a post-trained language model the knowledge in a folder of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disc_lite.exam import evaluate as evaluate
    from disc_lite.run import adapt as adapt

__version__ = "0.1.0"
__all__ = ["__version__", "adapt", "evaluate"]


def __getattr__(name: str) -> Any:
    """`disc_lite.adapt` and `evaluate`, imported when asked for: `import disc_lite` stays quick."""
    if name == "adapt":
        from disc_lite.run import adapt

        return adapt
    if name == "evaluate":
        from disc_lite.exam import evaluate

        return evaluate
    raise AttributeError(name)
