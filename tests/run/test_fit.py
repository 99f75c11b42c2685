"""Training continues until trained questions are answered closed book; if they never are, the run says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.prompting import AnswerPrompts
from disc_lite.documents import read_documents
from disc_lite.evaluation.sentences import shortfall
from disc_lite.evaluation.updates import still_known
from disc_lite.hub.source import open_model
from disc_lite.models import load_base
from disc_lite.qa import Pair
from disc_lite.run import stopping
from disc_lite.run.folder import RunFolder
from disc_lite.run.interrupts import Interrupts
from disc_lite.run.stopping import FitCheck, teacher_answers
from disc_lite.run.update import pairs_to_unlearn
from disc_lite.storage import read_jsonl, write_jsonl
from disc_lite.synthesis.facts import recalls
from tests.made import recipe_of

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"
PAIRS = [Pair("a.md", 0, f"Who runs mill {n}?", f"Ada{n} Brink runs mill {n}.") for n in range(100)]


class Model:
    """Replaces the adapted model: `right` holds how many questions it answers correctly each time it is asked."""

    def __init__(self, *right: int) -> None:
        self.right, self.asked = list(right), 0

    def __call__(self, base: Any, questions: Any, most: int, adapter: bool, on_finished: Any) -> list[str]:
        assert adapter and most == 5 + stopping.SLACK  # "Ada7 Brink runs mill 7."
        self.asked += 1
        number = self.right.pop(0)
        return [q.answers[0] if i < number else "Otto runs it." for i, q in enumerate(questions)]


@pytest.fixture(autouse=True)
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a teacher that gives the answer of every pair."""
    monkeypatch.setattr(stopping, "teacher_answers", lambda context, pairs, tell: [pair.answer for pair in pairs])


def check_of(
    folder: Path, steps: int = 100, pairs: list[Pair] = PAIRS, loss: dict[str, Any] | None = None,
    unlearned: list[Pair] | None = None, **train: Any,
) -> FitCheck:  # fmt: skip
    recipe = recipe_of(train=train, loss=loss or {})
    base = SimpleNamespace(tokens=SimpleNamespace(text=str.split))
    context: Any = SimpleNamespace(recipe=recipe, folder=RunFolder(folder), base=base, interrupts=Interrupts())
    return FitCheck(context, pairs, steps, unlearned or [])


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("It is Ada3 Brink who runs mill 3.", True),
        ("Ada3 Brink", True),
        ("Ada3", False),  # half of the fact
        ("Somebody runs mill 3.", False),  # the question's words without the fact
    ],
)
def test_an_answer_counts_by_what_its_question_does_not_say(given: str, right: bool) -> None:
    assert recalls(PAIRS[3].question, PAIRS[3].answer, given) == right


def test_training_is_learned_when_enough_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(25, 40, 62, 63)
    monkeypatch.setattr(stopping, "answer", model)
    fit_check = check_of(tmp_path)
    assert len(fit_check.pairs) == stopping.FIT_SAMPLE
    found = [fit_check.learned_at(step) for step in range(20)]
    assert found == [None] * 15 + [15] * 5
    assert model.asked == 4  # after every twentieth of the training
    # Of 100 planned steps 19 are made, since the rate falls over the last fifth. After the last one it is asked again.
    assert list(read_jsonl(tmp_path / "fit.jsonl"))[2:] == [
        {"step": 15, "share": round(62 / 64, 4), "teacher": 1.0},
        {"step": 19, "share": round(63 / 64, 4), "teacher": 1.0},
    ]  # fmt: skip
    assert RunFolder(tmp_path).read_last_fit()["step"] == 19
    # A continued run makes the same decision and asks nothing again.
    assert [check_of(tmp_path).learned_at(step) for step in (14, 15, 19)] == [15, 15, 15]
    assert model.asked == 4


def test_only_the_pairs_of_the_sample_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(stopping, "says_something", lambda question, answer: read.append(answer) or True)
    assert len(check_of(tmp_path).pairs) == len(read) == stopping.FIT_SAMPLE < len(PAIRS)


@pytest.mark.parametrize("steps", [1, 19, 20, 21, 39, 119, 120, 2001])
def test_it_is_asked_at_most_twenty_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    model = Model(*[0] * 50)
    monkeypatch.setattr(stopping, "answer", model)
    fit_check = check_of(tmp_path, steps)
    assert [fit_check.learned_at(step) for step in range(steps + 1)] == [None] * (steps + 1)
    assert min(steps, 10) / 2 <= model.asked <= 20


def test_no_check_is_made_that_cannot_end_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second check is made while little is known; once enough is learned, only the one after the last step."""
    monkeypatch.setattr(stopping, "answer", Model(2, 10, 30, 50, 64, 63))
    fit_check = check_of(tmp_path)
    assert [fit_check.learned_at(step) for step in range(101)] == [None] * 35 + [35] * 66
    assert [row["step"] for row in read_jsonl(tmp_path / "fit.jsonl")] == [5, 15, 25, 30, 35, 44]
    # Questions to unlearn, and those that the teacher recalls little of, are asked at every check.
    monkeypatch.setattr(stopping, "answer", Model(*[0] * 20))
    monkeypatch.setattr(stopping, "teacher_answers", lambda *_: [pair.answer for pair in PAIRS[:20]] + ["Otto."] * 44)
    monkeypatch.setattr(stopping, "recalls", lambda question, expected, text: "Ada" in text)
    (tmp_path / "little").mkdir()
    little = check_of(tmp_path / "little", loss={"label_share": 0.0})
    assert [little.learned_at(step) for step in range(0, 20, 5)] == [None] * 4
    assert [row["step"] for row in read_jsonl(tmp_path / "little" / "fit.jsonl")] == [5, 10, 15]


@pytest.mark.parametrize(("label_share", "learned"), [(0.0, 10), (0.5, None)])
def test_without_labels_the_share_of_the_teacher_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label_share: float, learned: int | None
) -> None:
    """The divergence alone teaches no more than the teacher knows; labels can teach more."""
    monkeypatch.setattr(stopping, "answer", Model(25, 31, 40, 50))
    half = [pair.answer if n % 2 else "Otto runs it." for n, pair in enumerate(PAIRS[: stopping.FIT_SAMPLE])]
    monkeypatch.setattr(stopping, "teacher_answers", lambda context, pairs, tell: half)
    monkeypatch.setattr(stopping, "recalls", lambda question, expected, text: "Ada" in text)
    fit_check = check_of(tmp_path, loss={"label_share": label_share})
    assert [fit_check.learned_at(step) for step in (5, 10)] == [None, learned]
    assert RunFolder(tmp_path).read_last_fit() == {"step": 10, "share": round(31 / 64, 4), "teacher": 0.5}


def test_a_teacher_that_recalls_nothing_does_not_end_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "answer", Model(*[0] * 20))
    monkeypatch.setattr(stopping, "teacher_answers", lambda context, pairs, tell: ["Otto runs it."] * len(pairs))
    fit_check = check_of(tmp_path)
    assert [fit_check.learned_at(step) for step in range(5, 101, 5)] == [None] * 20
    assert RunFolder(tmp_path).read_last_fit() == {"step": 100, "share": 0.0, "teacher": 0.0}


def test_a_signal_during_a_fit_check_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_check = check_of(tmp_path)

    def interrupted(*_: Any, **__: Any) -> list[str]:
        fit_check.context.interrupts.received = 15
        fit_check.context.interrupts.check()  # as before every forward pass
        return []

    monkeypatch.setattr(stopping, "answer", interrupted)
    with fit_check.context.interrupts.postponed():  # as in the loop, which saves and stops by itself
        assert fit_check.learned_at(5) is None
        fit_check.context.interrupts.check()
    assert not (tmp_path / "fit.jsonl").exists()
    monkeypatch.setattr(stopping, "answer", Model(64))
    assert check_of(tmp_path).learned_at(5) == 5


def test_more_of_the_same_that_teaches_no_more_ends_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "answer", Model(20, 50, 49, 50, 48, 47, 49))
    fit_check = check_of(tmp_path)
    found = [fit_check.learned_at(step) for step in range(5, 40, 5)]
    assert found == [None] * 6 + [35]
    # While hardly anything is known, training continues.
    monkeypatch.setattr(stopping, "answer", Model(*[4] * 20))
    (tmp_path / "low").mkdir()
    low = check_of(tmp_path / "low")
    assert [low.learned_at(step) for step in range(5, 101, 5)] == [None] * 20
    assert len(list(read_jsonl(tmp_path / "low" / "fit.jsonl"))) == 11


def test_training_goes_on_while_more_to_unlearn_is_known_than_the_base_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the new pairs were known from the beginning, as for a page that is already known."""
    gone = [Pair("b.md", 0, f"Who keeps key {n}?", f"Ida{n} Lund keeps key {n}.") for n in range(20)]
    known = {True: [12, 9, 5, 4, 3], False: [4]}
    taught = [62, 64, 62, 50, 62]

    def answer(base: Any, questions: Any, most: int, adapter: bool, on_finished: Any) -> list[str]:
        number = (known[adapter] if "key" in questions[0].text else taught).pop(0)
        return [q.answers[0] if i < number else "Otto does." for i, q in enumerate(questions)]

    monkeypatch.setattr(stopping, "answer", answer)
    check = check_of(tmp_path, unlearned=gone)
    # At step 20 enough is unlearned, but some of the new pairs are forgotten again.
    assert [check.learned_at(step) for step in (5, 10, 15, 20, 25)] == [None] * 4 + [25]
    last = RunFolder(tmp_path).read_last_fit()
    assert last["unlearned"] == {"known": 3, "base": 4, "of": 20}
    assert (known, taught) == ({True: [], False: []}, [])  # the base is asked once
    assert still_known({"fit": last}).endswith("answers 4 that way.")
    assert "more train.epochs" in still_known({"fit": {"unlearned": {"known": 5, "base": 4, "of": 20}}})
    assert still_known({"fit": {"share": 1.0}}) == still_known({"fit": {}}) == ""


def test_where_all_is_to_be_unlearned_all_steps_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        stopping, "answer", lambda base, questions, most, adapter, on_finished: ["Otto."] * len(questions)
    )
    check = check_of(tmp_path, pairs=[], unlearned=PAIRS[:4])
    assert check.learned_at(5) is None
    expected = {"step": 5, "share": None, "teacher": None, "unlearned": {"known": 0, "base": 0, "of": 4}}
    assert RunFolder(tmp_path).read_last_fit() == expected
    rows = {"adapted": {"share": 0.1, "right": 1, "of": 10}, "ceiling": {"share": 0.9, "right": 9}}
    assert "more train.epochs" in shortfall(
        {"questions": 10, "self_written": 0, "rows": rows, "fit": expected, "advice": {"pairs": ""}}
    )


def test_only_an_update_that_unlearns_is_asked_what_is_gone(tmp_path: Path) -> None:
    row = {"document": "a.md", "passage": 0, "question": "Who?", "answer": "Ada Brink."}
    write_jsonl(tmp_path / "removed.jsonl", [row, {**row, "shown": "again"}])

    def asked(since: Any = True, **update: str) -> Any:
        context = SimpleNamespace(recipe=recipe_of(update=update), folder=RunFolder(tmp_path), since=since)
        return pairs_to_unlearn(context)  # type: ignore[arg-type]

    assert asked(removed="unlearn") == [Pair("a.md", 0, "Who?", "Ada Brink.")]
    assert not asked(removed="rehearse") and not asked(removed="unlearn", start="new")
    assert not asked(None, removed="unlearn")


def test_there_is_no_fit_check_without_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "answer", Model())
    assert check_of(tmp_path, enough=0).learned_at(5) is None
    assert check_of(tmp_path, pairs=[]).learned_at(5) is None
    assert check_of(tmp_path, pairs=[Pair("a", 0, "Is it old?", "It is old.")]).learned_at(5) is None
    assert RunFolder(tmp_path).read_last_fit() == {}


def test_a_model_that_did_not_learn_is_reported_with_a_remedy() -> None:
    def card(adapted: float, ceiling: float, **found: Any) -> dict[str, Any]:
        rows = {
            "adapted": {"share": adapted, "right": round(100 * adapted), "of": 100},
            "ceiling": {"share": ceiling, "right": round(100 * ceiling)},
        }
        advice = {"pairs": "more pairs", "passages": "shorter passages"}
        return {"questions": 100, "self_written": 0, "rows": rows, "fit": {}, "advice": advice, **found}

    assert shortfall(card(0.6, 0.7)) == ""
    assert shortfall(card(0.0, 0.0)) == ""  # the base cannot read the documents, so there is nothing to compare with
    message = shortfall(card(0.05, 0.7, fit={"share": 0.3, "teacher": 0.9, "step": 9}))
    assert "5% where the passage gives 70%" in message
    assert "train longer" in message
    same_words = {"share": 0.97, "teacher": 1.0, "step": 9}
    assert "What may help: more pairs." in shortfall(card(0.05, 0.7, fit=same_words))
    advice = {"pairs": "other pairs", "passages": "other passages"}
    assert "What may help: other pairs." in shortfall(card(0.05, 0.7, fit=same_words, advice=advice))
    unreadable = shortfall(card(0.05, 0.7, fit={"share": 0.38, "teacher": 0.4, "step": 9}, advice=advice))
    assert "larger model" in unreadable and "other passages" in unreadable
    assert "or other pairs." in shortfall(card(0.05, 0.7, fit={}, advice=advice))


def test_the_teacher_answers_with_the_passage_in_its_prompt() -> None:
    base = load_base(open_model("pocket").folder, "none")
    recipe = recipe_of(prompt={"worked_examples": False, "answer_tokens": 24})
    documents, _ = read_documents([HANDBOOK / "people" / "workshop.md"])
    texts = tokenise(documents, base.tokens, 96)
    context: Any = SimpleNamespace(
        base=base, prompts=AnswerPrompts(base.tokens, recipe.prompt.worked_examples), texts=texts
    )
    name = texts[0].document.name
    index = next(p.index for p in texts[0].passages if "Dalden Barvan" in texts[0].passage_text(p))
    pair = Pair(name, index, "Who showed Malaric Valmond the ropes?", "Dalden Barvan")
    assert recalls(pair.question, pair.answer, teacher_answers(context, [pair])[0])
    elsewhere = Pair(name, index, "Who runs the mill?", "Otto Brink")
    assert not recalls(elsewhere.question, elsewhere.answer, teacher_answers(context, [elsewhere])[0])
