"""95 % confidence intervals for items of which several can be wordings of one fact. Does not import torch."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Z = 1.959964  # quantile of the normal distribution, two-sided 95 %
CHANCE = 0.05  # from this p-value on, a difference can be chance
BISECTIONS = 50


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def share_right(right: Sequence[bool], facts: Sequence[Hashable] = ()) -> Interval:
    """Share of right answers with Wilson's interval for the effective number of independent answers.

    `facts` has the fact that each answer is about; without it, every answer counts as about a fact of its own.
    """
    total = len(right) / design_effect(right, facts, (0, 1))
    return wilson(sum(right) / max(1, len(right)) * total, total)


def design_effect(values: Sequence[float], facts: Sequence[Hashable], ends: tuple[float, float]) -> float:
    """The variance of the mean of `values`, divided by that of as many independent values (Kish 1965); at least 1.

    Wordings of one fact are right or wrong together:  D = sum over facts (sum of residuals)² / sum of residuals².
    As Agresti and Coull (1998) add two right and two wrong answers, two facts at each of the `ends` of the range are
    added, of size sum n² / sum n: a few misses do not show whether facts are missed as a whole.
    """
    if not facts or not values:
        return 1.0
    mean, sums = sum(values) / len(values), defaultdict[Hashable, float](float)
    for value, fact in zip(values, facts, strict=True):
        sums[fact] += value - mean
    size = sum(n * n for n in Counter(facts).values()) / len(values)
    added = 2 * sum((end - mean) ** 2 for end in ends)
    squares = sum((value - mean) ** 2 for value in values)
    return max(1.0, (sum(s * s for s in sums.values()) + added * size * size) / (squares + added * size))


def wilson(right: float, total: float) -> Interval:
    """Share of right answers with Wilson's score interval (Wilson 1927), which has a width even at shares of 0 and 1.

    centre = (p + z²/2n) / (1 + z²/n),  half = z / (1 + z²/n) · sqrt(p(1-p)/n + z²/4n²)
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share, shrink = right / total, 1 + Z * Z / total
    centre = (share + Z * Z / (2 * total)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def items_needed(most: float) -> int:
    """Number of items of which none has to be counted for Wilson's interval to end at `most` (above 0) or below.

    With p = 0 its upper end is z² / (n + z²).
    """
    return math.ceil(Z * Z * (1 - most) / most)


def paired_difference(first: Sequence[bool], second: Sequence[bool], facts: Sequence[Hashable] = ()) -> Interval:
    """Share right of `second` minus that of `first`, on the same items: Tango's score interval (Tango 1998).

    It excludes zero only if the exact McNemar test of facts does too (p < 0.05), so it holds for a few items as well;
    whether a fact was won or lost follows from the sum of its items.
    With b of n items right in `second` only and c in `first` only, its ends solve T(d) = ±z:
    T(d) = (b - c - nd) / sqrt(n (2q + d(1 - d))), where q is the maximum-likelihood share of c if the shares differ by
    d. All three counts are divided by the design effect.
    """
    changes = [int(b) - int(a) for a, b in zip(first, second, strict=True)]
    if not changes:
        return Interval(0.0, -1.0, 1.0)
    mean, effect = sum(changes) / len(changes), design_effect(changes, facts, (-1, 1))
    gained, lost, total = (n / effect for n in (changes.count(1), changes.count(-1), len(changes)))

    def end(low: float, high: float, z: float) -> float:
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if _tango(gained, lost, total, middle) > z else (low, middle)
        return (low + high) / 2

    low, high = end(-1.0, mean, Z), end(mean, 1.0, -Z)
    by_fact = Counter[Hashable]()
    for change, fact in zip(changes, facts or range(len(changes)), strict=True):
        by_fact[fact] += change
    if mcnemar(sum(n > 0 for n in by_fact.values()), sum(n < 0 for n in by_fact.values())) >= CHANCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(mean, low, high)


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p-value of the exact McNemar test on the items that changed (a binomial test with p = 1/2).

    p = min(1, 2 sum_{k <= min(b, c)} C(b + c, k) / 2^(b + c))
    """
    changed = gained + lost
    logs = (
        math.lgamma(changed + 1) - math.lgamma(k + 1) - math.lgamma(changed - k + 1) - changed * math.log(2)
        for k in range(min(gained, lost) + 1)
    )
    return min(1.0, 2 * sum(map(math.exp, logs)))


def _tango(gained: float, lost: float, total: float, difference: float) -> float:
    """T(d) of `paired_difference`."""
    linear = (2 * total - gained + lost) * difference - gained - lost
    constant = -lost * difference * (1 - difference)
    share = (math.sqrt(max(0.0, linear * linear - 8 * total * constant)) - linear) / (4 * total)
    variance = total * (2 * share + difference * (1 - difference))
    above = gained - lost - total * difference
    # At d = 1 and -1 the variance is zero.
    return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0
