"""Measure work by counting calls, or by comparing it with less work: a clock depends on the machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import inf

TURNS = 6  # in one of these turns nothing else should disturb the two measurements
LINEAR = 10.0  # largest factor on the time of a quarter of the work: quadratic work takes sixteen times as long


def calls_in(function: Callable[..., object], *arguments: object) -> int:
    """The number of function calls, in Python and in C, while this function is called, including nested ones."""
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
    """A name, as of a document, that counts how often any `Counted` name is compared or hashed."""

    count = 0

    def __eq__(self, other: object) -> bool:
        Counted.count += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Counted.count += 1
        return str.__hash__(self)


def names_compared(function: Callable[..., object], *arguments: object) -> int:
    """How often `Counted` names are compared or hashed during a call."""
    before = Counted.count
    function(*arguments)
    return Counted.count - before


def is_quadratic(work: Callable[[int], object], size: int) -> bool:
    """Whether the work on a text of this size takes far more than four times as long as on a quarter of it.

    For regular expressions, in which nothing can be counted. For either size the fastest of several turns counts.
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
