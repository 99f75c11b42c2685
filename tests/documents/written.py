"""Shared by the tests of formats: documents and refusals from bytes instead of files, and zips of given parts."""

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
    """The converted text of a file with its warning, read in this process by the reader of its format."""
    suffix = name[name.rindex(".") :]
    return convert(suffix, Source(as_bytes(content), name, ReadingOptions(**options)))


def document(name, content, **options):
    """The document read from a file with this name and content."""
    return document_of(name, converted(name, content, **options))


def text(name, content, **options):
    return document(name, content, **options).text


def sections(made):
    """The (heading path below the title, text) of each section."""
    return [(section.heading_path[1:], made.text[section.start : section.end].strip()) for section in made.sections]


def refusal(suffix, content, **options):
    with pytest.raises(RefusedFile) as caught:
        converted(suffix, content, **options)
    return str(caught.value)


def refusal_of_child(suffix, raw):
    """The reason for which a child process refuses a file."""
    with WorkerPool() as workers, pytest.raises(RefusedFile) as caught:
        workers.convert(suffix, Source(raw))
    return str(caught.value)


def zipped(parts):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in parts.items():
            writer.writestr(name, content)
    return buffer.getvalue()
