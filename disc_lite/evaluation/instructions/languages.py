"""Whether all of an answer is in one language."""

from __future__ import annotations

from disc_lite.evaluation.instructions.parts import sentences_in
from disc_lite.qa.languages import Language, frequent_words

MIN_HITS = 2  # frequent words that an answer needs at least
MIN_SHARE = 1 / 5  # and their share of all words; in running text it is about a half
FOREIGN_HITS = 2  # by which the frequent words of another language must be more for a sentence to be in that one


def is_in(text: str, language: Language) -> bool:
    """Whether all of `text` is in one language: no list of frequent words fits it, or a sentence of it, better."""
    words, hits = frequent_words(text)
    own = hits.pop(language)
    if own < max(MIN_HITS, MIN_SHARE * words) or own <= max(hits.values()):
        return False
    return not any(_is_foreign(sentence, language) for sentence in sentences_in(text))


def _is_foreign(sentence: str, language: Language) -> bool:
    _, hits = frequent_words(sentence)
    return max(hits.values()) >= hits[language] + FOREIGN_HITS
