"""Counts list items and headings, and writes their numbers as the office program shows them: `3.`, `a)`, `§ 1`, `2.1`.

Office files hold rules of counting instead of numbers, but their sentences cite the numbers: "repeat step 3".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from disc_lite.documents.htmlnodes import Tag

# The element that the readers of office files put around a number, so that the HTML reader takes it as it is.
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
        template: Such as `%1.%2)`, where `%1` is the number of the top level and `%2` that of the level below it.
        kind: `1`, `a`, `A`, `i` or `I`, as in HTML; empty: the number is not shown.
        start: The first number.
        restarts_below: Counting restarts after an item of levels 1 to this one; None: of any level above.
        is_arabic: Whether its template shows the numbers of all levels in digits.
    """

    template: str
    kind: str = "1"
    start: int = 1
    restarts_below: int | None = None
    is_arabic: bool = False


@dataclass
class Numbers:
    """The last number of each level of a list, or of the headings of a document."""

    levels: Mapping[int, Level]
    counts: dict[int, int] = field(default_factory=dict)

    def label(self, depth: int, start: int | None = None) -> str:
        """Count the next item of a level, and return its number as it is shown; empty if the level shows none.

        Args:
            depth: The level, from 0.
            start: The number that the item itself sets, if it sets one.
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
    """A number written in the style of `1`, `a`, `A`, `i` or `I`; in digits where letters cannot express it."""
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
    """Count an item of a numbered HTML list, and return its number as shown; `numbers` has each list's last number."""
    own, start = item.get("value"), within_list.get("start")
    first = int(start) if start.isdecimal() else 1
    numbers[id(within_list)] = int(own) if own.isdecimal() else numbers.get(id(within_list), first - 1) + 1
    style, kind = within_list.get("style").lower(), within_list.get("type")
    by_style = (kind for name, kind in _STYLE_KINDS if name in style)
    return number_text(next(by_style, kind if kind in KINDS else "1"), numbers[id(within_list)])
