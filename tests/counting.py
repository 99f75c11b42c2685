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


class Counted(str):
    """A name, such as that of a document, that counts how often any of its kind is compared or looked up."""

    count = 0

    def __eq__(self, other: object) -> bool:
        Counted.count += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Counted.count += 1
        return str.__hash__(self)


def names_compared(function: Callable[..., object], *arguments: object) -> int:
    """How often `Counted` names are compared or looked up in a call."""
    before = Counted.count
    function(*arguments)
    return Counted.count - before


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
