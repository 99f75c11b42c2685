"""Which questions are about one fact: wordings go together, and no two facts do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import disc_lite
from disc_lite.evaluation.asking import probes_of
from disc_lite.evaluation.card import report_card
from disc_lite.evaluation.sentences import about_facts, verdict
from disc_lite.evaluation.wordings import facts_of
from disc_lite.qa import Question, read_questions

ROOT = Path(__file__).parents[2]


def facts(*questions: Question) -> int:
    return len(set(facts_of(questions)))


def test_wordings_are_one_fact_and_other_names_numbers_answers_or_documents_another() -> None:
    asked = Question("How expensive is the Dunden?", ("86 crowns", "86"), "a.md")
    assert facts(asked, Question("What does one pay for the Dunden?", ("86", "86 crowns."), "a.md")) == 1
    for other in (
        Question("How expensive is the Varnen?", asked.answers, "a.md"),
        Question("How expensive is the Dunden 2?", asked.answers, "a.md"),
        Question("How heavy is the Dunden?", ("86 kg",), "a.md"),
        Question(asked.text, asked.answers, "b.md"),
        Question(asked.text, asked.answers, "a.md", passage="A page."),
    ):
        assert facts(asked, other) == 2, other


def test_a_yes_is_no_fact() -> None:
    assert facts(Question("Are dogs allowed?", ("yes",)), Question("Is parking free?", ("yes",))) == 2


def test_the_questions_of_the_handbook_and_the_probes_of_pocket() -> None:
    handbook = read_questions(ROOT / "examples" / "handbook.questions.jsonl")
    assert facts(*(q for q in handbook if q.kind == "question")) == 83
    probes = probes_of(json.loads((Path(disc_lite.__file__).parent / "pocket" / "probes.json").read_text()))
    assert (len(probes["world"]), facts(*probes["world"])) == (640, 160)
    assert facts(*probes["open_book"]) == 320


@pytest.mark.parametrize("path", sorted((ROOT / "bench" / "real" / "corpus").glob("*.jsonl")), ids=lambda p: p.name)
def test_no_two_facts_of_documents_written_by_hand_are_taken_for_one(path: Path) -> None:
    questions = read_questions(path)
    assert facts(*questions) == len(questions)


def test_the_card_compares_by_facts() -> None:
    """Three facts in two wordings: more than retrieval finds only if the six questions were independent."""
    names = ["Ada", "Bo", "Carl"]
    asked = [
        Question(f"Which day does {name} {rest}", ("Friday",)) for name in names for rest in ("rest?", "not work?")
    ]
    asked += [Question(f"What is number {n}?", ("yes",)) for n in range(40)]
    given = {"rag": ["no"] * 46, "adapted": ["Friday"] * 6 + ["no"] * 40, "floor": ["no"] * 46}
    found = report_card(asked, given, [""] * 46, (), "contains", 0.8)
    assert (found["questions"], found["facts"], about_facts(found)) == (46, 43, " about 43 facts")
    assert verdict(found).startswith("Retrieval alone may do as well here")
    apart = [Question(f"{q.text} {n}", q.answers) for n, q in enumerate(asked)]
    found = report_card(apart, given, [""] * 46, (), "contains", 0.8)
    assert about_facts(found) == "" and verdict(found).startswith("The adapted model knows more")
