"""Joins lines, deciding for a hyphen at the end of a line whether it breaks a word or belongs to a compound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from disc_lite.documents.pieces import blank_between

_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_WORD_AT_END = re.compile(r"(?P<word>(?:[^\W\d_]+-)*[^\W\d_]+)-$")
_MIN_COMPOUND_LETTERS = 4


def whole_words(lines: Iterable[str]) -> Counter[str]:
    """The words of a text in lower case, counted, without those that the end of a line may have broken."""
    words: Counter[str] = Counter()
    before = ""
    for line in lines:
        found = _COMPOUND.findall(line)
        first, last = before.endswith("-"), len(found) - line.endswith("-")
        for word in map(str.lower, found[first:last]):
            words[word] += 1
            if word.count("-") > 1:
                words.update(map("-".join, pairwise(word.split("-"))))  # `debian-edu` in `Debian-Edu-Packages`
        before = line
    return words


def is_hyphenated(before: str, line: str) -> bool:
    """Whether a line ends with a hyphen, and the next one begins with a letter."""
    return re.search(r"\w-$", before) is not None and line[0].isalpha()


def joined_lines(text: str, words: Counter[str]) -> str:
    """The lines of a text as one line, with broken words made whole."""
    joined, *lines = text.split("\n")
    for line in filter(None, lines):
        if not is_hyphenated(joined, line):
            joined += blank_between(joined, line)
        elif is_broken_word(joined, line, words):
            joined = joined[:-1]
        joined += line
    return joined


def is_broken_word(before: str, line: str, words: Counter[str]) -> bool:
    """Whether the hyphen at the end of the line `before` only breaks a word, and is not part of a compound.

    Args:
        before: The line with the hyphen.
        line: The next line.
        words: The words of the whole text, from `whole_words`.
    """
    first, second = _WORD_AT_END.search(before), _COMPOUND.match(line)
    if first is None or second is None or first["word"].isupper() != second.group().isupper():
        return line[0].islower()
    left, right = first["word"].lower(), second.group().lower()
    written, whole = words[f"{left}-{right}"], words[left + right]
    if written or whole:
        return whole >= written
    last, following = left.rpartition("-")[2], right.partition("-")[0]
    if words[last + following] > words[f"{last}-{following}"]:
        return True
    # A compound: both parts are words of the text, which never joins them (`machine-dependent`), or `up-to-date`.
    is_long = min(len(last), len(following)) >= _MIN_COMPOUND_LETTERS or "-" in left
    return not (words[last] and words[following] and is_long) and "-" not in right
