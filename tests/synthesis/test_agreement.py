"""Which of two answers to a question is taught: the sampled one, the likeliest one, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.synthesis import pairs
from disc_lite.synthesis.drafting import DraftedPair, DraftedQuestion, Drafter, askable_sentences
from disc_lite.synthesis.facts import says_no_more
from disc_lite.synthesis.requests import Request
from tests.made import continuation_of, document_of, recipe_of

FERRY = "The ferry to Ildeth leaves at nine from the east pier, where tickets are sold."
SHORT = "The ferry to Ildeth leaves at nine."


@pytest.mark.parametrize(
    ("sampled", "likeliest", "taught"),
    [
        (SHORT, FERRY, FERRY),
        (FERRY, SHORT, FERRY),
        (SHORT, "It leaves at nine.", SHORT),
        # What only one of them says, and the sentence does not, is made up.
        (SHORT, "The ferry to Ildeth leaves at nine with the mail, many guests and fresh bread.", SHORT),
        ("The ferry to Ildeth leaves at nine with the mail, many guests and fresh bread.", SHORT, SHORT),
        ("It leaves at nine from the east pier.", "It leaves at nine when all guests are there.", pairs.DISAGREES),
        (SHORT, "The ferry to Ildeth leaves at ten from the east pier.", pairs.DISAGREES),
        (SHORT, f"{SHORT[:-1]}, and not from the east pier, where tickets are sold.", pairs.DISAGREES),
        (FERRY, "The ferry to Ildeth leaves.", pairs.DISAGREES),  # the likeliest does not say when
    ],
)
def test_where_one_of_two_answers_says_more_they_agree_on_the_rest(
    plain: Callable[..., Any], sampled: str, likeliest: str, taught: str
) -> None:
    tokens = plain("llama").tokens
    (text,) = tokenise([document_of(f"{FERRY} Guests and bread come by mail.")], tokens, 200)
    drafter = Drafter(tokens, text, text.passages[0], askable_sentences(text, text.passages[0]), recipe_of(), 0)
    question = DraftedQuestion(Request(0, "plain"), "When does the ferry to Ildeth leave?", "")
    drafted = drafter.answered(question, continuation_of(tokens, sampled))
    assert isinstance(drafted, DraftedPair)
    found = pairs._agreed(drafter, question, drafted, continuation_of(tokens, likeliest))
    assert (found if isinstance(found, str) else found.pair.answer) == taught


@pytest.mark.parametrize(
    ("question", "answer", "other", "no_more"),
    [
        ("Wann fährt die Fähre?", "Um neun Uhr.", "Die Fähre fährt um neun Uhr vom Ostkai, wo es Karten gibt.", True),
        ("Wann fährt die Fähre?", "Um zehn Uhr.", "Die Fähre fährt um neun Uhr vom Ostkai, wo es Karten gibt.", False),
        ("渡轮几点开？", "九点。", "渡轮九点从东码头开出。", True),
        ("Is the pier open?", "Yes.", "Yes, from May on.", False),  # has no fact
        ("Is the pier open?", "In May.", "No, in May and June.", False),
        ("Which is locked, the red or the blue gate?", "The red gate.", "The blue gate.", False),
        ("Who opens the gate?", "The warden.", "Not the warden, the cook.", False),
    ],
)
def test_an_answer_may_be_within_another(question: str, answer: str, other: str, no_more: bool) -> None:
    assert says_no_more(question, answer, other) == no_more
