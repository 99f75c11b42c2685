"""SIGINT, SIGTERM and SIGHUP: a handler that only sets a flag, which is checked before every forward pass."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from disc_lite.errors import CONTINUES, SAVED, Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal was received, if any, and what is said of it."""

    def __init__(self, saved: str = SAVED, remedy: str = CONTINUES) -> None:
        self.received: int | None = None
        self.saved, self.remedy = saved, remedy
        self._postponed = self._at_once = False

    def stop_requested(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raises Interrupted if a signal was received, unless that is postponed."""
        if self.received is not None and not self._postponed:
            raise Interrupted(self.received, self.saved, self.remedy)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block the handler itself raises: for code without forward passes that leaves nothing half done.

        Other code catches exceptions, and goes on or raises an error of its own in their place: transformers does while
        it converts weights, torch while it is imported. So the handler raises KeyboardInterrupt, which few catch; the
        end of the block raises Interrupted.
        """
        before = self._at_once  # one such block may be inside another
        try:
            self._at_once = True
            self.check()
            yield
        except BaseException:
            self.check()
            raise
        finally:
            self._at_once = before
        self.check()

    @contextmanager
    def postponed(self, postponed: bool = True) -> Iterator[None]:
        """Inside the block `check` does nothing; code there checks `stop_requested` where it can save and stop.

        With False it raises even if it is postponed around the block: for code that can be repeated.
        """
        before, self._postponed = self._postponed, postponed
        try:
            yield
        finally:
            self._postponed = before

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second signal changes nothing: stopping takes one step and one save, and nothing may be lost meanwhile.
        self.received = self.received or number
        if self._at_once:
            raise KeyboardInterrupt


@contextmanager
def catch_signals(saved: str = SAVED, remedy: str = CONTINUES) -> Iterator[Interrupts]:
    """Signals set the flag inside the block; the earlier handlers are restored after it.

    A signal that nobody has checked for when the block ends raises there: a script that was told to stop must not
    take the exit code 0 and go on.
    """
    with flag_signals(Interrupts(saved, remedy)) as interrupts:
        yield interrupts
        interrupts.check()


@contextmanager
def flag_signals(interrupts: Interrupts) -> Iterator[Interrupts]:
    """As `catch_signals`, for a caller that asks `stop_requested` itself: the end of the block raises nothing."""
    before = {}
    try:
        for number in SIGNALS:
            handler = signal.getsignal(number)
            # Ignored are those of a command under nohup, or in the background of a script; None is not Python's.
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, interrupts._on_signal)
                before[number] = handler
    except ValueError:  # not the main thread: the program that calls handles its signals
        pass
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
