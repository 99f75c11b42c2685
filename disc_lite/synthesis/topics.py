"""The topic of a text: its words except the frequent ones of its language. Does not import torch."""

from __future__ import annotations

import re
from functools import lru_cache

from disc_lite.qa import language_of, words_of
from disc_lite.qa.function_words import FUNCTION_WORDS
from disc_lite.qa.languages import words_without_meaning
from disc_lite.qa.stems import are_forms

CHARACTER = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u30a1-\u30fa\u30fc]"
)  # Han, katakana
# Scripts without marks between words, whose letters mean nothing alone: hiragana, Thai, Lao, Khmer, Burmese.
UNMARKED = re.compile("[\u3041-\u3096\u0e01-\u0eff\u1000-\u109f\u1780-\u17d3]")
CHARACTERS = 2  # fewest that a question and its passage have in common, where characters are words
COMPOUNDING = ("German", "Dutch")  # languages that write compounds as one word
SHORTEST_PART = 4  # letters of a word in a compound
# Third-person pronouns and possessives, which refer to something else; for Dutch and Romance languages without those
# that are also articles, and without Dutch "zijn", which is also "to be". In German a possessive precedes a capital,
# which counts as a name.
PRONOUNS = {
    "English": "it its he him his she hers her they them theirs their", "German": "er ihn ihm sie es ihnen",
    "Dutch": "hij hem zij ze haar hun", "French": "il elle ils elles son sa ses leur leurs",
    "Spanish": "él ella ellos ellas su sus", "Italian": "lui lei loro esso essa suo sua suoi sue",
    "Portuguese": "ele ela eles elas seu sua seus suas", "Cyrillic": "он она оно они его её ее их",
}  # fmt: skip
FORMAL = re.compile(r"\b(?:Sie|Ihnen)\b")  # forms of address
UNSPACED_PRONOUN = re.compile(r"(?<![其吉])[它他她牠](?!人)(?:们|們)?")
POINTING = re.compile(
    r"\b(?:this|that|these|those|das|dies|cela|ça|eso|esto|questo|isso|isto|dat|это)\s*[?？]", re.IGNORECASE
)
# Words after a pronoun that say what it stands for: "How long does it take to …?"
EXPLAINS_PRONOUN = frozenset(
    "to that if when whether zu dass wenn ob om te de que quand si di che se para чтобы когда если".split()
)
EXISTS = re.compile(r"\b(?:gibt es|es gibt|y a-t-il|il y a|il faut|faut-il|is het)\b", re.IGNORECASE)
NAMES = re.compile(r"\d|(?<=[\w,;] )(?!I\b)[A-ZÀ-ÝА-Я]")
NOUNS_ASKED = 4  # words at the beginning of a question, one of which is its verb if that is a frequent word
_VERBS = FUNCTION_WORDS.difference("many much long to of in on at for from by with as".split())
ASKING = frozenset(
    "what which who whom whose when where how why was welche welcher welches welchem welchen wer wann wo wie warum "
    "welk welke wanneer waar hoe hoeveel quel quelle quels quelles combien quando quanto quanti quante qual quali "
    "quais cuál cuáles cuánto cuántos cuándo какой какая какое какие сколько".split()
)


def is_about(question: str, passage: str) -> bool:
    """Whether a question has a topic word of its passage; good questions use other words for the rest.

    In Chinese and Japanese it needs two characters, not counting those that every text has.
    """
    language = language_of(passage)
    question_words, passage_words = topic_words(question, language), topic_words(passage, language)
    if not question_words:
        return UNMARKED.search(question) is not None
    common = {word for word in question_words if any(_are_related(word, other, language) for other in passage_words)}
    characters = sum(CHARACTER.fullmatch(word) is not None for word in common)
    return len(common) > characters or characters >= min(CHARACTERS, len(question_words))


def _are_related(word: str, other: str, language: str) -> bool:
    """Whether two words are forms of one word, or one begins or ends with the other, as Waschtermin with Termin."""
    if are_forms(word, other, language):
        return True
    shorter, longer = sorted((word, other), key=len)
    return (
        language in COMPOUNDING
        and len(shorter) >= SHORTEST_PART
        and shorter in (longer[: len(shorter)], longer[-len(shorter) :])
    )


@lru_cache(maxsize=256)  # many drafts are compared with the same passage
def topic_words(text: str, language: str) -> frozenset[str]:
    """Return the words of a text that carry meaning, in lower case; Han and katakana characters are words."""
    frequent = FUNCTION_WORDS | words_without_meaning(language) | pronouns_of(language)
    return frozenset(word for word in words_of(text) if word not in frequent and not UNMARKED.match(word))


def pronouns_of(language: str) -> frozenset[str]:
    return frozenset(PRONOUNS.get(language, "").split())


def is_vague(question: str, passage: str) -> bool:
    """Whether a question is about "it" without saying what "it" is.

    A name, a number, a word of a heading, or a noun before the pronoun says so. In languages whose verbs need no
    pronoun (Spanish, Italian, Portuguese), a question without a pronoun passes.
    """
    language = language_of(passage) or language_of(question) or "English"
    topics = topic_words(question, language)
    if POINTING.search(question) and len(topics) < 2:
        return True
    before = _before_pronoun(question, language)
    if before is None or EXISTS.search(question) or NAMES.search(question):
        return False
    headings = "\n".join(line for line in passage.splitlines() if line.startswith("#"))
    return not topics & topic_words(before, language) and not topics & topic_words(headings, language)


def _before_pronoun(question: str, language: str) -> str | None:
    """Return the text before the first pronoun, unless words after it explain it; None if there is no such pronoun."""
    if match := UNSPACED_PRONOUN.search(question):
        return question[: match.start()]
    words, pronouns = words_of(FORMAL.sub("man", question)), pronouns_of(language)
    place = next((n for n, word in enumerate(words) if word in pronouns), None)
    if place is None or EXPLAINS_PRONOUN.intersection(words[place + 1 :]):
        return None
    return " ".join(_from_verb(words[:place]))


def _from_verb(words: list[str]) -> list[str]:
    """Drop the words of a question before its verb: in "What colour is it?", "it" is not the colour."""
    if not words or words[0] not in ASKING:
        return words
    end = next((n for n, word in enumerate(words[1:NOUNS_ASKED], 1) if word in _VERBS), 2)
    return words[end:]
