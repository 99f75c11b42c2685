"""Where a passage is cut depends only on the text near the cut."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.documents.grouping import groups, mark_of
from disc_lite.prompts.answering import passage_text
from disc_lite.run.changes import compare
from tests.documents.test_passages import cut_passages, document_of, words


def group_ends(sizes, marks, limit):
    """The index after the last piece of each group."""
    pieces = zip(sizes, marks, range(1, len(sizes) + 1), strict=True)
    return [group[-1] for group in groups(pieces, limit)]


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=40), st.integers(1, 10))
def test_groups_tile_the_pieces_and_only_a_piece_that_is_too_long_is_too_long(pieces, limit):
    sizes = [size for size, _ in pieces]
    ends = group_ends(sizes, [(rank, 0) for _, rank in pieces], limit)
    assert ends == sorted(set(ends)) and (ends[-1:] or [0]) == [len(pieces)]
    for start, end in zip([0, *ends], ends, strict=False):
        assert end == start + 1 or sum(sizes[start:end]) <= limit


def test_a_group_ends_before_the_lowest_mark_from_a_third_of_the_limit_on():
    marks = [(0, 0), (0, 1), (0, 5), (0, 2), (0, 7), (0, 2), (0, 9)]
    assert group_ends([2] * 7, marks, 12) == [5, 7]  # (0, 1) would be too early; of two equal marks the last one counts
    assert group_ends([2] * 7, [(0, 0), *[(1, 0)] * 2, (0, 9), *[(1, 0)] * 3], 12) == [3, 7]  # the rank counts first
    assert group_ends([5, 20, 5, 5], [(0, 0)] * 4, 12) == [1, 2, 4]


def test_no_more_pieces_are_taken_than_a_group_and_the_next_one():
    taken = []
    pieces = ((4, (0, 0), taken.append(number) or number) for number in range(100))
    made = groups(pieces, 12)
    assert [next(made), len(taken), next(made), len(taken)] == [[0, 1, 2], 4, [3, 4, 5], 7]


def test_the_mark_of_a_piece_is_how_it_begins_whatever_white_space_it_has():
    text = "Ada  has\nthe key.\n\nAda has the key."
    assert mark_of(1, text, 0, 17) == mark_of(1, text, 17, len(text)) != mark_of(1, text, 0, 8)


def entry(number, size=30):
    rng = Random(number)
    body = " ".join(rng.choice("pump valve hall clerk euros lamp gate".split()) for _ in range(size))
    return f"## Entry {number}\n\n{body}.\n\n"


LONG = [
    f"Rule {n} of hall {n * 7 % 31} is that clerk {n * 11 % 53} pays {n * 13} euros to the guild." for n in range(60)
]


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [
        # Two entries fit into a passage: filled from the top, every pair after the new entry would change.
        (["# Log\n\n", *map(entry, range(60))], ["# Log\n\n", entry(99), *map(entry, range(60))], 3),
        ([entry(n, 20) for n in range(60)], [entry(0, 40), *(entry(n, 20) for n in range(1, 60))], 3),
        # A long paragraph, with one more sentence, and with line breaks instead of spaces.
        ([" ".join(LONG)], [" ".join([LONG[0], "It is new.", *LONG[1:]])], 3),
        ([" ".join(LONG)], ["\n".join(LONG)], 0),
    ],
    ids="inserted grown sentence wrapped".split(),
)
def test_a_change_leaves_passages_as_they_are_that_are_not_near_it(before, now, most):
    shown = []
    for parts in (before, now):
        text = "".join(parts)
        document = document_of(text)
        cut = cut_passages(document, words(text), 96)
        shown.append([("a.md", passage_text(text[p.char_start : p.char_end], p.heading_path)) for p in cut])
    counts = compare(*shown).counts()
    assert counts["unchanged"] > 5
    assert counts["changed"] + counts["new"] <= most
