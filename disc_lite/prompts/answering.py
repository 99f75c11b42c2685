"""Prompts about passages: answers, questions without worked examples, and verdicts of a judge.

The passage always comes first and the task after it, so that all prompts about one passage share its tokens (see
`packing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.documents.headings import opening_headings

RULE = "\n\n---\n"  # after every passage


def passage_text(text: str, heading_path: Sequence[str] = ()) -> str:
    """Return the passage below its headings: those of its path with which it does not begin itself."""
    body = text.strip("\n")
    opening = opening_headings(body)
    # From the last heading on, since two headings of a path may be equal.
    above = list(heading_path)
    for place in range(len(above) - 1, -1, -1):
        if above[place] in opening:
            opening = opening[: _last(opening, above[place])]
            del above[place]
    return heading_lines(above) + "\n\n" + body if above else body


def _last(titles: Sequence[str], title: str) -> int:
    return max(place for place, other in enumerate(titles) if other == title)


def heading_lines(heading_path: Sequence[str]) -> str:
    """Return the headings above a text as Markdown, one per line, from the title down."""
    return "\n".join(f"{'#' * min(n, 6)} {title}" for n, title in enumerate(heading_path, 1))


def join_passages(passages: Sequence[str]) -> str:
    """Return passages, each followed by a rule: the beginning of a prompt."""
    return "".join(passage + RULE for passage in passages)


def answer_task(question: str) -> str:
    """Ask about the passage so that the answer does not refer to "the text", which the student does not see."""
    return f"Answer without mentioning the text: {question}"


def question_task(sentence: str) -> str:
    """Ask for one question, on one line, about a sentence of the passage above."""
    return f"Write a question that this sentence answers: {sentence}"


def about_task(title: str) -> str:
    """Return the user turn of the student anchor `chat`."""
    return f"Tell me about {title}."


def judge_task(question: str, expected: Sequence[str], given: str) -> str:
    """Ask a judge whether an answer is right: first a reason, then the verdict on a line of its own."""
    return (
        f"Somebody was asked: {question}\nA right answer is: {' or: '.join(expected)}\nThey answered: {given}\n\n"
        "Say in one sentence whether that is right. Then write a last line that is either "
        "VERDICT: right or VERDICT: wrong."
    )
