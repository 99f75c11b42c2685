"""Ctrl-C and its kin: a handler that only sets a flag, looked at where stopping loses nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from disc_lite.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal came, if any."""

    def __init__(self) -> None:
        self.received: int | None = None

    def asked(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raises Interrupted if a signal came."""
        if self.received is not None:
            raise Interrupted(self.received)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second one changes nothing: the way out is a step and a save long, and nothing may be lost on it.
        self.received = self.received or number


@contextmanager
def listening() -> Iterator[Interrupts]:
    """Signals set the flag inside the block; outside, whatever was there before is there again."""
    found = Interrupts()
    try:
        before = {number: signal.signal(number, found._on_signal) for number in SIGNALS}
    except ValueError:  # not the main thread: whoever owns the process handles its signals
        before = {}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
