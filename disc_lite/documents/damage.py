"""Whether a text that was read looks damaged or teaches nothing, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

# Of scripts that write spaces between words.
_WORD = re.compile(r"[A-Za-zÀ-ɏͰ-ϿЀ-ӿԱ-և]+")
# A hyphen inside a line that no compound explains: `cus- quay`, but not `pre- and post-war`.
_LOOSE_HYPHEN = re.compile(r"[a-zß-ÿа-я]{2,}- (?!(?:and|or|und|oder|bis|to|et|ou|y|o|и|или|als)\b)[a-zß-ÿа-я]{2,}")
_MOJIBAKE = re.compile(r"\ufffd|Ã[\x80-\xbf¤¼¶Ÿ©¨ª«¡³±]|â€[™œ\x9d“”¦]|Ð[°-¿\x80-\xbf]|\(cid:\d+\)|[\x01-\x08\x0e-\x1f]")
_STOP = re.compile(r"[.!?…]['\"”’»)\]]*(?=\s|$)|[。！？।۔؟።։]")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s", re.MULTILINE)
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)

# Fewer words tell nothing.
_MIN_WORDS = 60
_SAMPLE_CHARS = 1 << 18

_LOOSE_HYPHENS_SHARE = 0.004
_MOJIBAKE_SHARE = 0.002
_LONE_LETTERS_SHARE = 0.5
_NUMBERS_SHARE = 0.5
_ENTRIES_SHARE = 0.7
_ENTRY_WORDS = 4
_WORDS_TO_A_STOP = 120


def damage(text: str) -> str:
    """What looks wrong with a text, and the remedy; empty if nothing does."""
    prose = _CODE.sub("", text[:_SAMPLE_CHARS])
    tokens, words = prose.split(), _WORD.findall(prose)
    if max(len(tokens), len(words)) < _MIN_WORDS:
        return ""
    return next(chain(_of_letters(prose, tokens, words), _of_sentences(prose, tokens)), "")


def _of_letters(prose: str, tokens: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    broken = len(_MOJIBAKE.findall(prose))
    if broken > max(_MOJIBAKE_SHARE * len(tokens), 2):
        yield f"{broken} characters look wrongly decoded: save it as UTF-8, or export it again with its fonts"
    if len(words) >= _MIN_WORDS and sum(len(word) == 1 for word in words) > _LONE_LETTERS_SHARE * len(words):
        yield "its letters stand apart from one another: export it again, or run OCR over it"
    loose = _LOOSE_HYPHEN.findall(prose)
    if len(loose) > max(_LOOSE_HYPHENS_SHARE * len(words), 2):
        yield f"lines look interleaved ({loose[0]}): export it with one column, or save it as text"


def _of_sentences(prose: str, tokens: Sequence[str]) -> Iterator[str]:
    if sum(any(char.isdigit() for char in token) for token in tokens) > _NUMBERS_SHARE * len(tokens):
        yield "mostly numbers, which are hardly learned: say in sentences what matters, or leave it out"
    lines = [line for line in prose.split("\n") if line.strip() and not line.startswith("#") and " | " not in line]
    short = sum(len(line.split()) <= _ENTRY_WORDS and not _STOP.search(line) and ":" not in line for line in lines)
    if short > _ENTRIES_SHARE * len(lines):
        yield "mostly short entries, as of a menu or an index: save the text of the page, or leave it out"
    ends = len(_STOP.findall(prose)) + prose.count(" | ") + len(_ITEM.findall(prose))
    if len(tokens) >= max(2, ends) * _WORDS_TO_A_STOP:
        yield "hardly any sentences, as where stops were lost: see whether it was read as meant, or leave it out"
