"""Training goes on until trained questions are answered closed book, and says so where they never are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.evaluation.card import shortfall
from disc_lite.qa import Pair
from disc_lite.run import fit
from disc_lite.run.fit import FitCheck, last_measured, recalls
from disc_lite.run.folder import RunFolder
from disc_lite.run.interrupts import Interrupts
from disc_lite.storage import read_jsonl
from tests.made import recipe_of

PAIRS = [Pair("a.md", 0, f"Who runs mill {n}?", f"Ada{n} Brink runs mill {n}.") for n in range(100)]


class Model:
    """Stands for the adapted model: how many of the questions it answers rightly each time it is asked."""

    def __init__(self, *right: int) -> None:
        self.right, self.asked = list(right), 0

    def __call__(self, base: Any, questions: Any, adapter: bool, most: int) -> list[str]:
        assert adapter
        self.asked += 1
        number = self.right.pop(0)
        return [q.answers[0] if i < number else "Otto runs it." for i, q in enumerate(questions)]


def check_of(folder: Path, steps: int = 100, pairs: list[Pair] = PAIRS, **train: Any) -> FitCheck:
    recipe = recipe_of(train=train)
    context: Any = SimpleNamespace(recipe=recipe, folder=RunFolder(folder), base=None, interrupts=Interrupts())
    return FitCheck(context, pairs, steps)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("It is Ada3 Brink who runs mill 3.", True),
        ("Ada3 Brink", True),
        ("Ada3", False),  # half of the fact
        ("Somebody runs mill 3.", False),  # the frame without the fact
    ],
)
def test_an_answer_counts_by_what_its_question_does_not_say(given: str, right: bool) -> None:
    assert recalls(PAIRS[3], given) == right


def test_training_is_learned_when_enough_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(10, 40, 62, 63)
    monkeypatch.setattr(fit, "answer", model)
    fit_check = check_of(tmp_path)
    assert len(fit_check.pairs) == fit.SAMPLE
    found = [fit_check.learned_at(step) for step in range(20)]
    assert found == [None] * 15 + [15] * 5
    assert model.asked == 4  # every twentieth of the training
    # Of 100 planned steps 19 are made: the rate falls over the last fifth. After the last one it is asked again.
    assert list(read_jsonl(tmp_path / "fit.jsonl"))[2:] == [
        {"step": 15, "share": round(62 / 64, 4)}, {"step": 19, "share": round(63 / 64, 4)},
    ]  # fmt: skip
    assert last_measured(RunFolder(tmp_path))["step"] == 19
    # A run that is continued decides the same, and asks nothing again.
    assert [check_of(tmp_path).learned_at(step) for step in (14, 15, 19)] == [15, 15, 15]
    assert model.asked == 4


def test_a_signal_during_a_fit_check_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_check = check_of(tmp_path)

    def interrupted(*_: Any) -> list[str]:
        fit_check.context.interrupts.received = 15
        fit_check.context.interrupts.check()  # as before every forward pass
        return []

    monkeypatch.setattr(fit, "answer", interrupted)
    with fit_check.context.interrupts.postponed():  # as in the loop, which saves and stops by itself
        assert fit_check.learned_at(5) is None
        fit_check.context.interrupts.check()
    assert not (tmp_path / "fit.jsonl").exists()
    monkeypatch.setattr(fit, "answer", Model(64))
    assert check_of(tmp_path).learned_at(5) == 5


def test_more_of_the_same_that_teaches_no_more_ends_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "answer", Model(20, 50, 49, 50, 48, 47, 49))
    fit_check = check_of(tmp_path)
    found = [fit_check.learned_at(step) for step in range(5, 40, 5)]
    assert found == [None] * 6 + [35]
    # While hardly anything is known one waits on.
    monkeypatch.setattr(fit, "answer", Model(*[4] * 20))
    (tmp_path / "low").mkdir()
    low = check_of(tmp_path / "low")
    assert [low.learned_at(step) for step in range(5, 101, 5)] == [None] * 20
    assert len(list(read_jsonl(tmp_path / "low" / "fit.jsonl"))) == 20


def test_there_is_no_fit_check_without_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "answer", Model())
    assert check_of(tmp_path, enough=0).learned_at(5) is None
    assert check_of(tmp_path, pairs=[]).learned_at(5) is None
    assert check_of(tmp_path, pairs=[Pair("a", 0, "Is it old?", "It is old.")]).learned_at(5) is None
    assert last_measured(RunFolder(tmp_path)) == {}


def test_a_model_that_did_not_learn_is_reported_with_a_remedy() -> None:
    def card(adapted: float, ceiling: float, **found: Any) -> dict[str, Any]:
        rows = {"adapted": {"share": adapted, "right": 1}, "ceiling": {"share": ceiling, "right": round(100 * ceiling)}}
        return {"rows": rows, **found}

    assert shortfall(card(0.6, 0.7)) == ""
    assert shortfall(card(0.0, 0.0)) == ""  # the base cannot read the documents: nothing to compare with
    message = shortfall(card(0.05, 0.7, fit={"share": 0.3, "step": 9}))
    assert "5% where the passage gives 70%" in message
    assert "train longer" in message
    assert "questions_per_sentence" in shortfall(card(0.05, 0.7, fit={"share": 0.97, "step": 9}))
    assert "Train longer" in shortfall(card(0.05, 0.7, fit={}))
