"""disc-lite: teach a post-trained language model the knowledge in a folder of documents."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from disc_lite.version import __version__

if TYPE_CHECKING:
    from disc_lite.chat.opening import ask as ask
    from disc_lite.errors import DiscLiteError as DiscLiteError
    from disc_lite.errors import GateFailed as GateFailed
    from disc_lite.exporting import export as export
    from disc_lite.report import inspect_document as inspect_document
    from disc_lite.report import write_report as write_report
    from disc_lite.run.adapt import adapt as adapt
    from disc_lite.run.evaluate import evaluate as evaluate
    from disc_lite.run.events import Event as Event
    from disc_lite.run.gates import check_gates as check_gates
    from disc_lite.run.plan import plan as plan

_PLACES = {
    "DiscLiteError": "disc_lite.errors", "Event": "disc_lite.run.events", "GateFailed": "disc_lite.errors",
    "adapt": "disc_lite.run.adapt", "ask": "disc_lite.chat.opening", "check_gates": "disc_lite.run.gates",
    "evaluate": "disc_lite.run.evaluate", "export": "disc_lite.exporting", "inspect_document": "disc_lite.report",
    "plan": "disc_lite.run.plan", "write_report": "disc_lite.report",
}  # fmt: skip
__all__ = [
    "DiscLiteError", "Event", "GateFailed", "__version__", "adapt", "ask", "check_gates", "evaluate", "export",
    "inspect_document", "plan", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What is public, imported on first use: `import disc_lite` stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
