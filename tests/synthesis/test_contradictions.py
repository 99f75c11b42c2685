"""Pairs that ask the same in several passages: which answer is believed, and what becomes of the others."""

from __future__ import annotations

from itertools import permutations

import pytest

from disc_lite.qa import Pair
from disc_lite.run.about_pairs import contradictions
from disc_lite.synthesis import contradictions as contradictions_module
from disc_lite.synthesis.contradictions import CONTRADICTED, between_documents, contradicted, is_stated
from disc_lite.synthesis.drafting import DraftedPair
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.scoring import PairSet, ScoredPair

LED = "Project Melworth is led by Ulwyn Wiltan."
QUESTION = "Who leads Project Melworth?"


def said(answer: str, passage: int, source: str = LED, question: str = QUESTION) -> Pair:
    return Pair("letter.txt", passage, question, answer, source)


@pytest.mark.parametrize(("pairs", "left"), [
    # The sentence that the question is about states one of them.
    ([said("Ulwyn Wiltan", 0), said("Frostdale Lochian", 1)], {0}),
    ([said("Ulwyn Wiltan", 0), said("It is led by Ulwyn Wiltan.", 1), said("September", 2)], {0, 1}),
    # Two sentences state two: nothing tells which holds. Who has it from neither is not believed over them.
    ([said("Ulwyn Wiltan", 0), said("Ada Brink", 1, "Ada Brink leads Project Melworth."), said("Ada Brink", 2)], set()),
    ([said("It is 4 metres.", 0, "Width: 4 metres", "How wide is it?"),
      said("It is 9 metres.", 1, "Width: 9 metres", "How wide is it?")], set()),
    ([said("Yes, it is.", 0, "The hall is open.", "Is it open?"), said("No.", 1, "The hall is not open.", "Is it open?")],
     set()),
    # No sentence states any.
    ([said("Ada Brink", 0), said("Ina Lund", 1)], set()),
    # Of one passage: what is not stated is dropped, and of several samples that are, or are not, none.
    ([said("Ulwyn Wiltan", 0), said("Frostdale Lochian", 0)], {0}),
    ([said("Ada Brink", 0), said("Ina Lund", 0)], {0, 1}),
    ([said("Ulwyn Wiltan", 0), said("Ada Brink", 0, "Ada Brink leads Project Melworth.")], {0, 1}),
    # The same facts, other questions: nothing is wrong.
    ([said("Ulwyn Wiltan", 0), said("Ulwyn Wiltan leads Project Melworth.", 1)], {0, 1}),
    ([said("Ulwyn Wiltan", 0), said("Ada Brink", 1, question="Who leads Project Melsen?")], {0, 1}),
    # The same question whatever its case, articles and marks.
    ([said("Ulwyn Wiltan", 0), said("Ada Brink", 1, question="who leads the project Melworth")], {0}),
    # But not whatever its prepositions.
    ([said("Lund", 0, "Trains", "Where does the train to Holm stop?"),
      said("Varn", 1, "Trains", "Where does the train from Holm stop?")], {0, 1}),
    # A person's pair has no sentence: it is believed, even beside another of a person.
    ([said("Ulwyn Wiltan", 0), said("Ada Brink", 1, "")], {1}),
    ([said("Ina Lund", 0, ""), said("Ada Brink", 1, ""), said("Ina Lund", 2)], {0, 1}),
])  # fmt: skip
def test_of_several_answers_the_stated_one_is_believed(pairs: list[Pair], left: set[int]) -> None:
    expected = {pairs[number] for number in left}
    for order in permutations(pairs):  # passages are finished in any order
        gone = contradicted(order)
        assert {pair for number, pair in enumerate(order) if number not in gone} == expected


@pytest.mark.parametrize(("first", "second", "same"), [
    ("What do the rooms cost?", "what does rooms cost", True),
    ("What does the train cost?", "What does training cost?", False),
    ("When does the contract end?", "When did the contract end?", False),
    ("Who leads the organisation?", "Who leads the organiser?", False),
    ("What does `list.sort()` return?", "What does `list.sorted()` return?", False),
    ("What does `writer.write` do?", "What does `writer.writes` do?", False),
    ("What is `int[]`?", "What is `int`?", False),
    ("What does `-v` do?", "What does `-V` do?", False),
])  # fmt: skip
def test_documents_contradict_each_other_only_where_the_words_of_a_question_are_the_same(
    first: str, second: str, same: bool
) -> None:
    pairs = [
        Pair(f"{n}.md", 0, question, f"{n} crowns", f"It says {n} crowns.") for n, question in ((7, first), (8, second))
    ]
    assert (between_documents(pairs) != []) == same == (len(contradicted(pairs)) == 2)


def test_an_answer_is_stated_where_its_sentence_has_its_facts() -> None:
    assert is_stated(said("Project Melworth is led by Ulwyn Wiltan.", 0))
    assert not is_stated(said("September", 0))
    assert is_stated(said("Yes.", 0, question="Does Ulwyn Wiltan lead Project Melworth?"))
    assert not is_stated(said("No, Ada Brink does.", 0, question="Does Ulwyn Wiltan lead Project Melworth?"))
    assert not is_stated(said("Ulwyn Wiltan", 0, "A few words about Project Melworth."))


def test_what_is_dropped_is_counted_and_only_what_is_stated_covers_its_sentence() -> None:
    pairs = [said("Ulwyn Wiltan", 0), said("Frostdale Lochian", 0), said("Ada Brink", 1), said("Ulwyn Wiltan", 0)]
    numbers = (0, 1, 0, 0)  # of the sentences
    scored = tuple(
        ScoredPair(DraftedPair(p, Request(n, "plain")), -0.1, -2.0, 5.0) for p, n in zip(pairs, numbers, strict=True)
    )
    every = PairSet(scored, {"not a question": 3}, 4)
    assert every.coverage == 1 / 4
    fewer = every.without_contradicted(contradicted(pairs))
    assert [s.pair for s in fewer.scored] == [pairs[0], pairs[3]]
    assert fewer.dropped == {"not a question": 3, CONTRADICTED: 2}
    assert fewer.without_contradicted(set()) == fewer
    assert PairSet(scored, {}, None).coverage is PairSet((), {}, 0).coverage is None


def test_what_two_answers_say_is_compared_once_however_many_documents_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same paragraph in 3,000 documents took ten minutes of the one core that compares."""
    pairs = [said(f"{'Project Melworth: ' * (n % 2)}Ulwyn Wiltan", n) for n in range(40)]
    pairs.append(said("Ada Brink", 40))
    compared: list[tuple[str, str]] = []
    same = contradictions_module.can_both_hold

    def counting(question: str, first: str, second: str) -> bool:
        compared.append((first, second))
        return same(question, first, second)

    monkeypatch.setattr(contradictions_module, "can_both_hold", counting)
    assert contradicted(pairs) == {40}
    assert len(compared) == len(set(compared)) <= 3 * 2


def test_documents_that_contradict_each_other_are_named_with_what_each_says() -> None:
    def said(document: str, answer: str, source: str = "") -> Pair:
        return Pair(document, 0, "What does the Dunden cost?", answer, source or f"The Dunden costs {answer}.")

    pairs = [said("lights.md", "91 crowns"), said("lights.md", "91 crowns"), said("prices.md", "12 crowns")]
    (found,) = between_documents(pairs)
    assert found == {"question": pairs[0].question, "answers": {"prices.md": "12 crowns", "lights.md": "91 crowns"}}
    text = contradictions({"contradictions": [found]})
    assert "12 crowns (prices.md) / 91 crowns (lights.md)" in text and "correct one of them" in text
    # Not where both say the same, it is one document, or only the model says so.
    for other in (
        said("prices.md", "91 crowns"),
        said("lights.md", "12 crowns"),
        said("prices.md", "12 crowns", "Blue."),
    ):
        assert between_documents([pairs[0], other]) == []
    # Nor where a person's pair says which of them is taught.
    decided = [*pairs, Pair("lights.md", 0, pairs[0].question, "91 crowns", "")]
    assert between_documents(decided) == [] and contradicted(decided) == {2}
    assert contradictions({}) == ""
