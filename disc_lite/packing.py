"""Sequences of segments -> rows of tokens, their positions, and who sees whom.

A **sequence** is a tree of segments: each token sees the earlier tokens of its own segment and all
tokens of the segment's ancestors, nothing else. A lone segment is ordinary causal text; a passage
with question-and-answer children is what a prompt-distillation teacher reads. Positions restart
with every sequence, and a child's positions follow its parent's, so each path from a root reads
exactly as if it stood alone.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """Tokens that stand together; `parent` is an earlier segment of the same sequence, or -1."""

    input_ids: tuple[int, ...]
    parent: int = -1


Sequence = tuple[Segment, ...]


def lone(input_ids: Seq[int]) -> Sequence:
    """Ordinary causal text: one segment that sees only itself."""
    return (Segment(tuple(input_ids)),)


def length(sequence: Sequence) -> int:
    return sum(len(segment.input_ids) for segment in sequence)


@dataclass(frozen=True)
class Packed:
    """Sequences laid out in R rows of L tokens."""

    input_ids: Tensor  # [R, L]
    position_ids: Tensor  # [R, L]
    visible: Tensor  # [R, 1, L, L] bool: query sees key
    starts: tuple[tuple[int, ...], ...]  # per sequence and segment: index of its first token in R*L

    @property
    def tokens(self) -> int:
        return self.input_ids.numel()


def rows_of(lengths: Seq[int], row_tokens: int) -> list[list[int]]:
    """First-fit decreasing: indices of the sequences in each row of at most `row_tokens`."""
    rows: list[list[int]] = []
    free: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        row = next((r for r, space in enumerate(free) if space >= lengths[i]), None)
        if row is None:
            row = len(rows)
            rows.append([])
            free.append(max(row_tokens, lengths[i]))
        rows[row].append(i)
        free[row] -= lengths[i]
    return rows


def pack(sequences: Seq[Sequence], row_tokens: int = 0) -> Packed:
    """Lay sequences out in rows of about `row_tokens`; at least the longest sequence fits.

    Attention is paid for per row and squared, so the default is the shortest row that holds the
    longest sequence.
    """
    lengths = [length(s) for s in sequences]
    rows = rows_of(lengths, max(row_tokens, *lengths))
    width = max(sum(lengths[i] for i in row) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    position_ids = torch.arange(width).repeat(len(rows), 1)
    segment_ids = torch.zeros(len(rows), width, dtype=torch.long)  # 0: padding, sees only padding
    most = 1 + max(sum(len(sequences[i]) for i in row) for row in rows)
    sees = torch.zeros(len(rows), most, most, dtype=torch.bool)
    sees[:, 0, 0] = True
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
    return Packed(input_ids, position_ids, _visible(sees, segment_ids, position_ids), tuple(starts))


def _visible(sees: Tensor, segment_ids: Tensor, position_ids: Tensor) -> Tensor:
    """[R, 1, L, L]: the key's segment is the query's own or an ancestor, and not later."""
    r = torch.arange(len(sees))[:, None, None]
    related = sees[r, segment_ids[:, :, None], segment_ids[:, None, :]]
    return (related & (position_ids[:, None, :] <= position_ids[:, :, None]))[:, None]
