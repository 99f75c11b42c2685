"""Word -> its other spellings: without accents or apostrophe, with umlauts written out, American, in the singular."""

from __future__ import annotations

import re
import unicodedata

from disc_lite.qa.vocabulary import BRITISH, IRREGULAR, NO_PLURALS, PARTICLES

# Marks are removed where the word stays the same without them: in Latin, Greek, Arabic, Hebrew and the Russian ё, but
# not in й, nor in the scripts of India and Thailand and in kana, whose marks are vowels or other letters.
_ACCENTS = re.compile(
    "(?<=[a-zıøłđ\u03b1-\u03c9])[\u0300-\u036f]+|(?<=е)\u0308|[\u064b-\u065f\u0670\u06d6-\u06ed]|[\u0591-\u05bd\u05bf-\u05c7]"
)
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_HANGUL_END = re.compile("[\uac00-\ud7a3]$")
_SHORTEST_STEM = 3  # letters that, before an apostrophe, are a word of their own: Orsund's, Ankara'da
_SHORTEST_PLURAL = 4
_ENDING = re.compile(r"(?:s|ed|ing|ful|less|able|ite|hood|ly)$")
_ISE = re.compile(r"is(e|ed|es|er|ers|ing|ation|ations)$")
_SHORTEST_ISE = 7


def fold(text: str) -> str:
    """The text in lower case without accents."""
    text = text.casefold()
    if text.isascii():
        return text
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


def accents_agree(first: str, second: str) -> bool:
    """Whether two words that are equal without accents are the same: an accent can be missing but not differ."""
    if first.isascii() or second.isascii():
        return True
    first, second = (unicodedata.normalize("NFC", text.casefold()) for text in (first, second))
    if len(first) != len(second):
        return True
    return all(a == b or a == fold(b) or b == fold(a) for a, b in zip(first, second, strict=True))


def spellings(written: str, text: str) -> set[str]:
    """Other spellings of a word: Mueller, oneill, color, stem for stem's, Korean and Arabic words without affixes."""
    result = _american(text)
    if not written.isascii():
        composed = unicodedata.normalize("NFC", written.casefold())
        result.add(fold(composed.translate(_WRITTEN_OUT)))
        if _HANGUL_END.search(text):
            result |= {text.removesuffix(p) for p in PARTICLES if text.endswith(p) and len(text) >= len(p) + 2}
        result |= _arabic(text)
    stem, apostrophe, _ = text.partition("'")
    if apostrophe:
        result.add(text.replace("'", ""))
        if len(stem) >= _SHORTEST_STEM:
            result.add(stem)
    return result


def _american(text: str) -> set[str]:
    """The American spelling of a British word, with or without an ending (colours, organised); else empty."""
    ending = _ENDING.search(text)
    stem = text[: ending.start()] if ending else text
    if stem in BRITISH:
        return {BRITISH[stem] + text[len(stem) :]}
    return {_ISE.sub(r"iz\1", text)} if len(text) >= _SHORTEST_ISE and _ISE.search(text) else set()


def _arabic(text: str) -> set[str]:
    """Forms of an Arabic word without its article, a prefixed "and", "in", "by", "as" or "for", or the ending -ا."""
    result = set()
    if text.startswith("لل"):
        text = "ال" + text[2:]
        result.add(text)
    elif text[:1] in "وفبكل" and text[1:3] == "ال":
        text = text[1:]
        result.add(text)
    if text.startswith("ال") and len(text) > 4:
        result.add(text[2:])
    if text.endswith("ا") and len(text) > 3:  # counted by 11 to 99: 50 ريالا
        result.add(text[:-1])
    return result


def singulars(text: str) -> set[str]:
    """The singulars of a plural: houses gives house (and hous, which is no word and does no harm)."""
    if text in IRREGULAR:
        return {IRREGULAR[text]}
    if len(text) < _SHORTEST_PLURAL or not text.endswith("s") or text.endswith(("ss", "us", "is")):
        return set()
    if text in NO_PLURALS or text[-2].isdigit():
        return set()
    result = {text[:-1]}
    if text.endswith("ies"):
        result.add(text[:-3] + "y")
    if text.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        result.add(text[:-2])
    return result
