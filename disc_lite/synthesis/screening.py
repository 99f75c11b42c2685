"""Rules that reject drafted questions and answers by their words alone. Does not import torch.

A small model hallucinates: it asks about names that are not in the passage, answers with numbers that are not in it,
repeats the question, or refers to "the text". These rules need no forward pass. Whether the passage makes an answer
likelier is measured in `pairs`.
"""

from __future__ import annotations

import re

from disc_lite.qa import numbers_of, words_of
from disc_lite.qa.languages import FREQUENT
from disc_lite.qa.vocabulary import MONTHS, VERBS

_LABEL = r"[*_]*(?:q|question|frage|pregunta|问题|問題)\s*\d*\s*[:.：][*_]*\s*"
MARKS = re.compile(rf"^\s*(?:[-*•]\s+|\d+[.)]\s+)?(?:{_LABEL})?", re.IGNORECASE)
EMPHASIS = re.compile(r"([*_]+)(.+)\1")  # of a whole question
# Greek asks with a semicolon and Armenian within a word; Japanese and Chinese with a last word, Thai and Lao with none.
ASKS = re.compile(r"(?:[?？؟;\u037e՞፧]|[か吗嗎呢][。.]?|[\u0e01-\u0eff])$|՞")
SENTENCE_START = re.compile(r"(?:^|[.!?:…]['\"”’)]*\s+|\n\s*)[\"'“‘(\[]*")
# "According to the passage" and the like: the student has no passage to refer to.
_AS_SAID = r"(?:according to|based on|(?:mentioned|stated|described) in|selon|d['’]après|según|laut)"
_TEXT = "|".join(
    (
        r"(?:the|this|that) (?:\w+ )?(?:text|passage|sentence|document|article|excerpt|paragraph|author|context)s?\b"
        r"(?! (?:message|file|editor|field|box))",
        r"(?:de[rmsn]|diese[rmsn]?|im|laut) (?:Text|Textes|Passage|Abschnitts?|Satz|Satzes|Autors?)\b",
        r"(?:le|la|ce|cette|du|au) (?:texte|passage|phrase|document|extrait|paragraphe)\b",
        r"(?:el|la|este|esta|del|al) (?:texto|pasaje|frase|oración|documento|fragmento|párrafo)\b",
    )
)
_SHOWN, _GIVEN = "(?:text|information|content|context|details|sentence|passage)", "(?:given|provided|above)"
REFERS = re.compile(
    rf"\b(?:{_AS_SAID} )?(?:{_TEXT})|\b{_GIVEN} {_SHOWN}\b|\b{_SHOWN} {_GIVEN}\b"
    r"|\b(?:as|is|are|was|were) (?:mentioned|stated|described|provided|given) (?:above|here|in the)\b"
    r"|文中|本文|上文|上述|原文|文章|段落|作者|句子|根据材料",
    re.IGNORECASE,
)
# But for "yes" with a mark behind it: "No fee is charged" does not say no.
YES_NO = re.compile(
    r"yes\b|(?:no|ja|nein|oui|non|sí|si|是的?|不是?|对|對|没有|沒有)(?=\s*(?:$|[,;:!，。；！]|\.(?!\s*\d)))",
    re.IGNORECASE,
)
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
# Words that begin a sentence with a capital and are no name.
OPENERS = FUNCTION_WORDS.union(
    *FREQUENT.values(),
    "since until unless although however within without anyone everyone nobody nothing nein oui".split(),
)


def clean_question(text: str) -> str:
    """The first line that is not empty, without what marks it as an item of a list or as a question, and quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    rest = MARKS.sub("", line).strip()
    if (MONTHS.keys() - VERBS).intersection(words_of(rest)[:1]):  # "20. Juli 1944"
        rest = line.strip()
    emphasised = EMPHASIS.fullmatch(rest)
    return (emphasised[2] if emphasised else rest).strip().strip('"“”').strip()


def content_words(text: str) -> set[str]:
    """Words other than function words, in lower case; single characters in scripts without spaces between words."""
    return {word for word in words_of(text) if word not in FUNCTION_WORDS}


def question_fault(question: str, passage: str) -> str:
    """Why a drafted question is rejected, or ""."""
    if not ASKS.search(question) or len(words_of(question)) < 3:
        return "not a question"
    if refers(question, passage):
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
    if refers(answer, passage):
        return "answer refers to the text"
    if invented(answer, f"{passage}\n{question}", is_answer=True):
        return "answer names what the passage does not"
    if not is_yes_no(answer) and not facts_of(question, answer):
        return "answer repeats the question"
    return ""


def refers(text: str, passage: str) -> bool:
    """Whether `text` speaks of the passage as a text: not if the passage says "the document" or "a tender document"."""
    text, passage = (" ".join(t.lower().split()) for t in (text, passage))
    for phrase in REFERS.findall(text):
        _, _, rest = phrase.partition(" ")
        if phrase not in passage and not (" " in rest and rest in passage):
            return True
    return False


def facts_of(question: str, answer: str) -> set[str]:
    """The facts of an answer: its content words, numbers included, that are not in the question."""
    return content_words(answer) - content_words(question)


def recalls(question: str, expected: str, answer: str) -> bool:
    """Whether `answer` has the facts of the expected answer that are not in the question: all names and numbers, and
    most of the other words."""
    facts, said = facts_of(question, expected), content_words(answer)
    numbers = numbers_of(expected, in_words=True) - numbers_of(question, in_words=True)
    if not numbers <= numbers_of(answer, in_words=True) or not facts & _names(expected) <= said:
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
    if not (facts & _names(first) <= others or others & _names(second) <= facts):
        return False
    common, sizes = len(facts & others), (len(facts), len(others))
    # One may say a little more: "Ada Brink" and "The mill is run by Ada Brink" are the same.
    return common >= FACTS * min(sizes) and common >= max(sizes) / 2


def _names(text: str) -> set[str]:
    """Words with a capital that is not that of a sentence, in lower case; in German nouns are among them."""
    return {word.lower() for word in _inside_words(text) + _first_words(text) if word[0].isupper()}


def is_yes_no(answer: str) -> bool:
    return YES_NO.match(answer) is not None


def invented(text: str, source: str, is_answer: bool = False) -> bool:
    """Whether `text` has a number or a name that `source` does not have.

    In an answer number words and first words count as well; a question may count what it asks for ("What do two of them
    pay?"), and begins with a word that asks.
    """
    if numbers_of(text, in_words=is_answer) - numbers_of(source, in_words=True):
        return True
    if capitals_mark_nouns(source):
        return False
    known = {_stem(word) for word in NAME.findall(source)}
    words = _inside_words(text) + (_first_words(text) if is_answer else [])
    return any(_stem(w) not in known for w in words if w[0].isupper() and w != "I")


def _first_words(text: str) -> list[str]:
    """Words that begin a sentence, but for frequent ones and numbers: these have their capital by their place."""
    words = [word for sentence in SENTENCE_START.split(text) for word in NAME.findall(sentence)[:1]]
    return [word for word in words if word.lower() not in OPENERS and not numbers_of(word, in_words=True)]


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
