"""Pages in Arabic or Hebrew: the characters of each line in the order in which they are read, by their places.

A PDF draws letters in any order, and a reader can only guess it: PDFium gives some words backward. Where they stand is
certain. The page is mirrored, so that all that follows reads it as one that is written from the left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import filterfalse
from unicodedata import category, normalize

from disc_lite.documents.pieces import GAP_OF_PIECES, Char

_RIGHT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LETTER = re.compile(rf"[{_RIGHT}]")
_HEBREW = re.compile(r"[\u0590-\u05ff]")
# What stands from the left within such a line, backward: words of other letters with what is between them, and numbers.
# Whether a number beside a word is read before or behind it cannot be seen: it is taken to be behind: `Windows 11`.
# Beside Arabic letters a number ends at a hyphen or a per cent sign (rule W2 of the Unicode bidirectional algorithm).
_LATIN = r"[A-Za-zÀ-ӿ]"
_WORDS = rf"[A-Za-zÀ-ӿ\d][^\n{_RIGHT}]*{_LATIN}|{_LATIN}"
_AFTER_ARABIC = re.compile(rf"{_WORDS}|\d(?:[.,:/]?\d)*")
_AFTER_HEBREW = re.compile(rf"{_WORDS}|[%$€₪#°]*\d(?:[-+.,:/]?\d)*[%$€₪#°]*")
_ENDS_LIGATURE = tuple("اأإآٱ")  # with a lam in one place, of which PDFium gives it first
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("«", "»"), ("‹", "›"), ("<", ">"))
# In sizes of the font.
_LEVEL = 0.3
# Between letters that PDFium has side by side there may be none where it is narrow: an alef leaves as much.
_SPACE, _SURE_SPACE = 0.2, 0.3

_Line = list[tuple[str, Char | None]]  # a blank has no character


def right_to_left_letters(text: str) -> int:
    """How many letters of a text are Arabic or Hebrew."""
    return len(_LETTER.findall(text))


def is_right_to_left(text: str) -> bool:
    """Whether most letters of a page are Arabic or Hebrew."""
    return 2 * right_to_left_letters(text) > sum(map(str.isalpha, text))


def from_the_right(chars: Sequence[Char]) -> Iterator[Char]:
    """The characters of such a page, mirrored, as they are read; each is given as wide as it moves its line on."""
    edge = max(char.right for char in chars)
    text = "".join(char.text for char in chars)
    runs = _AFTER_HEBREW if 2 * len(_HEBREW.findall(text)) > right_to_left_letters(text) else _AFTER_ARABIC
    lines = [_with_runs(_line(row, edge), runs) for row in _rows(chars)]
    for line in _with_brackets(lines):
        has_space = False
        for text, char in line:
            if char is not None:
                yield char._replace(text=normalize("NFKC", text) if _LETTER.match(text) else text, has_space=has_space)
            has_space = char is None


def _rows(chars: Sequence[Char]) -> Iterator[list[Char]]:
    row: list[Char] = []
    for char in sorted(chars, key=lambda one: -one.y):
        if row and abs(row[0].y - char.y) > _LEVEL * max(char.size, row[0].size):
            yield row
            row = []
        row.append(char)
    if row:
        yield row


def _line(row: Sequence[Char], edge: float) -> _Line:
    """The characters of a row from the right, with blanks and, at gaps of a column, line breaks between."""
    mirrored = [char._replace(start=edge - char.right, left=edge - char.right, right=edge - char.left) for char in row]
    line: _Line = []
    before: Char | None = None
    for char in sorted(filterfalse(_is_mark, mirrored), key=lambda one: (one.left, one.text in _ENDS_LIGATURE)):
        gap = (char.left - before.right) / char.size if before else 0
        if before and gap > (_SURE_SPACE if abs(char.place - before.place) == 1 else _SPACE):
            line.append(("\n" if gap > GAP_OF_PIECES else " ", None))
        line.append((char.text, char))
        before = char
    letters = [char for _, char in line if char is not None]
    for mark in filter(_is_mark, mirrored if letters else ()):
        base = min(letters, key=lambda one: abs(mark.left + mark.right - one.left - one.right))
        marked = mark._replace(start=base.left, left=base.left, right=base.right)
        line.insert(line.index((base.text, base)) + 1, (mark.text, marked))
    return line


def _is_mark(char: Char) -> bool:
    return category(char.text[0]) == "Mn"


def _with_runs(line: _Line, runs: re.Pattern[str]) -> _Line:
    """The line with its words of other letters and its numbers turned to be read from the left."""
    shown = "".join(text[0] for text, _ in line)
    for run in runs.finditer(shown):
        part = line[run.start() : run.end()]
        both = min(char.left for _, char in part if char) + max(char.right for _, char in part if char)
        line[run.start() : run.end()] = [
            (text, char and char._replace(start=both - char.right, left=both - char.right, right=both - char.left))
            for text, char in reversed(part)
        ]
    return line


def _with_brackets(lines: list[_Line]) -> list[_Line]:
    """The lines with brackets that open before they close: drawn from the right, one has the form of the other."""
    texts = ["".join(text[0] for text, _ in line) for line in lines]
    for opening, closing in _PAIRS:
        # In lines that have one of the two, as most of the page says.
        leaning = sum(_opens_first(text, opening, closing) for text in texts)
        turned = str.maketrans(opening + closing, closing + opening)
        for text, line in zip(texts, lines, strict=True):
            is_pair = opening in text and closing in text
            if (_opens_first(text, opening, closing) if is_pair else leaning) < 0:
                line[:] = [(one.translate(turned), char) for one, char in line]
    return lines


def _opens_first(text: str, opening: str, closing: str) -> int:
    """1 where the first bracket of a line opens, -1 where it closes, 0 where there is none."""
    first = next((char for char in text if char in (opening, closing)), "")
    return (first == opening) - (first == closing)
