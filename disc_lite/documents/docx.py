"""DOCX, by way of HTML -> text in plain Markdown."""

from __future__ import annotations

import io

from disc_lite.documents.html import html_text
from disc_lite.documents.refusal import RefusedFile

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def docx_text(raw: bytes) -> str:
    """The text of a Word document: headings, paragraphs, lists and tables.

    Raises:
        RefusedFile: Not a Word document, or encrypted.
    """
    import mammoth

    if not raw.startswith(b"PK"):
        raise RefusedFile("not a .docx file (an old .doc, or encrypted?); save it as .docx")
    # Images are dropped here, so that links from the document to other files are never opened.
    no_images = mammoth.images.img_element(lambda image: {"src": ""})
    result = mammoth.convert_to_html(io.BytesIO(raw), style_map=_STYLES, convert_image=no_images)
    return html_text(result.value)[0]
