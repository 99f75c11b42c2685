"""A file -> its text; whatever its reader raises is a refusal."""

from __future__ import annotations

from disc_lite.documents.decoding import check_text
from disc_lite.documents.formats import FORMATS
from disc_lite.documents.records import NEEDS
from disc_lite.documents.refusal import RefusedFile
from disc_lite.documents.source import Converted, Source
from disc_lite.documents.workers import CHILD_MEMORY_BYTES

_EXTRA = {"openpyxl", "pylatexenc"}  # packages of the extra `documents`


def convert(suffix: str, source: Source) -> Converted:
    """The text of a file with this (lower-case) suffix, one of `FORMATS`, read in this process.

    Raises:
        RefusedFile: For whatever reason it cannot be read; nothing else is raised.
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
        # Parsers raise all kinds of exceptions on damaged files.
        detail = " ".join(str(error).split())[:200]
        raise RefusedFile(f"damaged: {type(error).__name__}: {detail}".rstrip(": ") + "; save it again") from None
