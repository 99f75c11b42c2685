"""What the tests of formats share: documents and refusals from bytes, without a folder, and archives by hand."""

import io
import zipfile

import pytest

from disc_lite.documents import ReadingOptions
from disc_lite.documents.formats import convert
from disc_lite.documents.reading import document_of
from disc_lite.documents.source import RefusedFile, Source
from disc_lite.documents.workers import WorkerPool


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def converted(name, content, **options):
    """What the reader of its format makes of a file, with the warning; read in this process."""
    suffix = name[name.rindex(".") :]
    return convert(suffix, Source(as_bytes(content), name, ReadingOptions(**options)))


def document(name, content, **options):
    """The document that a file of this name and content is."""
    return document_of(name, converted(name, content, **options))


def text(name, content, **options):
    return document(name, content, **options).text


def sections(made):
    """(path below the title, text) of each section."""
    return [(section.heading_path[1:], made.text[section.start : section.end].strip()) for section in made.sections]


def refusal(suffix, content, **options):
    with pytest.raises(RefusedFile) as caught:
        converted(suffix, content, **options)
    return str(caught.value)


def refusal_of_child(suffix, raw):
    """Why a file is refused that is read in a process with limits."""
    with WorkerPool() as workers, pytest.raises(RefusedFile) as caught:
        workers.convert(suffix, Source(raw))
    return str(caught.value)


def zipped(parts):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in parts.items():
            writer.writestr(name, content)
    return buffer.getvalue()
