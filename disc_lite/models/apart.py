"""Reads texts one per row: for models that do not pack, and for texts longer than the original length of LongRoPE."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from disc_lite.models.device import to_device
from disc_lite.models.positions import by_frequencies
from disc_lite.packing import Packed, Place, Tree, alike, length, pack, paths

APART_TOKENS = 8192  # in one forward pass


def hidden_apart(
    hidden: Callable[[Packed], Tensor], sequences: Sequence[Tree], places: Sequence[Place], limit: int | None
) -> Tensor:
    """Return the last hidden states at some positions of sequences, [N, H]; each path of a tree is a text of its own.

    hidden: returns those of a packed batch, [R*L, H]. Rows of similar length are read together, texts of up to `limit`
    tokens apart from longer ones.
    """
    texts, found = paths(sequences)
    starts = [(*found[sequence, segment], position) for sequence, segment, position in places]
    lengths = [length(text) for text in texts]
    states, order = list[Tensor](), list[int]()
    for rows in (r for side in by_frequencies(lengths, limit).values() for r in alike(side, lengths, APART_TOKENS)):
        packed = pack([texts[row] for row in rows], apart=True)
        first = {row: packed.starts[n][0] for n, row in enumerate(rows)}
        here = [n for n, (row, _, _) in enumerate(starts) if row in first]
        at = [first[starts[n][0]] + starts[n][1] + starts[n][2] for n in here]
        if here:
            read = hidden(packed)
            states.append(read[to_device(torch.tensor(at), read.device)])
            order += here
    return torch.cat(states)[to_device(torch.tensor(order).argsort(), states[0].device)]
