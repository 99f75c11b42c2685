"""Number words of other languages than English -> their values: zweihundert, deux cents, двести, mil quinientos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from disc_lite.qa.numberwords import (
    FOREIGN_HUNDREDS,
    FOREIGN_ONES,
    FOREIGN_SCALES,
    FOREIGN_SMALL,
    FOREIGN_TENS,
    FOREIGN_THOUSANDS,
    FRENCH_UNITS,
    NUMBER_LINKS,
    ONES_BEHIND_A_LINK,
)

# German, Dutch and Italian compounds: what multiplies the thousands or hundreds, and what is added to them.
_COMPOUNDS = {
    1000: re.compile(r"(.*?)(?:tausend|duizend|(?<=.)mila|^mille)(?:(?:und|en)(?=.))?(.*)"),
    100: re.compile(r"(.*?)(?:hundert|honderd|cent(?=ott)|cento)(?:(?:und|en)(?=.))?(.*)"),
}


@lru_cache(maxsize=1 << 15)
def foreign_number(word: str) -> int:
    """The value of a number in one word, in lower case and without accents; 0 for any other word.

    French "cent" by itself is not a number, because it is also English and German.
    """
    if value := FOREIGN_SMALL.get(word) or FOREIGN_HUNDREDS.get(word) or FOREIGN_THOUSANDS.get(word):
        return value
    if "-" in word:
        value, length = value_of_run(word.split("-"))
        return value if length == word.count("-") + 1 else 0
    size, found = next(((size, found) for size, p in _COMPOUNDS.items() if (found := p.fullmatch(word))), (0, None))
    if found is None:
        return 0
    times, plus = (FOREIGN_ONES.get(part) or foreign_number(part) for part in found.groups())
    is_whole = (times or not found[1]) and (plus or not found[2]) and plus < size and times < 1000
    return (times or 1) * size + plus if is_whole else 0


def value_of_run(words: Sequence[str]) -> tuple[int, int]:
    """The value of the number that some words begin with, and how many words it has; (0, 0) if they begin with none."""
    total = section = length = 0  # `section` is what follows the last scale word
    before, link = "", ""
    for n, word in enumerate(words, 1):
        if word in NUMBER_LINKS and not link and (before == "tens" or (word == "e" and before in ("hundred", "scale"))):
            link = word
            continue
        kind, value = _kind_of(word, link)
        if kind == "scale" and before != "scale" and (before or word in FOREIGN_THOUSANDS):
            total, section = total + (section or 1) * value, 0
        elif kind == "hundred" and before in ("", "scale"):
            section += value
        elif kind == "cent" and (before in ("", "scale") and word == "cent"):
            kind, section = "hundred", section + 100
        elif kind == "cent" and before == "small" and words[n - 2] in FRENCH_UNITS:
            kind, section = "hundred", 100 * section
        elif kind in ("small", "tens") and (before in ("", "hundred", "scale") or (before == "tens" and value < 10)):
            section += value
        else:
            break
        before, link, length = kind, "", n
    return (0, 0) if length == 1 and words[0] == "cent" else (total + section, length)


def _kind_of(word: str, link: str) -> tuple[str, int]:
    """What a word is in a number, and its value; ("", 0) if it is no part of one."""
    if word in FOREIGN_SCALES:
        return "scale", FOREIGN_SCALES[word]
    if word in ("cent", "cents"):
        return "cent", 100
    if word in FOREIGN_TENS:
        return "tens", FOREIGN_TENS[word]
    value = FOREIGN_ONES.get(word, 0) if link or word not in ONES_BEHIND_A_LINK else 0
    value = value or foreign_number(word)
    return "" if not value else "hundred" if 100 <= value < 1000 else "small" if value < 100 else "", value
