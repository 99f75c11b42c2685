"""Forms of one word: one stem by Snowball (Porter 1980, snowballstem.org), or one beginning where that has no rules."""

from __future__ import annotations

from functools import lru_cache

STEMMERS = {"Cyrillic": "russian", "Devanagari": "hindi"}  # where the language has another name, or only its script
_SHORTEST, _ENDING = 4, 2  # letters of a beginning, and of the shorter word's ending behind it


def are_forms(first: str, second: str, language: str) -> bool:
    """Whether two words are forms of one, as Saturday and Saturdays: not of one family, as police and policy."""
    if found := stem(first, language):
        return found == stem(second, language)
    length = max(_SHORTEST, min(len(first), len(second)) - _ENDING)
    return first.lower()[:length] == second.lower()[:length]


@lru_cache(maxsize=4096)
def stem(word: str, language: str) -> str:
    """A word without endings, cut until nothing changes; "" in a language without rules for that."""
    import snowballstemmer  # reads the rules of all languages

    name = STEMMERS.get(language, language.lower())
    if name not in snowballstemmer.algorithms():
        return ""
    shorter = str(snowballstemmer.stemmer(name).stemWord(word.lower()))
    return shorter if shorter == word else stem(shorter, language)
