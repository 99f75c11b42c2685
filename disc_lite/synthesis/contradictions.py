"""Finds pairs that ask the same about several passages but answer with different facts: together, none is learned.

A question seldom names everything that it is about ("What does the function return?"), and a small model often answers
about one thing with what its passage says about another. An open question about a name ("What does Ada Brink do?") can
have several answers. Does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from disc_lite.qa import Pair
from disc_lite.qa.words import read_words
from disc_lite.synthesis.facts import states
from disc_lite.synthesis.open_questions import can_both_hold

CONTRADICTED = "another passage answers the question otherwise"
_EMPTY = frozenset({"do", "does"})


def is_stated(pair: Pair) -> bool:
    """Whether the sentence that the question was written about states the answer."""
    return states(pair.source, pair.question, pair.answer)


def contradicted(pairs: Sequence[Pair]) -> set[int]:
    """Return the indices of the pairs that are not taught because others contradict them, whatever their order.

    Answers that their own sentence states are believed over answers that theirs does not. If believed answers from
    different passages differ, none of them is taught, since it is unknown which is true. A pair without a sentence was
    written by a person: it is believed and kept.
    """
    return {number for numbers in _by_question(pairs) if len(numbers) > 1 for number in _contradicted(pairs, numbers)}


def between_documents(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return the questions that sentences of several documents answer with different facts, with document -> answer.

    A question is left out if a pair without a sentence answers it: a person wrote that pair, and it is taught.
    """
    contradictions = []
    for numbers in _by_question(pairs):
        if len({pairs[n].document for n in numbers}) > 1 and all(pairs[n].source for n in numbers):
            stated = [pairs[n] for n in numbers if is_stated(pairs[n])]
            answers = {pair.document: pair.answer for pair in reversed(stated)}  # the likeliest comes first
            first = next(iter(answers.values()), "")
            if not all(can_both_hold(pairs[numbers[0]].question, first, other) for other in answers.values()):
                contradictions.append({"question": pairs[numbers[0]].question, "answers": answers})
    return contradictions


def _by_question(pairs: Sequence[Pair]) -> Iterable[list[int]]:
    by_question: dict[tuple[str, ...], list[int]] = {}
    for number, pair in enumerate(pairs):
        by_question.setdefault(_question_key(pair.question), []).append(number)
    return by_question.values()


def _question_key(question: str) -> tuple[str, ...]:
    """Return the words of a question in order, with adjacent marks of code, without articles, do and does.

    Words are not reduced to stems or singulars: "what does training cost" is not "what does the train cost", nor
    `list.sort()` `list.sorted()`. A single letter keeps its case: `-v` is not `-V`.
    """
    words = [word for word in read_words(question) if not word.skipped and word.text not in _EMPTY]
    return tuple(f"{w.option or w.operator + w.text}{w.behind}" for w in words)


def _contradicted(pairs: Sequence[Pair], numbers: Sequence[int]) -> Iterator[int]:
    """Yield those of the pairs `numbers`, which ask the same question, that a believed pair contradicts.

    Thousands of documents can begin with the same paragraph, so each two answers are compared only once.
    """
    by_hand = {n for n in numbers if not pairs[n].source}
    believed = by_hand or {n for n in numbers if is_stated(pairs[n])} or set(numbers)
    agree, places = cache(can_both_hold), dict[str, set[tuple[str, int]]]()  # places of each believed answer
    for number in believed:
        places.setdefault(pairs[number].answer, set()).add(_place(pairs[number]))
    for number in (n for n in numbers if n not in by_hand):
        pair = pairs[number]
        # The answers that were sampled for one question can differ a little: each agrees with the likeliest one.
        here = {_place(pair)} if number in believed else set()
        if not all(agree(pair.question, pair.answer, answer) for answer, of in places.items() if of != here):
            yield number


def _place(pair: Pair) -> tuple[str, int]:
    return pair.document, pair.passage
