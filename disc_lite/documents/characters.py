"""PDF page -> pieces of lines: runs of the characters that PDFium finds, with their places, sizes and styles.

TeX's accents are merged into their letters, marks of notes are dropped, and Arabic and Hebrew are put in order.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from unicodedata import normalize

from disc_lite.documents.pieces import GAP_OF_PIECES, Char, Piece
from disc_lite.documents.righttoleft import (
    from_the_right,
    is_right_to_left,
    partly_from_the_right,
    right_to_left_letters,
)

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

# In multiples of the font size.
_SAME_BASELINE = 0.2
_SCRIPT_RISE = 0.75
_SCRIPT_SIZE = 0.86
_SPACE = 0.18  # the least width of a space; in print it is a quarter to a third

# The codes that PDFium gives for a hyphen at the end of a line.
_LINE_HYPHENS = (0x02, 0xFFFE)
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_BOLD_WEIGHT = 600
_BOLD = re.compile(rb"Bold|bold|Black|Heavy|Demi|CMBX|CMB\d|CMSSBX|SFBX")
_NOT_BOLD = re.compile(rb"Regu|Roman|Ital|Oblique")  # even if PDFium derives a bold weight from thick strokes
_ONE_WIDTH = re.compile(rb"Mono|Courier|Consolas|Typewriter|CMTT|CMSLTT|SFTT|Menlo|Inconsolata")
# Codes in TeX's encodings of letters, T1 and OT1 (ligatures from 0x0b), and of symbols (0x88).
_TEX_GLYPHS = dict(
    zip(
        b"\x0b\x0c\x0d\x0e\x0f\x1b\x1c\x1d\x1e\x1f\x02\x03\x10\x11\x12\x13\x14\x15\x16\x7f\x88\xff",
        "ff fi fl ffi ffl ff fi fl ffi ffl ^ ~ “ ” „ « » – — - • ß".split(),
        strict=True,
    )
)
_ACCENTS = dict(
    zip("`´ˆ˜¨˚¸ˇ˘¯˙˝", "\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u030c\u0306\u0304\u0307\u030b", strict=True)
)
_DOTLESS = str.maketrans("ıȷ", "ij")
_MAX_TILT = 0.1  # of a character against the lines of the page, as a tangent
_SAMPLED_CHARS = 40
_NOTED = re.compile(r"[^\W\d_]{4}$|[.,;:!?)\"”’»]$|\b[12]\d{3}$")


def pieces_of(page: PdfTextPage) -> Iterator[Piece]:
    """Yield the pieces of a page, runs of characters on one line; a wide gap ends a piece."""
    piece: Piece | None = None
    for char in _in_order(page, list(_composed(_characters(page)))):
        if piece is not None and _continues(piece, char):
            if char.has_space:
                is_bold, is_code = _style(page, char.place)
                piece.is_bold, piece.is_code = piece.is_bold and is_bold, piece.is_code and is_code
            _add(piece, char)
        else:
            if piece is not None:
                yield piece
            piece = Piece(char.left, char.right, char.baseline, char.size, char.text, *_style(page, char.place))
    if piece is not None:
        yield piece


def _in_order(page: PdfTextPage, chars: list[Char]) -> Iterable[Char]:
    """The characters in reading order: PDFium's order, except for Arabic and Hebrew."""
    import pypdfium2.raw as pdfium

    text = "".join(char.text for char in chars)
    if not right_to_left_letters(text):
        return chars
    box, direction, wide = pdfium.FS_RECTF(), _direction(page), []
    for char in chars:
        # As wide as the advance of the character.
        is_there = pdfium.FPDFText_GetLooseCharBox(page, char.place, box)
        corners = complex(box.left, box.bottom) / direction, complex(box.right, box.top) / direction
        left, right = sorted(corner.real for corner in corners)
        if is_there and left <= (char.left + char.right) / 2 <= right:
            char = char._replace(left=left, right=right)
        wide.append(char)
    return from_the_right(wide) if is_right_to_left(text) else partly_from_the_right(chars, wide)


def _composed(chars: Iterator[Char]) -> Iterator[Char]:
    """Yield the characters; an accent that TeX draws over a letter as a character of its own is merged into it."""
    held: Char | None = None
    for char in chars:
        if held is not None and (char.text in _ACCENTS or held.text in _ACCENTS):
            accent, letter = (held, char) if held.text in _ACCENTS else (char, held)
            text = normalize("NFC", letter.text.translate(_DOTLESS) + _ACCENTS[accent.text])
            if len(text) == 1 and letter.left < (accent.left + accent.right) / 2 < letter.right:
                held = letter._replace(text=text, has_space=held.has_space)
                continue
        if held is not None:
            yield held
        held = char
    if held is not None:
        yield held


def _characters(page: PdfTextPage) -> Iterator[Char]:
    """Yield the visible characters in the main direction of the page; other directions belong to figures."""
    import pypdfium2.raw as pdfium

    x, y, left, right, bottom, top = (ctypes.c_double() for _ in range(6))
    matrix = pdfium.FS_MATRIX()
    raw, direction = page.raw, _direction(page)
    high, has_space = 0, False
    last: Char | None = None
    for index in range(page.count_chars()):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        if code in _HIGH:
            high = code
            continue
        text, high = chr(code) if 0x20 <= code < 0x7F else _text(page, index, code, high), 0
        if not text or text.isspace():
            has_space = True
            continue
        pdfium.FPDFText_GetMatrix(raw, index, matrix)
        if matrix.b or matrix.a < 0 or direction != 1:
            course = complex(matrix.a, matrix.b) / direction
            if abs(course.imag) > _MAX_TILT * course.real:
                continue
        pdfium.FPDFText_GetCharBox(raw, index, left, right, bottom, top)
        pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
        # The font size alone can be 1, with the scale in the matrix.
        size = pdfium.FPDFText_GetFontSize(raw, index) * math.hypot(matrix.c, matrix.d)
        char = Char(index, text, has_space, x.value, left.value, right.value, y.value, size)
        if direction != 1:
            start = complex(x.value, y.value) / direction
            ends = [complex(left.value, bottom.value) / direction, complex(right.value, top.value) / direction]
            beginning, end = sorted(corner.real for corner in ends)
            char = char._replace(start=start.real, left=beginning, right=end, baseline=start.imag)
        elif not has_space and last is not None and last.baseline == char.baseline:
            has_room = char.left - last.right > _SPACE * size / 2
            char = char._replace(has_space=has_room and _ends_word(page, index - 1, size))
        yield char
        last, has_space = char, False


def _ends_word(page: PdfTextPage, index: int, size: float) -> bool:
    """Whether the gap after a character is a space: it is wide enough, and most gaps around it are not (s p a c e d).

    PDFium reports no space where a file writes the gap as a distance between letters, as groff does.
    """
    rooms = [_room_behind(page, place) for place in range(index - 2, index + 3)]
    wide, narrow = sum(room > _SPACE * size for room in rooms), sum(room <= _SPACE * size for room in rooms)
    return rooms[2] > _SPACE * size and wide <= 2 <= narrow


def _room_behind(page: PdfTextPage, index: int) -> float:
    """The gap between a character and the next one on its line, in points; NaN if there is no next one."""
    import pypdfium2.raw as pdfium

    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    next_x, next_y = ctypes.c_double(), ctypes.c_double()
    is_there = (
        pdfium.FPDFText_GetLooseCharBox(page, index, box)  # as wide as the advance of the character
        and pdfium.FPDFText_GetCharOrigin(page, index, x, y)
        and pdfium.FPDFText_GetCharOrigin(page, index + 1, next_x, next_y)
        and pdfium.FPDFText_GetUnicode(page, index + 1) not in (0x0A, 0x0D)  # added by PDFium at the end of a line
    )
    return next_x.value - box.right if is_there and y.value == next_y.value else math.nan


def _direction(page: PdfTextPage) -> complex:
    """The direction of the lines of a page as a complex number: 1 if rightwards or unclear, 1j if upwards."""
    import pypdfium2.raw as pdfium

    count, matrix = page.count_chars(), pdfium.FS_MATRIX()
    found: Counter[complex] = Counter()
    for index in range(0, count, count // _SAMPLED_CHARS + 1):
        if pdfium.FPDFText_GetMatrix(page, index, matrix) and (course := complex(matrix.a, matrix.b)):
            found[complex(round((course / abs(course)).real), round((course / abs(course)).imag))] += 1
    direction, times = found.most_common(1)[0] if found else (1 + 0j, 0)
    return direction if abs(direction) == 1 and 4 * times >= 3 * found.total() else 1 + 0j


def _text(page: PdfTextPage, index: int, code: int, high: int) -> str:
    """The text of a UTF-16 code; `high` is the first half of a surrogate pair before it, or 0."""
    if code < 0x20 or 0x7F <= code < 0xA0 or code == 0xFF or code in _LINE_HYPHENS:
        return _control(page, index, code)
    if code in _LOW:
        return chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)) if high else "\ufffd"
    # Private-use codes are glyphs of symbol fonts, which mean nothing as text.
    return "" if 0xE000 <= code <= 0xF8FF else chr(code)


def _control(page: PdfTextPage, index: int, code: int) -> str:
    """The text of a control code: a hyphen, nothing, or the glyph with this code in TeX's unnamed bitmap fonts."""
    import pypdfium2.raw as pdfium

    if code in _LINE_HYPHENS and (code != 2 or pdfium.FPDFText_IsHyphen(page, index)):
        return "-"
    if pdfium.FPDFText_IsGenerated(page, index) == 1:
        return ""  # the end of a line
    name = ctypes.create_string_buffer(8)
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), None)
    return _TEX_GLYPHS.get(code, "") if not name.value else chr(code) if code == 0xFF else ""


def _continues(piece: Piece, char: Char) -> bool:
    """Whether a character belongs to a piece: on its line, or raised or lowered in smaller type, without a wide gap."""
    largest = max(piece.size, char.size)
    gap = min(char.start, char.left) - piece.right
    rise = abs(char.baseline - piece.baseline)
    is_level = rise <= _SAME_BASELINE * largest or (
        rise <= _SCRIPT_RISE * largest and min(char.size, piece.size) <= _SCRIPT_SIZE * largest
    )
    return is_level and -largest < gap <= GAP_OF_PIECES * largest


def _add(piece: Piece, char: Char) -> None:
    """Append a character to a piece. A raised digit or sign gets a `^`.

    A raised number after a word, a punctuation mark or a year is the mark of a note, and is dropped.
    """
    text, size = char.text, char.size
    raised = size <= _SCRIPT_SIZE * piece.size and char.baseline - piece.baseline > _SAME_BASELINE * piece.size
    space = " " if char.has_space else ""
    if piece.size <= _SCRIPT_SIZE * size and piece.text.isdigit():
        # The piece so far is the raised mark with which a footnote begins.
        piece.size, piece.baseline, space = size, char.baseline, " "
    elif raised:
        if not piece.in_script:
            piece.in_note = text.isdigit() and _NOTED.search(piece.text) is not None
        if piece.in_note and (text.isdigit() or text == ","):
            text = space = ""
        elif not piece.in_script:
            space = "^" if text.isdigit() or text in "+-−–" else ""
    elif piece.in_script and not piece.in_note and not space and text.isalnum():
        space = " "
    piece.text += space + text
    piece.right = max(piece.right, char.right)
    piece.in_script = raised


def _style(page: PdfTextPage, index: int) -> tuple[bool, bool]:
    """Whether a character is bold, and whether its font is monospaced."""
    import pypdfium2.raw as pdfium

    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), flags)
    is_heavy = pdfium.FPDFText_GetFontWeight(page, index) >= _BOLD_WEIGHT and not _NOT_BOLD.search(name.value)
    is_bold = is_heavy or _BOLD.search(name.value) is not None
    return is_bold, bool(flags.value & 1) or _ONE_WIDTH.search(name.value) is not None
