"""SIGINT, SIGTERM and SIGHUP: a handler that only sets a flag, which is checked before every forward pass."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from disc_lite.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal was received, if any."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._postponed = False

    def stop_requested(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raises Interrupted if a signal was received, unless that is postponed."""
        if self.received is not None and not self._postponed:
            raise Interrupted(self.received)

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Inside the block `check` does nothing; code there checks `stop_requested` where it can save and stop."""
        with self._postponing(True):
            yield

    @contextmanager
    def not_postponed(self) -> Iterator[None]:
        """Inside the block `check` raises even if it is postponed around it: for code that can be repeated."""
        with self._postponing(False):
            yield

    @contextmanager
    def _postponing(self, postponed: bool) -> Iterator[None]:
        before, self._postponed = self._postponed, postponed
        try:
            yield
        finally:
            self._postponed = before

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second signal changes nothing: stopping takes one step and one save, and nothing may be lost meanwhile.
        self.received = self.received or number


@contextmanager
def catch_signals() -> Iterator[Interrupts]:
    """Signals set the flag inside the block; the earlier handlers are restored after it."""
    interrupts = Interrupts()
    try:
        before = {number: signal.signal(number, interrupts._on_signal) for number in SIGNALS}
    except ValueError:  # not the main thread: the program that calls handles its signals
        before = {}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
