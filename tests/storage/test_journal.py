"""Results that an interrupted run need not compute again: what is in the file counts, what is damaged does not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.storage import Journal, key_of

RESULTS = {key_of("text", n): {"ids": [n, n + 1], "of": "Straße"} for n in range(20)}


def written(path: Path) -> bytes:
    journal = Journal(path)
    for key, value in RESULTS.items():
        journal.add({key: value})
    return path.read_bytes()


def test_what_was_added_is_there_in_the_next_process(tmp_path: Path) -> None:
    written(tmp_path / "journal.txt")
    found = Journal(tmp_path / "journal.txt")
    assert len(found) == len(RESULTS)
    assert {key: found.get(key) for key in RESULTS} == RESULTS
    assert found.get(key_of("text", 99)) is None
    assert len(Journal(tmp_path / "none.txt")) == 0


@given(cut=st.integers(0, 10_000))
def test_a_torn_file_loses_its_torn_line_alone_and_is_continued(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.txt"
    data = written(path)
    cut %= len(data)
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")
    journal = Journal(path)
    # A line that lacks nothing but its end is whole as well.
    assert len(journal) in (whole, whole + 1)
    journal.add({"new": 1})
    again = Journal(path)
    assert again.get("new") == 1
    assert len(again) == len(journal)


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_never_changes_a_result(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = tmp_path_factory.mktemp("changed") / "journal.txt"
    data = bytearray(written(path))
    data[place % len(data)] = byte
    path.write_bytes(data)
    found = Journal(path)
    assert len(found) >= len(RESULTS) - 2  # a line end that is gone joins two lines
    assert all(found.get(key) in (value, None) for key, value in RESULTS.items())
    assert len(found) <= len(RESULTS)


def test_keys_follow_from_all_parts() -> None:
    assert key_of("a", (1, 2), 0.5) == "0f46f0179791a169c5bf9210128fc5ad"  # in every process
    assert len({key_of("a", (1, 2)), key_of("a", (1,), 2), key_of("a", 1, 2), key_of("b", (1, 2))}) == 4


def test_results_of_an_earlier_run_are_found_and_copied_where_they_are_used(tmp_path: Path) -> None:
    """So a third run finds them in the second, and none of them has what nobody uses any more."""
    written(tmp_path / "first.txt")
    used, unused = list(RESULTS)[:2]
    journal = Journal(tmp_path / "second.txt", tmp_path / "first.txt")
    assert len(journal) == 0
    assert journal.get(used) == journal.get(used) == RESULTS[used]
    journal.add({"new": 1})
    assert (tmp_path / "second.txt").read_bytes().count(b"\n") == 2
    third = Journal(tmp_path / "third.txt", tmp_path / "second.txt")
    assert (third.get(used), third.get("new"), third.get(unused)) == (RESULTS[used], 1, None)
    assert Journal(tmp_path / "none.txt", tmp_path / "nowhere.txt").get(used) is None


def test_results_stay_in_the_file(tmp_path: Path) -> None:
    """Those of 200,000 pairs would take 2 GB of memory, in which nobody looks for most of them again."""
    path, long = tmp_path / "journal.txt", {key: [n / 7 for n in range(5000)] for key in list(RESULTS)[:10]}
    tracemalloc.start()
    try:
        journals = [Journal(path)]
        for key in long:
            journals[0].add({key: [n / 7 for n in range(5000)]})
        journals.append(Journal(path))
        assert tracemalloc.get_traced_memory()[0] < 100_000  # a single result takes more
    finally:
        tracemalloc.stop()
    assert all(journal.get(key) == result for journal in journals for key, result in long.items())
