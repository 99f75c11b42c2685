"""PDF -> text, page by page."""

from __future__ import annotations

import io
from collections.abc import Callable

from disc_lite.documents.layout import text_of_pages
from disc_lite.documents.refusal import RefusedFile


def pdf_text(raw: bytes, on_page: Callable[[], object]) -> str:
    """The text of a PDF; `on_page` is called before each page, to limit its time.

    Raises:
        RefusedFile: Not a PDF, encrypted, or without text.
        Exception: Whatever pypdf makes of a damaged file.
    """
    from pypdf import PdfReader

    # The mark may be anywhere in the first kilobyte.
    if b"%PDF-" not in raw[:1024]:
        raise RefusedFile("not a PDF: the %PDF- mark is missing")
    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted:
        raise RefusedFile("encrypted; save it without a password")
    pages = []
    for page in reader.pages:
        on_page()
        pages.append(page.extract_text())
    text = text_of_pages(pages)
    if not text.strip():
        raise RefusedFile("no text in the PDF (scanned?); run OCR over it first")
    return text
