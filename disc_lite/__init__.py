"""disc-lite: teach a post-trained language model the knowledge in a folder of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from disc_lite.version import __version__

if TYPE_CHECKING:
    from disc_lite.run.adapt import adapt as adapt
    from disc_lite.run.evaluate import evaluate as evaluate

__all__ = ["__version__", "adapt", "evaluate"]


def __getattr__(name: str) -> Any:
    """`disc_lite.adapt` and `evaluate`, imported on first use: `import disc_lite` stays quick."""
    if name == "adapt":
        from disc_lite.run.adapt import adapt

        return adapt
    if name == "evaluate":
        from disc_lite.run.evaluate import evaluate

        return evaluate
    raise AttributeError(name)
