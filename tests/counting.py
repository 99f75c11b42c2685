"""Work that is counted, or compared with less of it: a clock says more of the machine than of the code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import inf

TURNS = 6  # in one of which nothing else disturbs either measurement
LINEAR = 10.0  # times as long as a fourth of the work, at most: quadratic work takes sixteen times as long


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


def is_quadratic(work: Callable[[int], object], size: int) -> bool:
    """Whether the work on a text of this size takes far more than four times as long as on a fourth of it.

    For regular expressions, in which nothing can be counted. The least of several turns counts, of either size.
    """
    least = {size // 4: inf, size: inf}
    for _ in range(TURNS):
        for each in least:
            begin = time.process_time()
            work(each)
            least[each] = min(least[each], time.process_time() - begin)
        if least[size] < LINEAR * least[size // 4]:
            return False
    return True
