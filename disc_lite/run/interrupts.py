"""SIGINT, SIGTERM and SIGHUP: the handler only sets a flag, which is checked before every forward pass."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from disc_lite.errors import CONTINUES, SAVED, Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signal that was received, if any, and the message about it."""

    def __init__(self, saved: str = SAVED, remedy: str = CONTINUES) -> None:
        self.received: int | None = None
        self.saved, self.remedy = saved, remedy
        self._postponed = self._at_once = False

    def stop_requested(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raises Interrupted if a signal was received, unless `postponed`."""
        if self.received is not None and not self._postponed:
            raise Interrupted(self.received, self.saved, self.remedy)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block the handler itself raises: for code without forward passes that can be stopped anywhere.

        transformers (converting weights) and torch (being imported) catch exceptions and go on, or raise others in
        their place. So the handler raises KeyboardInterrupt, which little code catches, and the end of the block raises
        Interrupted.
        """
        before = self._at_once  # these blocks may be nested
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
        """Inside the block `check` does nothing; the code there reads `stop_requested` where it can save and stop.

        With False `check` raises even inside an outer postponed block: for code that can be repeated.
        """
        before, self._postponed = self._postponed, postponed
        try:
            yield
        finally:
            self._postponed = before

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second signal has no effect: stopping takes one step and one save, which must not be cut short.
        self.received = self.received or number
        if self._at_once:
            raise KeyboardInterrupt


@contextmanager
def catch_signals(saved: str = SAVED, remedy: str = CONTINUES) -> Iterator[Interrupts]:
    """Inside the block signals set the flag; the previous handlers are restored after it.

    If the flag is set when the block ends, Interrupted is raised there: a script that was told to stop must not see
    exit code 0 and go on.
    """
    with flag_signals(Interrupts(saved, remedy)) as interrupts:
        yield interrupts
        interrupts.check()


@contextmanager
def flag_signals(interrupts: Interrupts) -> Iterator[Interrupts]:
    """Like `catch_signals`, but the end of the block raises nothing: the caller reads `stop_requested` itself."""
    before = {}
    try:
        for number in SIGNALS:
            handler = signal.getsignal(number)
            # What nohup or a script's background job ignores stays ignored; None is a handler from outside Python.
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, interrupts._on_signal)
                before[number] = handler
    except ValueError:  # not the main thread: the calling program handles its own signals
        pass
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
