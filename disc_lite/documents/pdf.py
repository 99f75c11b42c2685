"""PDF -> text: PDFium's characters with their places -> pieces of lines -> `columns`, `running`, `layout`.

PDFium and not pypdf or pdfminer, because it is the only one of them that gives each character with place, size and
font at 10 ms a page, and reads the fonts of other scripts (docs/documents.md has the comparison).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from disc_lite.documents.columns import GAP_OF_PIECES, Piece, lines_of_page
from disc_lite.documents.layout import text_of_pages
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.running import without_running_lines
from disc_lite.documents.scans import ScannedPages, is_scan
from disc_lite.documents.source import Converted, Source

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

# In sizes of the font.
_SAME_BASELINE = 0.2
_SCRIPT_RISE = 0.75
_SCRIPT_SIZE = 0.86

# What PDFium gives for a hyphen at the end of a line.
_LINE_HYPHENS = (0x02, 0xFFFE)
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_BOLD_WEIGHT = 600
_BOLD = re.compile(rb"Bold|bold|Black|Heavy|CMBX|CMSSBX|SFBX")
_ONE_WIDTH = re.compile(rb"Mono|Courier|Consolas|Typewriter|CMTT|CMSLTT|SFTT|Menlo|Inconsolata")
_SPACES = re.compile(r"\s")
_NOTED = re.compile(r"[^\W\d_]{4}$|[.,;:!?)\"”’»]$|\b[12]\d{3}$")


def pdf_text(source: Source) -> Converted:
    """The text of a PDF, of its scanned pages by OCR.

    Raises:
        RefusedFile: Not a PDF, encrypted, or without text.
        Exception: Whatever PDFium makes of a damaged file.
    """
    # The mark may be anywhere in the first kilobyte.
    if b"%PDF-" not in source.raw[:1024]:
        raise RefusedFile("not a PDF: the %PDF- mark is missing; export it as PDF again")
    document = _opened(source.raw)
    pages: list[list[Piece]] = []
    scanned = ScannedPages(source.options.ocr_languages, source.on_scan)
    for number, page in enumerate(document):
        source.on_step()
        textpage = page.get_textpage()
        pages.append(list(_pieces(textpage)))
        textpage.close()
        if is_scan(page, pages[-1]):
            scanned.read(number, page)
        page.close()
    for number, pieces in scanned.pieces(printed=[piece for page in pages for piece in page]).items():
        pages[number] = pieces or pages[number]  # a stamp on a picture without text
    text = text_of_pages([lines_of_page(page) for page in without_running_lines(pages)])
    if not text.strip():
        illegible = "no text that OCR could read on its pages; scan it again at 300 dpi, or leave it out"
        empty = "no text in the PDF (empty pages?); export it again, or leave it out"
        raise RefusedFile(scanned.problem or (illegible if len(scanned) else empty))
    return Converted(text, warning=scanned.warning(len(pages)), ocr_pages=len(scanned))


def _opened(raw: bytes) -> PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise RefusedFile("encrypted; save it without a password") from None
        raise


def _pieces(page: PdfTextPage) -> Iterator[Piece]:
    """Runs of characters on one line, as they are drawn; a wide gap ends one."""
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_double(), ctypes.c_double()
    piece: Piece | None = None
    high, has_space = 0, False
    for index in range(page.count_chars()):
        code = pdfium.FPDFText_GetUnicode(page, index)
        if pdfium.FPDFText_IsGenerated(page, index) == 1 and code not in _LINE_HYPHENS:
            has_space = True
            continue
        if code in _HIGH:
            high = code
            continue
        char, high = _char(code, high), 0
        if _SPACES.fullmatch(char) or not char:
            has_space = True
            continue
        left, _, right, _ = page.get_charbox(index)
        pdfium.FPDFText_GetCharOrigin(page, index, x, y)
        size = pdfium.FPDFText_GetFontSize(page, index)
        if piece is not None and _continues(piece, x.value, left, y.value, size):
            if has_space:
                is_bold, is_code = _style(page, index)
                piece.is_bold, piece.is_code = piece.is_bold and is_bold, piece.is_code and is_code
            _add(piece, char, has_space, right, y.value, size)
        else:
            if piece is not None:
                yield piece
            piece = Piece(left, right, y.value, size, char, *_style(page, index))
        has_space = False
    if piece is not None:
        yield piece


def _char(code: int, high: int) -> str:
    if code in _LINE_HYPHENS:
        return "-"
    if code in _LOW:
        return chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)) if high else "\ufffd"
    # Pictures of symbol fonts; they say nothing as text.
    return chr(code) if code and not 0xE000 <= code <= 0xF8FF else ""


def _continues(piece: Piece, x: float, left: float, y: float, size: float) -> bool:
    largest = max(piece.size, size)
    gap = min(x, left) - piece.right
    rise = abs(y - piece.baseline)
    is_level = rise <= _SAME_BASELINE * largest or (
        rise <= _SCRIPT_RISE * largest and min(size, piece.size) <= _SCRIPT_SIZE * largest
    )
    return is_level and -largest < gap <= GAP_OF_PIECES * largest


def _add(piece: Piece, char: str, has_space: bool, right: float, y: float, size: float) -> None:
    """Adds a character: what is raised gets a `^`, but a raised number behind a word or a year is a note's."""
    raised = size <= _SCRIPT_SIZE * piece.size and y - piece.baseline > _SAME_BASELINE * piece.size
    space = " " if has_space else ""
    if piece.size <= _SCRIPT_SIZE * size and piece.text.isdigit():
        # A footnote begins with its mark.
        piece.size, piece.baseline, space = size, y, " "
    elif raised:
        if not piece.in_script:
            piece.in_note = char.isdigit() and _NOTED.search(piece.text) is not None
        if piece.in_note and (char.isdigit() or char == ","):
            char = space = ""
        elif not piece.in_script:
            space = "^" if char.isdigit() or char in "+-−–" else ""
    elif piece.in_script and not piece.in_note and not space and char.isalnum():
        space = " "
    piece.text += space + char
    piece.right = max(piece.right, right)
    piece.in_script = raised


def _style(page: PdfTextPage, index: int) -> tuple[bool, bool]:
    """Whether a character is bold, and whether its font has letters of one width."""
    import pypdfium2.raw as pdfium

    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), flags)
    is_bold = pdfium.FPDFText_GetFontWeight(page, index) >= _BOLD_WEIGHT or _BOLD.search(name.value) is not None
    return is_bold, bool(flags.value & 1) or _ONE_WIDTH.search(name.value) is not None
