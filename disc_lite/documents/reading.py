"""Folders and files -> documents, and a ledger with exactly one line per file.

A file that is not read is listed as refused, with the reason, or as a duplicate. Files that need parsing are read ahead
in child processes on all cores; only the texts and the bytes of a few files are in memory.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath

from disc_lite.documents.code import SUFFIXES
from disc_lite.documents.decoding import sha256_of_text
from disc_lite.documents.doubts import damage
from disc_lite.documents.formats import DECODED, FORMATS, REMEDIES, convert, readable, suffix_of
from disc_lite.documents.headings import Heading, cut_sections, find_headings, title_of
from disc_lite.documents.lonetitles import with_headings
from disc_lite.documents.records import Document, LedgerEntry
from disc_lite.documents.source import Converted, ReadingOptions, RefusedFile, Source
from disc_lite.documents.walking import Found, find_files, printable
from disc_lite.documents.workers import WorkerPool
from disc_lite.errors import DocumentsError

MAX_FILE_BYTES = 64 << 20
_LISTED_REFUSALS = 5
_WHOLE_WORDS = re.compile(r"(?s:.{1,1000000})\S*")  # blocks of text, to save memory
_nfc = partial(unicodedata.normalize, "NFC")
_FILES_AHEAD = 64  # how many are read ahead while one takes long
_IN_PROCESS_BYTES = 1 << 16  # sending a smaller plain text to another process takes longer than reading it

# Called with the number of files done, the number of all files, and the name of the last file done.
Progress = Callable[[int, int, str], object]

_Outcome = tuple[LedgerEntry, Document | None]


def read_documents(
    paths: Sequence[Path],
    options: ReadingOptions | None = None,
    progress: Progress = lambda done, total, name: None,
) -> tuple[tuple[Document, ...], tuple[LedgerEntry, ...]]:
    """Read files, and folders with all their subfolders in sorted order, and return (documents, ledger).

    Raises:
        UsageError: A path does not exist or cannot be reached.
        DocumentsError: No document could be read.
    """
    documents: list[Document] = []
    ledger: list[LedgerEntry] = []
    names_by_content: dict[str, str] = {}
    files = list(find_files(paths))
    for entry, document in _outcomes(files, options or ReadingOptions()):
        if document is not None:
            original = names_by_content.setdefault(_folded_sha256(document.text), document.name)
            if original == document.name:
                documents.append(document)
            else:
                entry = replace(entry, outcome="duplicate", reason=f"same text as {original}")
        ledger.append(entry)
        progress(len(ledger), len(files), entry.name)
    if not documents:
        raise _nothing_to_read(paths, ledger)
    return tuple(documents), tuple(ledger)


def _outcomes(files: Sequence[Found], options: ReadingOptions) -> Iterator[_Outcome]:
    """Yield the outcome of each file, in order; files for child processes are read ahead of their turn."""
    ahead: deque[Callable[[], _Outcome]] = deque()
    with WorkerPool() as workers:
        for file in files:
            if _is_worth_a_process(file):
                ahead.append(workers.threads.submit(_read, file, options, workers).result)
            else:
                ahead.append(partial(_read, file, options))
            if len(ahead) == _FILES_AHEAD:
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()


def _is_worth_a_process(file: Found) -> bool:
    suffix = suffix_of(file.path.name)
    if suffix not in FORMATS or file.refusal:
        return False
    with suppress(OSError):  # which `_read` reports
        return suffix not in DECODED or file.path.stat().st_size > _IN_PROCESS_BYTES
    return False


def _read(file: Found, options: ReadingOptions, workers: WorkerPool | None = None) -> _Outcome:
    size, sha256 = 0, ""
    try:
        if file.refusal:
            raise RefusedFile(file.refusal)
        suffix = suffix_of(file.path.name)
        status = file.path.stat()
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFile("not a regular file")
        if suffix not in FORMATS:
            what = f"extension {printable(suffix) or 'missing'}"
            raise RefusedFile(f"{what}: {REMEDIES.get(suffix, 'no format that is read')}")
        raw = _bytes_of(file.path)
        size, sha256 = len(raw), hashlib.sha256(raw).hexdigest()
        source = Source(raw, file.name, options)
        converted = workers.convert(suffix, source) if workers else convert(suffix, source)
    except RefusedFile as refusal:
        return LedgerEntry(file.name, "refused", str(refusal), size, sha256, 0), None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return LedgerEntry(file.name, "refused", reason, size, sha256, 0), None
    document = document_of(file.name, converted)
    text = document.text
    damaged = "" if suffix in SUFFIXES else damage(text)  # not for code, with its few sentences and long names
    warning = "; ".join(filter(None, [converted.warning, damaged]))
    return LedgerEntry(file.name, "read", "", size, sha256, len(text), warning, converted.ocr_pages), document


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise RefusedFile(f"larger than {MAX_FILE_BYTES >> 20} MB; split it")
    return raw


def document_of(name: str, converted: Converted) -> Document:
    """The document made from a converted file, with its title and sections; its text is normalised to NFC."""
    converted = _composed(converted)
    text = converted.text
    if converted.headings is None and converted.markup in ("markdown", "converted"):
        text = with_headings(text, converted.markup)
    stem = " ".join(re.sub(r"_|(?<!\d)-|-(?!\d)", " ", PurePosixPath(name).stem).split())  # keeps `Article 812-3`
    title = converted.title or stem or name
    headings: Sequence[Heading]
    if converted.headings is None:
        headings = find_headings(text, converted.markup)
        title = title_of(headings, title, converted.title)
    else:
        headings = converted.headings
    is_heading = any(heading.level == 1 and heading.title == title for heading in headings)
    named_by_file = title in (stem or name, name) and converted.title in ("", name) and not is_heading
    # Where headings are not part of the text, one right above another has an empty section.
    cut = cut_sections(text, headings, title, converted.alone)
    sections = tuple(section for section in cut if section.start < section.end)
    return Document(name, title, text, sections, sha256_of_text(text), converted.markup, named_by_file)


def _composed(converted: Converted) -> Converted:
    """The converted file in NFC; with separate accents, tokenizers and searches would see different words."""
    text = converted.text
    if unicodedata.is_normalized("NFC", text):
        return converted
    if converted.headings is None:
        return replace(converted, text=_nfc(text), title=_nfc(converted.title))
    # Piece by piece, since the positions of the headings change.
    starts = [0, *(heading.start for heading in converted.headings), len(text)]
    pieces = [_nfc(text[start:end]) for start, end in pairwise(starts)]
    places = accumulate(map(len, pieces))
    headings = tuple(
        replace(heading, start=start, title=_nfc(heading.title))
        for heading, start in zip(converted.headings, places, strict=False)
    )
    return replace(converted, text="".join(pieces), title=_nfc(converted.title), headings=headings)


def _folded_sha256(text: str) -> str:
    """SHA-256 of a text in which every run of white space is one space."""
    digest = hashlib.sha256()
    for block in _WHOLE_WORDS.finditer(text):
        digest.update(" ".join([*block.group().split(), ""]).encode())
    return digest.hexdigest()


def _nothing_to_read(paths: Sequence[Path], ledger: Sequence[LedgerEntry]) -> DocumentsError:
    where = ", ".join(printable(str(path)) for path in paths) or "no path"
    listed = [f"{entry.name} ({entry.reason})" for entry in ledger[:_LISTED_REFUSALS]]
    if len(ledger) > len(listed):
        listed.append(f"and {len(ledger) - len(listed)} more")
    return DocumentsError(
        f"There is no document to read in {where}.",
        f"Not read: {', '.join(listed)}" if listed else "It holds no files, or only hidden ones.",
        f"Give files or folders with {readable()}.",
    )
