"""Checks whether all of an answer is in one language."""

from __future__ import annotations

from disc_lite.evaluation.instructions.parts import sentences_in
from disc_lite.qa.languages import Language, frequent_words

MIN_HITS = 2  # least number of frequent words in an answer
MIN_SHARE = 1 / 5  # least share of frequent words; in running text it is about a half
FOREIGN_HITS = 2  # a sentence with this many more frequent words of another language is in that language


def is_in(text: str, language: Language) -> bool:
    """Whether all of `text` is in `language`: no other language fits it, or one of its sentences, better."""
    words, hits = frequent_words(text)
    own_hits = hits.pop(language)
    if own_hits < max(MIN_HITS, MIN_SHARE * words) or own_hits <= max(hits.values()):
        return False
    return not any(_is_foreign(sentence, language) for sentence in sentences_in(text))


def _is_foreign(sentence: str, language: Language) -> bool:
    _, hits = frequent_words(sentence)
    return max(hits.values()) >= hits[language] + FOREIGN_HITS
