"""Folders and files -> documents, and a ledger with exactly one line per file.

A file that is not read is refused with a reason or named as a duplicate. Only hidden files (whose name, or that of a
folder above, begins with a dot) have no line.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path, PurePosixPath

from disc_lite.documents.conversion import MARKUPS, Converted, convert
from disc_lite.documents.damage import damage
from disc_lite.documents.decoding import sha256_of_text
from disc_lite.documents.headings import cut_sections, find_headings, title_of
from disc_lite.documents.records import Document, LedgerEntry
from disc_lite.documents.refusal import RefusedFile
from disc_lite.errors import DocumentsError, UsageError

MAX_FILE_BYTES = 64 << 20
_LISTED_REFUSALS = 5
_FOLD_CHARS = 1 << 20
_WHITE_SPACE = re.compile(r"\s")


@dataclass(frozen=True)
class _Found:
    """A file, what to call it, and why it must not be opened, if so."""

    path: Path
    name: str
    refusal: str = ""


def read_documents(
    paths: Sequence[Path],
) -> tuple[tuple[Document, ...], tuple[LedgerEntry, ...]]:
    """Reads files and folders, folders with all below them in sorted order.

    Raises:
        UsageError: A path does not exist or cannot be reached.
        DocumentsError: Not one document could be read.
    """
    documents: list[Document] = []
    ledger: list[LedgerEntry] = []
    names_by_content: dict[str, str] = {}
    for file in _files(paths):
        entry, document = _read(file)
        if document is not None:
            original = names_by_content.setdefault(_folded_sha256(document.text), document.name)
            if original == document.name:
                documents.append(document)
            else:
                entry = replace(entry, outcome="duplicate", reason=f"same text as {original}")
        ledger.append(entry)
    if not documents:
        raise _nothing_to_read(paths, ledger)
    return tuple(documents), tuple(ledger)


def _read(file: _Found) -> tuple[LedgerEntry, Document | None]:
    size, sha256 = 0, ""
    try:
        if file.refusal:
            raise RefusedFile(file.refusal)
        suffix = file.path.suffix.lower()
        status = file.path.stat()
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFile("not a regular file")
        if suffix not in MARKUPS:
            known = " ".join(MARKUPS)
            raise RefusedFile(f"extension {_printable(suffix) or 'missing'}; can read {known}")
        raw = _bytes_of(file.path, size)
        size, sha256 = len(raw), hashlib.sha256(raw).hexdigest()
        converted = convert(suffix, raw)
    except RefusedFile as refusal:
        return LedgerEntry(file.name, "refused", str(refusal), size, sha256, 0), None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return LedgerEntry(file.name, "refused", reason, size, sha256, 0), None
    document = _document(file.name, converted)
    text = document.text
    return LedgerEntry(file.name, "read", "", size, sha256, len(text), damage(text)), document


def _bytes_of(path: Path, size: int) -> bytes:
    if size <= MAX_FILE_BYTES:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        size = len(raw)  # it may have grown meanwhile
    if size > MAX_FILE_BYTES:
        raise RefusedFile(f"larger than {MAX_FILE_BYTES >> 20} MB; split it")
    return raw


def _document(name: str, converted: Converted) -> Document:
    text = converted.text
    headings = find_headings(text, converted.markup)
    stem = " ".join(re.sub(r"[_-]+", " ", PurePosixPath(name).stem).split())
    title = title_of(headings, fallback=converted.title or stem or name)
    return Document(name, title, text, cut_sections(text, headings, title), sha256_of_text(text))


def _folded_sha256(text: str) -> str:
    """SHA-256 of the text after NFC, with every run of white space as one space."""
    digest = hashlib.sha256()
    start = 0
    while start < len(text):
        # In blocks, for memory; cut at white space, which does not compose with the next character.
        gap = _WHITE_SPACE.search(text, min(start + _FOLD_CHARS, len(text)))
        end = gap.start() if gap else len(text)
        words = unicodedata.normalize("NFC", text[start:end]).split()
        digest.update("".join(word + " " for word in words).encode())
        start = end
    return digest.hexdigest()


def _files(paths: Sequence[Path]) -> Iterator[_Found]:
    """Every file once, under a name of its own."""
    seen: set[Path] = set()
    names: set[str] = set()
    for path in map(Path, paths):
        for file in _files_below(path):
            # Not the resolved file: a link to a file is another file, with a line of its own.
            place = file.path.parent.resolve() / file.path.name
            if place in seen:
                continue
            seen.add(place)
            wanted = (file.name, f"{_printable(path.resolve().name)}/{file.name}")
            numbered = (f"{file.name} ({number})" for number in count(2))
            name = next(name for name in chain(wanted, numbered) if name not in names)
            names.add(name)
            yield replace(file, name=name)


def _files_below(path: Path) -> Iterator[_Found]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        remedy = "check the path of the documents"
        raise UsageError(f"cannot find {_printable(str(path))}", why, remedy) from None
    if not is_folder:
        yield _Found(path, _printable(path.name))
        return
    root = path.resolve()
    files = [_Found(file, _name_below(root, file), why) for file, why in _walk(root)]
    yield from sorted(files, key=lambda one: one.path.parts)


def _name_below(root: Path, file: Path) -> str:
    return _printable(file.relative_to(root).as_posix())


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file that is not hidden, and why not to open it; links to folders are not entered."""
    unreadable: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=unreadable.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [*files, *linked]:
            if not name.startswith("."):
                file = Path(folder) / name
                yield file, _refused_link(root, file) if file.is_symlink() else ""
    for error in unreadable:
        yield Path(error.filename), f"folder cannot be opened: {error.strerror}"


def _refused_link(root: Path, link: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        return "broken link"
    if not target.is_relative_to(root):
        return "link that leads outside the folder"
    return "link to a folder; folders are read where they are" if target.is_dir() else ""


def _printable(name: str) -> str:
    """The name with whatever could break a line or a terminal written as an escape."""
    # Bytes that are no UTF-8 arrive as surrogates, which neither print nor encode.
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _nothing_to_read(paths: Sequence[Path], ledger: Sequence[LedgerEntry]) -> DocumentsError:
    where = ", ".join(_printable(str(path)) for path in paths) or "no path"
    listed = [f"{entry.name}: {entry.reason}" for entry in ledger[:_LISTED_REFUSALS]]
    if len(ledger) > len(listed):
        listed.append(f"and {len(ledger) - len(listed)} more")
    return DocumentsError(
        f"no document to read in {where}",
        "; ".join(listed) or "no file there that is not hidden",
        f"give files or folders with {' '.join(MARKUPS)}",
    )
