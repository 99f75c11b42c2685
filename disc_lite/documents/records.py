"""The frozen dataclasses that this package returns: document, section, ledger entry, passage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

# How the headings of a text are marked; source code has no headings in its text.
Markup = Literal["markdown", "rst", "converted", "code"]

NEEDS = "needs "  # the reason of a refusal begins with it if a package or a program is missing


@dataclass(frozen=True)
class Section:
    """A part of a document under one heading; the sections of a document tile its text.

    Attributes:
        start, end: Character offsets in `Document.text`, half-open; the heading line is inside.
        heading_path: Headings from the document's title down, markup stripped.
        alone: Whether it is never merged with its neighbours into one passage: a table row, a definition.
    """

    start: int
    end: int
    heading_path: tuple[str, ...]
    alone: bool = False


@dataclass(frozen=True)
class Document:
    """One text to learn.

    Attributes:
        name: Path relative to the folder that the user named (posix), or the file name; unique
            within a run and printable.
        title: The heading of level 1 if there is only one, else the title that the format has, else the
            first heading of level 1 unless it is a numbered section, else the file name.
        text: The text as written, in NFC and with line ends as `\\n`; converted formats as Markdown.
        sections: The sections in order, which tile `text`.
        sha256: SHA-256 of `text` in UTF-8, in hexadecimal.
        named_by_file: Whether its title comes from its file name, so that a renamed file gets another title.
        markup: The markup of the text, which decides whether a line is a heading, a list item or a row.
    """

    name: str
    title: str
    text: str
    sections: tuple[Section, ...]
    sha256: str
    markup: Markup = "converted"
    named_by_file: bool = False


@dataclass(frozen=True)
class LedgerEntry:
    """The outcome of one file; every file that is not hidden has exactly one entry.

    Attributes:
        outcome: Whether the file was read or refused, or has the same text as another one.
        reason: Why it was refused, or of which document it is a duplicate; empty if it was read.
        bytes: Size of the file, 0 if it is not known.
        sha256: SHA-256 of the file's bytes, in hexadecimal; empty if they were not read.
        characters: Length of the text, 0 if it was refused.
        warning: What looks damaged in a text that was read, and what to do; else empty.
        ocr_pages: How many of its pages are scans that were read by OCR.
    """

    name: str
    outcome: Literal["read", "refused", "duplicate"]
    reason: str
    bytes: int
    sha256: str
    characters: int
    warning: str = ""
    ocr_pages: int = 0

    @property
    def needs_package(self) -> bool:
        """Whether it was refused because a package or a program is missing, which the reason names."""
        return self.reason.startswith(NEEDS)

    def as_dict(self) -> dict[str, str | int]:
        """The entry as a plain dictionary, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Passage:
    """A part of a document that is taught as a unit; the passages of a document tile its tokens.

    Attributes:
        document: Name of the document.
        index: Number among the passages of the document, from 0.
        start, end: Token offsets into the document's tokens, half-open.
        char_start, char_end: Character offsets into its text, which they tile; a token that straddles
            a boundary belongs to the passage that has the token's first visible character.
        heading_path: The headings that all its sections share, at least the title; if it begins
            inside a table, the header of that table follows.
        sentences: Token ranges of its sentences, none empty, tiling `start` to `end`.
        headings: Starts of those sentences that are headings or the header of a table.
    """

    document: str
    index: int
    start: int
    end: int
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    sentences: tuple[tuple[int, int], ...]
    headings: frozenset[int] = frozenset()
