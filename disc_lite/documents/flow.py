"""The columns of all pages -> one run of lines: titles in one line, footnotes behind what they interrupt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from disc_lite.documents.columns import Line
from disc_lite.documents.pieces import HEADING_SIZE

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "\u00ad": "-"})
SENTENCE_END = re.compile(r".*[.!?…:][\"'”’»)\]]*")
_NUMBERED = re.compile(r"(?:\d+(?:\.\d+)*|[A-Z])\.?\s|(?:Chapter|Appendix|Part|Section)\b")
_NOTE = re.compile(r"(?:\d{1,3}|[*†‡§]{1,3}|[a-z]\))\s*\S")

MAX_TITLE_CHARS = 200
_MIN_TEXT_CHARS = 60  # of a line
_SAME_SIZE = 0.3  # points
_BOLD_HEADING_SIZE = 1.05  # of the size of the running text; bold letters tell a heading by less
_NOTE_SIZE = 0.92  # of the size of the running text, at most
_MAX_CODE_SHARE = 0.5


@dataclass(frozen=True)
class Sizes:
    """The size of the running text in points, and the sizes of headings, the largest first."""

    body: float
    headings: tuple[int, ...]  # in half points
    differ: bool = False  # whether any line is larger than the running text

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Sizes:
        chars: Counter[int] = Counter()
        for line in lines:
            chars[round(2 * line.size)] += len(line.text)
        body = chars.most_common(1)[0][0] if chars else 0
        larger = Counter(round(2 * line.size) for line in lines if is_large(line, body / 2))
        # A size that is there once is that of a figure, unless it is that of the title, which comes first.
        used = {size for size, count in larger.items() if count > 1} | set(list(larger)[:1])
        return cls(body / 2, tuple(sorted(used, reverse=True)), bool(larger))


def is_large(line: Line, body: float) -> bool:
    """Whether a line is as large as headings are, beside running text of this size in points."""
    return line.size >= (_BOLD_HEADING_SIZE if line.is_bold else HEADING_SIZE) * body


def lines_in_order(columns: Sequence[Sequence[Line]]) -> tuple[list[Line], Sizes]:
    """The lines of all columns as they are read, and the sizes of their letters."""
    columns = _with_code(columns)
    sizes = Sizes.of([line for column in columns for line in column])
    lines = _joined_titles(list(_without_large_text(_body_lines(columns, sizes.body), sizes.body)), sizes.body)
    return lines, Sizes.of(lines)


def _with_code(columns: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The columns; in a text that is all in letters of one width these do not mean code."""
    code = sum(len(line.text) for column in columns for line in column if line.is_code)
    chars = sum(len(line.text) for column in columns for line in column)
    means_code = code <= _MAX_CODE_SHARE * chars
    return [[_tidy(replace(line, is_code=line.is_code and means_code)) for line in column] for column in columns]


def _tidy(line: Line) -> Line:
    text = line.text.translate(_LIGATURES)
    return replace(line, text=text.rstrip() if line.is_code else re.sub(r"[^\S\n]+", " ", text).strip())


def _body_lines(columns: Sequence[Sequence[Line]], body: float) -> Iterator[Line]:
    """All lines; a new page or column is a gap unless a sentence runs across it, and then the notes between wait."""
    last = ""
    held: list[Line] = []
    for column in columns:
        lines, notes = _without_notes(column, body)
        shown = [line for line in lines if line.text]
        if not shown:
            held += notes
            continue
        runs_on = shown[0].text[:1].islower() and not SENTENCE_END.fullmatch(last) and not shown[0].is_row
        if not runs_on:
            yield from held
            held = []
            if last:
                yield Line("")
        yield from lines
        held += notes
        last = shown[-1].text
    yield from held


def _without_notes(lines: Sequence[Line], body: float) -> tuple[list[Line], list[Line]]:
    """The lines of a column, and the notes at its foot, with a gap above: smaller lines, the first with a mark."""
    start = len(lines)
    while start and (not lines[start - 1].text or 0 < lines[start - 1].size <= _NOTE_SIZE * body):
        start -= 1
    while start < len(lines) and not _NOTE.match(lines[start].text):
        start += 1
    is_all = not any(line.text for line in lines[:start])
    if is_all or start == len(lines) or any(line.is_row or line.is_code for line in lines[start:]):
        return list(lines), []
    end = next(place for place in range(start, 0, -1) if lines[place - 1].text)
    return list(lines[:end]), [Line(""), *lines[start:]]


def _without_large_text(lines: Iterable[Line], body: float) -> Iterator[Line]:
    """The lines; a text in larger letters, as a foreword, is one in those of the running text and no title."""
    for is_larger, run in groupby(lines, lambda line: is_large(line, body) and not line.is_row and not line.is_bold):
        alike = list(run)
        chars = sum(len(line.text) for line in alike)
        is_text = is_larger and chars > MAX_TITLE_CHARS and chars > _MIN_TEXT_CHARS * len(alike)
        yield from (replace(line, size=body) if is_text else line for line in alike)


def _joined_titles(lines: Sequence[Line], body: float) -> list[Line]:
    """The lines, where a heading that is set in several is one, with ends of lines in it."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else Line("")
        is_alike = all(is_large(one, body) and not one.is_row for one in (last, line))
        is_title = is_alike and abs(line.size - last.size) < _SAME_SIZE
        # A little larger are also the bold labels of a form, one below the other.
        is_done = line.size < HEADING_SIZE * body and SENTENCE_END.fullmatch(last.text.rpartition("\n")[2]) is not None
        fits = bool(last.text) and not is_done and len(last.text) + len(line.text) < MAX_TITLE_CHARS
        if is_title and fits and not _NUMBERED.match(line.text):
            joined[-1] = replace(last, text=f"{last.text}\n{line.text}")
        else:
            joined.append(line)
    return joined
