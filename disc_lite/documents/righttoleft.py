"""Characters of an Arabic or Hebrew page as drawn -> the same characters in reading order, found by their positions.

A PDF can draw letters in any order, and PDFium returns some words backwards, but the positions of letters are certain.
The page is also mirrored, so that the modules after this one read it like a page written from the left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import category, normalize

from disc_lite.documents.pieces import GAP_OF_PIECES, Char, Piece, parts_of, rows_of

_RIGHT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LETTER = re.compile(rf"[{_RIGHT}]")
_HEBREW = re.compile(r"[\u0590-\u05ff]")
# Left-to-right text is backwards within a line that is read from the right: Latin words with what is between them, and
# numbers. A comma or a unit can show whether a number next to a word is read before or after it; without them the
# number is taken to come after the word, as in `Windows 11`. A line without right-to-left letters is turned, except for
# a stop at its left, which shows that the paragraph is right-to-left.
_LATIN = r"[A-Za-zÀ-ӿ]"
_OTHER = rf"[^\n{_RIGHT}]"
_BEFORE = r"(?:°? ?\d(?:[.,]?\d)*)?"  # a number at the left of a word, read before it
_WORDS = (
    rf"(?P<line>(?m:^){_OTHER}*{_LATIN}{_OTHER}*?(?=[.,;:!?]*(?m:$)))"
    rf"|(?!\d(?:[-.,:/]?\d)*[.,;:] )[A-Za-zÀ-ӿ\d]{_OTHER}*{_LATIN}{_BEFORE}|{_LATIN}{_BEFORE}"
)
_UNIT = re.compile(
    r"(?:[KMGT]i?B|[KMG]bps|[kcmnµ]?m|[km]?g|m?l|[kMG]?Hz|[kMGm]?W|[kM]?Wh|[km]?V|m?s|min|dB|rpm|bar|[hk]?Pa|[AaPp]m|[AP]M)"
    r"(?:/[a-z]+)?(?: .*)? (\d(?:[-.,:/]?\d)*)$"
)
_DEGREES = re.compile(r"[CF]° (\d(?:[.,]?\d)*)$")
_FROM_THE_LEFT = r"[%$€₪#°]*\d(?:[-+.,:/]?\d)*[%$€₪#°]*"
# A telephone number that the end of a line breaks at a hyphen, which stays with its digits.
_BROKEN = r"(?<= )-\d+-[-\d]*\d(?m:$)"
_AFTER_HEBREW = re.compile(rf"{_WORDS}|{_BROKEN}|{_FROM_THE_LEFT}")
# After an Arabic letter a number ends at a hyphen or a per cent sign (rule W2 of the Unicode bidirectional algorithm).
# A number at the start of a paragraph does not; at the start of another line that depends on the program.
_OPENS = r"(?m:^|(?<=^[][()«»]))"
_AFTER_ARABIC = re.compile(rf"{_WORDS}|{_OPENS}(?=[%$€#]*[0-9۰-۹]){_FROM_THE_LEFT}|\d(?:[.,:/٫٬]?\d)*")
_YEARS = re.compile(rf"{_OPENS}([12]\d{{3}})-([12]\d{{3}})(?![\d-])")
_RANGE = re.compile(r"(?<![\d./-])([1-9]\d+) ?[-–] ?([1-9]\d+)(?![\d./-])")
_UNSURE = re.compile(rf"[][()«»]?([0-9۰-۹]+(?:-[0-9۰-۹]+)+)(?=.*[{_RIGHT}])")
_ENDS_LIGATURE = tuple("اأإآٱ")  # in a ligature, PDFium returns an alef before its lam, in one place
_NOTHING_OPENED = re.compile(r"[.,;:!?؟،؛]*(?:\s|$)")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("«", "»"), ("‹", "›"), ("<", ">"))
# The least width of a space, in font sizes. Between letters that are neighbours in PDFium's order it is larger: a
# narrower gap can be the room that an alef leaves.
_SPACE, _SURE_SPACE = 0.2, 0.3

_Line = list[tuple[str, Char | None]]  # None for a space or a line break


def right_to_left_letters(text: str) -> int:
    """The number of Arabic and Hebrew letters in a text."""
    return len(_LETTER.findall(text))


def is_right_to_left(text: str) -> bool:
    """Whether most letters of a text are Arabic or Hebrew."""
    return 2 * right_to_left_letters(text) > sum(map(str.isalpha, text))


def letters_as_drawn(page: Sequence[Piece]) -> int:
    """The number of Arabic and Hebrew letters left in PDFium's order, since they are among left-to-right letters."""
    if is_right_to_left("".join(piece.text for piece in page)):
        return 0
    parts = ["".join(piece.text for piece in part) for row in rows_of(page) for part in parts_of(row)]
    return sum(right_to_left_letters(part) for part in parts if not is_right_to_left(part))


def unsure_numbers(lines: Iterable[str]) -> Iterator[str]:
    """Yield hyphenated numbers in Arabic lines whose order is uncertain: at the start of a line, or falling (15-12)."""
    for line in lines:
        if not is_right_to_left(line) or _HEBREW.search(line):
            continue
        opening = _UNSURE.match(line)
        if opening and not _YEARS.fullmatch(opening[1]):
            yield opening[1]
        yield from (
            two[0] for two in _RANGE.finditer(line, opening.end() if opening else 0) if int(two[1]) > int(two[2])
        )


def from_the_right(chars: Sequence[Char]) -> Iterator[Char]:
    """Yield the characters of a right-to-left page in reading order, mirrored; `chars` are as wide as their advance."""
    edge = max(char.right for char in chars)
    return _in_reading_order([(row, edge) for row in rows_of(chars)])


def partly_from_the_right(chars: Sequence[Char], wide: Sequence[Char]) -> Iterator[Char]:
    """Yield the characters of a left-to-right page, with the right-to-left parts of its lines mirrored in their place.

    Args:
        chars: The characters as drawn; those outside such parts stay as they are.
        wide: The same characters, each as wide as its advance.
    """
    parts = [
        part for row in rows_of(wide) for part in parts_of(row) if is_right_to_left("".join(one.text for one in part))
    ]
    turned = {char.place for part in parts for char in part}
    yield from (char for char in chars if char.place not in turned)
    yield from _in_reading_order(
        [(part, min(one.left for one in part) + max(one.right for one in part)) for part in parts]
    )


def _in_reading_order(rows: Sequence[tuple[Sequence[Char], float]]) -> Iterator[Char]:
    """Yield the characters of (row, edge) pairs in reading order; each row is mirrored so that its edge is at 0."""
    text = "".join(char.text for row, _ in rows for char in row)
    runs = _AFTER_HEBREW if 2 * len(_HEBREW.findall(text)) > right_to_left_letters(text) else _AFTER_ARABIC
    for line in _with_brackets([_with_runs(_line(row, edge), runs) for row, edge in rows]):
        has_space = False
        for text, char in line:
            if char is not None:
                yield char._replace(text=normalize("NFKC", text) if _LETTER.match(text) else text, has_space=has_space)
            has_space = char is None


def _line(row: Sequence[Char], edge: float) -> _Line:
    """The characters of a row from the right, with spaces at gaps, and line breaks at gaps as between columns."""
    mirrored = [char._replace(start=edge - char.right, left=edge - char.right, right=edge - char.left) for char in row]
    letters = [char for char in mirrored if not _is_mark(char)]
    bases = {char: base for char in mirrored if _is_mark(char) and (base := _letter_under(char, letters))}
    line: _Line = []
    before: Char | None = None
    for char in sorted(set(mirrored) - set(bases), key=lambda one: (one.left, one.text in _ENDS_LIGATURE, one.place)):
        gap = (char.left - before.right) / char.size if before else 0
        if before and gap > (_SURE_SPACE if abs(char.place - before.place) == 1 or _is_mark(before) else _SPACE):
            line.append(("\n" if gap > GAP_OF_PIECES else " ", None))
        line.append((char.text, char))
        before = char
    for mark, base in bases.items():
        marked = mark._replace(start=base.left, left=base.left, right=base.right)
        line.insert(line.index((base.text, base)) + 1, (mark.text, marked))
    return line


def _letter_under(mark: Char, letters: Sequence[Char]) -> Char | None:
    """The letter that a mark is drawn on; None if the mark has room of its own, after its letter."""
    middle = (mark.left + mark.right) / 2
    return min(
        (one for one in letters if one.left < middle < one.right),
        key=lambda one: abs(2 * middle - one.left - one.right),
        default=None,
    )


def _is_mark(char: Char) -> bool:
    return category(char.text[0]) == "Mn"


def _with_runs(line: _Line, runs: re.Pattern[str]) -> _Line:
    """The line with its left-to-right spans (Latin words and numbers) turned around."""
    for start, end in _left_to_right_spans("".join(text[0] for text, _ in line), runs):
        part = line[start:end]
        both = min(char.left for _, char in part if char) + max(char.right for _, char in part if char)
        line[start:end] = [
            (text, char and char._replace(start=both - char.right, left=both - char.right, right=both - char.left))
            for text, char in reversed(part)
        ]
    if runs is _AFTER_ARABIC:
        # The earlier of two years comes first, on whichever side it is drawn.
        for years in _YEARS.finditer("".join(text[0] for text, _ in line)):
            if years[1] > years[2]:
                for at, digit in zip(
                    (*range(*years.span(1)), *range(*years.span(2))), years[2] + years[1], strict=True
                ):
                    line[at] = (digit, line[at][1])
    return line


def _left_to_right_spans(shown: str, runs: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The spans of left-to-right text in a right-to-left line."""
    for run in runs.finditer(shown):
        start, end = run.span()
        bracket = re.search(r"[()]", run[0])
        if bracket and not run["line"] and len(re.findall(r"[()]", run[0])) % 2:
            if start and shown[start - 1] in "()":
                start -= 1
            else:  # its other half is beyond right-to-left letters
                middle = start + bracket.start()
                yield start, start + len(shown[start:middle].rstrip())
                start = end - len(shown[middle + 1 : end].lstrip())
        text = shown[start:end][::-1]
        if of_unit := _UNIT.match(text) or _DEGREES.match(text):  # `8 GB` is drawn as `GB 8`
            number = len(of_unit[1])
            yield start, start + number
            start = end if of_unit.re is _DEGREES else start + number + 1
        if start < end:
            yield start, end


def _with_brackets(lines: list[_Line]) -> list[_Line]:
    """The lines with brackets that open before they close: mirrored, an opening bracket looks like a closing one."""
    texts = ["".join(text[0] for text, _ in line) for line in lines]
    for opening, closing in _PAIRS:
        # Lines that have only one of the two are read like most lines of the page.
        leaning = sum(_opens_first(text, opening, closing) for text in texts)
        for text, line in zip(texts, lines, strict=True):
            is_pair = opening in text and closing in text
            is_turned = (_opens_first(text, opening, closing) if is_pair else leaning) < 0
            for at, char in enumerate(text):
                if char in (opening, closing):
                    opens = _opens(text, at) if opening != "<" else None
                    opens = (char == opening) != is_turned if opens is None else opens
                    line[at] = (opening if opens else closing, line[at][1])
    return lines


def _opens(text: str, at: int) -> bool | None:
    """Whether a bracket opens, if a space on only one side of it shows that; else None."""
    is_open_before, is_open_behind = (
        not text[:at].strip() or text[at - 1].isspace(),
        _NOTHING_OPENED.match(text, at + 1),
    )
    return None if is_open_before == bool(is_open_behind) else is_open_before


def _opens_first(text: str, opening: str, closing: str) -> int:
    """1 if the first bracket of a line opens, -1 if it closes, 0 if there is none."""
    first = next((char for char in text if char in (opening, closing)), "")
    return (first == opening) - (first == closing)
