"""Which passage is put before the base as the one that answers a question."""

from disc_lite.evaluation import retrieval
from disc_lite.evaluation.retrieval import right_places
from disc_lite.qa import Question
from tests.counting import Counted, names_compared

HOURS = ("a.md", "The Varn office closes at 5.")
REPORT = (
    "b.md",
    "The annual report of 2025 says that the whole of the company and all of the offices in the country are open to the "
    "public, and that the staff of the head office has grown by 12 to 345 in the year, which is the most that the "
    "company has had in the past.",
)


def test_an_answer_is_looked_for_as_words_and_not_as_characters() -> None:
    asked = [
        Question("What is the number of the staff in the Varn office of the company?", ("5",)),
        Question("At what time does the office in Varn of the company close in the evening?", ("5",)),
        Question("How has the staff of the head office grown in the year?", ("twelve",)),
    ]
    assert right_places(asked, [HOURS, REPORT]) == [0, 0, 1]


def test_a_negated_answer_is_none() -> None:
    passages = [("a.md", "Dogs are not allowed in the hall."), ("a.md", "In the yard dogs are allowed.")]
    assert right_places([Question("Are dogs allowed in the hall or not?", ("allowed",))], passages) == [1]


def test_the_own_passage_is_taken_then_the_own_document_then_the_best() -> None:
    passages = [HOURS, ("b.md", "The mill closes at 5."), ("b.md", "The mill is red."), REPORT]
    asked = [
        Question("When does the Varn office close?", ("5",), "b.md", passage_index=1),
        Question("When does the Varn office close?", ("5",), "b.md"),
        Question("What colour is the mill?", ("crimson",)),  # no passage says so
        Question("When does it close?", ("5",), "gone.md"),
    ]
    assert right_places(asked, passages) == [2, 1, 2, None]
    assert right_places(asked[:1], []) == [None]


def test_passages_far_down_are_not_read(monkeypatch) -> None:
    monkeypatch.setattr(retrieval, "SEARCHED", 3)
    read: list[str] = []
    monkeypatch.setattr(retrieval, "is_right", lambda text, *given: bool(read.append(text)))
    passages = [("a.md", f"The mill number {n} is old.") for n in range(40)]
    right_places([Question("Which mill number is old?", ("none",))] * 5, passages)
    assert len(read) == 15


def test_thousands_of_questions_are_not_each_compared_with_thousands_of_passages() -> None:
    passages = [(Counted(f"{n}.md"), f"The mill number {n} is old.") for n in range(200)]
    asked = [Question("Which mill is old?", ("none",), name) for name, _ in passages]
    assert names_compared(right_places, asked, passages) < 30 * len(passages)
