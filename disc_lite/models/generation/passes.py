"""One forward pass: the tokens of rows and prefixes that it reads, all concatenated in one row.

So the linear layers compute no padding. A pass reads the last token of active rows (`Decoding`), whole prompts or
prefixes (`Prefill`), or both. Tokens of rows with the same prefix are adjacent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from disc_lite.models.generation.cache import STEP, CacheShape, KeyValueCache

PADDING = 1.25  # largest ratio of lengths among chunks whose attention is computed together
HIDDEN = -1e30  # a score that a softmax ignores; finite, so that a row that sees nothing is not NaN
# Devices that attend to all prefixes at once, padded to the longest and to `prefix_rows`, but with few kernels of fixed
# shapes. Others attend to one prefix after another, without padding.
AT_ONCE = {"cuda"}


@dataclass(frozen=True)
class PrefixTokens:
    """Tokens first..last of a part of a pass, whose rows have this prefix and see its first `places` places."""

    prefix: int
    first: int
    last: int
    places: int
    end: int  # largest position of these tokens in their texts


@dataclass(frozen=True)
class Grid:
    """Layout for attending to all prefixes at once: the queries of each are in `prefix_rows` places."""

    sizes: Tensor  # [prefixes]: number of used places in each
    prefix_rows: int
    at: Tensor  # [B]: prefix * prefix_rows + number among the tokens with it; the first index beyond for idle rows


@dataclass(frozen=True)
class Decoding:
    """One token each of some rows."""

    rows: Tensor  # [B]
    at: Tensor  # [B]: place of the token among the row's own
    positions: Tensor  # [B]: its position in the text
    top: int  # rows 0..top include all of `rows`
    width: int  # own places 0..width include all that is seen
    in_order: bool  # `rows` is 0..top
    prefixes: tuple[PrefixTokens, ...]
    grid: Grid | None  # replaces `prefixes`
    biases: dict[tuple[str, int | None], Tensor] = field(default_factory=dict)  # computed once for all layers

    def own_bias(self, window: int | None, dtype: torch.dtype) -> Tensor:
        """Return the bias [top, 1, 1, width]: which of its own tokens every row sees."""
        if ("own", window) not in self.biases:
            at = self.at if self.in_order else self.at.new_zeros(self.top).index_copy_(0, self.rows, self.at)
            place = torch.arange(self.width, device=at.device)
            hidden = place > at[:, None]
            hidden = hidden | (place <= at[:, None] - window) if window else hidden
            self.biases["own", window] = hidden_where(hidden, dtype)[:, None, None]
        return self.biases["own", window]

    def prefix_bias(self, grid: Grid, window: int | None, width: int, each: int, dtype: torch.dtype) -> Tensor:
        """Return the bias [prefixes, 1, 1 or prefix rows * each, width]: what the queries see of the prefixes."""
        if ("prefix", window) not in self.biases:
            place = torch.arange(width, device=self.at.device)
            hidden = (place >= grid.sizes[:, None])[:, None]  # [prefixes, 1, width]
            if window:
                positions = self.at.new_zeros(len(grid.sizes) * grid.prefix_rows + 1)
                positions = positions.index_copy_(0, grid.at, self.positions)[:-1].view(len(grid.sizes), -1, 1)
                hidden = (hidden | (place <= positions - window)).repeat_interleave(each, 1)
            self.biases["prefix", window] = hidden_where(hidden, dtype)[:, None]
        return self.biases["prefix", window]


@dataclass(frozen=True)
class Token:
    """The last token of a row."""

    row: int
    at: int  # its place among the row's own
    prefix: int


@dataclass(frozen=True)
class Chunk:
    """Consecutive tokens: the rest of a row's prompt, or what is still unread of a prefix."""

    slot: int  # row, or prefix
    prefix: int
    before: int  # number of the prefix's places that it sees
    ids: Sequence[int]


@dataclass(frozen=True)
class Padded:
    """Chunks of about the same length, padded to the longest by repeating their last token."""

    tokens: Tensor  # [N, L]: indices into T
    real: Tensor  # [M]: which of the N * L are not padding
    at: Tensor  # [M]: their indices into T


@dataclass(frozen=True)
class Prefill:
    """The prefill of a pass: chunks of prompts, sorted by prefix; all of rows or all of prefixes."""

    own: bool
    slots: Tensor  # [T]: row or prefix of each token
    at: Tensor  # [T]: its place there
    positions: Tensor  # [T]: its position in the text
    prefixes: tuple[PrefixTokens, ...]
    padded: tuple[Padded, ...]


@dataclass(frozen=True)
class Pass:
    """The tokens of a forward pass: those of `decoding`, then those of `prefill`."""

    cache: KeyValueCache
    input_ids: Tensor  # [1, T]
    position_ids: Tensor  # [1, T]
    last: Tensor  # indices of the tokens whose logits are needed
    decoding: Decoding | None
    prefill: Prefill | None


def hidden_where(hidden: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a bias on scores that hides some keys."""
    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, HIDDEN)


def decoding_of(tokens: Sequence[Token], sizes: Sequence[int], shape: CacheShape, device: torch.device) -> Decoding:
    """Return the decoding part of a pass; `tokens` must be sorted by prefix, `sizes` are those of all prefixes."""
    positions = [sizes[t.prefix] + t.at for t in tokens]
    prefixes = _by_prefix([t.prefix for t in tokens], positions, sizes)
    in_grid = [p.prefix * shape.prefix_rows + i for p in prefixes for i in range(p.last - p.first)]
    numbers = [[t.row for t in tokens], [t.at for t in tokens], positions, in_grid]
    rows, at, position, places = torch.tensor(numbers, device=device)
    at_once = device.type in AT_ONCE and shape.prefix_places > 0
    grid = Grid(torch.tensor(list(sizes), device=device), shape.prefix_rows, places) if at_once else None
    width = -(-(max(t.at for t in tokens) + 1) // STEP) * STEP
    top = max(t.row for t in tokens) + 1
    in_order = [t.row for t in tokens] == list(range(top))
    return Decoding(rows, at, position, top, width, in_order, prefixes, grid)


def prefill_of(chunks: Sequence[Chunk], own: bool, device: torch.device) -> Prefill:
    """Return the prefill of a pass.

    The chunks must be sorted by prefix, and those with the same prefix must see the same number of its places.
    """
    slots, at, positions, owners, starts = list[int](), list[int](), list[int](), list[int](), list[int]()
    for chunk in chunks:
        starts.append(len(slots))
        begin = 0 if own else chunk.before
        slots += [chunk.slot] * len(chunk.ids)
        owners += [chunk.prefix] * len(chunk.ids)
        at += range(begin, begin + len(chunk.ids))
        positions += range(chunk.before, chunk.before + len(chunk.ids))
    prefixes = _by_prefix(owners, positions, {chunk.prefix: chunk.before for chunk in chunks})
    index = torch.tensor([slots, at, positions], device=device)
    padded = tuple(_padded(starts, [len(chunk.ids) for chunk in chunks], device))
    return Prefill(own, index[0], index[1], index[2], prefixes, padded)


def _by_prefix(
    owners: Sequence[int], positions: Sequence[int], places: Sequence[int] | Mapping[int, int]
) -> tuple[PrefixTokens, ...]:
    """Group tokens, sorted by prefix, by their prefix; `places` gives the number of its places that they see."""
    found, first = [], 0
    for prefix, members in groupby(owners):
        last = first + len(list(members))
        found.append(PrefixTokens(prefix, first, last, places[prefix], max(positions[first:last])))
        first = last
    return tuple(found)


def _padded(starts: Sequence[int], sizes: Sequence[int], device: torch.device) -> Iterator[Padded]:
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    while order:
        n = sum(sizes[i] <= PADDING * sizes[order[0]] + STEP for i in order)
        here, order = order[:n], order[n:]
        size = torch.tensor([sizes[i] for i in here])[:, None]
        column = torch.arange(int(size.max()))[None]
        tokens = torch.tensor([starts[i] for i in here])[:, None] + column.minimum(size - 1)
        real = (column < size).flatten().nonzero()[:, 0]
        yield Padded(tokens.to(device), real.to(device), tokens.flatten()[real].to(device))
