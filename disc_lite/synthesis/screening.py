"""Rejects drafted questions and answers by their words alone. Does not import torch.

A small model hallucinates: it asks about names that are not in the passage, answers with numbers that are not in it,
repeats the question, or refers to "the text". These rules need no forward pass. Whether the passage makes an answer
likelier is measured in `pairs`.
"""

from __future__ import annotations

import re

from disc_lite.prompts.answering import RULE
from disc_lite.qa import words_of
from disc_lite.qa.vocabulary import MONTHS, VERBS
from disc_lite.synthesis.cells import names_no_row, takes_another_row
from disc_lite.synthesis.facts import is_yes_no, says_something
from disc_lite.synthesis.names import invented
from disc_lite.synthesis.references import points_at_itself, refers
from disc_lite.synthesis.topics import is_about, is_vague

_LABEL = (
    r"[*_]*(?:q|question|frage|vraag|pregunta|domanda|pergunta|вопрос|سؤال|问题|問題|问|問)\s*\d*\s*[*_]*[:.：][*_]*\s*"
)
MARKS = re.compile(rf"^\s*(?:[-*•]\s+|\d+[.)]\s+)?(?:{_LABEL})?", re.IGNORECASE)
EMPHASIS = re.compile(r"([*_]+)(.+)\1")  # around a whole question
QUOTES = '"“”„«»「」『』'
NO_ROW = "answer does not say of which row of a table"
ANOTHER_ROW = "answer is from another row of a table"
# Greek questions end in a semicolon, Armenian ones have a mark inside a word; Japanese and Chinese ones end in a
# particle, Thai and Lao ones have no mark.
ASKS = re.compile(r"(?:[?？؟;\u037e՞፧]|[か吗嗎呢][。.]?|[\u0e01-\u0eff])$|՞")


def clean_question(text: str) -> str:
    """Return the first non-empty line, without list or question markers and without quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    rest = MARKS.sub("", line).strip()
    if (MONTHS.keys() - VERBS).intersection(words_of(rest)[:1]):  # "20. Juli 1944"
        rest = line.strip()
    emphasised = EMPHASIS.fullmatch(rest)
    return _unquoted((emphasised[2] if emphasised else rest).strip())


def _unquoted(text: str) -> str:
    """Remove the quotation marks around a text, or a single one at one end."""
    ends = [bool(text) and text[end] in QUOTES for end in (0, -1)]
    if all(ends) or (any(ends) and sum(map(text.count, QUOTES)) == 1):
        text = text[ends[0] : len(text) - ends[1]]
    return text.strip()


def question_fault(question: str, passage: str, language: str = "") -> str:
    """Return why a drafted question is rejected, or ""; `language` is that of the passage, if known."""
    if not ASKS.search(question) or len(words_of(question)) < 3:
        return "not a question"
    if refers(question, passage) or points_at_itself(question):
        return "question refers to the text"
    if invented(question, passage, language=language):
        return "question names what the passage does not"
    if not is_about(question, passage):
        return "question is about something else"
    if is_vague(question, passage):
        return "question does not say what it is about"
    return ""


def answer_fault(question: str, answer: str, passage: str, language: str = "") -> str:
    """Return why a drafted answer is rejected, or ""; `language` is that of the passage, if known."""
    if not answer:
        return "empty answer"
    if RULE.strip() in answer.splitlines():  # the line between a passage and its task in a prompt
        return "answer begins another prompt"
    if refers(answer, passage):
        return "answer refers to the text"
    if invented(answer, passage, question, is_answer=True, language=language):
        return "answer names what the passage does not"
    if names_no_row(question, answer, passage):
        return NO_ROW
    if takes_another_row(question, answer, passage):
        return ANOTHER_ROW
    if not is_yes_no(answer) and not says_something(question, answer):
        return "answer repeats the question"
    return ""
