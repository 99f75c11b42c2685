"""Work that is counted: a clock says more of the machine than of the code."""

from __future__ import annotations

import sys
from collections.abc import Callable


def calls_in(function: Callable[..., object], *arguments: object) -> int:
    """The number of functions that this one calls, and those that it calls, Python's own and those of C."""
    count = 0

    def on_event(frame: object, event: str, of: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return count
