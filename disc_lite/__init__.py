"""disc-lite: teach a post-trained language model the knowledge in a folder of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from disc_lite.version import __version__

if TYPE_CHECKING:
    from disc_lite.run.adapt import adapt as adapt
    from disc_lite.run.evaluate import evaluate as evaluate
    from disc_lite.run.plan import plan as plan

__all__ = ["__version__", "adapt", "evaluate", "plan"]


def __getattr__(name: str) -> Any:
    """`disc_lite.adapt`, `evaluate` and `plan`, imported on first use: `import disc_lite` stays quick."""
    if name == "adapt":
        from disc_lite.run.adapt import adapt

        return adapt
    if name == "evaluate":
        from disc_lite.run.evaluate import evaluate

        return evaluate
    if name == "plan":
        from disc_lite.run.plan import plan

        return plan
    raise AttributeError(name)
