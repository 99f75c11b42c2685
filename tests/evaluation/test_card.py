"""The report card: grades, overlap, forgetting and words, against sums done by hand."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from disc_lite.errors import UsageError
from disc_lite.evaluation.benchmarks import _figures, _shared, metrics_of
from disc_lite.evaluation.card import LENGTH, ROWS, change, forgetting, overlaps, report_card, share_of
from disc_lite.evaluation.grading import grade, is_stated
from disc_lite.evaluation.intervals import wilson
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.evaluation.sentences import (
    choice_of_questions,
    forgotten,
    in_words,
    overlap_sentences,
    shortfall,
    terser,
    unreadable,
    unstated,
    verdict,
)
from disc_lite.evaluation.updates import since_update
from disc_lite.qa import Pair, Question, words
from disc_lite.run.evaluate import verdict_in
from tests.counting import Counted, names_compared


@pytest.mark.parametrize(
    ("given", "answers", "f1"),
    [("the red kite", ["Red Kite"], 1.0), ("red", ["red kite"], 2 / 3), ("a blue kite", ["x", "red kite"], 0.5),
     ("", ["red"], 0.0), ("red red", ["red"], 2 / 3)],
)  # fmt: skip
def test_f1_counts_shared_words(given: str, answers: list[str], f1: float) -> None:
    assert grade(given, answers).f1 == pytest.approx(f1)


MEASURED: dict[str, dict[str, str]] = {"fit": {}, "advice": {"pairs": "more pairs"}}
QUESTIONS = [
    Question("Who runs the mill?", ("Ada",), "a.md"), Question("What colour is the kite?", ("red",), "a.md"),
    Question("When does the shop open?", ("Monday",), "b.md"), Question("What is it made of?", ("oak",), "b.md"),
]  # fmt: skip
GIVEN = {
    "floor": ["Bob", "blue", "Sunday", "oak"],
    "rag": ["Ada", "red", "Monday", "tin"],
    "ceiling": ["Ada", "red", "Monday", "oak"],
    "adapted": ["Ada", "It is red.", "Friday", "tin"],
    "adapted_rag": ["Ada", "red", "Monday", "tin"],
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
        "adapted_rag": 3,
    }
    assert found["documents"]["a.md"]["adapted"]["right"] == 2
    assert found["documents"]["b.md"]["adapted"]["right"] == 0
    assert found["rows"]["adapted"]["exact"] == 0.25
    assert card("exact")["rows"]["adapted"]["right"] == 1
    assert found["differences"]["adapted - ceiling"]["mean"] == -0.5
    assert found["differences"]["adapted_rag - rag"]["mean"] == 0


def test_thousands_of_questions_are_not_each_compared_with_thousands_of_documents() -> None:
    asked = [Question(f"Which boat is green in harbour {n}?", ("this",), Counted(f"{n}.md")) for n in range(200)]
    answers = {row: ["none"] * len(asked) for row in ROWS}
    assert names_compared(report_card, asked, answers, [""] * len(asked), [], "exact", 0.8) < 50 * len(asked)


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
    told = " ".join(overlap_sentences(card()))
    assert "Recall with such a pair: 100.0% (2 of 2); without: 0.0% (0 of 2)." in told
    asked_of_all = [Pair("a.md", 0, question.text, "x") for question in QUESTIONS]
    told = " ".join(overlap_sentences(report_card(QUESTIONS, GIVEN, [""] * 4, asked_of_all, "contains", 0.8)))
    assert told.endswith("Recall with such a pair: 50.0% (2 of 4).")  # not "without: 0.0% (0 of 0)"


def test_overlap_reads_the_words_of_a_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if there are more pairs than `read_words` remembers."""
    read: list[str] = []
    lexed = words.lexed
    monkeypatch.setattr(words, "lexed", lambda text: read.append(text) or lexed(text))
    overlaps([], [Pair("a.md", 0, f"What is in hall {n}?", "A saw.") for n in range(1100)], 0.8)
    assert len(read) <= 1100


def test_shares_are_rounded_once() -> None:
    """14 of 27 is 51.85185 %: as 0.5185 it would be shown as 51.8%."""
    assert in_words(share_of([True] * 14 + [False] * 13)) == "51.9% (14 of 27)"


def test_misses_are_those_that_the_passage_would_have_answered_first() -> None:
    given = {**GIVEN, "ceiling": ["Ada", "red", "Friday", "oak"]}
    found = report_card(QUESTIONS, given, ["p1", "p2", "p3", "p4"], (), "contains", 0.8)["misses"]
    assert [(m["question"], m["passage"], m["adapted"]) for m in found] == [
        ("What is it made of?", "p4", "tin"), ("When does the shop open?", "p3", "Friday"),
    ]  # fmt: skip


def compared(rag: range, adapted: range, total: int = 200, passage: int = -1) -> dict:
    """Of the questions these are answered right."""
    asked = [Question(f"Question {i}?", ("yes",), passage_index=passage) for i in range(total)]
    rows = {"floor": range(0), "rag": rag, "ceiling": range(total), "adapted": adapted, "adapted_rag": rag}
    given = {row: ["yes" if i in right else "no" for i in range(total)] for row, right in rows.items()}
    return report_card(asked, given, [""] * total, (), "exact", 0.8)


def test_the_verdict_is_honest_about_retrieval() -> None:
    assert verdict(compared(range(100), range(180))).startswith("The adapted model knows more")
    assert verdict(compared(range(180), range(180))).startswith("Retrieval alone may do as well here")
    assert verdict(compared(range(180), range(100))).startswith("Retrieval alone does better here:")
    assert verdict(report_card([], {row: [] for row in ROWS}, [], (), "exact", 0.8)) == ""


def test_the_verdict_needs_more_than_chance_in_both_directions() -> None:
    ahead, behind = compared(range(11), range(4, 19), 20), compared(range(4, 19), range(11), 20)
    gain = ahead["differences"]["adapted - rag"]
    assert gain["mean"] == 0.2 and gain["low"] < 0 < gain["high"]
    for one, shares in ((ahead, "answers 55%, the adapted model 75%"), (behind, "answers 75%, the adapted model 55%")):
        assert verdict(one).startswith("Retrieval alone may do as well here, since the difference may be chance")
        assert shares in verdict(one)


def test_a_ceiling_by_choice_of_the_questions_is_no_measurement() -> None:
    """Of the questions that the base writes only those are taken that it answers with the passage."""
    own, written = (compared(range(180), range(100), passage=place) for place in (-1, 0))
    assert own["rows"]["ceiling"]["low"] == pytest.approx(wilson(200, 200).low, abs=1e-4)
    assert own["differences"]["adapted - ceiling"]["mean"] == -0.5 and choice_of_questions(own) == ""
    assert written["rows"]["ceiling"]["right"] == 200
    assert written["rows"]["ceiling"]["low"] is written["rows"]["ceiling"]["high"] is None
    assert set(written["differences"]) == {"adapted - floor", "adapted - rag", "adapted_rag - rag"}
    assert choice_of_questions(written).startswith("The base wrote these questions, and only those")
    assert verdict(written).endswith("the adapted model 50% without any passage, on questions that favour retrieval.")
    assert "answers 50% where the passage gives 100%." in shortfall({**own, **MEASURED})
    assert "answers 50% of what the base answers with the passage." in shortfall({**written, **MEASURED})


def updated(fresh: tuple[int, int], unchanged: tuple[int, int], lost: int = 0, of: int = 3, gained: int = 1,
            finished: dict | None = None) -> dict:  # fmt: skip
    """A card of an update: right answers and questions, and how many the run before had right and are wrong now."""
    rows = {state: {"adapted": share_of([True] * right + [False] * (asked - right)),
                    "ceiling": share_of([True] * asked)} for state, (right, asked) in
            (("unchanged", unchanged), ("changed", (0, 0)), ("new", fresh))}  # fmt: skip
    rows["unchanged"] |= {"earlier": {"right": of}, "lost": lost, "gained": gained}
    nothing = {"adapted": share_of([]), "earlier": share_of([]), "lost": 0, "gained": 0}
    statements = dict.fromkeys(rows, nothing) | (finished or {})
    of_run = {
        "fit": {},
        "advice": {"pairs": "more pairs"},
        "update": {"rows": rows, "completions": statements, "passages": {"new": 1, "changed": 0}},
    }
    return {**compared(range(0), range(40), 50, 0), **of_run}


def test_an_update_tells_what_became_of_what_is_new_and_of_what_was_known() -> None:
    """Of all questions 80 % are right, and of the new page a few: that is told, as is what was known and is lost."""
    assert shortfall(updated((2, 10), (38, 40))).startswith("It did not learn enough of what is new or changed: ")
    assert "answers 20% of what the base answers with the passage" in shortfall(updated((2, 10), (38, 40)))
    assert "enough of what is unchanged" in shortfall(updated((10, 10), (10, 40)))
    # Not by a question or two, nor where the base cannot read the new page either.
    assert shortfall(updated((0, 1), (40, 40))) == shortfall(updated((2, 5), (38, 40))) == ""
    unread = updated((2, 10), (38, 40))
    unread["update"]["rows"]["new"]["ceiling"] = share_of([True] * 3 + [False] * 7)
    assert shortfall(unread) == ""
    assert shortfall(updated((8, 10), (32, 40))) == since_update(updated((8, 10), (32, 40))) == ""
    assert since_update(updated((0, 0), (33, 48), 5, 38)) == (
        "No question is about what is new or changed, so it is not known whether that was learned. Of 38 answers about "
        "unchanged passages that were right before the update, 5 are wrong now; 1 that was wrong is right now."
    )
    assert since_update(updated((8, 10), (0, 0), 1, 2, 0)) == (
        "Of 2 answers about unchanged passages that were right before the update, 1 is wrong now."
    )
    # Statements to finish count as answers.
    finished = {"unchanged": {"adapted": share_of([1, 0]), "earlier": {"right": 2}, "lost": 1, "gained": 0}}
    finished["new"] = {"adapted": share_of([1])}
    assert since_update(updated((0, 0), (33, 48), 5, 38, finished=finished)) == (
        "Of 40 answers about unchanged passages that were right before the update, 6 are wrong now; 1 that was wrong is right now."
    )
    assert since_update(compared(range(0), range(40), 50)) == ""


def test_of_an_update_some_questions_may_be_the_users_and_some_the_models() -> None:
    asked = [Question("Q?", ("yes",), "a.md"), Question("R?", ("yes",), "b.md", passage_index=3)]
    found = report_card(
        asked, {**{row: ["yes", "yes"] for row in ROWS}, "adapted": ["no", "yes"]}, ["", ""], (), "exact", 0.8
    )
    assert [found["documents"][name]["ceiling"]["low"] is None for name in ("a.md", "b.md")] == [False, True]
    assert found["rows"]["ceiling"]["low"] is None
    assert choice_of_questions(found).startswith("The base wrote 1 of these 2 questions")


def test_a_choice_is_right_only_as_a_whole() -> None:
    choices = ("the head", "the deputy head", "the head and the board", "A", "A and B")
    asked = [Question("Who approves travel?", ("The head.",), choices=choices)] * len(choices)
    found = report_card(asked, dict.fromkeys(ROWS, choices), [""] * len(choices), (), "contains", 0.8)
    assert found["rows"]["adapted"]["right"] == 1
    assert [miss["adapted"] for miss in found["misses"]].count("the head") == 0
    assert [grade(choice, ["A"], choices).contains for choice in choices] == [False, False, False, True, False]
    assert grade("the deputy head", ["the head", "deputy head"], choices).exact


BEFORE, AFTER = [True] * 24 + [False] * 41, [False] * 13 + [True] * 11 + [True] * 5 + [False] * 36


def test_forgetting_counts_every_answer_that_was_right_and_is_wrong() -> None:
    items = {"instructions": (BEFORE, AFTER, range(65)), "open_book": ([True] * 20, [True] * 20, range(100, 120))}
    rows = {name: change(*row) for name, row in items.items()}
    assert rows["instructions"]["before"]["right"] == 24 and rows["instructions"]["after"]["right"] == 16
    found = forgetting(items.values())
    # What was gained makes up for nothing, and what was wrong before is not asked for.
    assert (found["lost"], found["of"], found["gained"]) == (13, 44, 5)
    expected = wilson(13, 44)
    assert (found["share"], found["low"], found["high"]) == pytest.approx(
        (13 / 44, expected.low, expected.high), abs=1e-4
    )
    said = forgotten({"retained": rows, "forgetting": found})
    assert said == (
        "The adapted model lost 13 of 44 answers that should stay right (29.5%; 95% interval: 18.2% to 44.2%): instructions 13 of 24; "
        "5 that were wrong are right now."
    )


def test_forgetting_all_of_a_row_is_all_of_it() -> None:
    found = forgetting([([True] * 24 + [False] * 41, [False] * 65, range(65))])
    assert (found["lost"], found["of"], found["share"]) == (24, 24, 1.0)


def test_nothing_lost_and_nothing_to_lose() -> None:
    kept = ([True, False], [True, True], "ab")
    assert forgotten({"retained": {"world": change(*kept)}, "forgetting": forgetting([kept])}) == (
        "No answer that should stay right was lost (of 1)."
    )
    assert forgotten({"retained": {}, "forgetting": forgetting([])}) == ""


@pytest.mark.parametrize(
    ("short", "said"),
    [
        (5, ""),
        (6, "Of 100 answers to neutral prompts, 6 are less than half as long as the base's: the adapted model answers more briefly."),
    ],
)  # fmt: skip
def test_answers_that_became_short_are_told(short: int, said: str) -> None:
    length = change([True] * 100, [i >= short for i in range(100)])
    assert terser({"retained": {LENGTH: length}}) == said
    assert "neutral prompts, 1 is less than" in terser({"retained": {LENGTH: change([True] * 9, [True] * 8 + [False])}})
    kept = ([True, False], [True, True], "ab")
    told = forgotten({"retained": {"world": change(*kept), LENGTH: length}, "forgetting": forgetting([kept])})
    assert told == "No answer that should stay right was lost (of 1)."


def test_a_benchmark_with_several_filters_keeps_each() -> None:
    gsm8k = {
        "exact_match,strict-match": 0.51, "exact_match_stderr,strict-match": 0.01, "exact_match,flexible-extract": 0.73,
        "exact_match_stderr,flexible-extract": "N/A", "alias": "gsm8k", "sample_len": 1319,
    }  # fmt: skip
    assert metrics_of(gsm8k) == {"exact_match (strict-match)": 0.51, "exact_match (flexible-extract)": 0.73}
    assert metrics_of({"word_perplexity,none": math.inf, "mcc,none": math.nan, "acc,none": 1}) == {"acc": 1.0}
    assert metrics_of({"acc,none": 0.5, "acc_norm,none": 0.25, "acc_stderr,none": 0.1}) == {
        "acc": 0.5,
        "acc_norm": 0.25,
    }


def test_a_name_of_several_tasks_without_a_figure_of_its_own_is_told_with_theirs() -> None:
    results = {"arc_easy": {"acc,none": 0.5}, "arc_challenge": {"acc,none": 0.25}, "arc": {" ": " ", "alias": "arc"}}
    assert _figures(results, "arc_easy") == {"acc": 0.5}
    for name in ("arc", "ai2_arc"):  # a group without a mean, and a tag, which the harness leaves out
        with pytest.raises(UsageError, match=f"no overall figure for {name}") as caught:
            _figures(results, name)
        assert caught.value.remedy == "Name tasks that have one: --benchmarks arc_easy,arc_challenge."


def test_metrics_are_those_that_are_finite_before_and_after() -> None:
    found = _shared({"before": {"acc": 0.5, "f1": 0.25}, "after": {"f1": 0.75, "mcc": 1.0}})
    assert found == {"before": {"f1": 0.25}, "after": {"f1": 0.75}}


def test_a_judge_must_say_a_verdict() -> None:
    assert verdict_in("It says the same.\nVERDICT: right") is True
    assert verdict_in("VERDICT: right? No.\n**Verdict: wrong**") is False
    assert verdict_in("Surely.") is None
    assert verdict_in("VERDICT: right or VERDICT: wrong") is None
    assert verdict_in("VERDICT: right or wrong. It differs.\nVERDICT: wrong") is False


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


def test_a_base_that_reads_nothing_is_named_before_all_else() -> None:
    """With the right passage in its prompt it answers next to nothing: what was learned says nothing then."""
    asked = [Question(f"How much is {n}?", (f"{n} euros",)) for n in range(100, 140)]
    for right, said in ((0, "cannot read"), (4, "can hardly read"), (20, "")):
        rows = dict.fromkeys(ROWS, ["no"] * 40)
        rows["ceiling"] = [f"{n} euros" if n < 100 + right else "no" for n in range(100, 140)]
        found = report_card(asked, rows, [f"It is {n} euros." for n in range(100, 140)], (), "contains", 0.8)
        assert unreadable(found).startswith(f"This model {said} these documents" if said else "")
        assert bool(unreadable(found)) == bool(said)
        assert f"it answers {right} of 40 questions" in unreadable(found) or not said
        assert verdict(found) == ""  # nothing against nothing
        assert found["unstated"] == 0 and unstated(found) == ""


def test_few_wrong_answers_or_unstated_ones_are_no_base_that_reads_nothing() -> None:
    asked = [Question(f"How much is {n}?", (f"{n} euros",)) for n in range(100, 140)]
    rows = dict.fromkeys(ROWS, ["no"] * 40)
    for stated, said in ((0, False), (5, False), (6, True)):  # of 5 the interval reaches 43 %
        passages = [f"It is {n} euros." if n < 100 + stated else "It is dear." for n in range(100, 140)]
        found = report_card(asked, rows, passages, (), "contains", 0.8)
        assert bool(unreadable(found)) == said
        assert f"it answers 0 of {stated} questions" in unreadable(found) or not said
        assert unstated(found).startswith(f"For {40 - stated} of these 40 questions")
    chosen = [Question(q.text, q.answers, "a.md", passage_index=0) for q in asked]
    assert unreadable(report_card(chosen, rows, ["It is dear."] * 40, (), "contains", 0.8)) == ""


@pytest.mark.parametrize(
    ("answers", "stated"),
    [
        (("yes",), True),
        (("6 euros", "6 €"), True),
        (("6 € per visit",), False),
        (("Friday",), True),
        (("Yes, with a permit",), True),
        (("false",), True),
        (("No, only on Monday",), True),
        (("No smoking",), False),
    ],
)
def test_what_a_passage_states(answers: tuple[str, ...], stated: bool) -> None:
    assert is_stated(Question("How much is the sauna?", answers), "Sauna: 6 euros a visit, not on Friday.") == stated
