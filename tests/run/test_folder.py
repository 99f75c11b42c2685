"""Only one module spells the names in a run folder, and whatever reads one refuses a run of another version."""

import ast
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import disc_lite
from disc_lite.chat.opening import open_adapted
from disc_lite.documents import RUN_RECORD
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.exporting import export
from disc_lite.qa import Pair, Question
from disc_lite.report import inspect_document, write_report
from disc_lite.run import readme
from disc_lite.run.answers import Answers, Drift, Retained
from disc_lite.run.earlier import read_earlier
from disc_lite.run.finished import open_run
from disc_lite.run.folder import FORMAT, Entry, RunFolder
from disc_lite.run.gathering import Arguments, gather
from disc_lite.run.inputs import begin
from disc_lite.run.user_files import pairs_of
from disc_lite.storage import DIGESTS, begin_digests, lock, read_json, write_json, write_jsonl
from tests.tiers import reached

PACKAGE = Path(disc_lite.__file__).parent
NAMES = {entry.name for entry in vars(RunFolder).values() if isinstance(entry, Entry)}
# Also the name of an export form and of a kind of folder that can be asked; a model card; transformers 5.24's cache.
ELSEWHERE = {"adapter", "README.md", "cache"}


def literals(path: Path) -> set[str]:
    """The last part of every string in a module, split as a path."""
    strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {value.rsplit("/", 1)[-1] for value in strings if isinstance(value, str)}


def test_no_other_module_spells_a_name() -> None:
    assert len(NAMES) > 25
    owners = {"walking.py": {RUN_RECORD}, "digests.py": {DIGESTS}}  # these mark and verify a run folder
    for path in PACKAGE.rglob("*.py"):
        own = owners.get(path.name, set())
        if path != PACKAGE / "run" / "folder.py":
            assert not literals(path) & (NAMES - ELSEWHERE - own), path


def test_every_name_is_one_path() -> None:
    folder = RunFolder(Path("run"))
    assert folder.pairs == Path("run/pairs.jsonl")
    assert RunFolder.pairs.name == "pairs.jsonl"
    assert len(NAMES) == sum(isinstance(entry, Entry) for entry in vars(RunFolder).values())


READERS: dict[str, Callable[[Path], Any]] = {
    "report": write_report,
    "inspect": lambda run: inspect_document(run, "a.md"),
    "export": lambda run: export(run, "adapter", run.parent / "out"),
    "ask": open_adapted,
    "eval": disc_lite.evaluate,
    "update": read_earlier,
}


@pytest.mark.parametrize("written", [FORMAT - 1, FORMAT + 1, None])
@pytest.mark.parametrize("reader", READERS)
def test_a_run_of_another_version_is_refused(tmp_path: Path, reader: str, written: int | None) -> None:
    write_json(
        tmp_path / "run.json", {"identity": {"format": written}, "model": {"name": "pocket", "reference": "pocket"}}
    )
    write_json(tmp_path / "summary.json", {})
    with pytest.raises(UsageError, match="another version") as caught:
        READERS[reader](tmp_path)
    assert f"format {FORMAT}" in caught.value.why and str(written) in caught.value.why
    assert "--output" in caught.value.remedy and "--pairs reuses its pairs" in caught.value.remedy
    reached("R27", files_refused=1)


@pytest.mark.parametrize("written", [FORMAT - 1, FORMAT + 1])
def test_the_pairs_of_a_run_of_another_version_are_taken_over(tmp_path: Path, written: int) -> None:
    """They took the longest to write, and need nothing else from the run."""
    write_json(tmp_path / "run.json", {"identity": {"format": written}})
    row = {"document": "a.md", "passage": 0, "question": "Who?", "answer": "Ada"}
    write_jsonl(tmp_path / "pairs.jsonl", [row])
    assert pairs_of([tmp_path]) == (Pair("a.md", 0, "Who?", "Ada"),)


def test_adapt_does_not_continue_a_run_of_another_version(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    given = Arguments(tmp_path / "guide.md", str(folders("llama")), output=tmp_path / "run")
    begin(gather(given))
    gather(given)  # the same arguments continue it
    record = read_json(tmp_path / "run" / "run.json")
    record["identity"]["format"] = FORMAT - 1
    write_json(tmp_path / "run" / "run.json", record)
    with pytest.raises(UsageError, match="another version"):
        gather(given)


def test_a_run_that_was_begun_meanwhile_is_not_mixed_with_another(
    tmp_path: Path, folders: Callable[[str], Path]
) -> None:
    """Another process began it, after the folder was examined and before it was locked."""
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    given = Arguments(tmp_path / "guide.md", str(folders("llama")), output=tmp_path / "run")
    mine, others = gather(given), gather(replace(given, seed=7))
    begin(others)
    begin(others)
    with pytest.raises(UsageError, match=r"holds another run"):
        begin(mine)


def test_a_file_that_another_process_is_writing_is_not_called_damaged(
    tmp_path: Path, folders: Callable[[str], Path]
) -> None:
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    given = Arguments(tmp_path / "guide.md", str(folders("llama")), output=tmp_path / "run")
    begin(gather(given))
    (tmp_path / "run" / "README.md").write_text("half of")
    with lock(tmp_path / "run"), pytest.raises(EnvironmentNotReady, match="is in use"):
        gather(given)
    with pytest.raises(EnvironmentNotReady, match=r"README\.md is damaged"):
        gather(given)


def test_an_update_is_advised_with_a_command_that_can_be_typed(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    run = tmp_path / "my run"
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    given = Arguments(tmp_path / "guide.md", str(folders("llama")), output=run)
    begin(gather(given))
    write_json(run / "summary.json", {})
    (tmp_path / "guide.md").write_text("Ada Brink runs the office.\n")
    with pytest.raises(UsageError, match="holds another run") as caught:
        gather(given)
    assert f"--update '{run}'." in caught.value.remedy


def test_a_recipe_that_is_only_called_otherwise_continues_a_run(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    (tmp_path / "mine.yaml").write_text("about: first\ntrain:\n  epochs: 3\n")
    (tmp_path / "yours.yaml").write_text("about: second\ntrain:\n  epochs: 3\n")
    (tmp_path / "other.yaml").write_text("about: first\ntrain:\n  epochs: 4\n")

    def given(recipe: str) -> Arguments:
        return Arguments(tmp_path / "guide.md", str(folders("llama")), str(tmp_path / recipe), tmp_path / "run")

    begin(gather(given("mine.yaml")))
    begin(gather(given("yours.yaml")))
    with pytest.raises(
        UsageError,
        match=r"holds another run\.\s.*Settings: name was mine and is now other, train\.epochs was 3 and is now 4\.\s",
    ):
        gather(given("other.yaml"))


def test_a_run_on_a_relative_model_folder_is_opened_from_anywhere(
    tmp_path: Path, folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "guide.md").write_text("Ada Brink runs the workshop.\n")
    monkeypatch.chdir(folders("llama").parent)
    begin(gather(Arguments(tmp_path / "guide.md", "./llama", output=tmp_path / "run")))
    write_json(tmp_path / "run" / "summary.json", {})
    monkeypatch.chdir(tmp_path)
    model = open_run(tmp_path / "run").model
    assert (model.name, model.folder) == ("./llama", folders("llama"))
    record = read_json(tmp_path / "run" / "run.json")
    write_json(tmp_path / "run" / "run.json", {**record, "model": {"name": "./llama", "reference": "/moved/llama"}})
    with pytest.raises(UsageError, match="was trained on was not found") as caught:
        open_run(tmp_path / "run")
    assert "/moved/llama" in caught.value.why
    assert "DISC_LITE_MODELS=FOLDER" in caught.value.remedy
    for place in (folders("llama"), folders("llama").parent):
        monkeypatch.setenv("DISC_LITE_MODELS", f"/nowhere{os.pathsep}{place}")
        assert open_run(tmp_path / "run").model.folder == folders("llama")
        moved_away: Any = SimpleNamespace(model="/moved/llama")
        assert Arguments("docs").model_name(moved_away) == str(folders("llama"))
    (moved := tmp_path / "models" / "llama").mkdir(parents=True)
    for path in folders("llama").iterdir():
        (moved / path.name).write_bytes(path.read_bytes() + b"\n" * (path.name == "config.json"))
    monkeypatch.setenv("DISC_LITE_MODELS", str(moved.parent))
    with pytest.raises(UsageError, match="model"):  # another model of the same name
        open_run(tmp_path / "run")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    questions = (
        Question("Who?", ("Ada", "Ada Brink"), "a.md", passage_index=2), Question("It", ("is",), kind="completion"),
        Question("Which?", ("one",), choices=("one", "two")),
    )  # fmt: skip
    folder.write_questions(questions)
    assert folder.read_questions() == questions
    assert folder.read_pairs() == ()
    answers = Answers({"floor": ["a", "b"]}, ["c"])
    retained = Retained({"world": ["x"]}, ["y"], ["z"], [True], {"general": Drift(0.5, [0.25, 0.75])})
    assert folder.read_answers("after") is None and folder.read_retained("after") is None
    folder.write_answers("after", answers)
    folder.write_retained("after", retained)
    assert folder.read_answers("after") == answers and folder.read_retained("after") == retained
    assert folder.read_answers("before") is None and folder.read_retained("before") is None


def test_results_of_benchmarks_may_be_removed_and_what_an_update_took_over_may_not(tmp_path: Path) -> None:
    begin_digests(tmp_path)
    folder = RunFolder(tmp_path)
    assert folder.read_update() == folder.read_benchmarks() == {}
    for path in (folder.update, folder.benchmarks):
        write_json(path, {"a": 1})
    assert folder.read_update() == folder.read_benchmarks() == {"a": 1}
    for path in (folder.update, folder.benchmarks):
        path.unlink()
    assert folder.read_benchmarks() == {}
    with pytest.raises(EnvironmentNotReady, match=r"update\.json is missing"):
        folder.read_update()


def test_an_evaluation_has_its_place_by_its_questions(tmp_path: Path) -> None:
    folder, one, other = RunFolder(tmp_path), Question("Who?", ("Ada",)), Question("Who?", ("Bo",))
    assert folder.evaluation([one]) == folder.evaluation((one,)) != folder.evaluation([other])
    assert folder.evaluation([one]).path.parent == folder.evaluations


# These hold settings, figures, and answers of the model without the documents. List a new file here or in `readme`.
NEITHER: tuple[Entry, ...] = (
    RunFolder.readme, RunFolder.recipe, RunFolder.question_drafts, RunFolder.neutral, RunFolder.retention,
    RunFolder.self_generated, RunFolder.computed, RunFolder.metrics, RunFolder.resumes, RunFolder.fit, RunFolder.stopped,
    RunFolder.benchmarks, RunFolder.digests,
)  # fmt: skip


def test_the_readme_says_of_every_file_whether_it_tells_something_of_the_documents() -> None:
    listed = [*readme.TEXT, *readme.NAMES, *readme.LEARNED, *NEITHER]
    assert sorted(entry.name for entry in listed) == sorted(
        entry.name for entry in vars(RunFolder).values() if isinstance(entry, Entry)
    )
    text = readme.readme()
    assert "`passages.jsonl`" in text and "`metrics.jsonl`" not in text
