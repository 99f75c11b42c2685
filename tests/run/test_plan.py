"""A plan agrees with `adapt`: the same recipe, the same errors and remarks, within 80 columns."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import disc_lite
from disc_lite.cli.plan import show_plan
from disc_lite.errors import DocumentsError, EnvironmentNotReady, UsageError, WillNotFit
from disc_lite.run.budget import Limits, require_room
from disc_lite.run.execution import in_words
from disc_lite.run.gathering import Arguments, gather
from disc_lite.run.plan import plan, planned_execution
from tests.tiny_models import CORPUS

POCKET = Path(__file__).resolve().parents[2] / "disc_lite" / "pocket"


def both(tmp_path: Path, model: str, overrides: dict[str, str] | None = None, **given: Any) -> list[str]:
    """What a plan and the beginning of `adapt` report, which must be the same: recipe and remarks, or an error."""
    said: list[str] = []
    arguments = {"overrides": overrides, **given}

    def adapt() -> Any:
        found = gather(Arguments(str(tmp_path / "guide.md"), model, output=tmp_path / "run", **arguments))
        return found.resolved.recipe.name, [text for _, text in found.remarks]

    def planned() -> Any:
        made = plan(tmp_path / "guide.md", model, device="cpu", **arguments)
        return made.recipe.name, list(made.remarks)

    for ask in (adapt, planned):
        try:
            said.append(str(ask()))
        except (UsageError, EnvironmentNotReady) as error:
            said.append("\n".join(error.lines()))
    return said


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_plan_says_what_adapt_would(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(CORPUS * 20)
    copy = shutil.copytree(POCKET, tmp_path / "model")
    adapt, planned = both(tmp_path, str(copy))
    assert adapt == planned == "('pocket', [])"  # the recipe that the folder names
    row = {"question": "Who?", "answer": "Ada", "answers": ["Ada"], "document": "nowhere.md", "passage": 0}
    for kind in ("questions", "pairs"):
        adapt, planned = both(tmp_path, "pocket", **{kind: written(tmp_path / "rows.jsonl", row)})
        assert adapt == planned
        assert f"The {kind} name a document that was not read: nowhere.md (Line 1 of " in planned
    wide = {"documents.passage_tokens": "2000", "prompt.worked_examples": "true", "prompt.question_tokens": "2000"}
    adapt, planned = both(tmp_path, "pocket", wide)
    assert adapt == planned
    assert "do not fit into the context of pocket" in planned
    idle = {"loss.beta": "0.3", "train.enough": "0.5", "method": "disc"}
    own = written(tmp_path / "own.jsonl", {"question": "Who?", "answers": ["Ada"]})
    adapt, planned = both(tmp_path, "pocket", {**idle, "evaluation.questions": "9"}, questions=own)
    assert adapt == planned
    assert planned.count("no effect") == 3
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "num_local_experts": 8}))
    adapt, planned = both(tmp_path, str(copy))
    assert adapt == planned
    assert "mixture of 8 experts" in planned


def test_a_plan_refuses_the_run_folder_that_adapt_would_refuse(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(CORPUS)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for where in ({"device": "cpu"}, {"here": True, "device": "cpu"}):
        with pytest.raises(UsageError, match="is not empty and holds no run"):
            plan(tmp_path / "guide.md", "pocket", output=tmp_path / "other", **where)
    assert plan(tmp_path / "guide.md", "pocket", device="cpu", output=tmp_path / "new", seed=3).recipe.seed == 3
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="plans for this machine, and `card` for another"):
        plan(tmp_path / "guide.md", "pocket", here=True, card="rtx-4090")


def test_a_size_is_checked_before_documents_are_read(tmp_path: Path) -> None:
    """By every command, because reading a folder can take minutes."""
    for sizes, message in (
        ({"max_vram": "8MB"}, "--max-vram cannot be '8MB'"), ({"host_ram": "lots"}, "--host-ram cannot be 'lots'"),
        ({"max_vram": "8GB", "device": "cpu"}, "--max-vram has no meaning with --device cpu"),
    ):  # fmt: skip
        for ask in (plan, disc_lite.adapt):
            with pytest.raises(UsageError, match=message):
                ask(tmp_path / "nowhere", "pocket", **sizes)


def test_a_card_smaller_than_what_is_reserved_of_it_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(CORPUS)
    with pytest.raises(WillNotFit, match=r"the 0.0 GiB that are available"):
        require_room(plan(tmp_path / "guide.md", "pocket", max_vram="0.5GB"))


def test_a_duplicate_is_not_called_refused(tmp_path: Path) -> None:
    for name in ("guide.md", "copy.md"):
        (tmp_path / name).write_text(CORPUS)
    (tmp_path / "picture.png").write_bytes(b"")
    corpus = plan(tmp_path, "pocket", device="cpu").corpus
    assert (corpus.documents, corpus.refused) == (1, 1)


@pytest.mark.parametrize(("method", "lacks"), [("disc", "a second sentence"), ("both", "a sentence to ask about")])
def test_documents_that_teach_nothing_are_told_before_the_model_is_loaded(
    tmp_path: Path, method: str, lacks: str
) -> None:
    (tmp_path / "guide.md").write_text("# The guide\n\n## Of the hall\n")
    with pytest.raises(DocumentsError, match="nothing to learn") as planned:
        plan(tmp_path / "guide.md", "pocket", recipe="default", overrides={"method": method}, device="cpu")
    assert lacks in planned.value.why
    inputs = gather(Arguments(tmp_path, "pocket", "default", tmp_path / "run", overrides={"method": method}))
    with pytest.raises(DocumentsError, match="nothing to learn"):
        planned_execution(inputs, Limits("cpu", None, None))


def test_all_layers_of_a_model_of_unknown_sizes_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "guide.md").write_text(CORPUS)
    monkeypatch.setattr("disc_lite.run.plan.shape_of_folder", lambda folder: None)
    for named, layers in ((0, "all layers"), (2, "2 layers")):
        overrides = {"execution.recomputed_layers": named}
        inputs = gather(Arguments(tmp_path, str(POCKET), "default", tmp_path / "run", overrides=overrides))
        planned = planned_execution(inputs, Limits("cpu", None, None))
        assert in_words(planned) == f"one pass per step, AdamW in 32 bits, {layers} computed again"


def test_a_plan_reads_well_on_80_columns(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(CORPUS)
    settings = {"execution.layer_checkpoints": "host", "loss.beta": "0.3"}
    made = plan(tmp_path, "llama-3.1-8b", overrides=settings, max_vram="16GB", card="rtx-4060-ti-16")
    console = Console(file=StringIO(), width=80)
    show_plan(made, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    assert lines[-1 - (not lines[-1].strip())].split()[-1] == "rtx-4090"
    assert "loss.beta has no effect: only loss.divergence=jsd has a mixture." in lines
    show_plan(made, narrow := Console(file=StringIO(), width=40))
    small = narrow.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, small)) <= 40 and not [line for line in small if "…" in line]
    assert any(line.split()[:2] == ["24", "GB"] and "rtx-4090" in line for line in small)
    on_cpu = plan(tmp_path, "pocket", device="cpu", overrides={"execution.embedding": "host"})
    show_plan(on_cpu, console)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "`disc-lite plan --probe` measures it" in " ".join(told.split())  # `adapt --dry-run` has no --probe
    assert "memory, MiB" in console.file.getvalue()  # type: ignore[attr-defined]
    about, on_host = on_cpu.remarks
    assert about.startswith("pocket reads only its own small made-up world")
    assert on_host == "execution.embedding=host has no effect: the device is the host."
