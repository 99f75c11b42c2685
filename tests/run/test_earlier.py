"""An update that is not possible is refused with a message before torch is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from disc_lite.cli import main
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.run.earlier import check_same, read_earlier
from disc_lite.run.folder import FORMAT
from disc_lite.run.plan import plan
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl, write_text


@pytest.fixture(scope="module")
def run(runs: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny Llama, with everything that an update takes over."""
    import shutil

    folder = tmp_path_factory.mktemp("runs") / "guide-llama"
    shutil.copytree(runs("llama"), folder)
    write_jsonl(folder / "questions.jsonl", [])
    write_jsonl(folder / "passages.jsonl", [{"document": "a.md", "text": "# Guide\n\nThe door opens at nine."}])
    write_jsonl(folder / "pairs.jsonl", [])
    return folder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Guide\n\nThe door opens at nine. It closes at five.\n")
    return tmp_path / "docs"


def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object) -> str:
    monkeypatch.setattr(sys, "argv", ["disc-lite", "adapt", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) <= 3
    return error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "prompt.kinds=plain"], "had prompt.kinds = detail, mention, plain, rephrased, reversed, subject, "),
        (["--set", "documents.passage_tokens=99"], "had documents.passage_tokens = 256, this update has 99"),
        (["--set", "method=disc"], "had method = prompt"),
        (["--set", "lora.rank=8"], "--set update.start=new"),
        (["--model", "pocket"], "pocket is not the model that"),
        (["--model", "mistral-7b"], "mistral-7b is not the model that"),  # and is not downloaded to find out
    ],
    ids="prompts passages method rank model absent".split(),
)
def test_what_does_not_go_with_the_run_is_refused(
    run: Path, docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str],
    words: str,
) -> None:  # fmt: skip
    error = fails(monkeypatch, capsys, docs, "--update", run, *options)
    assert words in error
    assert not (run.parent / "guide-llama-2").exists()
    monkeypatch.setattr(sys, "argv", ["disc-lite", "plan", str(docs), "--update", str(run), *options])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == error


def test_an_update_of_a_model_that_is_not_here_has_no_plan(run: Path, docs: Path) -> None:
    """Without its tokenizer the changes cannot be determined, and the plan of a whole first run would be wrong."""
    record = read_json(run / "run.json")
    try:
        write_json(run / "run.json", {**record, "model": {"name": "nobody/nothing", "reference": "nobody/nothing"}})
        with pytest.raises(EnvironmentNotReady, match="nobody/nothing is not on this machine"):
            plan(docs, update=run)
        with pytest.raises(UsageError, match=r"mistral-7b is not the model that .* was trained on"):
            plan(docs, "mistral-7b", update=run)
    finally:
        write_json(run / "run.json", record)


def test_a_plan_says_that_there_is_nothing_to_teach_and_is_no_error(
    run: Path, docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_jsonl(run / "passages.jsonl")
    shown = "# Guide\n\nThe door opens at nine. It closes at five."
    write_jsonl(run / "passages.jsonl", [{"document": "a.md", "text": shown}])
    for command in (["plan"], ["plan", "--json"], ["adapt", "--dry-run"]):
        monkeypatch.setattr(sys, "argv", ["disc-lite", *command, str(docs), "--update", str(run)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        assert "Nothing has changed since" in capsys.readouterr().out
    write_jsonl(run / "passages.jsonl", before)


def test_what_is_unlearned_is_planned(run: Path, docs: Path) -> None:
    """Every pair of a removed passage; from a changed passage, the pairs whose sentence is no longer in it."""
    before = {each: read_jsonl(run / f"{each}.jsonl") for each in ("passages", "pairs")}
    rows = [("a.md", 0, "Who?", "Ada keeps it."), ("a.md", 0, "When?", "It closes at five."), ("b.md", 0, "Where?", "")]
    write_jsonl(run / "pairs.jsonl", [
        {"document": document, "passage": at, "question": question, "answer": "x", "source": source}
        for document, at, question, source in rows
    ])  # fmt: skip
    write_jsonl(run / "passages.jsonl", [
        {"document": "a.md", "text": "# Guide\n\nThe door opens at nine. It closes at five. Ada keeps it."},
        {"document": "b.md", "text": "# Boats\n\nTwo boats lie in the harbour."},
    ])  # fmt: skip
    made = {policy: plan(docs, update=run, overrides={"update.removed": policy}) for policy in ("unlearn", "drop")}
    assert {policy: each.corpus.unlearned.number for policy, each in made.items()} == {"unlearn": 2, "drop": 0}
    taught = {policy: each.workload.examples["prompt"] for policy, each in made.items()}
    assert taught["unlearn"] == taught["drop"] + 2
    # With only removals nothing is new, but there are steps.
    write_jsonl(run / "passages.jsonl", [
        {"document": "a.md", "text": "# Guide\n\nThe door opens at nine. It closes at five."},
        {"document": "b.md", "text": "# Boats\n\nTwo boats lie in the harbour."},
    ])  # fmt: skip
    work = plan(docs, update=run, overrides={"update.removed": "unlearn"}).workload
    assert (work.examples, work.steps > 0) == ({"prompt": 1}, True)
    for each, found in before.items():
        write_jsonl(run / f"{each}.jsonl", found)


def test_the_run_itself_is_never_written(
    run: Path, docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is the run that is updated" in fails(monkeypatch, capsys, docs, "--update", run, "--output", run)


def test_no_run_and_no_model(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not the folder of a run" in fails(monkeypatch, capsys, docs, "--update", tmp_path / "nowhere")
    assert "No model was named" in fails(monkeypatch, capsys, docs)


def test_a_new_adapter_may_have_another_shape_and_training_may_differ(run: Path) -> None:
    earlier = read_earlier(run)
    other = earlier.recipe.model_copy(update={
        "lora": earlier.recipe.lora.model_copy(update={"rank": 8}),
        "train": earlier.recipe.train.model_copy(update={"epochs": 3}),
    })  # fmt: skip
    with pytest.raises(UsageError, match=r"lora\.rank"):
        check_same(earlier, other)
    check_same(earlier, other.model_copy(update={"update": other.update.model_copy(update={"start": "new"})}))


def test_what_has_no_pairs_cannot_be_unlearned(run: Path) -> None:
    earlier = read_earlier(run)
    parts = {"method": "disc", "update": earlier.recipe.update.model_copy(update={"removed": "unlearn"})}
    write_text(earlier.folder.recipe, earlier.folder.recipe.read_text().replace("{", '{"method": "disc", ', 1))
    with pytest.raises(UsageError, match="so it cannot unlearn"):
        check_same(read_earlier(run), earlier.recipe.model_copy(update=parts))


def test_updates_are_numbered_and_another_text_or_pair_is_another_update(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = read_earlier(run)
    assert earlier.next_folder == run.with_name("guide-llama-2")
    record = read_json(run / "run.json")
    # The number of a model or a year is not the number of an update.
    for name, number, after in (
        ("docs-phi-4", {}, "docs-phi-4-2"), ("docs-phi-4-2", {"number": 2}, "docs-phi-4-3"), ("r-9", {"number": 9}, "r-10"),
        ("handbook-2026", {"number": 3}, "handbook-2026-2"),
    ):  # fmt: skip
        write_json(run / "run.json", {**record, **number})
        later = run.rename(run.with_name(name))
        found = read_earlier(later)
        assert found.next_folder == run.with_name(after)
        assert found.number_in(run.with_name(after)) == {"number": int(after.split("-")[-1])}
        assert found.number_in(run.with_name("mine-7")) == {}
        later.rename(run)
    monkeypatch.chdir(run)
    for here in (".", "../" + run.name, "adapter/.."):  # a command that runs in the run's own folder
        assert read_earlier(Path(here)).next_folder.resolve() == run.with_name("guide-llama-2")
    before = earlier.digest
    assert read_earlier(run).digest == before
    write_jsonl(run / "pairs.jsonl", [{"document": "a.md", "passage": 0, "question": "Who?", "answer": "x"}])
    assert read_earlier(run).digest != before


def test_a_run_of_another_version_is_refused(run: Path) -> None:
    write_json(run / "run.json", {"identity": {"format": FORMAT - 1}, "model": {}})
    with pytest.raises(UsageError, match="another version"):
        read_earlier(run)
