"""Text -> the character ranges of its tokens, by a tokenizer file or by estimate, without a model."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from operator import ge, gt
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady

# Matches about as many pieces of a text as it has tokens: on the documents of bench/real and examples/handbook 0.96 to
# 1.09 times as many as those of a vocabulary of 49,152.
_PIECE = re.compile(r"[ \t]?[A-Za-zÀ-ɏ]{1,6}|\s?\d|[^\W\d_]|\s+|.", re.DOTALL)
_BLOCK_CHARS = 1 << 20
_GAP = re.compile(r"(?<=\S) (?=\S)")


class Offsets:
    """The character ranges of all tokens, at 8 bytes each: as tuples, those of 50 MB of text would take 1.5 GB.

    Attributes:
        starts, ends: Where each token starts and ends, in characters.
        are_in_order: Whether it is known that tokens begin in order and none is empty.
    """

    def __init__(self, ranges: Sequence[tuple[int, int]] = ()) -> None:
        self.starts, self.ends = array("i"), array("i")
        self.are_in_order = False
        self.extend(ranges, 0)

    def extend(self, ranges: Sequence[tuple[int, int]], at: int) -> None:
        """Add the ranges of a further part of the text, relative to its beginning `at`."""
        self.are_in_order = False
        self.starts.extend(start + at for start, _ in ranges)
        self.ends.extend(end + at for _, end in ranges)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[int, int]:
        return self.starts[index], self.ends[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, self.ends, strict=True)


class TokenPlaces:
    """The positions of tokens in a text: the first visible character of each, or the last character of white space.

    For example, a token that holds a full stop and a line break (Qwen has some) is before a cut between the two.
    """

    def __init__(self, text: str, offsets: Offsets) -> None:
        self._text, self._ends = text, offsets.ends
        self._starts = starts = offsets.starts
        # Byte tokens can have a place before that of their predecessor, or no character; bisection needs order.
        if not offsets.are_in_order and (any(map(gt, starts, starts[1:])) or any(map(ge, starts, self._ends))):
            real = (start if start < end else end - 1 for start, end in offsets)
            self._starts = array("i", accumulate(real, max))

    def before(self, place: int, least: int = 0, most: int | None = None) -> int:
        """The number of tokens before a place; the caller knows that it is from `least` to `most`."""
        if not place:
            return 0
        count = bisect_left(self._starts, place, least, most)
        while count and self._ends[count - 1] > place and self._text[self._starts[count - 1] : place].isspace():
            count -= 1
        return count


Tokenizer = Callable[[str], Offsets]


def estimated_tokens(text: str) -> Offsets:
    """Estimated ranges of tokens, about as many as a tokenizer would find; each begins where the last one ends."""
    offsets = Offsets()
    for start, end in blocks(text):  # a list of all pieces would take ten times the memory of the text
        pieces = _PIECE.findall(text, start, end)
        offsets.ends.extend(islice(accumulate(map(len, pieces), initial=start), 1, None))
    offsets.starts = (array("i", [0]) + offsets.ends)[:-1]
    offsets.are_in_order = True
    return offsets


def tokenizer_of(folder: Path | None) -> Tokenizer | None:
    """The tokenizer of a model folder; None if the folder has no `tokenizer.json`, or is None itself.

    Raises EnvironmentNotReady if the file is broken.
    """
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return None
    from tokenizers import Tokenizer as Fast

    try:
        fast = Fast.from_file(str(path))
    except Exception as error:  # tokenizers raises this type itself
        raise EnvironmentNotReady(f"{path} is broken.", str(error), "Copy it again from its source.") from error
    fast.no_truncation()
    fast.no_padding()

    def tokens_of(text: str) -> Offsets:
        offsets = Offsets()
        for start, end in blocks(text):
            offsets.extend(fast.encode(text[start:end], add_special_tokens=False).offsets, start)
        return offsets

    return tokens_of


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of a whole text, or of parts of a little more than a million characters if it is longer.

    A tokenizer takes 100 bytes or more for each character of its input. Cuts are before a space between two words,
    where nearly every tokenizer splits the parts into the same tokens as the whole.
    """
    start = 0
    while start < len(text):
        gap = _GAP.search(text, start + _BLOCK_CHARS, start + 2 * _BLOCK_CHARS)
        end = gap.start() if gap else min(start + 2 * _BLOCK_CHARS, len(text))
        yield start, end
        start = end
