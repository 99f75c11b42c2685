"""A file -> its text: in this process where that is mere decoding, else in a limited child process."""

from __future__ import annotations

from collections.abc import Callable

from disc_lite.documents.archive import open_archive
from disc_lite.documents.decoding import check_text
from disc_lite.documents.formats import FORMATS
from disc_lite.documents.records import NEEDS
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, ReadingOptions, Source
from disc_lite.documents.workers import CHILD_MEMORY_BYTES, WorkerPool

_EXTRA = {"openpyxl", "pylatexenc"}  # packages of the extra `documents`


def convert(
    suffix: str, raw: bytes, name: str = "", options: ReadingOptions | None = None, workers: WorkerPool | None = None
) -> Converted:
    """The text in the bytes of a file with this (lower-case) suffix, one of `FORMATS`.

    Raises:
        RefusedFile: For whatever reason it cannot be read; nothing else is raised.
    """
    source = Source(raw, name, options or ReadingOptions())
    if workers is not None:
        return workers.convert(suffix, source)
    if not FORMATS[suffix].parsed:
        return FORMATS[suffix].read(source)
    with WorkerPool() as own:
        return own.convert(suffix, source)


def convert_here(
    suffix: str, raw: bytes, on_step: Callable[[], object], name: str = "", options: ReadingOptions | None = None,
    on_scan: Callable[[], object] = int,
) -> Converted:  # fmt: skip
    """Converts a file in this process; `on_step` is called before each page, `on_scan` after each that OCR has read.

    Raises:
        RefusedFile: For whatever reason it cannot be read.
    """
    format_ = FORMATS[suffix]
    try:
        on_step()
        if format_.is_archive:
            open_archive(raw, suffix).close()
        converted = format_.read(Source(raw, name, options or ReadingOptions(), on_step, on_scan))
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
        # Parsers raise all kinds of exceptions on damaged files.
        detail = " ".join(str(error).split())[:200]
        raise RefusedFile(f"damaged: {type(error).__name__}: {detail}".rstrip(": ") + "; save it again") from None
