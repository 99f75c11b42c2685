"""Warnings about documents that look damaged or may have been read wrongly, for a person to check.

`damage` gives the warning in the ledger, `doubts_about` what `disc-lite documents` lists. Nothing is left out of
training because of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from disc_lite.documents.code import SUFFIXES
from disc_lite.documents.formats import suffix_of
from disc_lite.documents.records import Document, LedgerEntry, Passage

# Words in Latin, Greek, Cyrillic and Armenian letters: scripts that write spaces between words.
_WORD = re.compile(r"[A-Za-zÀ-ɏͰ-ϿЀ-ӿԱ-և]+")
# A hyphen and a space inside a line, without a conjunction after them: `cus- quay`, but not `pre- and post-war`.
_LOOSE_HYPHEN = re.compile(r"[a-zß-ÿа-я]{2,}- (?!(?:and|or|und|oder|bis|to|et|ou|y|o|и|или|als)\b)[a-zß-ÿа-я]{2,}")
_MOJIBAKE = re.compile(r"\ufffd|Ã[\x80-\xbf¤¼¶Ÿ©¨ª«¡³±]|â€[™œ\x9d“”¦]|Ð[°-¿\x80-\xbf]|\(cid:\d+\)|[\x01-\x08\x0e-\x1f]")
_STOP = re.compile(r"[.!?…]['\"”’»)\]]*(?=\s|$)|[。！？।۔؟።։]")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s", re.MULTILINE)
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)

# In fewer words the shares below mean nothing.
_MIN_WORDS = 60
_SAMPLE_CHARS = 1 << 18

_LOOSE_HYPHENS_SHARE = 0.004
_MOJIBAKE_SHARE = 0.002
_LONE_LETTERS_SHARE = 0.5
_NUMBERS_SHARE = 0.5
_ENTRIES_SHARE = 0.7
_ENTRY_WORDS = 4
_WORDS_TO_A_STOP = 120

_SCANNED_BYTES = 100_000
_BYTES_PER_CHARACTER = 500  # text with its layout takes 1 to 10, pages that are pictures take thousands
_LITTLE_CHARACTERS = 40
_REPEATED_LINES = 5
_REPEATED_SHARE = 0.03  # of all lines
_REPEATED_CHARACTERS = 12
# Tesseract's names of the languages that are recognised by their words.
_CODES = {"Dutch": "nld", "English": "eng", "French": "fra", "German": "deu", "Italian": "ita", "Portuguese": "por",
          "Spanish": "spa"}  # fmt: skip
_PAGES = {".pdf", ".docx", ".epub", ".pptx", ".odt"}


def damage(text: str) -> str:
    """A sentence that says what looks wrong with a text and what to do; empty if nothing does."""
    prose = _CODE.sub("", text[:_SAMPLE_CHARS])
    tokens, words = prose.split(), _WORD.findall(prose)
    if max(len(tokens), len(words)) < _MIN_WORDS:
        return ""
    return next(chain(_letter_warnings(prose, tokens, words), _sentence_warnings(prose, tokens)), "")


def _letter_warnings(prose: str, tokens: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    """Yield warnings about wrong decoding, letters apart and interleaved lines."""
    broken = len(_MOJIBAKE.findall(prose))
    if broken > max(_MOJIBAKE_SHARE * len(tokens), 2):
        yield f"{broken} characters look wrongly decoded: save it as UTF-8, or export it again with its fonts embedded"
    if len(words) >= _MIN_WORDS and sum(len(word) == 1 for word in words) > _LONE_LETTERS_SHARE * len(words):
        yield "its letters are separated by spaces: export it again, or run OCR over it"
    loose = _LOOSE_HYPHEN.findall(prose)
    if len(loose) > max(_LOOSE_HYPHENS_SHARE * len(words), 2):
        yield f"lines look interleaved ({loose[0]}): export it in one column, or save it as text"


def _sentence_warnings(prose: str, tokens: Sequence[str]) -> Iterator[str]:
    """Yield warnings about a text that has mostly numbers or short entries, or hardly any sentences."""
    if sum(any(char.isdigit() for char in token) for token in tokens) > _NUMBERS_SHARE * len(tokens):
        yield "mostly numbers, which are hardly learned: state in sentences what matters, or leave it out"
    lines = [line for line in prose.split("\n") if line.strip() and not line.startswith("#") and " | " not in line]
    short = sum(len(line.split()) <= _ENTRY_WORDS and not _STOP.search(line) and ":" not in line for line in lines)
    if short > _ENTRIES_SHARE * len(lines):
        yield "mostly short entries, as in a menu or an index: save only the text of the page, or leave it out"
    ends = len(_STOP.findall(prose)) + prose.count(" | ") + len(_ITEM.findall(prose))
    if len(tokens) >= max(2, ends) * _WORDS_TO_A_STOP:
        yield "hardly any sentence ends (lost full stops?): check how it was read, or leave it out"


def doubts_about(document: Document, entry: LedgerEntry, passages: tuple[Passage, ...]) -> tuple[str, ...]:
    """Everything odd about a document, as sentences: the ledger's warning, its length, repeated lines, its passages."""
    suffix = suffix_of(entry.name)
    found = [*filter(None, [entry.warning]), *_size_doubts(document, entry, suffix)]
    if suffix not in SUFFIXES:
        found += [*_repetition_doubts(document.text), *_passage_doubts(passages)]
    return tuple(found)


def doubt_about_ocr(entry: LedgerEntry, language: str, languages: str) -> str:
    """A warning if scanned pages were read in tesseract's `languages` and the text is in another one; else empty."""
    code = _CODES.get(language, "")
    if not entry.ocr_pages or not code or code in languages.split("+"):
        return ""
    return f"scanned pages read as {languages}, but the text is {language}: --set documents.ocr_languages={code}"


def _size_doubts(document: Document, entry: LedgerEntry, suffix: str) -> Iterator[str]:
    """Yield remarks on a text that is short, by itself or for the size of its file."""
    characters = len(document.text.strip())
    if (
        suffix in _PAGES
        and not entry.ocr_pages
        and entry.bytes > max(_SCANNED_BYTES, characters * _BYTES_PER_CHARACTER)
    ):
        yield f"only {characters:,} characters in {entry.bytes / 1e6:.1f} MB: are its pages pictures? Run OCR over it"
    elif characters < _LITTLE_CHARACTERS:
        yield f"only {len(document.text)} characters"  # the count that `disc-lite documents` shows


def _repetition_doubts(text: str) -> Iterator[str]:
    """Yield a remark on a line that is repeated often, as running heads are."""
    lines = [line.strip() for line in text.split("\n")]
    telling = Counter(line for line in lines if len(line) >= _REPEATED_CHARACTERS and line[0] not in "#-|`")
    line, times = telling.most_common(1)[0] if telling else ("", 0)
    if times >= max(_REPEATED_LINES, _REPEATED_SHARE * sum(telling.values())):
        shown = line if len(line) <= 40 else f"{line[:39]}…"
        yield f"the line “{shown}” occurs {times} times"


def _passage_doubts(passages: tuple[Passage, ...]) -> Iterator[str]:
    """Yield a remark on passages that hold one sentence, cut at the limit."""
    # A sentence that fills its passage and is as long as any was cut at the limit, not where it ends.
    longest = max((end - start for passage in passages for start, end in passage.sentences), default=0)
    filled = sum(len(passage.sentences) == 1 and passage.end - passage.start == longest for passage in passages)
    if filled > 1 and longest > 1:
        yield f"{filled} passages without the end of a sentence: a table or a list that lost its lines?"
