"""In a packed batch, every path from a root reads exactly as it would alone."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from disc_lite.packing import (
    Packed,
    Segment,
    Tree,
    alike,
    filled,
    gather,
    length,
    lone,
    longest_path,
    pack,
    rows_of,
    shared,
    shared_length,
)
from disc_lite.packing import paths as paths_of
from disc_lite.planning.sizes import ATTENTION_TOKENS, TREE_TOKENS, WORTH_SHARING_TOKENS
from tests.tiny_models import NAMES


def ids(start: int, number: int) -> tuple[int, ...]:
    return tuple((start * 37 + 11 * k * k + 5 * k) % 390 for k in range(number))


BATCH: list[Tree] = [
    lone(ids(1, 17)),
    # A passage with three children of different lengths, and one grandchild.
    (Segment(ids(2, 9)), Segment(ids(3, 4), 0), Segment(ids(4, 1), 0), Segment(ids(5, 6), 0), Segment(ids(6, 3), 1)),
    lone(ids(7, 1)),
    (Segment(ids(8, 2)), Segment(ids(9, 5), 0)),
    lone(ids(10, 11)),
]


def paths(sequence: Tree) -> list[list[int]]:
    """For every segment the path of its ancestors and itself, the root first."""
    found: list[list[int]] = []
    for n, segment in enumerate(sequence):
        found.append([*(found[segment.parent] if segment.parent >= 0 else []), n])
    return found


def test_trees_as_plain_texts() -> None:
    """For models that cannot read trees: one text for every leaf, and the place of each segment's tokens."""
    texts, found = paths_of(BATCH)
    expected, places = [], {}
    for number, sequence in enumerate(BATCH):
        parents = {segment.parent for segment in sequence}
        for segment, path in enumerate(paths(sequence)):
            if segment in parents:
                continue
            for n, part in enumerate(path):
                before = sum(len(sequence[other].input_ids) for other in path[:n])
                places.setdefault((number, part), (len(expected), before))
            expected.append(lone([token for part in path for token in sequence[part].input_ids]))
    assert texts == expected
    assert found == places
    assert paths_of([]) == ([], {})


def alone(base: Any, input_ids: list[int]) -> torch.Tensor:
    """Hidden states [L, H] by transformers' own causal attention."""
    return base.causal.get_decoder()(torch.tensor([input_ids]), use_cache=False).last_hidden_state[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("apart", [False, True])
def test_packed_hidden_states_are_those_of_every_path_alone(plain: Any, name: str, apart: bool) -> None:
    base = plain(name)
    packed = pack(BATCH, apart)
    assert (len(packed.input_ids) == len(BATCH)) == apart
    with torch.no_grad():
        hidden = base.hidden(packed)
        for sequence, starts in zip(BATCH, packed.starts, strict=True):
            for path in paths(sequence):
                together = [t for n in path for t in sequence[n].input_ids]
                own = len(sequence[path[-1]].input_ids)
                expected = alone(base, together)[-own:]
                found = hidden[starts[path[-1]] : starts[path[-1]] + own]
                torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert hidden.isfinite().all()  # of padding too: a NaN there would reach the gradient


sequences = st.lists(
    st.lists(st.integers(1, 9), min_size=1, max_size=4).flatmap(
        lambda sizes: st.tuples(*(st.integers(-1 if n == 0 else 0, n - 1) for n in range(len(sizes)))).map(
            lambda parents: tuple(Segment(ids(n, size), parents[n]) for n, size in enumerate(sizes))
        )
    ),
    min_size=1,
    max_size=8,
)


@given(sequences, st.booleans())
def test_every_token_stands_once_where_starts_says_and_sees_its_path(batch: list[Tree], apart: bool) -> None:
    packed = pack(batch, apart)
    width = packed.input_ids.shape[1]
    longest = max(map(length, batch))
    assert longest <= width <= (longest if apart else 4 * longest)
    flat_ids, flat_positions = packed.input_ids.flatten(), packed.position_ids.flatten()
    owner: dict[int, tuple[int, int]] = {}
    for i, (sequence, starts) in enumerate(zip(batch, packed.starts, strict=True)):
        assert len({start // width for start in starts}) == 1  # a sequence never spans rows
        for n, (segment, path) in enumerate(zip(sequence, paths(sequence), strict=True)):
            before = sum(len(sequence[m].input_ids) for m in path[:-1])
            for k, token in enumerate(segment.input_ids):
                at = starts[n] + k
                assert at not in owner
                owner[at] = (i, n)
                assert (int(flat_ids[at]), int(flat_positions[at])) == (token, before + k)
    # LongRoPE applies the largest position of a pass to all of its texts, padding included.
    assert int(flat_positions.max()) == max(map(longest_path, batch)) - 1
    seen = visible_pairs(packed)
    assert {pair for pair in seen if pair[0] in owner} == expected_pairs(batch, packed, owner)
    # A query that sees nothing would give NaN. Only padding sees padding.
    assert {q for q, _ in seen} == set(range(packed.input_ids.numel()))
    assert all(k in owner for q, k in seen if q in owner)
    assert packed.plain or not any(k in owner for q, k in seen if q not in owner)
    where = [{start // width for start in starts} for starts in packed.starts]
    segments = max(sum(len(s) for s, at in zip(batch, where, strict=True) if r in at) for r in range(len(packed.sees)))
    assert packed.sees.shape == (len(packed.input_ids), segments + 1, segments + 1)  # and padding


def visible_pairs(packed: Packed) -> set[tuple[int, int]]:
    width = packed.input_ids.shape[1]
    visible = packed.visible()
    if visible is None:  # the plain causal mask
        visible = torch.ones(len(packed.input_ids), 1, width, width, dtype=torch.bool).tril()
    return {(r * width + q, r * width + k) for r, _, q, k in visible.nonzero().tolist()}


def expected_pairs(batch: list[Tree], packed: Packed, owner: dict[int, tuple[int, int]]) -> set[tuple[int, int]]:
    """All pairs of tokens that see each other by definition, without padding."""
    positions, width = packed.position_ids.flatten().tolist(), packed.input_ids.shape[1]
    pairs = set()
    for q in owner:
        for k in range(q // width * width, (q // width + 1) * width):
            if k in owner and positions[k] <= positions[q]:
                (i, n), (j, m) = owner[q], owner[k]
                if i == j and m in paths(batch[i])[n]:
                    pairs.add((q, k))
    return pairs


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 100))
def test_rows_hold_everything_once_and_no_two_rows_fit_in_one(lengths: list[int], row_tokens: int) -> None:
    rows = rows_of(lengths, row_tokens)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    sums = sorted(sum(lengths[i] for i in row) for row in rows)
    assert all(len(row) == 1 or sum(lengths[i] for i in row) <= row_tokens for row in rows)
    assert len(sums) < 2 or sums[0] + sums[1] > row_tokens


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=1, max_size=12), st.integers(0, 12), st.data()
)  # fmt: skip
def test_runs_that_begin_alike_share_it_and_read_as_before(
    tails: list[list[int]], beginning_tokens: int, data: st.DataObject
) -> None:
    beginning = list(range(100, 100 + beginning_tokens))
    runs = [beginning + tail if data.draw(st.booleans()) else tail for tail in tails]
    needed = [data.draw(st.integers(0, len(run) - 1)) for run in runs]
    found = gather(runs, needed)
    for run, need, (sequence, segment, before) in zip(runs, needed, found.places, strict=True):
        child = found.sequences[sequence][segment]
        root = found.sequences[sequence][0].input_ids if child.parent == 0 else ()
        assert [*root, *child.input_ids] == run
        assert before == len(root) <= need  # the state that is needed is in the run's own segment
    trees = [sequence for sequence in found.sequences if len(sequence) > 1]
    assert all(len(tree[0].input_ids) >= WORTH_SHARING_TOKENS for tree in trees)
    # Sharing never adds tokens.
    assert sum(length(sequence) for sequence in found.sequences) <= sum(map(len, runs))


def test_texts_are_gathered_and_trees_stay_as_they_are() -> None:
    beginning = ids(3, 20)
    tree: Tree = (Segment(beginning), Segment(ids(4, 5), 0))
    sequences = [lone((*beginning, 1, 2)), tree, lone((*beginning, 3, 4)), lone(ids(9, 6))]
    places = [(0, 0, 20), (1, 1, 3), (2, 0, 21), (3, 0, 0), (0, 0, 21), (1, 0, 7)]
    together, moved = shared(sequences, places)
    assert sum(map(length, together)) == sum(map(length, sequences)) - len(beginning)
    token = lambda trees, place: trees[place[0]][place[1]].input_ids[place[2]]  # noqa: E731
    assert [token(together, place) for place in moved] == [token(sequences, place) for place in places]
    assert tree in together


def test_what_a_system_turn_of_30_tokens_costs() -> None:
    beginning = list(range(30))
    found = gather([[*beginning, *range(200 + n, 230 + n)] for n in range(100)], [30] * 100)
    assert sum(length(sequence) for sequence in found.sequences) < 0.55 * 100 * 60
    assert max(length(sequence) for sequence in found.sequences) <= TREE_TOKENS


@pytest.mark.parametrize(("prefix", "trees"), [(30, 8), (128, 5), (400, 3), (550, 3), (1000, 2)])
def test_a_long_system_turn_is_read_a_few_times_and_not_by_every_run(prefix: int, trees: int) -> None:
    """Ministral 3's default system prompt has 563 tokens."""
    runs = [[*range(prefix), *range(2000 + 100 * n, 2060 + 100 * n)] for n in range(60)]
    found = gather(runs, [prefix + 20] * len(runs))
    assert len(found.sequences) == trees
    assert sum(length(sequence) for sequence in found.sequences) == 60 * 60 + trees * prefix

    def cost(children: int) -> float:
        width = prefix + 60 * children
        return width / children * (1 + width / ATTENTION_TOKENS)

    assert cost(len(found.sequences[0]) - 1) <= 1.02 * min(cost(children) for children in range(1, 61))


def test_exactly_the_shared_tokens_are_shared_and_never_a_needed_one() -> None:
    """Runs that differ after ten tokens share ten, or fewer if an earlier state is needed, but never fewer than 8."""
    one, two = (*range(10), 50, 51, 52), (*range(10), 60, 61)
    for needed, size in (((12, 11), 10), ((10, 10), 10), ((12, 9), 9), ((8, 10), 8), ((7, 10), 0), ((12, 7), 0)):
        found = gather([one, two], needed)
        if size:
            tree = (Segment(one[:size]), Segment(one[size:], 0), Segment(two[size:], 0))
            assert (found.sequences, found.places) == ((tree,), ((0, 1, size), (0, 2, size))), needed
        else:
            assert (found.sequences, found.places) == ((lone(one), lone(two)), ((0, 0, 0), (1, 0, 0))), needed
    with pytest.raises(ValueError, match="shorter"):
        gather([one, two], [9])


def test_a_tree_is_filled_to_the_last_token_and_then_another_begins() -> None:
    beginning, own_tokens = tuple(range(12)), 100
    runs = [beginning + tuple(range(1000 * n, 1000 * n + own_tokens)) for n in range(1, 12)]
    found = gather(runs, [12] * len(runs))
    assert (TREE_TOKENS - 12) // own_tokens == 5  # number of runs that fill a tree exactly
    assert [len(tree) - 1 for tree in found.sequences] == [5, 5, 1]
    assert [length(tree) for tree in found.sequences] == [512, 512, 112]
    assert found.places == tuple((n // 5, 1 + n % 5, 12) for n in range(11))
    one_each = gather([(*beginning, n) for n in (100, 101)], [12, 12])  # longer than the shortest root
    assert one_each.sequences == ((Segment(beginning), Segment((100,), 0), Segment((101,), 0)),)


def test_the_shared_length_is_that_of_all() -> None:
    assert shared_length([(1, 2, 3), (1, 2, 3, 4)]) == 3
    assert shared_length([(1, 2, 3), (1, 2, 4), (1, 2)]) == 2
    assert shared_length([(1, 2), (2, 2)]) == 0 == shared_length([(), (1,)])
    assert shared_length([[1, 2, 3], (1, 2, 4)]) == 2 == shared_length([range(1, 3)])


@given(st.lists(st.lists(st.integers(0, 2), max_size=9), min_size=1, max_size=4))
def test_so_it_is_token_by_token(runs: list[list[int]]) -> None:
    columns = list(zip(*runs, strict=False))
    expected = next((n for n, column in enumerate(columns) if len(set(column)) > 1), len(columns))
    assert shared_length(runs) == expected


def test_long_prefixes_are_not_compared_token_by_token() -> None:
    calls: list[str] = []
    sys.setprofile(lambda frame, event, of: calls.append(event))
    try:
        assert shared_length([(*range(900), 7, 8), (*range(900), 9)]) == 900
    finally:
        sys.setprofile(None)
    assert len(calls) < 100


def test_batches_are_filled_to_the_limit_in_order() -> None:
    sizes = [3, 4, 9, 1, 1, 5, 6]
    assert list(filled(range(7), sizes, 7)) == [[0, 1], [2], [3, 4, 5], [6]]
    assert list(filled([6, 0, 1, 3], sizes, 10)) == [[6, 0], [1, 3]]
    assert list(filled([], sizes, 7)) == []


def test_texts_of_a_batch_are_of_like_length() -> None:
    sizes = [30, 300, 59, 61, 90, 31]
    assert list(alike(range(6), sizes, 1000)) == [[0, 5, 2], [3, 4], [1]]
    assert list(alike([1, 4, 5], sizes, 1000)) == [[5], [4], [1]]
    assert list(alike(range(6), sizes, 120)) == [[0, 5, 2], [3], [4], [1]]
    assert list(alike([], sizes, 7)) == []


def test_rows_first_fit_the_longest_first_and_of_equals_the_first() -> None:
    assert rows_of([2, 5, 3, 5, 2], 7) == [[1, 0], [3, 4], [2]]
    assert rows_of([3, 9, 4], 7) == [[1], [2, 0]]
    assert rows_of([], 7) == []


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=14))
@example([9, 4, 6, 1])  # for each of these examples another width is best
@example([10, 5, 7, 8])
@example([10, 12, 11, 9, 4])
@example([12, 9, 10, 9, 7, 10])
@example([11, 9, 6, 8, 7, 11, 10, 12])
def test_by_default_no_other_width_costs_less(lengths: list[int]) -> None:
    """A position costs 1 in linear layers, and in a row of 4,096 tokens as much again in attention."""
    batch = [lone([7] * tokens) for tokens in lengths]

    def cost(rows: int, width: int) -> float:
        return rows * width * (1 + width / 4096)

    layouts = [rows_of(lengths, int(share * max(lengths))) for share in (1, 1.25, 1.5, 2, 3, 4)]
    others = [cost(len(rows), max(sum(lengths[i] for i in row) for row in rows)) for rows in layouts]
    assert cost(*pack(batch).input_ids.shape) == min(others)


def test_sequences_apart_have_a_row_each() -> None:
    packed = pack(BATCH, apart=True)
    width = max(map(length, BATCH))
    assert packed.input_ids.shape == (len(BATCH), width) and not packed.plain
    assert [starts[0] for starts in packed.starts] == [width * row for row in range(len(BATCH))]
    assert pack([lone([1, 2]), lone([3])], apart=True).plain and not pack([lone([1, 2]), lone([3])]).plain
