"""Ctrl-C and its kin: a handler that only sets a flag, looked at before every forward pass."""

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
        self._postponed = False

    def asked(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raises Interrupted if a signal came, unless the answer is postponed."""
        if self.received is not None and not self._postponed:
            raise Interrupted(self.received)

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Inside the block `check` does nothing: what runs there asks `asked` where it can save and stop."""
        with self._postponing(True):
            yield

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Inside the block `check` raises, also where it is postponed around it: what runs there can be repeated."""
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
