"""Confidence intervals, against their defining equations, published figures and exact sums over all outcomes."""

from fractions import Fraction
from itertools import product
from math import comb, factorial, log, sqrt
from random import Random

import pytest

from disc_lite.evaluation.intervals import (
    Interval,
    design_effect,
    items_needed,
    mcnemar,
    paired_difference,
    share_right,
    wilson,
)

Z = 1.959964


def paired(gained: int, lost: int, total: int) -> Interval:
    rest = total - gained - lost  # of which it does not matter whether they are right
    first = [False] * gained + [True] * lost + [i % 2 == 0 for i in range(rest)]
    second = [True] * gained + [False] * lost + [i % 2 == 0 for i in range(rest)]
    return paired_difference(first, second)


def exact_p(gained: int, lost: int) -> Fraction:
    """By the definition: all the ways in which that many coins fall, those that are at least as one-sided."""
    coins = gained + lost
    sided = [k for k in range(coins + 1) if abs(2 * k - coins) >= abs(gained - lost)]
    return Fraction(sum(comb(coins, k) for k in sided), 2**coins)


def test_wilson_agrees_with_the_published_example_and_with_its_defining_equation() -> None:
    # Newcombe 1998, table I: 81 of 263 -> 0.2553 to 0.3662.
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    # Its ends solve (p - share)^2 = z^2 p (1 - p) / n.
    for right, total in ((0, 20), (7, 20), (20, 20), (1, 1)):
        interval = wilson(right, total)
        for end in (interval.low, interval.high):
            assert (end - right / total) ** 2 == pytest.approx(Z**2 * end * (1 - end) / total, abs=1e-12)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_with_as_many_items_as_needed_an_interval_without_a_loss_ends_at_the_limit() -> None:
    for most in (0.001, 0.01, 0.05, 0.2, 1.0):
        needed = items_needed(most)
        assert wilson(0, needed).high <= most
        assert needed == 0 or wilson(0, needed - 1).high > most


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    rng, covered = Random(1), 0
    for _ in range(2000):
        found = wilson(sum(rng.random() < 0.9 for _ in range(100)), 100)
        covered += found.low <= 0.9 <= found.high
    assert 0.92 < covered / 2000 < 0.98


def test_mcnemar_is_the_sum_over_all_ways_to_fall() -> None:
    for gained, lost in product(range(12), repeat=2):
        assert mcnemar(gained, lost) == pytest.approx(float(exact_p(gained, lost)), rel=1e-12)
    assert mcnemar(500, 400) == pytest.approx(float(exact_p(500, 400)), rel=1e-9)


def test_an_interval_excludes_zero_only_beyond_chance() -> None:
    for total in (3, 6, 10, 20, 100):
        for gained, lost in product(range(min(total, 12) + 1), repeat=2):
            if gained + lost <= total:
                found = paired(gained, lost, total)
                assert found.mean == (gained - lost) / total
                assert -1 <= found.low <= found.mean <= found.high <= 1
                if exact_p(gained, lost) >= Fraction(1, 20):
                    assert found.low <= 0 <= found.high, (gained, lost, total)
    # Four and five better and none worse of 100 may be chance, six are not.
    assert [paired(n, 0, 100).low > 0 for n in (4, 5, 6)] == [False, False, True]
    assert paired(3, 0, 3).low < 0


def test_both_directions_are_treated_alike() -> None:
    for gained, lost, total in ((9, 1, 20), (30, 4, 100), (5, 0, 7), (2, 2, 40)):
        found, mirrored = paired(gained, lost, total), paired(lost, gained, total)
        assert (found.low, found.mean, found.high) == pytest.approx((-mirrored.high, -mirrored.mean, -mirrored.low))


def naive_statistic(gained: int, lost: int, total: int, difference: float) -> float:
    """The score statistic, with the likelihood under the difference maximised by trying."""

    def likelihood(share: float) -> float:
        cells = ((gained, share + difference), (lost, share), (total - gained - lost, 1 - 2 * share - difference))
        return sum(count * log(max(p, 1e-300)) for count, p in cells if count)

    low, high = max(0.0, -difference), (1 - difference) / 2
    for _ in range(200):  # concave, so thirds are left out by turns
        third = (high - low) / 3
        low, high = (low + third, high) if likelihood(low + third) < likelihood(high - third) else (low, high - third)
    variance = total * (2 * low + difference - difference**2)
    return (gained - lost - total * difference) / sqrt(variance)


@pytest.mark.parametrize(("gained", "lost", "total"), [(9, 1, 20), (20, 10, 100), (0, 8, 40), (86, 150, 1600)])
def test_the_ends_solve_the_score_equation(gained: int, lost: int, total: int) -> None:
    found = paired(gained, lost, total)
    assert naive_statistic(gained, lost, total, found.low) == pytest.approx(Z, abs=1e-4)
    assert naive_statistic(gained, lost, total, found.high) == pytest.approx(-Z, abs=1e-4)


def test_the_difference_is_covered_as_often_as_it_says() -> None:
    """The exact probability of every outcome, summed where the interval has the true difference."""
    total, tenths = 8, range(11)
    outcomes = [(b, c, paired(b, c, total)) for b in range(total + 1) for c in range(total + 1 - b)]
    ways = {
        (b, c): factorial(total) // (factorial(b) * factorial(c) * factorial(total - b - c)) for b, c, _ in outcomes
    }
    for x, y in ((x, y) for x in tenths for y in tenths if x + y <= 10):
        true, covered = (x - y) / 10, Fraction(0)
        for b, c, found in outcomes:
            if found.low - 1e-9 <= true <= found.high + 1e-9:
                chance = Fraction(x, 10) ** b * Fraction(y, 10) ** c * Fraction(10 - x - y, 10) ** (total - b - c)
                covered += ways[b, c] * chance
        assert covered > (Fraction(19, 20) if x == y else Fraction(92, 100)), (x, y, float(covered))


def test_nothing_asked_says_nothing() -> None:
    assert paired_difference([], []) == Interval(0.0, -1.0, 1.0)
    assert (share_right([]).low, share_right([], []).high) == (0.0, 1.0)


# -- several wordings of one fact ------------------------------------------------------------------------


def known(rng: Random, facts: int, wordings: int, share: float, alike: float) -> list[bool]:
    """Answers, fact by fact; each fact is known in all its wordings or in none (`alike` 1), or in each by itself (0)."""
    answers: list[bool] = []
    for _ in range(facts):
        whole = rng.random() < share
        answers += [whole if rng.random() < alike else rng.random() < share for _ in range(wordings)]
    return answers


def test_answers_about_facts_of_their_own_are_independent() -> None:
    rng = Random(3)
    for share in (0.0, 0.4, 0.98, 1.0):
        right = [rng.random() < share for _ in range(60)]
        other = [rng.random() < share for _ in range(60)]
        assert design_effect(right, range(60), (0, 1)) == 1.0
        found, plain = share_right(right, range(60)), wilson(sum(right), 60)
        assert found == share_right(right) and (found.low, found.high) == pytest.approx((plain.low, plain.high))
        assert paired_difference(right, other, range(60)) == paired_difference(right, other)


def test_facts_that_are_known_as_a_whole_count_once() -> None:
    facts = [n // 4 for n in range(640)]
    for lost in (0, 1, 40):
        found, once = share_right([n >= 4 * lost for n in range(640)], facts), wilson(160 - lost, 160)
        assert (found.low, found.high) == pytest.approx((once.low, once.high), abs=1e-9)
    # Three wordings of one fact in four: between three of 640 and one of 160.
    lost_three = share_right([n < 3 for n in range(640)], facts)
    assert wilson(3, 640).high < 0.014 < 0.02 < lost_three.high < wilson(1, 160).high
    assert lost_three.low < wilson(3, 640).low


def test_a_difference_is_beyond_chance_by_facts_and_not_by_wordings() -> None:
    """Six questions won and none lost are not chance, three facts in two wordings each are."""
    before, after = [False] * 166, [True] * 6 + [False] * 160
    by_two, apart = [n // 2 for n in range(166)], range(166)
    assert paired_difference(before, after, apart).low > 0 > paired_difference(before, after, by_two).low
    twelve = [True] * 12 + [False] * 154
    assert paired_difference(before, twelve, by_two).low > 0
    # A fact that is won in one wording and lost in another is neither.
    undecided = [n % 2 == 0 for n in range(166)]
    assert paired_difference([not won for won in undecided], undecided, by_two).low < 0


@pytest.mark.parametrize(("share", "alike"), [(0.5, 0.0), (0.8, 0.5), (0.9, 1.0)])
def test_intervals_are_as_wide_as_those_of_a_bootstrap_over_facts(share: float, alike: float) -> None:
    rng, facts = Random(4), [n // 4 for n in range(800)]
    first, second = (known(rng, 200, 4, share, alike) for _ in range(2))
    shares, differences = [], []
    for _ in range(1000):
        drawn = [4 * rng.randrange(200) for _ in range(200)]
        right, was = (sum(sum(each[at : at + 4]) for at in drawn) / 800 for each in (second, first))
        shares.append(right)
        differences.append(right - was)
    for drawn_shares, found in (
        (shares, share_right(second, facts)),
        (differences, paired_difference(first, second, facts)),
    ):
        drawn_shares.sort()
        assert found.high - found.low == pytest.approx(drawn_shares[974] - drawn_shares[25], rel=0.15)


@pytest.mark.parametrize("alike", [0.0, 0.6, 1.0])
def test_the_share_is_covered_as_often_as_it_says_whether_wordings_go_together_or_not(alike: float) -> None:
    rng, facts, covered = Random(5), [n // 4 for n in range(320)], 0
    for _ in range(400):
        found = share_right(known(rng, 80, 4, 0.9, alike), facts)
        covered += found.low <= 0.9 <= found.high
    assert covered / 400 > 0.92
