"""The events that a run passes to its listener. Does not import torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from disc_lite.run.interrupts import Interrupts
from disc_lite.storage import Json, JsonObject

QUICK_S = 1.0  # progress is told only of what takes longer


@dataclass(frozen=True)
class Event:
    """Progress of a stage, a training step, or a remark, which stays readable after it was told."""

    stage: str
    text: str = ""
    done: int = 0
    total: int = 0
    data: JsonObject = field(default_factory=dict)
    is_remark: bool = False


Listener = Callable[[Event], None]
Tell = Callable[[str, int, int], None]  # text, items done, items in all


def silent(event: Event) -> None:
    """The default listener: ignores every event."""


@dataclass(frozen=True)
class Teller:
    """Calls a listener, then raises Interrupted if a signal was received."""

    listener: Listener
    interrupts: Interrupts

    def tell(self, stage: str, text: str = "", done: int = 0, total: int = 0, **data: Json) -> None:
        self.listener(Event(stage, text, done, total, data))
        self.interrupts.check()

    def remark(self, stage: str, text: str) -> None:
        """Tell the user something that stays on the screen."""
        self.listener(Event(stage, text, is_remark=True))
        self.interrupts.check()


def adding_up(tell: Callable[..., None], stage: str, what: str, total: int) -> Callable[[int], None]:
    """A callback that sums the numbers it is called with, and tells the sum as progress, starting with 0."""
    done = 0

    def add(number: int) -> None:
        nonlocal done
        done = min(done + number, total)  # reading in parts may add up to more than `total`
        tell(stage, what, done, total)

    add(0)
    return add


class InParts:
    """Tells the progress of a stage, and of the part of it that is running, which may take long."""

    def __init__(self, tell: Callable[..., None], stage: str) -> None:
        self.tell, self.stage = tell, stage
        self.text, self.done, self.total = "", 0, 0

    def whole(self, text: str, done: int, total: int) -> None:
        self.text, self.done, self.total = text, done, total
        self.tell(self.stage, text, done, total)

    def part(self, what: str, done: int, of: int) -> None:
        text = f"{self.text}, {what}: {done:,} of {of:,}"
        self.tell(self.stage, text, self.done, self.total, part=[what, done, of])


def only_if_slow(listener: Listener) -> Listener:
    """A listener that passes events on, except those of the first second from now."""
    began_s = time.monotonic()

    def pass_on(event: Event) -> None:
        if time.monotonic() - began_s >= QUICK_S:
            listener(event)

    return pass_on
