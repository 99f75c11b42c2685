"""The details of a sentence, which a question can ask for: names, numbers with what they count, code, cells of a row.

A pair teaches what its answer is about. "Up to six days, but they lapse on 20 June" is learned as the answer to "How
many?", and those who ask for the date do not get it: so each detail is asked for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from disc_lite.qa.function_words import ORDINARY
from disc_lite.qa.languages import words_without_meaning
from disc_lite.qa.vocabulary import FOREIGN_NUMBERS
from disc_lite.qa.words import is_unspaced, numbers_of, words_of

MOST = 6  # details of a sentence: a row may have thirty cells
LONGEST = 8  # words of a detail: a longer one is a statement
_WORD = re.compile(r"[$€£]?[^\W_](?:[\w'’.:,/-]*\w)?[%°€$£]?")
_QUOTED = re.compile('["“„«「『《]([^"“”»」』》]{2,60})["“”»」』》]|`([^`]{2,60})`')
_CODE = re.compile(r"(?<![\w-])--?[a-z][\w-]+|\b\w+(?:_\w+)+\b|\b[a-z]+[A-Z]\w*")
_UNSPACED_NUMBER = re.compile(r"\d[\d.,:]*[^\W\d]?")
_BETWEEN = re.compile(r"[ \u00a0](?:& )?")  # the words of a name, a number and what it counts
_OPENS = re.compile(r"[.!?:]\W*\s\W*$|^\W*$")  # what precedes the first word of a sentence
_BEFORE = 8  # characters before a word that tell whether it is the first


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    kind: str  # "name", "number", or ""


def details_of(sentence: str, language: str = "") -> tuple[str, ...]:
    """The details of a sentence of this language, if it is known: at most MOST, each once."""
    if "|" in sentence:
        found = [cell.strip() for cell in sentence.strip("| ").split("|")]
    else:
        whole = [*_quoted(sentence), *_CODE.findall(sentence)]
        found = [*whole, *(run for run in _runs(sentence, language) if not any(run in text for text in whole))]
    return tuple(dict.fromkeys(text for text in found if 0 < len(words_of(text)) <= LONGEST))[:MOST]


def _quoted(sentence: str) -> list[str]:
    return [(match[1] or match[2]).strip() for match in _QUOTED.finditer(sentence)]


def _runs(sentence: str, language: str) -> list[str]:
    """Numbers, each with the word behind it unless that is a frequent one, and names."""
    if is_unspaced(sentence):
        return _UNSPACED_NUMBER.findall(sentence)
    words = [_read(match, language) for match in _WORD.finditer(sentence)]
    starts = [i for i, word in enumerate(words) if not i or not _are_one(words[i - 1], word, sentence)]
    found, counted = [], None
    for start, end in pairwise([*starts, len(words)]):
        first, last = words[start], words[end - 1]
        if first is counted:
            continue
        if first.kind == "number":
            counted = words[end] if end < len(words) and _is_counted(last, words[end], sentence) else None
            found.append(sentence[first.start : (counted or last).end])
        elif first.kind == "name" and (end - start > 1 or _is_lone_name(first, sentence, language)):
            found.append(sentence[first.start : last.end])
    return found


def _read(match: re.Match[str], language: str) -> _Word:
    text = match[0]
    kind = (
        "number" if _is_number(text, language) else "name" if text[0].isupper() and text.lower() not in ORDINARY else ""
    )
    return _Word(match.start(), match.end(), text, kind)


@lru_cache(maxsize=4096)
def _is_number(word: str, language: str) -> bool:
    """Whether a word is a number in this language: "due" is two in Italian, and "dort" four in Turkish."""
    folded = word.lower()
    is_foreign = folded in FOREIGN_NUMBERS if language == "English" else folded in words_without_meaning(language)
    return not is_foreign and bool(numbers_of(word))


def _are_one(word: _Word, following: _Word, sentence: str) -> bool:
    return word.kind == following.kind != "" and _are_beside(word, following, sentence)


def _are_beside(word: _Word, following: _Word, sentence: str) -> bool:
    return _BETWEEN.fullmatch(sentence, word.end, following.start) is not None


def _is_counted(number: _Word, following: _Word, sentence: str) -> bool:
    is_word = following.text[0].isupper() or following.text not in ORDINARY  # "4 May", not "7 since"
    return is_word and _are_beside(number, following, sentence)


def _is_lone_name(word: _Word, sentence: str, language: str) -> bool:
    """Whether one word with a capital is a name: German nouns have capitals, and so has what begins a sentence."""
    return language != "German" and not _OPENS.search(sentence[max(0, word.start - _BEFORE) : word.start])
