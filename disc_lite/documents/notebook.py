"""Jupyter notebooks -> Markdown: text cells as `markdown` reads them, code cells as fenced code, outputs on request.

A notebook is JSON with few fields, so Python's own reader is enough; nbformat would bring six packages to validate it.
"""

from __future__ import annotations

from typing import Any

from disc_lite.documents.decoding import parsed_json
from disc_lite.documents.headings import fenced
from disc_lite.documents.markdown import seen_text
from disc_lite.documents.source import Converted, RefusedFile, Source


def notebook_text(source: Source) -> Converted:
    """The cells of a notebook as Markdown, with outputs if the option `notebook_outputs` is set."""
    book = parsed_json(source.raw)
    if not isinstance(book, dict):
        raise RefusedFile("not a notebook: no cells")
    sheets = book.get("worksheets") or [book]  # worksheets: before version 4 of the format
    cells = [cell for sheet in sheets for cell in sheet.get("cells", ())]
    language = book.get("metadata", {}).get("language_info", {}).get("name", "")
    parts = [part for cell in cells for part in _parts(cell, str(language), source.options.notebook_outputs)]
    if not parts:
        raise RefusedFile("no cell with text")
    return Converted("\n\n".join(parts) + "\n", "markdown")


def _parts(cell: dict[str, Any], language: str, outputs: bool) -> list[str]:
    text = _joined(cell.get("source", cell.get("input", ""))).strip("\n")
    if cell.get("cell_type") == "heading":
        text = f"{'#' * cell.get('level', 1)} {text}"
    if cell.get("cell_type") != "code":
        text = seen_text(text).strip("\n")
        return [text] if text.strip() else []
    shown = [fenced(text, language)] if text.strip() else []
    for output in cell.get("outputs", ()) if outputs else ():
        printed = _joined(output.get("text") or output.get("data", {}).get("text/plain", "")).strip("\n")
        shown += [fenced(printed)] if printed.strip() else []
    return shown


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
