"""Text -> where its tokens begin and end, without a model: by a tokenizer file, or by estimate."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady

# Pieces of text about as many as tokens: on the documents of bench/real and examples/handbook 0.96 to 1.09 times as
# many as those of a vocabulary of 49,152.
_PIECE = re.compile(r"[ \t]?[A-Za-zÀ-ɏ]{1,6}|\s?\d|[^\W\d_]|\s+|.", re.DOTALL)
_BLOCK_CHARS = 1 << 20
_GAP = re.compile(r"(?<=\S) (?=\S)")


class Offsets:
    """The character ranges of all tokens, at 8 bytes each: as tuples those of 50 MB of text would take 1.5 GB."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._flat = array("i", chain.from_iterable(ranges))

    def extend(self, ranges: Iterable[tuple[int, int]], start: int) -> None:
        """Adds the ranges of a further stretch of the text, which begins at `start`."""
        self._flat.extend(place + start for range_ in ranges for place in range_)

    def __len__(self) -> int:
        return len(self._flat) // 2

    def __getitem__(self, index: int) -> tuple[int, int]:
        at = range(len(self))[index] * 2  # negative ones, and IndexError beyond the end
        return self._flat[at], self._flat[at + 1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        ends = iter(self._flat)
        return zip(ends, ends, strict=True)


Tokenizer = Callable[[str], Offsets]


def estimated_tokens(text: str) -> Offsets:
    """About as many stretches of a text as it has tokens."""
    return Offsets(match.span() for match in _PIECE.finditer(text))


def tokenizer_of(folder: Path | None) -> Tokenizer | None:
    """The tokenizer of a model folder; None where it has no `tokenizer.json`, or there is no folder.

    Raises EnvironmentNotReady where the file is broken.
    """
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return None
    from tokenizers import Tokenizer as Fast

    try:
        fast = Fast.from_file(str(path))
    except Exception as error:  # of this very type
        raise EnvironmentNotReady(f"{path} is broken.", str(error), "Copy it again from where it came.") from error
    fast.no_truncation()
    fast.no_padding()

    def tokens_of(text: str) -> Offsets:
        offsets = Offsets()
        for start, end in blocks(text):
            offsets.extend(fast.encode(text[start:end], add_special_tokens=False).offsets, start)
        return offsets

    return tokens_of


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """The whole of a text as (start, end), or of a long one stretches of a million characters and a little.

    A tokenizer takes 100 bytes and more for each character of its input. The cut is before a space between two words,
    where nearly every tokenizer makes the same tokens of both parts as of the whole.
    """
    start = 0
    while start < len(text):
        gap = _GAP.search(text, start + _BLOCK_CHARS, start + 2 * _BLOCK_CHARS)
        end = gap.start() if gap else min(start + 2 * _BLOCK_CHARS, len(text))
        yield start, end
        start = end
