"""Plain text printed in pages -> its lines without page breaks, running heads and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

_PAGE_FOOT = re.compile(r".*\[Page [\divxlc]+\]\s*")
_MIN_PAGE_LINES = 30
_MAX_RUNNING_CHARS = 110
_SENTENCE_END = (".", "!", "?", ":")


def without_running_lines(lines: Sequence[str]) -> list[str]:
    """The lines of a text, joined across its pages if it has any."""
    running = _running_lines(lines)
    if "\f" in "".join(lines) or running or sum(_PAGE_FOOT.fullmatch(line) is not None for line in lines) > 1:
        return [*_joined_pages(["\f" if number in running else line for number, line in enumerate(lines)])]
    return [*lines]


def _running_lines(lines: Sequence[str]) -> set[int]:
    """The numbers of lines that are repeated, except for the digits in them, at the distance of a page."""
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        around = [*lines[max(number - 1, 0) : number], *lines[number + 1 : number + 2]]
        if len(line) < _MAX_RUNNING_CHARS and re.search(r"\d", line) and not any(map(str.strip, around)):
            places.setdefault(_key(line), []).append(number)
    found: set[int] = set()
    for numbers in places.values():
        distances = Counter(below - above for above, below in pairwise(numbers)) or Counter([0])
        ((length, times),) = distances.most_common(1)
        if length >= _MIN_PAGE_LINES and times > 1 and 2 * times > distances.total():
            found.update(numbers)
    return found


def _joined_pages(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of all pages without running lines, with a blank line where no sentence runs across pages."""
    pages: list[list[str]] = [[]]
    for line in lines:
        before, *rest = line.split("\f")
        pages[-1].append(before)
        pages.extend([part] for part in rest)
        if not rest and _PAGE_FOOT.fullmatch(line):
            pages.append([])
    filled = [trimmed(page) for page in pages]
    seen = Counter(_key(line) for page in filled for line in {*page[:1], *page[-1:]})
    last = ""
    for page in filled:
        while page and _is_running(page[-1], seen):
            page = trimmed(page[:-1])
        while page and _is_running(page[0], seen):
            page = trimmed(page[1:])
        if not page:
            continue
        if last and (last.endswith(_SENTENCE_END) or not page[0].strip()[0].islower()):
            yield ""
        yield from page
        last = page[-1].rstrip()


def _is_running(line: str, seen: Counter[str]) -> bool:
    return _PAGE_FOOT.fullmatch(line) is not None or (seen[_key(line)] > 1 and any(char.isdigit() for char in line))


def _key(line: str) -> str:
    return re.sub(r"\d+", "#", " ".join(line.split()))


def trimmed(lines: Sequence[str]) -> list[str]:
    """The lines without blank lines at the start and the end."""
    shown = [index for index, line in enumerate(lines) if line.strip()]
    return list(lines[shown[0] : shown[-1] + 1]) if shown else []
