"""The numbers of list items and headings, counted and written as the program shows them: `3.`, `a)`, `§ 1`, `2.1`.

Office files hold how to count, not the numbers, and other sentences speak of these: "repeat step 3", "under § 1 (2)".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from disc_lite.documents.htmlnodes import Tag

# What the readers of office files write around a number, for the HTML reader to take it as it is.
LABEL_TAG = "x-label"
KINDS = ("1", "a", "A", "i", "I")
_STYLE_KINDS = (("lower-alpha", "a"), ("lower-latin", "a"), ("upper-alpha", "A"), ("upper-latin", "A"),
                ("lower-roman", "i"), ("upper-roman", "I"))  # fmt: skip
_PLACE = re.compile(r"%(\d)")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_MAX_ROMAN = 4000


@dataclass(frozen=True)
class Level:
    """How the items of one level are numbered.

    Attributes:
        template: `%1.%2)`: the numbers of the levels from the top, counted from 1, and what stands around them.
        kind: `1`, `a`, `A`, `i` or `I`, as in HTML; empty: its number is not shown.
        start: The first number.
        restarts_below: It starts again behind an item of a level up to this one, counted from 1; None: of any above.
        is_arabic: Whether its template shows the numbers of all levels as `1`.
    """

    template: str
    kind: str = "1"
    start: int = 1
    restarts_below: int | None = None
    is_arabic: bool = False


@dataclass
class Numbers:
    """The numbers that a list, or the headings of a document, have come to."""

    levels: Mapping[int, Level]
    counts: dict[int, int] = field(default_factory=dict)

    def label(self, depth: int, start: int | None = None) -> str:
        """The number of the next item of a level, from 0; empty if the level shows none.

        Args:
            depth: The level, from 0.
            start: The number that the item has by itself.
        """
        level = self.levels.get(depth)
        if level is None:
            return ""
        self.counts[depth] = self.counts.get(depth, level.start - 1) + 1 if start is None else start
        for deeper in [other for other in self.counts if other > depth]:
            below = self.levels[deeper].restarts_below
            if below is None or depth < below:
                del self.counts[deeper]

        def shown(place: re.Match[str]) -> str:
            other = int(place[1]) - 1
            if other not in self.levels:
                return ""
            kind = self.levels[other].kind
            number = self.counts.get(other, self.levels[other].start)
            return number_text("1" if level.is_arabic and kind else kind, number)

        return " ".join(_PLACE.sub(shown, level.template).split())


def number_text(kind: str, number: int) -> str:
    """A number as `1`, `a`, `A`, `i` or `I`; what letters cannot say is said in digits."""
    text = str(number)
    if not kind:
        return ""
    if kind in ("a", "A") and number > 0:
        text = ""
        while number:
            number, letter = divmod(number - 1, 26)
            text = chr(ord("a") + letter) + text
    elif kind in ("i", "I") and 0 < number < _MAX_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (number // value)
            number %= value
    return text.upper() if kind in ("A", "I") else text


def item_number(item: Tag, within_list: Tag, numbers: dict[int, int]) -> str:
    """The number of an item of a numbered list of HTML as it is shown; `numbers` has the last one of each list."""
    own, start = item.get("value"), within_list.get("start")
    first = int(start) if start.isdecimal() else 1
    numbers[id(within_list)] = int(own) if own.isdecimal() else numbers.get(id(within_list), first - 1) + 1
    style, kind = within_list.get("style").lower(), within_list.get("type")
    by_style = (kind for name, kind in _STYLE_KINDS if name in style)
    return number_text(next(by_style, kind if kind in KINDS else "1"), numbers[id(within_list)])
