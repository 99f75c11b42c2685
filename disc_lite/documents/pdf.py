"""PDF -> text: characters with positions -> pieces of lines -> `running`, `contents`, `columns`, `layout`.

`characters` makes the pieces of printed pages and `scans` those of scanned ones. Running lines and tables of contents
are then removed, columns are found, and their lines become headings, paragraphs and tables.

PDFium is used rather than pypdf or pdfminer because it is the only one that gives the position, size and font of each
character at 10 ms a page, and reads the fonts of other scripts (docs/documents.md has the comparison).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from disc_lite.documents.characters import pieces_of
from disc_lite.documents.columns import Line, lines_of_page
from disc_lite.documents.contents import without_contents
from disc_lite.documents.layout import text_of_columns
from disc_lite.documents.pieces import Piece, rows_of
from disc_lite.documents.righttoleft import letters_as_drawn, unsure_numbers
from disc_lite.documents.running import without_running_lines
from disc_lite.documents.scans import ScannedPages, is_scan
from disc_lite.documents.source import Converted, RefusedFile, Source

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_UNCERTAIN_SHARE = 0.02  # the share of letters in uncertain order above which the ledger has a warning


def pdf_text(source: Source) -> Converted:
    """The text of a PDF, whose scanned pages are read by OCR."""
    # The mark can be anywhere in the first kilobyte.
    if b"%PDF-" not in source.raw[:1024]:
        raise RefusedFile("not a PDF: the %PDF- mark is missing; export it as PDF again")
    document = _opened(source.raw)
    pages: list[list[Piece]] = []
    scanned = ScannedPages(source.options.ocr_languages, source.on_scan)
    for number, page in enumerate(document):
        source.on_step()
        textpage = page.get_textpage()
        pages.append(list(pieces_of(textpage)))
        textpage.close()
        if is_scan(page, pages[-1]):
            scanned.read(number, page)
        page.close()
    read = scanned.pieces(printed=[piece for page in pages for piece in page])
    printed = [page for number, page in enumerate(pages) if not read.get(number)]
    for number, pieces in read.items():
        pages[number] = pieces or pages[number]  # where OCR finds nothing, a printed stamp remains
    text = _text_of(pages, source.on_step)
    if not text.strip():
        illegible = "no text that OCR could read on its pages; scan it again at 300 dpi, or leave it out"
        empty = "no text in the PDF (empty pages?); export it again, or leave it out"
        raise RefusedFile(scanned.problem or (illegible if len(scanned) else empty))
    # The order of letters is uncertain on printed pages only: OCR reads them as they stand.
    warnings = [scanned.warning(len(pages)), *_order_warnings(printed, sum(map(str.isalpha, text)))]
    return Converted(text, warning="; ".join(filter(None, warnings)), ocr_pages=len(scanned))


def _order_warnings(pages: Sequence[Sequence[Piece]], letters: int) -> Iterator[str]:
    """Yield warnings if the order of Arabic or Hebrew letters, or of numbers next to them, is uncertain."""
    remedy = "save it as .docx, .html or text"
    if (share := sum(map(letters_as_drawn, pages)) / max(1, letters)) > _UNCERTAIN_SHARE:
        yield (
            f"{share:.0%} of its letters are Arabic or Hebrew, whose order this PDF does not keep, "
            f"so that text is damaged; {remedy}"
        )
    if unsure := list(unsure_numbers(piece.text for page in pages for piece in page)):
        yield (
            f"numbers next to hyphens, whose order Arabic PDFs do not record, may be wrong: {len(unsure)} here, "
            f"such as {unsure[0]}; compare them, or {remedy}"
        )


def _text_of(pages: list[list[Piece]], on_step: Callable[[], object]) -> str:
    """The text of the pieces of all pages; each step over all pages has a time limit of its own."""
    on_step()
    columns: list[list[Line]] = []
    for page in without_contents(without_running_lines([rows_of(page) for page in pages])):
        on_step()
        columns += lines_of_page(page)
    on_step()
    return text_of_columns(columns)


def _opened(raw: bytes) -> PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise RefusedFile("encrypted; save it without a password") from None
        raise
