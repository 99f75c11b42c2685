"""LaTeX source -> the same source with each reference replaced by the number of an equation or by a title.

The numbers are not in the file, since LaTeX makes them. Equations, which have no other name, are counted here; sections
and figures are named by their titles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from disc_lite.documents.texspecs import OPTION, Groups, after_space

_HEADING = re.compile(rf"\\(?:part|chapter|(?:sub){{0,2}}section|(?:sub)?paragraph)\*?\s*{OPTION}\s*(?=\{{)")
_CAPTION = re.compile(rf"\\caption\*?\s*{OPTION}\s*(?=\{{)")
_LABEL = re.compile(r"\\label\s*\{([^{}]+)\}")
_FLOAT = re.compile(r"\\(begin|end)\s*\{(figure|table|wrapfigure|sidewaystable|listing)\*?\}")
_REFERENCE = re.compile(r"\\(eqref|ref|autoref|cref|Cref|nameref|vref|autonameref)\*?\s*\{([^{}]+)\}")
_MAX_TITLE_CHARS = 100  # a longer caption is not used as a name
_SHAPES = {"eqref": "({})", "cref": "eq. ({})", "Cref": "Equation ({})", "autoref": "Equation {}"}
_EQUATION = re.compile(r"\\(begin|end)\s*\{(equation|align|alignat|eqnarray|flalign|gather|multline)\}")
_SECTION = re.compile(r"\\(chapter|section)(?=\s*[\[{])")
_NUMBERED_ROWS = frozenset("align alignat eqnarray flalign gather".split())
_ROW_OR_PART = re.compile(r"\\\\|\\begin(?![A-Za-z])|\\end(?![A-Za-z])")
_TAG = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")
_NO_NUMBER = re.compile(r"\\(?:nonumber|notag)(?![A-Za-z])")
_UNCOUNTED = re.compile(
    r"\\(?:input|include|subfile|import)\s*\{|\\begin\s*\{subequations\}|\\setcounter\s*\{equation\}"
)
_CLASS = re.compile(r"\\documentclass(?![A-Za-z])")
_HAS_CHAPTERS = re.compile(r"\\documentclass\s*(?:\[[^\]]*\])?\s*\{(?:book|report|memoir|scrbook|scrreprt|amsbook)\}")
_WITHIN = re.compile(r"\\(?:numberwithin|counterwithin)\*?\s*\{equation\}\s*\{(chapter|section)\}")


def with_references(text: str, is_counted: bool = True) -> str:
    """The text with each reference replaced by the title, caption or equation number that it refers to.

    Args:
        text: LaTeX without the definitions of its macros.
        is_counted: Whether to count equations; if a macro begins one, the count would be wrong.
    """
    text, numbers = _with_numbers(text) if is_counted else (text, {})
    titles = dict(_titles(text))

    def shown(key: str, macro: str) -> str:
        if key in titles:
            return f"``{titles[key]}''"
        shape = _SHAPES.get(macro, "{}") if key in numbers or macro == "eqref" else "{}"
        return shape.format(numbers.get(key, key))

    return _REFERENCE.sub(lambda found: ", ".join(shown(key.strip(), found[1]) for key in found[2].split(",")), text)


def _with_numbers(text: str) -> tuple[str, dict[str, str]]:
    """The text with a `\\tag` in place of each label of an equation, and the number of each label.

    No equation gets a number if some may be in other files, or are numbered in a way that is not known here.
    """
    numbers: dict[str, str] = {}
    if _UNCOUNTED.search(text) or not _CLASS.search(text):
        return text, numbers
    within = _WITHIN.search(text)
    parent = within[1] if within else "chapter" if _HAS_CHAPTERS.search(text) else ""
    sections = [found for found in _SECTION.finditer(text) if found[1] == parent]
    above = count = at = 0
    parts: list[str] = []
    for name, start, end in _environments(text, _EQUATION):
        while above < len(sections) and sections[above].start() < start:
            above, count = above + 1, 0
        rows = _rows(text[start:end]) if name in _NUMBERED_ROWS else [text[start:end]]
        for place, row in enumerate(rows):
            tag = _TAG.search(row)
            count += tag is None and not _NO_NUMBER.search(row)
            number = tag[1] if tag else f"{above}.{count}" if parent else str(count)
            for label in _LABEL.finditer(row) if tag or not _NO_NUMBER.search(row) else ():
                numbers[label[1].strip()] = number
            rows[place] = _LABEL.sub("" if tag else rf"\\tag{{{number}}}", row)
        parts += [text[at:start], *rows]
        at = end
    return "".join([*parts, text[at:]]), numbers


def _environments(text: str, marks: re.Pattern[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each environment, and where its body begins and ends; none that is in another or not ended.

    Args:
        text: LaTeX.
        marks: Matches the beginnings and ends; its groups are `begin` or `end`, and the name.
    """
    found = list(marks.finditer(text))
    ends: dict[str, int] = {}  # name -> where the next one of that name ends
    bodies = []
    for mark in reversed(found):
        if mark[1] == "end":
            ends[mark[2]] = mark.start()
        elif mark[2] in ends:
            bodies.append((mark[2], mark.end(), ends[mark[2]]))
    last = 0
    for name, start, end in reversed(bodies):
        if start >= last:
            yield name, start, end
            last = end


def _rows(body: str) -> list[str]:
    """The rows of an equation, each with its `\\\\`; a matrix inside a row is not split at its own rows."""
    starts, depth = [0], 0
    for found in _ROW_OR_PART.finditer(body):
        depth += {"b": 1, "e": -1}.get(found[0][1], 0)
        if found[0] == "\\\\" and not depth:
            starts.append(found.end())
    return [body[start:end] for start, end in pairwise([*starts, len(body)]) if start < end]


def _titles(text: str) -> Iterator[tuple[str, str]]:
    groups = Groups(text)
    for heading in _HEADING.finditer(text):
        if end := groups.end(heading.end()):
            title = text[heading.end() + 1 : end - 1]
            for label in (_LABEL.search(title), _LABEL.match(text, after_space(text, end))):
                if label:
                    yield label[1].strip(), _LABEL.sub("", title).strip()
    for _, start, stop in _environments(text, _FLOAT):
        caption = _CAPTION.search(text, start, stop)
        end = groups.end(caption.end()) if caption else None
        if caption and end and end <= stop:
            title = _LABEL.sub("", text[caption.end() + 1 : end - 1]).strip().rstrip(".")
            if len(title) <= _MAX_TITLE_CHARS:
                yield from ((label[1].strip(), title) for label in _LABEL.finditer(text, start, stop))
