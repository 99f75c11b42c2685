"""How sure a figure is: intervals of 95 %. Knows no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

Z = 1.959964  # of the normal distribution, two-sided 95 %
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A figure and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def wilson(right: int, total: int) -> Interval:
    """Share of right answers with Wilson's score interval (Wilson 1927): not empty at 0 and at 1.

    centre = (p + z²/2n) / (1 + z²/n),  half = z / (1 + z²/n) · sqrt(p(1-p)/n + z²/4n²)
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share, shrink = right / total, 1 + Z * Z / total
    centre = (share + Z * Z / (2 * total)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def paired_difference(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Interval:
    """Mean of `second` minus `first`, item by item, with the percentile bootstrap over the items.

    The items stay paired, so what makes a question hard for both does not widen the interval.
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if not differences:
        return Interval(0.0, -1.0, 1.0)
    rng, number = Random(f"{seed} bootstrap"), len(differences)
    means = sorted(sum(rng.choices(differences, k=number)) / number for _ in range(RESAMPLES))
    tail = round(0.025 * RESAMPLES)
    return Interval(sum(differences) / number, means[tail], means[-tail - 1])
