"""Confidence intervals of 95 %. Does not import torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

Z = 1.959964  # of the normal distribution, two-sided 95 %
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def wilson(right: int, total: int) -> Interval:
    """Share of right answers with Wilson's score interval (Wilson 1927), which has a width at shares of 0 and 1 too.

    centre = (p + z²/2n) / (1 + z²/n),  half = z / (1 + z²/n) · sqrt(p(1-p)/n + z²/4n²)
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share, shrink = right / total, 1 + Z * Z / total
    centre = (share + Z * Z / (2 * total)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Mean of `second` minus `first`, item by item, with the percentile bootstrap over the items.

    The items stay paired, so that questions which are hard for both do not widen the interval.
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if not differences:
        return Interval(0.0, -1.0, 1.0)
    rng, number = Random("0 bootstrap"), len(differences)
    means = sorted(sum(rng.choices(differences, k=number)) / number for _ in range(RESAMPLES))
    tail = round(0.025 * RESAMPLES)
    return Interval(sum(differences) / number, means[tail], means[-tail - 1])
