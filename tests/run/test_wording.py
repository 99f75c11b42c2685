"""Counts, durations and sizes each have a single form."""

import pytest

from disc_lite.run.wording import counted, data_size, duration, listed


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (0.2, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (89 * 60, "89 min"), (90 * 60, "1 h 30 min"),
        (121 * 60, "2 h 01 min"), (32412, "9 h 00 min"),
    ],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_one_is_not_many() -> None:
    assert [counted(n, "passage") for n in (0, 1, 2, 1200)] == [
        "0 passages",
        "1 passage",
        "2 passages",
        "1,200 passages",
    ]


def test_what_is_small_is_not_nothing() -> None:
    assert (data_size(1.4 * 2**30), data_size(36 * 2**20)) == ("1.4 GiB", "36 MiB")


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert [listed(list("abc")[:n], 2) for n in range(4)] == ["", "a", "a, b", "a, b and 1 more"]
    assert listed(["a"] * 2000, 1) == "a and 1,999 more"
