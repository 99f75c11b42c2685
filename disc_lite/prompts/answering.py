"""The wordings of every task given to a model; what surrounds them is its own chat template.

A passage always comes first and the task after it, so that all tasks about one passage share the
passage's tokens (one teacher sequence, see `packing`).
"""

from __future__ import annotations

from collections.abc import Sequence

RULE = "\n\n---\n"  # between passages, and between the last of them and the task


def passage_text(text: str, heading_path: Sequence[str] = ()) -> str:
    """The passage as a prompt shows it: under its headings, where it does not begin with one."""
    body = text.strip("\n")
    # A passage that starts with its own heading line needs no second one.
    if not heading_path or heading_path[-1] in body.split("\n", 1)[0]:
        return body
    return heading_lines(heading_path) + "\n\n" + body


def heading_lines(heading_path: Sequence[str]) -> str:
    """The headings above a text, a line each, from the title down."""
    return "\n".join(f"{'#' * min(n, 6)} {title}" for n, title in enumerate(heading_path, 1))


def join_passages(passages: Sequence[str]) -> str:
    """Passages, each followed by a rule: what stands in front of any task."""
    return "".join(passage + RULE for passage in passages)


def answer_task(question: str) -> str:
    """Ask about the passage above so that the answer does not talk about "the text".

    The student imitates the teacher's words and has no text to refer to.
    """
    return f"Answer without mentioning the text: {question}"


def question_task(sentence: str = "") -> str:
    """Ask for one question, on one line, about a sentence of the passage above."""
    if not sentence:
        return "Write a question about the text that makes sense without it."
    return f"Write a question that this sentence answers: {sentence}"


def about_task(title: str) -> str:
    """The chat turn that can stand in front of a document's sentence (anchor `chat`)."""
    return f"Tell me about {title}."


def judge_task(question: str, expected: Sequence[str], given: str) -> str:
    """Ask whether an answer is right: first the reason, then the verdict on a line of its own."""
    return (
        f"Somebody was asked: {question}\nA right answer is: {' or: '.join(expected)}\nThey answered: {given}\n\n"
        "Say in one sentence whether that is right. Then write a last line that is either "
        "VERDICT: right or VERDICT: wrong."
    )
