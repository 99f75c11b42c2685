"""Sequences of segments -> packed rows of tokens, position ids and attention masks.

A sequence (`Tree`) is a tree of segments: each token attends to the earlier tokens of its own segment and to all tokens
of the segment's ancestors, and to nothing else. A single segment is ordinary causal text; a passage with
question-and-answer children is the sequence of a prompt-distillation teacher. Positions restart with every sequence,
and a child's positions follow its parent's, so each path from the root is computed exactly as if it were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from disc_lite.planning.sizes import ATTENTION_TOKENS, WORTH_SHARING_TOKENS, children_tokens


@dataclass(frozen=True)
class Segment:
    """Consecutive tokens; `parent` is the index of an earlier segment of the same sequence, or -1."""

    input_ids: tuple[int, ...]
    parent: int = -1


Tree = tuple[Segment, ...]
Place = tuple[int, int, int]  # (sequence of a batch, segment of it, position in the segment)


def lone(input_ids: Sequence[int]) -> Tree:
    """Ordinary causal text: a sequence of one segment."""
    return (Segment(tuple(input_ids)),)


def filled(indices: Iterable[int], sizes: Sequence[int], max_size: int) -> Iterator[list[int]]:
    """Yield consecutive indices in batches whose sizes add up to at most `max_size`; a larger item gets its own."""
    batch: list[int] = []
    total = 0
    for i in indices:
        if batch and total + sizes[i] > max_size:
            yield batch
            batch, total = [], 0
        batch.append(i)
        total += sizes[i]
    if batch:
        yield batch


def alike(indices: Iterable[int], sizes: Sequence[int], max_size: int) -> Iterator[list[int]]:
    """Like `filled`, but for texts in one row each: sorted by size, no text more than twice as long as another."""
    left = sorted(indices, key=sizes.__getitem__)
    while left:
        batch = [i for i in left if sizes[i] <= 2 * sizes[left[0]]]
        yield from filled(batch, sizes, max_size)
        left = left[len(batch) :]


def length(sequence: Tree) -> int:
    return sum(len(segment.input_ids) for segment in sequence)


def longest_path(sequence: Tree) -> int:
    """Number of tokens from the root to the end of the longest path."""
    ends = list[int]()
    for segment in sequence:
        ends.append(len(segment.input_ids) + (ends[segment.parent] if segment.parent >= 0 else 0))
    return max(ends)


@dataclass(frozen=True)
class Packed:
    """Sequences laid out in R rows of L tokens."""

    input_ids: Tensor  # [R, L]
    position_ids: Tensor  # [R, L]
    segment_ids: Tensor  # [R, L]: number of the token's segment in its row; 0 is padding
    sees: Tensor  # [R, K, K] bool: whether a segment attends to another one (itself and its ancestors)
    starts: tuple[tuple[int, ...], ...]  # per sequence and segment: index of its first token in the R*L tokens
    plain: bool  # every row is a single segment, followed by padding

    def moved(self, to: Callable[[Tensor], Tensor]) -> Packed:
        """Return the batch with its tensors moved by `to`."""
        return replace(
            self, input_ids=to(self.input_ids), position_ids=to(self.position_ids),
            segment_ids=to(self.segment_ids), sees=to(self.sees),
        )  # fmt: skip

    def visible(self) -> Tensor | None:
        """Return the attention mask [R, 1, L, L], True if a query attends to a key; None if the causal mask suffices.

        A query attends to the keys of its own segment and of its ancestors that are not later. Build it on the device
        that uses it, since it is the largest tensor of a batch.
        """
        if self.plain:
            return None
        segments, positions = self.segment_ids, self.position_ids
        row = torch.arange(len(segments), device=segments.device)[:, None]
        of_query = self.sees[row, segments]  # [R, L, K]
        # Not by indexing with all three: CUDA would make 8-byte indices [R, L, L] of each, 24 times the mask.
        related = of_query.gather(2, segments[:, None, :].expand(-1, segments.shape[1], -1))
        return (related & (positions[:, None, :] <= positions[:, :, None]))[:, None]


def rows_of(lengths: Sequence[int], row_tokens: int) -> list[list[int]]:
    """First-fit decreasing: return the indices of the sequences in each row of at most `row_tokens` tokens."""
    return first_fit(sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)), lengths, row_tokens)


def first_fit(indices: Iterable[int], sizes: Sequence[int], max_size: int) -> list[list[int]]:
    """Like `filled`, but each index goes into the first batch that has room for it."""
    batches: list[list[int]] = []
    free: list[int] = []
    for i in indices:
        number = next((n for n, space in enumerate(free) if space >= sizes[i]), None)
        if number is None:
            number = len(batches)
            batches.append([])
            free.append(max(max_size, sizes[i]))
        batches[number].append(i)
        free[number] -= sizes[i]
    return batches


def paths(sequences: Sequence[Tree]) -> tuple[list[Tree], dict[tuple[int, int], tuple[int, int]]]:
    """Return each path from the root to a leaf as causal text, for models that cannot read trees.

    The second value maps (sequence, segment) to the path that holds its tokens and the position where they begin.
    """
    texts: list[Tree] = []
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for number, sequence in enumerate(sequences):
        parents = {segment.parent for segment in sequence}
        for leaf in (n for n in range(len(sequence)) if n not in parents):
            path, segment = list[int](), leaf
            while segment >= 0:
                path.insert(0, segment)
                segment = sequence[segment].parent
            ids = list[int]()
            for segment in path:
                found.setdefault((number, segment), (len(texts), len(ids)))
                ids += sequence[segment].input_ids
            texts.append(lone(ids))
    return texts, found


def pack(sequences: Sequence[Tree], apart: bool = False) -> Packed:
    """Pack sequences into rows of the cheapest width; with `apart`, one sequence per row.

    Linear layers cost in proportion to the number of positions, attention to positions times width.
    """
    lengths = [length(s) for s in sequences]
    rows = [[i] for i in range(len(lengths))] if apart else _cheapest_rows(lengths)
    width = max(sum(lengths[i] for i in row) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    # 0 for padding: a largest position that no text has would change LongRoPE's frequencies for all texts.
    position_ids = torch.zeros(len(rows), width, dtype=torch.long)
    segment_ids = torch.zeros(len(rows), width, dtype=torch.long)
    max_segments = 1 + max(sum(len(sequences[i]) for i in row) for row in rows)
    sees = torch.zeros(len(rows), max_segments, max_segments, dtype=torch.bool)
    sees[:, 0, 0] = True  # padding attends to padding only
    starts: list[tuple[int, ...]] = [()] * len(sequences)
    for r, row in enumerate(rows):
        column, number = 0, 1
        for i in row:
            first, ends = number, list[int]()
            begins = []
            for segment in sequences[i]:
                size, parent = len(segment.input_ids), segment.parent
                begin = ends[parent] if parent >= 0 else 0
                ends.append(begin + size)
                begins.append(r * width + column)
                where = slice(column, column + size)
                input_ids[r, where] = torch.tensor(segment.input_ids, dtype=torch.long)
                position_ids[r, where] = torch.arange(begin, begin + size)
                segment_ids[r, where] = number
                if parent >= 0:
                    sees[r, number] = sees[r, first + parent]
                sees[r, number, number] = True
                column, number = column + size, number + 1
            starts[i] = tuple(begins)
    plain = all(len(row) == 1 and len(sequences[row[0]]) == 1 for row in rows)
    if plain:  # transformers would make a mask if positions began anew at the padding
        position_ids = torch.arange(width).repeat(len(rows), 1)
    return Packed(input_ids, position_ids, segment_ids, sees, tuple(starts), plain)


@dataclass(frozen=True)
class Gathered:
    """Runs of tokens as sequences in which runs with the same prefix share it."""

    sequences: tuple[Tree, ...]
    places: tuple[tuple[int, int, int], ...]  # per run: (sequence, segment, number of its tokens in the root)


def gather(runs: Sequence[Sequence[int]], needed: Sequence[int]) -> Gathered:
    """Make runs with a shared prefix children of one root with that prefix, in trees of about the cheapest width.

    Each path is computed as if the run were alone. `needed` is the first position of each run whose hidden state is
    needed: it stays in the run's own segment. For chat models the shared prefix is the system turn of the template.
    """
    by_beginning: dict[tuple[int, ...], list[int]] = {}
    for i, (run, need) in enumerate(zip(runs, needed, strict=True)):
        beginning = tuple(run[:WORTH_SHARING_TOKENS]) if need >= WORTH_SHARING_TOKENS else (-1, i)
        by_beginning.setdefault(beginning, []).append(i)
    sequences: list[list[Segment]] = []
    places: list[tuple[int, int, int]] = [(0, 0, 0)] * len(runs)
    for members in by_beginning.values():
        if len(members) == 1:
            places[members[0]] = (len(sequences), 0, 0)
            sequences.append([Segment(tuple(runs[members[0]]))])
            continue
        size = min(shared_length([runs[i] for i in members]), *(needed[i] for i in members))
        room, most = 0, children_tokens(size)
        for i in members:
            if len(runs[i]) - size > room:
                room = most
                sequences.append([Segment(tuple(runs[i][:size]))])
            places[i] = (len(sequences) - 1, len(sequences[-1]), size)
            sequences[-1].append(Segment(tuple(runs[i][size:]), 0))
            room -= len(runs[i]) - size
    return Gathered(tuple(map(tuple, sequences)), tuple(places))


def shared(sequences: Sequence[Tree], places: Sequence[Place]) -> tuple[tuple[Tree, ...], list[Place]]:
    """Return the sequences, and places in them, with single-segment sequences gathered; trees stay as they are."""
    first: dict[int, int] = {}
    for n, _, position in places:
        first[n] = min(position, first.get(n, position))
    texts = [n for n, sequence in enumerate(sequences) if len(sequence) == 1]
    runs = [sequences[n][0].input_ids for n in texts]
    found = gather(runs, [first.get(n, len(run) - 1) for n, run in zip(texts, runs, strict=True)])
    trees = [n for n, sequence in enumerate(sequences) if len(sequence) > 1]
    at = {n: (len(found.sequences) + k, 0, 0) for k, n in enumerate(trees)} | dict(
        zip(texts, found.places, strict=True)
    )
    moved = [(at[n][0], at[n][1] + segment, position - at[n][2]) for n, segment, position in places]
    return (*found.sequences, *(sequences[n] for n in trees)), moved


def shared_length(runs: Sequence[Sequence[int]]) -> int:
    """Length of the prefix that all runs share: that of the first and the last in sorted order.

    Compares slices, which is much faster than token by token.
    """
    ordered = list(map(tuple, runs))
    first, last = min(ordered), max(ordered)
    size, end = 0, min(len(first), len(last))
    while size < end:
        middle = (size + end + 1) // 2
        if first[size:middle] == last[size:middle]:
            size = middle
        else:
            end = middle - 1
    return size


def _cheapest_rows(lengths: Sequence[int]) -> list[list[int]]:
    longest = max(lengths)
    choices = [rows_of(lengths, longest * k // 4) for k in (4, 5, 6, 8, 12, 16)]

    def cost(rows: list[list[int]]) -> float:
        width = max(sum(lengths[i] for i in row) for row in rows)
        return len(rows) * width * (1 + width / ATTENTION_TOKENS)

    return min(choices, key=cost)
