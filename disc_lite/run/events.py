"""What a run tells its listener. Does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from disc_lite.storage import JsonObject


@dataclass(frozen=True)
class Event:
    """Progress of a stage, a training step, or a remark."""

    stage: str
    text: str = ""
    done: int = 0
    total: int = 0
    data: JsonObject = field(default_factory=dict)


Listener = Callable[[Event], None]
