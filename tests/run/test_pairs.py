"""Methods that learn from pairs: without any, the run ends and says why; with few, it warns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import disc_lite
from disc_lite.cli.summary import remarks, show_summary
from disc_lite.documents import read_documents
from disc_lite.documents.tokens import estimated_tokens, tokenizer_of
from disc_lite.errors import RunFailed, UsageError, WillNotFit
from disc_lite.qa import Pair, Question, read_pairs
from disc_lite.run import synthesis
from disc_lite.run.about_pairs import few_pairs, without_pairs
from disc_lite.run.adapt import adapt
from disc_lite.run.folder import RunFolder
from disc_lite.run.user_files import check_belong
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl
from disc_lite.synthesis.contradictions import CONTRADICTED
from disc_lite.synthesis.drafting import DraftedPair
from disc_lite.synthesis.held_out import HeldOut
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.scoring import PairSet, ScoredPair
from tests.made import SMALL, SmallAdapt, recipe_of

pytestmark = pytest.mark.usefixtures("asked_little")


def test_without_a_pair_nothing_is_trained(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    """The model writes no question: `both` would have learned by DiSC alone, for all epochs."""
    small = SmallAdapt(tmp_path, folders("llama"))
    small.pairs = None  # type: ignore[assignment]
    with pytest.raises(RunFailed) as caught:
        small.adapt(tmp_path / "run", **{"prompt.questions_per_passage": "1", "prompt.question_tokens": "4"})
    error = caught.value
    assert "No question-answer pair was accepted" in error.what
    assert "`both`" in error.what
    assert "question did not end within prompt.question_tokens (" in error.why or "not a question (" in error.why
    assert "--pairs" in error.remedy
    assert "method=disc" in error.remedy
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_run_may_end_with_its_pairs_and_go_on(small: SmallAdapt, tmp_path: Path) -> None:
    """On a card that is too small to train the model, which can still write pairs for another one."""
    run = tmp_path / "run"
    given: dict[str, Any] = {
        "documents": small.root / "docs", "model": str(small.model), "output": run, "recipe": "default",
        "questions": small.questions, "pairs": small.pairs, "overrides": {**SMALL, "train.epochs": "1"}, "device": "cpu",
    }  # fmt: skip
    with pytest.raises(WillNotFit):
        adapt(**given, host_ram="0.01GB")
    found = adapt(**given, host_ram="0.01GB", pairs_only=True)
    assert found["pairs_only"] == str(run / "pairs.jsonl")
    assert found["pairs"]["accepted"] == len(RunFolder(run).read_pairs()) == 2
    assert not (run / "metrics.jsonl").exists()
    show_summary(found, console := Console(record=True, width=200))
    assert console.export_text().startswith(f"2 pairs: {run / 'pairs.jsonl'}")
    assert adapt(**given)["steps"] > 0  # it is the same run
    assert [row["why"] for row in read_jsonl(run / "computed.jsonl")] == ["as planned"]  # from the training
    taught = adapt(**given, pairs_only=True)
    assert taught["pairs_only"] == found["pairs_only"]
    show_summary(taught, console)
    assert console.export_text().count("The same command without") == 0
    with pytest.raises(UsageError, match="`disc` has no pairs"):  # before documents are read
        adapt("/nowhere", str(small.model), recipe="default", overrides={"method": "disc"}, pairs_only=True)
    with pytest.raises(WillNotFit, match="does not fit into"):  # too little memory even for writing
        adapt(**{**given, "output": tmp_path / "other"}, host_ram="0.00001GB", pairs_only=True)


def test_pairs_about_other_documents_are_refused_before_anything_is_loaded(small: SmallAdapt, tmp_path: Path) -> None:
    """Before, the model wrote the held-out questions first, which can take hours."""
    lost = {"document": "other.txt", "question": "Who steers?", "answer": "Ines.", "source": "Ines steers the boat."}
    given = small.write("lost", lost, {**lost, "question": "What does Ines do?"})
    events: list[Any] = []
    for call in (adapt, disc_lite.plan):
        with pytest.raises(UsageError, match="None of the pairs belongs to these documents"):
            call(
                small.root / "docs", str(small.model), recipe="default", pairs=given, overrides=SMALL, device="cpu",
                output=tmp_path / "run", listener=events.append,
            )  # fmt: skip
    assert not (tmp_path / "run").exists() and "model" not in {event.stage for event in events}
    kept = small.write(
        "kept", lost, {**lost, "document": "guide.md", "source": "", "question": "Who has the keys of the mill?"}
    )
    check_belong(
        read_pairs(kept), read_documents([small.root / "docs"])[0], tokenizer_of(small.model) or estimated_tokens, 32
    )


@pytest.mark.parametrize(("share", "is_low"), [(0.49, True), (0.5, False), (None, False)])
def test_few_pairs_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float | None, is_low: bool) -> None:
    every = [
        DraftedPair(Pair("a.md", 0, f"Who runs mill {n}?", "Ada.", "Ada does."), Request(n, "plain")) for n in range(50)
    ]
    number = 49 if is_low else 50
    scored = tuple(ScoredPair(drafted, -0.1, -2.0, 5.0) for drafted in every[:number])
    sentences = None if share is None else 100  # not known for pairs that are given
    written = PairSet(scored, {}, sentences)
    monkeypatch.setattr(synthesis, "_written_pairs", lambda context, held_out, texts: written)
    told: list[str] = []
    context: Any = SimpleNamespace(
        recipe=recipe_of(method="prompt"), folder=RunFolder(tmp_path), texts=(), since=None,
        inputs=SimpleNamespace(pairs=None), remark=lambda stage, text: told.append(text),
    )  # fmt: skip
    for _ in range(2):  # a continued run says it again
        pairs, about = synthesis.gather_pairs(context, ())
        assert len(pairs) == number
    assert [text.partition("%")[0] for text in told] == ["Few pairs: 49"] * 2 * is_low
    assert about.items() >= read_json(tmp_path / "pairs.json").items()
    summary: dict[str, Any] = {
        "documents": {"refused": 0, "duplicate": 0, "damaged": 0}, "pairs": about, "steps": 1, "seconds": 1, "peak_bytes": 1,
        "adapter": "a", "run": "r", "teachability": {"low": []},
    }  # fmt: skip
    assert any(line.startswith("Few pairs: 49% of the sentences") for line in remarks(summary)) == is_low


def test_a_document_without_a_pair_is_named(tmp_path: Path) -> None:
    """Whatever share of the other documents' sentences has pairs."""
    about = {"dropped": {}, "coverage": 0.9, "low_coverage": False}
    write_json(tmp_path / "pairs.json", about)
    write_jsonl(tmp_path / "pairs.jsonl", [{"document": "a.md", "passage": 1, "question": "Who?", "answer": "Ada."}])
    texts = [
        SimpleNamespace(passages=[SimpleNamespace(document=name, index=n) for n in range(2)])
        for name in ("a.md", *(f"b{number}.md" for number in range(7)))
    ]
    told: list[str] = []
    context: Any = SimpleNamespace(
        recipe=recipe_of(method="prompt"), folder=RunFolder(tmp_path), texts=texts,
        remark=lambda stage, text: told.append(text),
    )  # fmt: skip
    _, found = synthesis.gather_pairs(context, ())
    names = [f"b{number}.md" for number in range(7)]
    assert found == {**about, "accepted": 1, "without": {"documents": names, "passages": 15, "of": 16}}
    assert told == [
        "No question-answer pair is about b0.md, b1.md, b2.md, b3.md, b4.md and 2 more: what is said there is not "
        "learned from pairs. 15 of 16 passages have no question-answer pair. Give pairs of your own with --pairs."
    ]
    assert without_pairs({**about, "without": {"documents": [], "passages": 1, "of": 16}}).startswith(
        "1 of 16 passages"
    )
    assert without_pairs({**about, "without": {"documents": [], "passages": 0, "of": 16}}) == "" == without_pairs({})


def test_an_update_counts_the_sentences_that_it_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not count the passages that it takes over: among hundreds of them a few new ones would not show."""
    written = PairSet((), {"not a question": 3}, 2)
    monkeypatch.setattr(synthesis, "_new_pairs", lambda *given: written)
    monkeypatch.setattr(synthesis, "removed_pairs", lambda *given: ([], []))
    context: Any = SimpleNamespace(
        recipe=recipe_of(method="prompt"), folder=RunFolder(tmp_path), texts=(), since=SimpleNamespace(kept_pairs=[]),
        remark=lambda stage, text: None,
    )  # fmt: skip
    _, about = synthesis.gather_pairs(context, ())
    assert (about["coverage"], about["low_coverage"]) == (0, True)
    assert "0% of the new or changed sentences" in few_pairs(about)
    written = PairSet((), {}, 0)  # only something was removed, so nothing was asked
    context.folder = RunFolder(tmp_path / "gone")
    assert not few_pairs(synthesis.gather_pairs(context, ())[1])


def test_pairs_that_contradict_each_other_are_not_trained_on_and_the_reason_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They can be written by the model or come from files, for example of two runs."""
    said = [
        (0, "Who leads it?", "Ulwyn Wiltan", "It is led by Ulwyn Wiltan."),
        (1, "Who leads it?", "Ina Lund", "A few words about it."), (1, "Who sweeps?", "Ada", "Ada sweeps."),
    ]  # fmt: skip
    scored = tuple(
        ScoredPair(DraftedPair(Pair("a.md", n, question, answer, source), Request(0, "plain")), 0, 0, 0)
        for n, question, answer, source in said
    )
    for name in ("_written_pairs", "own_pairs"):
        monkeypatch.setattr(synthesis, name, lambda *_: PairSet(scored, {"not a question": 1}, None))
        context: Any = SimpleNamespace(
            recipe=recipe_of(method="prompt"), folder=RunFolder(tmp_path / name), texts=(), since=None,
            inputs=SimpleNamespace(pairs=scored if name == "own_pairs" else None),
        )  # fmt: skip
        (tmp_path / name).mkdir()
        told: list[str] = []
        context.remark = lambda stage, text: told.append(text)  # noqa: B023
        pairs, about = synthesis.gather_pairs(context, ())
        assert [pair.answer for pair in pairs] == ["Ulwyn Wiltan", "Ada"]
        # The screening has counted three pairs.
        assert told == ["1 of 3 pairs is left out, since another passage answers the question differently."]
        assert about["dropped"] == {CONTRADICTED: 1, "not a question": 1}


def test_what_the_model_writes_to_measure_with_takes_no_pair_of_a_person(
    tmp_path: Path, folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SmallAdapt(tmp_path, folders("llama"))
    known: list[str] = []
    small.questions = None  # type: ignore[assignment]

    def written(*how: Any) -> HeldOut:
        known.extend(how[-1])
        return HeldOut((Question("Who sweeps?", ("Nobody",), "other.txt", passage_index=0),), {})

    monkeypatch.setattr(synthesis, "write_held_out", written)
    summary = small.adapt(tmp_path / "run", **{"train.epochs": "1"})
    assert known == ["Who keeps the keys?", "What is cold?"]
    assert summary["pairs"]["accepted"] == 2
    assert summary["pairs"]["dropped"] == {}
    monkeypatch.setattr(synthesis, "write_held_out", lambda *_: HeldOut((), {"near-duplicate": 9}))
    summary = small.adapt(tmp_path / "unmeasured", **{"train.epochs": "1"})
    assert summary["pairs"]["remarks"][-1].startswith("No held-out question: the given pairs ask all")


def test_pairs_that_a_given_question_asks_are_left_out_by_name(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    small = SmallAdapt(tmp_path, folders("llama"))
    small.questions = small.write("questions", {"question": "What is cold?", "answers": ["hall"]})
    told: list[str] = []
    summary = small.adapt(tmp_path / "run", listener=lambda event: told.append(event.text), **{"train.epochs": "1"})
    remark = summary["pairs"]["remarks"][0]
    assert remark in told
    assert remark.startswith(
        "Of 2 given pairs, 1 left out, since a question of --questions asks nearly the same: “What is cold?”"
    )
    small.questions = small.write(
        "questions", *({"question": q, "answers": ["x"]} for q in ("what is cold", "Who keeps the keys?"))
    )
    with pytest.raises(UsageError, match="Every pair asks nearly what a held-out question asks"):
        small.adapt(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_pairs_can_be_edited_and_reused(small: SmallAdapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small.adapt(tmp_path / "first")
    rows = read_jsonl(tmp_path / "first" / "pairs.jsonl")
    rows[0]["answer"] = "something else"
    monkeypatch.setattr(small, "pairs", small.write("edited", *rows))
    summary = small.adapt(tmp_path / "run", method="prompt")
    assert first["examples"]["prompt"] == summary["examples"]["prompt"] == len(rows) > 1
    assert list(summary["examples"]) == ["prompt"]
    assert (tmp_path / "run" / "pairs.jsonl").read_text().count("something else") == 1
