"""Which request is in which row: no row waits while a request could be in it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from disc_lite.models.generation.cache import CacheShape
from disc_lite.models.generation.requests import Limits, Request, requests_of
from disc_lite.models.generation.schedule import Schedule, by_size

LIMITS = Limits(frozenset({1}), 1000)


def request(place: int, prefix: int, rest: int = 5) -> Request:
    return Request(place, (prefix,) * 20, (9,) * rest)


def requested(prompts: list[tuple[int, ...]], groups: list[int] | None = None) -> list[Request]:
    return requests_of(prompts, groups or [], [0.0] * len(prompts), [0] * len(prompts))


def run(schedule: Schedule, lengths: dict[int, int], max_tokens: int = 1000, fewest: int = 1) -> list[int]:
    """Generate until all requests are finished, and return the number of rows in each pass."""
    rows = []
    left = dict(lengths)
    while schedule.left:
        going = sorted(schedule.rows)
        replaced, fresh = schedule.admit(max_tokens, fewest)
        for held in schedule.rows.values():
            assert schedule.prefixes[held.prefix] == held.request.prefix
        assert set(replaced) <= {schedule.rows[row].prefix for row in fresh}
        assert all(n <= schedule.shape.prefix_rows for n in Counter(r.prefix for r in schedule.rows.values()).values())
        here = [*going, *fresh]
        assert here, "nothing is written and nothing can be"
        rows.append(len(here))
        for row in here:
            left[schedule.rows[row].request.place] -= 1
        schedule.record(here, [(int(not left[schedule.rows[row].request.place]), 0.0) for row in here])
    assert set(left.values()) == {0}
    return rows


def test_a_finished_row_is_replaced_at_once() -> None:
    lengths = dict(enumerate([9, 2, 3, 4, 2, 2, 1]))
    rows = run(Schedule([request(place, 0) for place in lengths], CacheShape(3, 32, 1, 32, 16), LIMITS), lengths)
    assert rows == [3] * 7 + [1] * 2
    assert sum(rows) == sum(lengths.values())


@pytest.mark.parametrize("fewest", [1, 4])
@pytest.mark.parametrize("shape", [(1, 1, 16), (8, 1, 16), (6, 3, 2), (16, 4, 4), (160, 20, 8)])
def test_every_request_is_written_whatever_the_blocks(shape: tuple[int, int, int], fewest: int) -> None:
    rng = Random(f"{shape}")
    requests = [request(place, rng.randrange(9), rng.randrange(1, 30)) for place in range(150)]
    lengths = {r.place: rng.randrange(1, 40) for r in requests}
    rows = run(
        Schedule(requests, CacheShape(shape[0], 80, shape[1], 32, shape[2]), LIMITS),
        lengths,
        max_tokens=60,
        fewest=fewest,
    )
    assert sum(rows) == sum(lengths.values())
    assert max(rows) <= shape[0]


def test_most_rows_are_written_while_requests_wait() -> None:
    """As in the synthesis of many passages: 40 prefixes with 6 or 30 requests each, and 64 rows."""
    rng = Random(3)
    sizes = [6 if n % 4 else 30 for n in range(40)]
    requests = [
        request(place, prefix) for place, prefix in enumerate(n for n, size in enumerate(sizes) for _ in range(size))
    ]
    lengths = {r.place: 1 + min(63, int(rng.expovariate(1 / 25))) for r in requests}
    rows = run(Schedule(requests, CacheShape(64, 32, 14, 32, 16), LIMITS), lengths)
    busy = rows[: len(rows) * 3 // 4]
    assert sum(busy) / len(busy) > 0.95 * 64


def test_few_tokens_are_read_at_once_but_at_least_one_prompt() -> None:
    requests = [request(0, 0, 50), request(1, 0, 4), request(2, 0, 4), request(3, 0, 4)]
    schedule = Schedule(requests, CacheShape(4, 80, 1, 32, 16), LIMITS)
    assert schedule.admit(10, 1) == ([0], [0])
    assert schedule.admit(10, 1) == ([], [1, 2])
    assert schedule.admit(10, 3) == ([], [3])  # fewer are left than it waits for
    assert schedule.admit(10, 1) == ([], [])


def test_passes_without_prompts_are_possible_where_some_rows_are_awaited() -> None:
    schedule = Schedule([request(place, 0) for place in range(9)], CacheShape(4, 32, 1, 32, 16), LIMITS)
    assert schedule.admit(1000, 3)[1] == [0, 1, 2, 3]
    schedule.record([0, 2], [(1, 0.0)] * 2)
    assert schedule.admit(1000, 3) == ([], [])
    schedule.record([1], [(1, 0.0)])
    assert schedule.admit(1000, 3) == ([], [0, 1, 2])


def test_an_unfinished_request_begins_anew() -> None:
    schedule = Schedule([request(place, place % 2) for place in range(6)], CacheShape(2, 32, 2, 32, 16), LIMITS)
    schedule.admit(1000, 1)
    schedule.record([0, 1], [(1, 0.0), (5, 0.0)])
    assert [r.place for r in schedule.unfinished()] == [1, 2, 3, 4, 5]


def test_requests_of_about_the_same_size_are_written_together() -> None:
    sizes = [3000, 40, 1600, 700, 30, 20]
    classes = by_size([request(place, 0, size) for place, size in enumerate(sizes)], 64)
    assert [[r.place for r in alike] for alike in classes] == [[0, 2], [3], [1, 4, 5]]


def test_a_prefix_is_what_the_prompts_of_a_group_share_without_their_last_token() -> None:
    long = tuple(range(20))
    prompts = [(*long, 7), (*long, 7), (*long, 8, 9), (5, 6), (5, 6, 7), (*long, 3, 3), (*long, 3, 4)]
    found = requested(prompts, [0, 0, 0, 1, 1, 2, 3])
    assert [(r.prefix, r.rest) for r in found] == [
        (long, (7,)), (long, (7,)), (long, (8, 9)),
        ((), (5, 6)), ((), (5, 6, 7)),  # too short to be shared
        ((*long, 3), (3,)), ((*long, 3), (4,)),  # alone in their groups, so these share with each other
    ]  # fmt: skip
    assert [r.place for r in found] == list(range(7))
    assert {r.prefix for r in requested(prompts[:3])} == {long}
    assert requested([(1,) * 20]) == [Request(0, (), (1,) * 20)]
    assert requested([]) == []
