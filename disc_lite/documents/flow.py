"""The columns of all pages -> one sequence of lines: titles joined, footnotes behind the sentence they interrupt.

It also finds the font sizes of the running text and of the headings, by which `layout` recognises headings.
"""

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
_MIN_TEXT_CHARS = 60  # in the mean line of a text in larger letters
_SAME_SIZE = 0.3  # points
_BOLD_HEADING_SIZE = 1.05  # times the size of the running text; a bold heading need not be as large as others
_NOTE_SIZE = 0.92  # of the size of the running text; notes are at most so large
_MAX_CODE_SHARE = 0.5


@dataclass(frozen=True)
class Sizes:
    """The font sizes of the running text, in points, and of headings, the largest first."""

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
        # A size that only one line has is that of a figure, or else that of the title, which comes first.
        used = {size for size, count in larger.items() if count > 1} | set(list(larger)[:1])
        return cls(body / 2, tuple(sorted(used, reverse=True)), bool(larger))


def is_large(line: Line, body: float) -> bool:
    """Whether a line is as large as a heading, given the size of the running text in points."""
    return line.size >= (_BOLD_HEADING_SIZE if line.is_bold else HEADING_SIZE) * body


def lines_in_order(columns: Sequence[Sequence[Line]]) -> tuple[list[Line], Sizes]:
    """The lines of all columns in reading order, and the font sizes of running text and headings among them."""
    columns = _with_code(columns)
    sizes = Sizes.of([line for column in columns for line in column])
    lines = _joined_titles(list(_without_large_text(_body_lines(columns, sizes.body), sizes.body)), sizes.body)
    return lines, Sizes.of(lines)


def _with_code(columns: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The columns with tidy lines; if most of the text is monospaced, no line counts as code."""
    code = sum(len(line.text) for column in columns for line in column if line.is_code)
    chars = sum(len(line.text) for column in columns for line in column)
    means_code = code <= _MAX_CODE_SHARE * chars
    return [[_tidy(replace(line, is_code=line.is_code and means_code)) for line in column] for column in columns]


def _tidy(line: Line) -> Line:
    text = line.text.translate(_LIGATURES)
    return replace(line, text=text.rstrip() if line.is_code else re.sub(r"[^\S\n]+", " ", text).strip())


def _body_lines(columns: Sequence[Sequence[Line]], body: float) -> Iterator[Line]:
    """Yield all lines, with a gap between columns unless a sentence runs on, in which case footnotes come after it."""
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
    """The lines of a column without the notes at its foot, and the notes: smaller lines, the first with a mark."""
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
    """Yield the lines; those of a long text in larger letters, such as a foreword, get the size of running text."""
    for is_larger, run in groupby(lines, lambda line: is_large(line, body) and not line.is_row and not line.is_bold):
        alike = list(run)
        chars = sum(len(line.text) for line in alike)
        is_text = is_larger and chars > MAX_TITLE_CHARS and chars > _MIN_TEXT_CHARS * len(alike)
        yield from (replace(line, size=body) if is_text else line for line in alike)


def _joined_titles(lines: Sequence[Line], body: float) -> list[Line]:
    """The lines, with each heading that takes several lines joined into one line that contains line breaks."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else Line("")
        is_alike = all(is_large(one, body) and not one.is_row for one in (last, line))
        is_title = is_alike and abs(line.size - last.size) < _SAME_SIZE
        # The bold labels of a form, one below the other, are also a little larger than the text.
        is_done = line.size < HEADING_SIZE * body and SENTENCE_END.fullmatch(last.text.rpartition("\n")[2]) is not None
        fits = bool(last.text) and not is_done and len(last.text) + len(line.text) < MAX_TITLE_CHARS
        if is_title and fits and not _NUMBERED.match(line.text):
            joined[-1] = replace(last, text=f"{last.text}\n{line.text}")
        else:
            joined.append(line)
    return joined
