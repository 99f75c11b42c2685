"""What makes a document look as if it was not read as its author meant it: for a person to look at before training.

These are hints, beside the ledger's own warning; nothing is left out of training because of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from disc_lite.documents.code import SUFFIXES
from disc_lite.documents.formats import suffix_of
from disc_lite.documents.records import Document, LedgerEntry, Passage

_SCANNED_BYTES = 100_000
_BYTES_PER_CHARACTER = 500  # text takes 1 to 10 with its layout, pages of pictures thousands
_LITTLE_CHARACTERS = 40
_REPEATED_LINES = 5
_REPEATED_SHARE = 0.03  # of all lines
_REPEATED_CHARACTERS = 12
# As tesseract calls the languages that are told by their words.
_CODES = {"Dutch": "nld", "English": "eng", "French": "fra", "German": "deu", "Italian": "ita", "Portuguese": "por",
          "Spanish": "spa"}  # fmt: skip
_PAGES = {".pdf", ".docx", ".epub", ".pptx", ".odt"}


def doubts_about(document: Document, entry: LedgerEntry, passages: tuple[Passage, ...]) -> tuple[str, ...]:
    """Sentences that say what is odd about a document; none where nothing is."""
    suffix = suffix_of(entry.name)
    found = [*filter(None, [entry.warning]), *_of_size(document, entry, suffix)]
    if suffix not in SUFFIXES:
        found += [*_of_lines(document.text), *_of_sentences(passages)]
    return tuple(found)


def doubt_about_ocr(entry: LedgerEntry, language: str, languages: str) -> str:
    """A sentence where scanned pages were read as tesseract's `languages`, and the text is in another; else empty."""
    code = _CODES.get(language, "")
    if not entry.ocr_pages or not code or code in languages.split("+"):
        return ""
    return f"scanned pages read as {languages}, but the text is {language}: --set documents.ocr_languages={code}"


def _of_size(document: Document, entry: LedgerEntry, suffix: str) -> Iterator[str]:
    characters = len(document.text.strip())
    if (
        suffix in _PAGES
        and not entry.ocr_pages
        and entry.bytes > max(_SCANNED_BYTES, characters * _BYTES_PER_CHARACTER)
    ):
        yield f"{characters:,} characters in {entry.bytes / 1e6:.1f} MB: are its pages pictures?"
    elif characters < _LITTLE_CHARACTERS:
        yield f"only {characters} characters"


def _of_lines(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.split("\n")]
    telling = Counter(line for line in lines if len(line) >= _REPEATED_CHARACTERS and line[0] not in "#-|`")
    line, times = telling.most_common(1)[0] if telling else ("", 0)
    if times >= max(_REPEATED_LINES, _REPEATED_SHARE * sum(telling.values())):
        shown = line if len(line) <= 40 else f"{line[:39]}…"
        yield f"the line “{shown}” is there {times} times"


def _of_sentences(passages: tuple[Passage, ...]) -> Iterator[str]:
    # A sentence that fills a passage was cut at its length, not where it ends.
    longest = max((end - start for passage in passages for start, end in passage.sentences), default=0)
    filled = sum(len(passage.sentences) == 1 and passage.end - passage.start == longest for passage in passages)
    if filled > 1 and longest > 1:
        yield f"{filled} passages without the end of a sentence: a table or a list that lost its lines?"
