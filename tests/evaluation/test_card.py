"""The report card: grades, intervals, overlap and words, against sums done by hand and by simulation."""

import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from disc_lite.evaluation.card import counted, forgetting, overlaps, report_card, verdict
from disc_lite.evaluation.grading import grade
from disc_lite.evaluation.intervals import paired_difference, wilson
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.qa import Pair, Question
from disc_lite.run.evaluate import verdict_in


def test_wilson_agrees_with_the_published_example_and_with_its_defining_equation() -> None:
    # Newcombe 1998, table I: 81 of 263 -> 0.2553 to 0.3662.
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    # Its ends solve (p - share)^2 = z^2 p (1 - p) / n.
    for right, total in ((0, 20), (7, 20), (20, 20), (1, 1)):
        interval = wilson(right, total)
        for end in (interval.low, interval.high):
            assert (end - right / total) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / total, abs=1e-12)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    rng, covered = Random(1), 0
    for _ in range(2000):
        found = wilson(sum(rng.random() < 0.9 for _ in range(100)), 100)
        covered += found.low <= 0.9 <= found.high
    assert 0.92 < covered / 2000 < 0.98


def test_the_paired_bootstrap_has_the_width_of_the_normal_interval() -> None:
    rng = Random(2)
    first = [float(rng.random() < 0.5) for _ in range(400)]
    second = [max(a, float(rng.random() < 0.4)) for a in first]
    found = paired_difference(first, second)
    differences = [b - a for a, b in zip(first, second, strict=True)]
    mean = sum(differences) / 400
    half = 1.96 * math.sqrt(sum((d - mean) ** 2 for d in differences) / 400 / 400)
    assert found.mean == mean
    assert found.low == pytest.approx(mean - half, abs=0.01)
    assert found.high == pytest.approx(mean + half, abs=0.01)
    assert paired_difference(first, second) == found
    same = paired_difference(first, first)
    assert same.low <= 0 <= same.high


@pytest.mark.parametrize(
    ("given", "answers", "f1"),
    [("the red kite", ["Red Kite"], 1.0), ("red", ["red kite"], 2 / 3), ("a blue kite", ["x", "red kite"], 0.5),
     ("", ["red"], 0.0), ("red red", ["red"], 2 / 3)],
)  # fmt: skip
def test_f1_counts_shared_words(given: str, answers: list[str], f1: float) -> None:
    assert grade(given, answers).f1 == pytest.approx(f1)


QUESTIONS = [
    Question("Who runs the mill?", ("Ada",), "a.md"), Question("What colour is the kite?", ("red",), "a.md"),
    Question("When does the shop open?", ("Monday",), "b.md"), Question("What is it made of?", ("oak",), "b.md"),
]  # fmt: skip
GIVEN = {
    "floor": ["Bob", "blue", "Sunday", "oak"],
    "rag": ["Ada", "red", "Monday", "tin"],
    "ceiling": ["Ada", "red", "Monday", "oak"],
    "adapted": ["Ada", "It is red.", "Friday", "tin"],
}
PAIRS = [Pair("a.md", 0, "who runs the mill", "Ada"), Pair("a.md", 0, "What colour is the old kite?", "red")]


def card(grading: str = "contains") -> dict:
    return report_card(QUESTIONS, GIVEN, ["p1", "p2", "p3", "p4"], PAIRS, grading, 0.8)


def test_the_card_counts_by_row_and_by_document() -> None:
    found = card()
    assert {name: row["right"] for name, row in found["rows"].items()} == {
        "floor": 1,
        "rag": 3,
        "ceiling": 4,
        "adapted": 2,
    }
    assert found["documents"]["a.md"]["adapted"]["right"] == 2
    assert found["documents"]["b.md"]["adapted"]["right"] == 0
    assert found["rows"]["adapted"]["exact"] == 0.25
    assert card("exact")["rows"]["adapted"]["right"] == 1
    assert found["differences"]["adapted - ceiling"]["mean"] == -0.5
    assert "adapted_rag - rag" not in found["differences"]


def test_overlap_with_training_is_told_apart() -> None:
    assert overlaps(QUESTIONS, PAIRS, 0.8) == ["exact", "near", "", ""]
    assert overlaps(QUESTIONS, PAIRS, 0.9) == ["exact", "", "", ""]
    found = card()["overlap"]
    assert (found["exact"], found["near"], found["with"]["adapted"]["right"], found["without"]["adapted"]["right"]) == (
        1,
        1,
        2,
        0,
    )


def test_misses_are_those_that_the_passage_would_have_answered_first() -> None:
    given = {**GIVEN, "ceiling": ["Ada", "red", "Friday", "oak"]}
    found = report_card(QUESTIONS, given, ["p1", "p2", "p3", "p4"], (), "contains", 0.8)["misses"]
    assert [(m["question"], m["passage"], m["adapted"]) for m in found] == [
        ("What is it made of?", "p4", "tin"), ("When does the shop open?", "p3", "Friday"),
    ]  # fmt: skip


def big(rag: int, adapted: int) -> dict:
    asked = [Question(f"Question {i}?", ("yes",)) for i in range(200)]
    say = lambda n: ["yes" if i < n else "no" for i in range(200)]  # noqa: E731
    given = {"floor": say(0), "rag": say(rag), "adapted": say(adapted)}
    return report_card(asked, given, [""] * 200, (), "exact", 0.8)


def test_the_verdict_is_honest_about_retrieval() -> None:
    assert verdict(big(100, 180)).startswith("The adapted model knows more")
    assert verdict(big(180, 180)).startswith("Retrieval alone is as good")
    assert verdict(big(180, 100)).startswith("Retrieval alone does better here:")
    assert verdict({"rows": {}, "differences": {}}) == ""


def test_forgetting_is_pooled_over_the_rows_that_fell() -> None:
    def rows(before: int, after: int, of: int) -> dict:
        return {w: counted([float(i < n) for i in range(of)]) for w, n in (("before", before), ("after", after))}

    small = {
        "instructions": rows(39, 39, 65),
        "instructions, thinking": rows(10, 9, 13),
        "answers that stop": rows(9, 9, 103),
    }
    lost, what = forgetting({"retained": small})
    assert lost == pytest.approx(1 / 181)  # not 1 / 13: one answer is no forgetting
    assert what == "instructions, thinking 10 to 9 of 13"
    # What one row gains hides nothing of what another one lost.
    real = {"instructions": rows(39, 24, 65), "answers that stop": rows(46, 67, 103), "open_book": rows(5, 4, 20)}
    lost, what = forgetting({"retained": real})
    assert lost == pytest.approx(16 / 188)
    assert what == "instructions 39 to 24 of 65; open book 5 to 4 of 20"
    assert forgetting({"retained": {"world": rows(3, 4, 5)}}) == (0.0, "")
    assert forgetting({"retained": {}}) == (0.0, "")


def test_a_judge_must_say_a_verdict() -> None:
    assert verdict_in("It says the same.\nVERDICT: right") is True
    assert verdict_in("VERDICT: right? No.\n**Verdict: wrong**") is False
    assert verdict_in("Surely.") is None


def test_search_finds_the_passage_with_the_rare_words() -> None:
    passages = ["The mill stands by the river.", "The shop opens on Monday.", "Ada runs the shop and the mill."]
    found = best_passages(passages, ["Who runs the mill?", "When does the shop open on Monday?"], 2)
    assert found[0][0] == passages[2]
    assert found[1][0] == passages[1]
    assert [len(f) for f in best_passages(passages, ["mill"], 9)] == [3]
    assert best_passages([], ["mill"], 3) == [[]]


def test_retrieval_does_not_wake_jax(tmp_path: Path) -> None:
    """bm25s calls JAX once on import where there is one, and JAX reserves most of the card at its first call."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("print('awake')")
    (tmp_path / "jax" / "lax.py").write_text("top_k = print")
    code = "from disc_lite.evaluation.retrieval import best_passages as b; print(b(['the mill', 'the shop'], ['shop'], 1)); import jax"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines() == ["[['the shop']]", "awake"]
