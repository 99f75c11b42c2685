"""LaTeX source -> the same source with each reference replaced by the number of an equation or by a title.

The numbers are not in the file, since LaTeX makes them. Equations, which have no other name, are counted here; sections
and figures are named by their titles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from disc_lite.documents.texspecs import after_space, group_end

_HEADING = re.compile(r"\\(?:part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\*?\s*(?:\[[^\]]*\])?\s*(?=\{)")
_CAPTION = re.compile(r"\\caption\*?\s*(?:\[[^\]]*\])?\s*(?=\{)")
_LABEL = re.compile(r"\\label\s*\{([^{}]+)\}")
_FLOAT = re.compile(r"\\begin\s*\{(figure|table|wrapfigure|sidewaystable|listing)\*?\}.*?\\end\s*\{\1\*?\}", re.DOTALL)
_REFERENCE = re.compile(r"\\(eqref|ref|autoref|cref|Cref|nameref|vref|autonameref)\*?\s*\{([^{}]+)\}")
_MAX_TITLE_CHARS = 100  # a longer caption is not used as a name
_SHAPES = {"eqref": "({})", "cref": "eq. ({})", "Cref": "Equation ({})", "autoref": "Equation {}"}
_EQUATION = re.compile(
    r"\\(?P<heading>chapter|section)(?=\s*[\[{])"
    r"|(?P<begin>\\begin\s*\{(?P<name>equation|align|alignat|eqnarray|flalign|gather|multline)\})(?P<body>.*?)"
    r"(?P<end>\\end\s*\{(?P=name)\})",
    re.DOTALL,
)
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
    above = count = 0

    def numbered(found: re.Match[str]) -> str:
        nonlocal above, count
        if not found["name"]:
            if found["heading"] and found["heading"] == parent:
                above, count = above + 1, 0
            return found[0]
        rows = _rows(found["body"]) if found["name"] in _NUMBERED_ROWS else [found["body"]]
        for place, row in enumerate(rows):
            tag = _TAG.search(row)
            count += tag is None and not _NO_NUMBER.search(row)
            number = tag[1] if tag else f"{above}.{count}" if parent else str(count)
            for label in _LABEL.finditer(row) if tag or not _NO_NUMBER.search(row) else ():
                numbers[label[1].strip()] = number
            rows[place] = _LABEL.sub("" if tag else rf"\\tag{{{number}}}", row)
        return f"{found['begin']}{''.join(rows)}{found['end']}"

    return _EQUATION.sub(numbered, text), numbers


def _rows(body: str) -> list[str]:
    """The rows of an equation, each with its `\\\\`; a matrix inside a row is not split at its own rows."""
    starts, depth = [0], 0
    for found in _ROW_OR_PART.finditer(body):
        depth += {"b": 1, "e": -1}.get(found[0][1], 0)
        if found[0] == "\\\\" and not depth:
            starts.append(found.end())
    return [body[start:end] for start, end in pairwise([*starts, len(body)]) if start < end]


def _titles(text: str) -> Iterator[tuple[str, str]]:
    for heading in _HEADING.finditer(text):
        if end := group_end(text, heading.end()):
            title = text[heading.end() + 1 : end - 1]
            for label in (_LABEL.search(title), _LABEL.match(text, after_space(text, end))):
                if label:
                    yield label[1].strip(), _LABEL.sub("", title).strip()
    for found in _FLOAT.finditer(text):
        caption = _CAPTION.search(found.group())
        end = group_end(found.group(), caption.end()) if caption else None
        if caption and end:
            title = _LABEL.sub("", found.group()[caption.end() + 1 : end - 1]).strip().rstrip(".")
            if len(title) <= _MAX_TITLE_CHARS:
                yield from ((label[1].strip(), title) for label in _LABEL.finditer(found.group()))
