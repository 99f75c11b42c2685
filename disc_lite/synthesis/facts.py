"""The facts of an answer: words, names, numbers, and whether another text has them too. Does not import torch."""

from __future__ import annotations

import re

from disc_lite.qa import numbers_of, words_of
from disc_lite.synthesis.names import FUNCTION_WORDS, names_in

# But for "yes" with a mark behind it: "No fee is charged" does not say no.
YES_NO = re.compile(
    r"yes\b|(?:no|ja|nein|oui|non|sí|si|sim|não|nao|nee|да|нет|tak|nie|evet|hayır|نعم|لا|はい|いいえ|네|아니요|아니오|"
    r"हाँ|हां|नहीं|是的?|不是?|对|對|没有|沒有)(?=\s*(?:$|[,;:!，。；！、،।]|\.(?!\s*\d)))",
    re.IGNORECASE,
)
FACTS = 0.75  # smallest share of the facts of an answer that counts as giving it


def content_words(text: str) -> set[str]:
    """Words other than function words, in lower case; single characters in scripts without spaces between words."""
    return {word for word in words_of(text) if word not in FUNCTION_WORDS}


def is_yes_no(answer: str) -> bool:
    return YES_NO.match(answer) is not None


def facts_of(question: str, answer: str) -> set[str]:
    """The facts of an answer: its content words, numbers included, that are not in the question."""
    return content_words(answer) - content_words(question)


def recalls(question: str, expected: str, answer: str) -> bool:
    """Whether `answer` has the facts of the expected answer that are not in the question: all names and numbers, and
    most of the other words."""
    facts, said = facts_of(question, expected), content_words(answer)
    numbers = numbers_of(expected, in_words=True) - numbers_of(question, in_words=True)
    if not numbers <= numbers_of(answer, in_words=True) or not facts & names_in(expected) <= said:
        return False
    return len(facts & said) >= FACTS * len(facts)


def same_facts(question: str, first: str, second: str) -> bool:
    """Whether two answers to a question have the same facts, names and numbers, or both say yes, or both no."""
    known = numbers_of(question, in_words=True)
    if numbers_of(first, in_words=True) - known != numbers_of(second, in_words=True) - known:
        return False
    if is_yes_no(first) and is_yes_no(second):
        return words_of(first)[0] == words_of(second)[0]
    facts, others = facts_of(question, first), facts_of(question, second)
    if not (facts & names_in(first) <= others or others & names_in(second) <= facts):
        return False
    common, sizes = len(facts & others), (len(facts), len(others))
    # One may say a little more: "Ada Brink" and "The mill is run by Ada Brink" are the same.
    return common >= FACTS * min(sizes) and common >= max(sizes) / 2
