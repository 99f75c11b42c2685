"""Rules that reject drafted questions and answers by their words alone. Does not import torch.

A small model hallucinates: it asks about names that are not in the passage, answers with numbers that are not in it,
repeats the question, or refers to "the text". These rules need no forward pass. Whether the passage makes an answer
likelier is measured in `pairs`.
"""

from __future__ import annotations

import re

from disc_lite.qa import words_of
from disc_lite.qa.vocabulary import MONTHS, VERBS
from disc_lite.synthesis.facts import content_words, facts_of, is_yes_no
from disc_lite.synthesis.names import invented

_LABEL = r"[*_]*(?:q|question|frage|pregunta|问题|問題)\s*\d*\s*[:.：][*_]*\s*"
MARKS = re.compile(rf"^\s*(?:[-*•]\s+|\d+[.)]\s+)?(?:{_LABEL})?", re.IGNORECASE)
EMPHASIS = re.compile(r"([*_]+)(.+)\1")  # of a whole question
# Greek asks with a semicolon and Armenian within a word; Japanese and Chinese with a last word, Thai and Lao with none.
ASKS = re.compile(r"(?:[?？؟;\u037e՞፧]|[か吗嗎呢][。.]?|[\u0e01-\u0eff])$|՞")
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


def clean_question(text: str) -> str:
    """The first line that is not empty, without what marks it as an item of a list or as a question, and quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    rest = MARKS.sub("", line).strip()
    if (MONTHS.keys() - VERBS).intersection(words_of(rest)[:1]):  # "20. Juli 1944"
        rest = line.strip()
    emphasised = EMPHASIS.fullmatch(rest)
    return (emphasised[2] if emphasised else rest).strip().strip('"“”').strip()


def question_fault(question: str, passage: str, language: str = "") -> str:
    """Why a drafted question about a passage, of this language if it is known, is rejected, or ""."""
    if not ASKS.search(question) or len(words_of(question)) < 3:
        return "not a question"
    if refers(question, passage):
        return "question refers to the text"
    if invented(question, passage, language=language):
        return "question names what the passage does not"
    # One shared word is enough: good questions use other words for the rest.
    if not content_words(question) & content_words(passage):
        return "question is about something else"
    return ""


def answer_fault(question: str, answer: str, passage: str, language: str = "") -> str:
    """Why a drafted answer from a passage, of this language if it is known, is rejected, or ""."""
    if not answer:
        return "empty answer"
    if refers(answer, passage):
        return "answer refers to the text"
    if invented(answer, f"{passage}\n{question}", is_answer=True, language=language):
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
