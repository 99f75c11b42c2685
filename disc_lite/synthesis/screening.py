"""Rules that reject drafted questions and answers by their words alone. Does not import torch.

A small model hallucinates: it asks about names that are not in the passage, answers with numbers that are not in it,
repeats the question, or refers to "the text". These rules need no forward pass. Whether the passage makes an answer
likelier is measured in `pairs`.
"""

from __future__ import annotations

import re

from disc_lite.qa import numbers_of, words_of

MARKS = re.compile(r"^\s*(?:[-*•]|\d+[.)]|q(?:uestion)?\s*\d*\s*[:.])\s*", re.IGNORECASE)
ENDS = ("?", "？", "؟", ";", "՞")  # Greek asks with a semicolon
SENTENCE_START = re.compile(r"(?:^|[.!?:…]['\"”’)]*\s+|\n\s*)[\"'“‘(\[]*")
# "According to the passage" and the like: the student has no passage to refer to.
REFERS = re.compile(
    r"\b(?:(?:the|this|that) (?:\w+ )?(?:text|passage|sentence|document|article|excerpt|paragraph|author|context)s?\b"
    r"(?! (?:message|file|editor|field|box))"
    r"|(?:as|is|are|was|were) (?:mentioned|stated|described|provided|given) (?:above|here|in the))"
    r"|\b(?:de[rmsn]|diese[rmsn]?|im|laut) (?:Text|Textes|Passage|Abschnitts?|Satz|Satzes|Autors?)\b"
    r"|(?:文中|本文|上文|文章|段落|作者|句子)",
    re.IGNORECASE,
)
YES_NO = re.compile(r"^(?:yes|no|ja|nein|oui|non|sí|si|no|是的?|不是?|对|没有)\b|^(?:是的|不是|没有)", re.IGNORECASE)
NAME = re.compile(r"[^\W\d_]\w*")  # an apostrophe ends it: O'Brien's is O, Brien and s
FACTS = 0.75  # smallest share of the facts of an answer that counts as giving it
COMMON_CAPITALS = 0.12  # share of the words inside sentences above which capitals mark nouns (German), not names
FUNCTION_WORDS = frozenset(
    "a an the of in on at to for and or nor but is are was were be been being by with from as it its this that "
    "these those what which who whom whose when where how why much many long do does did will would can could may "
    "might must should shall has have had not no yes so than then there their they them he she his her him we our "
    "you your i my me if into over under about up out after before during between while also only just each every "
    "any some all both per der die das ein eine einen einem einer des dem den und oder ist sind war waren wird "
    "werden im am zu zum zur von vom mit für auf aus bei nach als auch nicht kein keine wie viel viele was wer wen "
    "wem wann wo warum welche welcher welches hat haben muss kann darf soll man es er sie".split()
)


def clean_question(text: str) -> str:
    """The first line that is not empty, without list marks and quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return MARKS.sub("", line).strip().strip('"“”').strip()


def content_words(text: str) -> set[str]:
    """Words other than function words, in lower case; single characters in scripts without spaces between words."""
    return {word for word in words_of(text) if word not in FUNCTION_WORDS}


def question_fault(question: str, passage: str) -> str:
    """Why a drafted question is rejected, or ""."""
    if not question.endswith(ENDS) or len(words_of(question)) < 3:
        return "not a question"
    if REFERS.search(question):
        return "question refers to the text"
    if invented(question, passage):
        return "question names what the passage does not"
    # One shared word is enough: good questions use other words for the rest.
    if not content_words(question) & content_words(passage):
        return "question is about something else"
    return ""


def answer_fault(question: str, answer: str, passage: str) -> str:
    """Why a drafted answer is rejected, or ""."""
    if not answer:
        return "empty answer"
    if REFERS.search(answer):
        return "answer refers to the text"
    if invented(answer, f"{passage}\n{question}"):
        return "answer names what the passage does not"
    if not is_yes_no(answer) and not facts_of(question, answer):
        return "answer repeats the question"
    return ""


def facts_of(question: str, answer: str) -> set[str]:
    """The facts of an answer: its content words, numbers included, that are not in the question."""
    return content_words(answer) - content_words(question)


def recalls(question: str, expected: str, answer: str) -> bool:
    """Whether `answer` has the facts of the expected answer: most of the words that are not in the question."""
    facts = facts_of(question, expected)
    return len(facts & content_words(answer)) >= FACTS * len(facts)


def same_facts(question: str, first: str, second: str) -> bool:
    """Whether two answers to a question have the same facts and numbers, or both say yes, or both no."""
    if numbers_of(first) - numbers_of(question) != numbers_of(second) - numbers_of(question):
        return False
    if is_yes_no(first) and is_yes_no(second):
        return words_of(first)[0] == words_of(second)[0]
    facts, others = facts_of(question, first), facts_of(question, second)
    common, sizes = len(facts & others), (len(facts), len(others))
    # One may say a little more: "Ada Brink" and "The mill is run by Ada Brink" are the same.
    return common >= FACTS * min(sizes) and common >= max(sizes) / 2


def is_yes_no(answer: str) -> bool:
    return YES_NO.match(answer) is not None


def invented(text: str, source: str) -> bool:
    """Whether `text` has a number or a name that `source` does not have."""
    if numbers_of(text) - numbers_of(source, in_words=True):
        return True
    if capitals_mark_nouns(source):
        return False
    known = {_stem(word) for word in NAME.findall(source)}
    return any(_stem(w) not in known for w in _inside_words(text) if w[0].isupper() and w != "I")


def _inside_words(text: str) -> list[str]:
    """Words that do not begin a sentence."""
    words = []
    for sentence in SENTENCE_START.split(text):
        words += NAME.findall(sentence)[1:]
    return words


def capitals_mark_nouns(text: str) -> bool:
    """Whether many words inside sentences have a capital, as nouns have in German."""
    inside = _inside_words(text)
    if sum(word[0].isupper() for word in inside) <= COMMON_CAPITALS * len(inside):
        return False
    return bool({word.lower() for word in inside} & {"der", "die", "das", "und", "ist", "nicht", "ein", "eine"})


def _stem(word: str) -> str:
    """A name without the ending that its case gives it."""
    return word.lower()[: max(4, len(word) - 2)]
