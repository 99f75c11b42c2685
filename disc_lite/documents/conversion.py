"""Which reader a file needs, and whether it runs in a limited child process.

PDF and DOCX are compressed containers: a few kilobytes can ask for gigabytes or never end, and
a parser in C may crash. They are read by `python -m disc_lite.documents`, a child with limits
on time and memory, so that a bad page costs 20 seconds and a line in the ledger.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from disc_lite.documents.decoding import check_text, decode, decode_page
from disc_lite.documents.docx import docx_text
from disc_lite.documents.headings import Markup
from disc_lite.documents.html import html_text
from disc_lite.documents.markdown import markdown_text
from disc_lite.documents.pdf import pdf_text
from disc_lite.documents.plaintext import plain_text
from disc_lite.documents.refusal import RefusedFile

STEP_TIMEOUT_S = 20  # processor time for one page of a PDF, or a whole file of another format
TOTAL_TIMEOUT_S = 600  # by the clock, for a file
CHILD_MEMORY_BYTES = 2 << 30

MARKUPS: dict[str, Markup] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".rst": "rst",
    ".html": "converted",
    ".htm": "converted",
    ".pdf": "converted",
    ".docx": "converted",
}

# A process costs more than a small page, but over hostile markup the parser is quadratic.
_HTML_IN_PROCESS_BYTES = 1 << 17


@dataclass(frozen=True)
class Converted:
    """The text of a file, how its headings are marked, and its title if the format has one."""

    text: str
    markup: Markup
    title: str = ""


def convert(suffix: str, raw: bytes) -> Converted:
    """The text in the bytes of a file with this (lower-case) suffix, one of `MARKUPS`.

    Raises:
        RefusedFile: For whatever reason it cannot be read; nothing else is raised.
    """
    markup = MARKUPS[suffix]
    if suffix in (".md", ".markdown"):
        text, title = markdown_text(decode(raw))
        return Converted(check_text(text), markup, title)
    if suffix == ".txt":
        return Converted(check_text(plain_text(decode(raw))), markup)
    if markup != "converted":
        return Converted(decode(raw), markup)
    is_html = suffix in (".html", ".htm")
    if is_html and len(raw) <= _HTML_IN_PROCESS_BYTES:
        return convert_here(suffix, raw, on_step=lambda: None)
    if is_html:
        decode_page(raw)  # refused for its encoding before a process is spent on it
    return _convert_in_child(suffix, raw)


def convert_here(suffix: str, raw: bytes, on_step: Callable[[], object]) -> Converted:
    """Converts HTML, DOCX or PDF in this process; `on_step` is called before each page.

    Raises:
        RefusedFile: For whatever reason it cannot be read.
    """
    title = ""
    try:
        on_step()
        if suffix == ".pdf":
            text = pdf_text(raw, on_step)
        elif suffix == ".docx":
            text = docx_text(raw)
        else:
            text, title = html_text(decode_page(raw))
        return Converted(check_text(text), "converted", title)
    except RefusedFile:
        raise
    except RecursionError:
        raise RefusedFile("its parts are nested too deeply") from None
    except MemoryError:
        raise RefusedFile(f"needs more than {CHILD_MEMORY_BYTES >> 30} GB of memory") from None
    except Exception as error:
        # Parsers raise all kinds of exceptions on damaged files.
        detail = " ".join(str(error).split())[:200]
        raise RefusedFile(f"damaged: {type(error).__name__}: {detail}".rstrip(": ")) from None


def _convert_in_child(suffix: str, raw: bytes) -> Converted:
    # Started in the folder of the package, so that no file of the user's folder is imported.
    command = [sys.executable, "-m", __package__, suffix, str(STEP_TIMEOUT_S)]
    folder = Path(__file__).resolve().parents[2]
    try:
        child = subprocess.run(
            command,
            input=raw,
            capture_output=True,
            check=False,
            cwd=folder,
            timeout=TOTAL_TIMEOUT_S,
        )
        answer = json.loads(child.stdout) if child.returncode == 0 else None
    except subprocess.TimeoutExpired:
        raise RefusedFile(f"reading it took more than {TOTAL_TIMEOUT_S} s") from None
    if answer is None:
        raise RefusedFile(_cause_of_death(child.returncode))
    if "refused" in answer:
        raise RefusedFile(answer["refused"])
    return Converted(answer["text"], "converted", answer["title"])


def _cause_of_death(returncode: int) -> str:
    if returncode == -signal.SIGPROF:
        return f"reading one page of it took more than {STEP_TIMEOUT_S} s"
    return f"its reader crashed (exit status {returncode})"
