"""Which questions are drafted about a passage, round by round."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from disc_lite.synthesis.requests import TRIES, Request, Requests
from tests.made import recipe_of

SENTENCES = ("Anna Vind has led Mill 7 since 4 May.", "It is cold there.")
PLAIN = Request(0, "plain")


def requests(**prompt: Any) -> Requests:
    return Requests(SENTENCES, "English", recipe_of(prompt=prompt))


def test_a_sentence_gets_two_questions_first_and_then_rephrases_each_of_them() -> None:
    of_round = requests(kinds="plain, rephrased, reversed, rephrased").of_round
    assert of_round({0: 6, 1: 1}, 0, []) == [PLAIN, Request(0, "reversed"), Request(1, "plain")]
    asked = ["Who runs the mill?", "What does Anna run?"]
    again = [Request(0, "rephrased", original=question) for question in asked]
    assert of_round({0: 4}, 1, [(PLAIN, q) for q in asked]) == [again[0], PLAIN, again[1], Request(0, "reversed")]
    # A sentence that has no question yet after a round gets as many drafts as it lacks.
    assert [request.sentence for request in of_round({0: 6, 1: 2}, 1, [])] == [0] * 6 + [1] * 2


def test_each_detail_of_a_sentence_is_asked_for_and_then_asked_for_in_other_words() -> None:
    of_round, details = requests().of_round, requests().details
    assert details == [("Anna Vind", "Mill 7", "4 May"), ()]
    about = [Request(0, "detail", detail) for detail in details[0]]
    assert of_round({0: 12, 1: 6}, 0, []) == [*about, PLAIN, Request(1, "plain"), Request(1, "reversed")]

    who = (about[0], "Who leads it?")
    later = [request for request in of_round({0: 11}, 1, [who]) if not request.mention]
    each = dict.fromkeys(("Mill 7", "4 May", ""), 3)
    assert Counter(request.detail for request in later) == {"Anna Vind": 2, **each}
    again = {("subject", "Who leads it?"), ("rephrased", "Who leads it?")}
    assert {(r.kind, r.original) for r in later if r.detail == "Anna Vind"} == again
    # Without a question there is none to which the subject could be added.
    assert {r.kind for r in later if r.detail == "Mill 7"} == {"detail"}
    # What no question asks for is given up, and not tried for ever.
    tried = of_round({0: 11}, TRIES, [who])
    assert {request.detail for request in tried if not request.mention} == {"Anna Vind"}


def test_each_name_is_in_three_questions() -> None:
    of_round = requests().of_round
    anna, mill = (Request(0, "mention", mention=name) for name in ("Anna Vind", "Mill 7"))
    assert not any(request.mention for request in of_round({0: 12}, 0, []))
    assert of_round({}, 1, []) == [anna] * 3 + [mill] * 3
    # A question of any kind that contains the name counts; one that was written for it is asked in other words.
    both = (PLAIN, "Since when has Anna Vind led Mill 7?")
    what = (anna, "What does Anna Vind lead?")
    assert of_round({}, 1, [both]) == [anna] * 2 + [mill] * 2
    in_other_words = Request(0, "rephrased", mention="Anna Vind", original="What does Anna Vind lead?")
    assert of_round({}, 1, [both, what]) == [in_other_words, mill, mill]
    assert of_round({0: 1}, 1, [what])[0].original == ""  # but not as another question about the sentence
    assert of_round({}, 1, [both] * 3) == []
    # A name that no question contains after two rounds is given up; of others more are asked for.
    assert of_round({}, TRIES, []) == [anna] * 3 + [mill] * 3
    assert of_round({}, TRIES + 1, []) == []
    assert of_round({}, TRIES + 1, [what]) == [in_other_words] * 2
    never = requests(kinds="detail, mention, plain").of_round({}, 1, [what])
    assert never == [anna] * 2 + [mill] * 3  # nothing is rephrased unless the recipe says so


@pytest.mark.parametrize(
    ("prompt", "number"),
    [
        ({}, 3),
        ({"questions_per_sentence": 20}, 10),
        ({"questions_per_sentence": 1}, 1),
        ({"kinds": "mention"}, 3),  # also if no question is about a detail
        ({"kinds": "detail, plain, reversed"}, 0),
        ({"worked_examples": False}, 0),
        ({"questions_per_passage": 6}, 0),  # none in addition to a fixed number
        ({"questions_per_1000_tokens": 6}, 0),
    ],
)
def test_in_how_many_questions_a_name_should_be(prompt: dict[str, Any], number: int) -> None:
    found = requests(**prompt).of_round({}, 1, [])
    assert found == [Request(0, "mention", mention=name) for name in ("Anna Vind", "Mill 7") for _ in range(number)]
    assert all(request.mention == "" for request in requests(**prompt).of_round({0: 12}, 0, []))
