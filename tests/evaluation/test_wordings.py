"""Which questions are about one fact: wordings go together, and no two facts do."""

from __future__ import annotations

from pathlib import Path

import pytest

import disc_lite
from disc_lite.evaluation.card import ROWS, report_card
from disc_lite.evaluation.sentences import about_facts, verdict
from disc_lite.evaluation.wordings import facts_of
from disc_lite.hub.probes import read_probes
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


def test_different_questions_with_one_short_answer_are_different_facts() -> None:
    things = "printers passports invoices parking laptops payroll badges holidays contracts visas".split()
    verbs = ("handles", "pays for", "archives", "answers questions about")
    asked = [Question(f"Which department {verb} {thing}?", ("IT",), "a.md") for verb in verbs for thing in things]
    assert facts(*asked) == 40
    asked = [Question(f"Which team in Lund {verb} {thing}?", ("IT",), "a.md") for verb in verbs for thing in things]
    assert facts(*asked) == 40
    for first, second in (
        ("What is the default of timeout?", "What default do retries have?"),
        ("Who in Lund issues visas to sailors?", "To whom does a tenant in Lund report leaking pipes?"),
    ):
        pair = Question(first, ("30",), "a.md"), Question(second, ("30",), "a.md")
        assert facts(*pair) == 2, first


def test_wordings_without_a_name_share_most_of_what_they_tell() -> None:
    first = Question("When does the swimming pool open on holidays?", ("9",), "a.md")
    assert facts(first, Question("On holidays the swimming pool opens when?", ("9",), "a.md")) == 1


def test_a_yes_is_no_fact() -> None:
    assert facts(Question("Are dogs allowed?", ("yes",)), Question("Is parking free?", ("yes",))) == 2


def test_the_questions_of_the_handbook_and_the_probes_of_pocket() -> None:
    handbook = read_questions(ROOT / "examples" / "handbook.questions.jsonl")
    assert facts(*(q for q in handbook if q.kind == "question")) == 89
    probes = read_probes(Path(disc_lite.__file__).parent / "pocket").questions
    assert (len(probes["world"]), facts(*probes["world"])) == (640, 186)
    assert facts(*probes["open_book"]) == 320


@pytest.mark.parametrize("path", sorted((ROOT / "bench" / "real" / "corpus").glob("*.jsonl")), ids=lambda p: p.name)
def test_no_two_facts_of_documents_written_by_hand_are_taken_for_one(path: Path) -> None:
    questions = read_questions(path)
    assert facts(*questions) == len(questions)


def test_the_card_compares_by_facts() -> None:
    """Three facts in two wordings: more than retrieval finds only if the six questions were independent."""
    names = ["Ada", "Bo", "Carl"]
    asked = [Question(text, ("Friday",)) for n in names for text in (f"Which day does {n} rest?", f"When is {n} off?")]
    asked += [Question(f"What is number {n}?", ("yes",)) for n in range(40)]
    given = {**dict.fromkeys(ROWS, ["no"] * 46), "adapted": ["Friday"] * 6 + ["no"] * 40}
    found = report_card(asked, given, [""] * 46, (), "contains", 0.8)
    assert (found["questions"], found["facts"], about_facts(found)) == (46, 43, " about 43 facts")
    assert verdict(found).startswith("Retrieval alone may do as well here")
    apart = [Question(f"{q.text} {n}", q.answers) for n, q in enumerate(asked)]
    found = report_card(apart, given, [""] * 46, (), "contains", 0.8)
    assert about_facts(found) == "" and verdict(found).startswith("The adapted model knows more")
