"""The formats: a table of which function reads which suffix. A new format is one new file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from disc_lite.documents.adoc import adoc_text
from disc_lite.documents.code import SUFFIXES, code_text
from disc_lite.documents.csvtext import csv_text
from disc_lite.documents.decoding import check_text, decode
from disc_lite.documents.docx import docx_text
from disc_lite.documents.epub import epub_text
from disc_lite.documents.html import html_text
from disc_lite.documents.jsontext import json_lines_text, json_text
from disc_lite.documents.mail import mail_text
from disc_lite.documents.markdown import markdown_text
from disc_lite.documents.notebook import notebook_text
from disc_lite.documents.odt import odt_text
from disc_lite.documents.org import org_text
from disc_lite.documents.pdf import pdf_text
from disc_lite.documents.plaintext import plain_text
from disc_lite.documents.pptx import pptx_text
from disc_lite.documents.records import NEEDS
from disc_lite.documents.rst import rst_text
from disc_lite.documents.rstconditions import doubt_about
from disc_lite.documents.source import Converted, RefusedFile, Source
from disc_lite.documents.tex import tex_text
from disc_lite.documents.workers import CHILD_MEMORY_BYTES
from disc_lite.documents.xlsx import xlsx_text
from disc_lite.documents.yamltext import yaml_text


def _rst(source: Source) -> Converted:
    text = decode(source.raw)
    return Converted(rst_text(text), "rst", warning=doubt_about(text))


# Each function returns the text of a file or raises RefusedFile; `convert` turns other exceptions into RefusedFile.
FORMATS: dict[str, Callable[[Source], Converted]] = {
    **dict.fromkeys((".md", ".markdown", ".mdx"), markdown_text),
    **dict.fromkeys((".txt", ".text"), plain_text),
    ".rst": _rst,
    **dict.fromkeys((".html", ".htm", ".xhtml"), html_text),
    ".pdf": pdf_text,
    ".docx": docx_text,
    ".odt": odt_text,
    ".epub": epub_text,
    ".pptx": pptx_text,
    ".xlsx": xlsx_text,
    **dict.fromkeys((".csv", ".tsv"), csv_text),
    ".ipynb": notebook_text,
    ".org": org_text,
    **dict.fromkeys((".tex", ".latex"), tex_text),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), adoc_text),
    ".eml": mail_text,
    ".json": json_text,
    **dict.fromkeys((".jsonl", ".ndjson"), json_lines_text),
    **dict.fromkeys((".yaml", ".yml"), yaml_text),
    **dict.fromkeys(SUFFIXES, code_text),
}

# Files of these formats need little more than decoding; all others are read in a child process with limits.
DECODED = {".md", ".markdown", ".mdx", ".txt", ".text", ".rst"}

_EXTRA = {"openpyxl", "pylatexenc"}  # packages of the extra `documents`

# Files without a suffix that are text by convention.
_PLAIN_NAMES = {"readme", "changelog", "changes", "history", "news", "faq", "install", "contributing"}

_PICTURE = "a picture; if it is a scanned page, save it as .pdf"
_PACKED = "an archive; unpack it"
# What users can do about files of formats that are not read.
REMEDIES = {
    ".doc": "an old Word file; save it as .docx",
    ".rtf": "save it as .docx",
    ".pages": "export it as .docx",
    ".ppt": "an old PowerPoint file; save it as .pptx",
    ".odp": "save it as .pptx",
    ".key": "export it as .pptx",
    **dict.fromkeys((".xls", ".ods", ".numbers"), "save it as .xlsx or .csv"),
    **dict.fromkeys((".mediawiki", ".wiki", ".texi"), "convert it to .md (pandoc does)"),
    **dict.fromkeys((".mobi", ".azw", ".azw3", ".fb2"), "convert it to .epub (Calibre does)"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".bmp"), _PICTURE),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"), _PACKED),
    **dict.fromkeys((".url", ".webloc"), "a link; nothing is fetched: save the page as .html"),
}


def suffix_of(file_name: str) -> str:
    """The suffix by which a file is read, in lower case (`.txt` for `README`); empty if there is none."""
    stem, dot, end = file_name.rpartition(".")
    if stem and dot:
        return f".{end.lower()}"
    return ".txt" if file_name.lower() in _PLAIN_NAMES else ""


def readable() -> str:
    """A list of the suffixes that are read, as text for messages."""
    return f"{' '.join(suffix for suffix in FORMATS if suffix not in SUFFIXES)} and source code"


def convert(suffix: str, source: Source) -> Converted:
    """Read a file in this process, with the function for its suffix.

    Args:
        suffix: A key of `FORMATS`.
        source: The file.

    Raises:
        RefusedFile: The file cannot be read, for whatever reason; nothing else is raised.
    """
    try:
        source.on_step()
        converted = FORMATS[suffix](source)
        check_text(converted.text)
        return converted
    except RefusedFile:
        raise
    except RecursionError:
        raise RefusedFile("its parts are nested too deeply; save it as text") from None
    except MemoryError:
        raise RefusedFile(f"reading it takes more than {CHILD_MEMORY_BYTES >> 30} GB of memory; split it") from None
    except Exception as error:
        missing = str(error.name).partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if missing in _EXTRA:
            raise RefusedFile(f"{NEEDS}{missing}: pip install 'disc-lite[documents]'") from None
        # On damaged files parsers raise exceptions of any kind.
        detail = " ".join(str(error).split())[:200]
        raise RefusedFile(f"damaged: {type(error).__name__}: {detail}".rstrip(": ") + "; save it again") from None
