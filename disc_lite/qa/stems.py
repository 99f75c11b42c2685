"""Whether two words are forms of one word: by their Snowball stems, or by their first letters.

Snowball (Porter 1980, snowballstem.org) has rules for many languages; first letters are compared in the others.
"""

from __future__ import annotations

from functools import lru_cache

STEMMERS = {"Cyrillic": "russian", "Devanagari": "hindi"}  # for texts of which only the script is known
_SHORTEST, _ENDING = 4, 2  # at least 4 letters are compared, and all except the last 2 of the shorter word


def are_forms(first: str, second: str, language: str) -> bool:
    """Whether two words are forms of one word, as Saturday and Saturdays are; police and policy are not."""
    if first_stem := stem(first, language):
        return first_stem == stem(second, language)
    length = max(_SHORTEST, min(len(first), len(second)) - _ENDING)
    return first.lower()[:length] == second.lower()[:length]


@lru_cache(maxsize=4096)
def stem(word: str, language: str) -> str:
    """The Snowball stem of a word, stemmed until nothing changes; "" if Snowball has no rules for the language."""
    import snowballstemmer  # reads the rules of all languages

    name = STEMMERS.get(language, language.lower())
    if name not in snowballstemmer.algorithms():
        return ""
    shorter = str(snowballstemmer.stemmer(name).stemWord(word.lower()))
    return shorter if shorter == word else stem(shorter, language)
