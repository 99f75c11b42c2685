"""R4: any damage to a file of a run folder is reported with its name, or changes nothing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from disc_lite.chat.opening import open_adapted
from disc_lite.distillation import checkpoint
from disc_lite.errors import DiscLiteError, EnvironmentNotReady, UsageError
from disc_lite.hub.source import open_model
from disc_lite.report.page import page
from disc_lite.report.reading import read_run
from disc_lite.run.answers import BEFORE_AND_AFTER
from disc_lite.run.folder import RunFolder
from disc_lite.run.gathering import Arguments, gather
from disc_lite.run.inputs import check_same_run
from disc_lite.storage import DIGESTS, disk, read_json, require_all_unchanged, sha256_of, verify
from disc_lite.storage.folders import LOCK
from disc_lite.synthesis.retention import read_examples
from tests.made import SMALL, SmallAdapt
from tests.tiers import DAMAGES, reached


@pytest.fixture(scope="module")
def finished(small: SmallAdapt) -> Path:
    small.adapt(small.root / "finished")
    return small.root / "finished"


@pytest.fixture(scope="module")
def unfinished(small: SmallAdapt) -> Path:
    """A run that was interrupted in training, with two checkpoints."""

    def listener(event: Any) -> None:
        if event.stage == "training" and event.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.adapt(small.root / "unfinished", listener=listener)
    assert len(list((small.root / "unfinished" / "checkpoints").glob("step-*"))) == 2
    return small.root / "unfinished"


def used(path: Path) -> list[Any]:
    """Everything that later stages read from a run folder, by the functions that they use."""
    folder = RunFolder(path)
    record = folder.read_record()
    require_all_unchanged(path)
    found: list[Any] = [record, folder.read_questions(), folder.read_pairs(), folder.read_passages(),
                        folder.read_answers("before"), folder.read_retained("before"), read_examples(folder.neutral),
                        read_json(folder.pair_drafts)]  # fmt: skip
    for saved in sorted(folder.checkpoints.glob("step-*")):
        if verify(saved):  # it would be set aside, and training would continue from an older one
            raise EnvironmentNotReady(saved.name)
        found.append(sha256_of(saved / "adapter.safetensors"))
    if folder.adapter.is_dir():
        found += [page(read_run(path)), open_adapted(path)]
        found += [folder.read_answers(when) for when in BEFORE_AND_AFTER]
    return found


def damaged(rng: Random, data: bytes, other: bytes) -> bytes:
    """Return other bytes: truncated, with a bit flipped, a byte lost or doubled, lines lost, or from another file."""
    place = rng.randrange(len(data))
    line = data.rfind(b"\n", 0, place) + 1
    choices = [
        data[:place], data[place:], data[:line], data[line:], data[:place] + data[place + 1 :], data[:place] + data[place - 1 :],
        data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :], other, b"", b"{}\n", bytes(len(data)),
    ]  # fmt: skip
    return next(found for found in rng.sample(choices, len(choices)) if found != data)


@pytest.mark.parametrize("kind", ["finished", "unfinished"])
def test_every_damage_is_found_or_changes_nothing(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(request.getfixturevalue(kind), run)
    rng, whole, found = Random(kind), used(run), 0
    paths = sorted(path for path in run.rglob("*") if path.is_file() and path.name != LOCK)
    for number in range(DAMAGES // 2):
        path = paths[number % len(paths)]
        before = path.read_bytes()
        path.write_bytes(damaged(rng, before, rng.choice(paths).read_bytes()))
        try:
            assert used(run) == whole, (path, path.read_bytes()[:500])
        except DiscLiteError as error:
            found += 1
            assert len(error.lines()) <= 3
        path.write_bytes(before)
    assert found > 0.8 * (DAMAGES // 2)
    assert used(run) == whole
    reached("R4", damages_found=found, damages_that_change_nothing=DAMAGES // 2 - found)


def test_what_the_issue_names_is_found_by_the_command_that_would_have_used_it(
    small: SmallAdapt, finished: Path, unfinished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(unfinished, run)
    pairs = (run / "pairs.jsonl").read_bytes()
    (run / "pairs.jsonl").write_bytes(pairs[: len(pairs) // 2])
    with pytest.raises(EnvironmentNotReady, match=r"pairs\.jsonl is damaged or was edited"):
        small.adapt(run)
    (run / "pairs.jsonl").unlink()  # as the error says
    again = small.adapt(run)
    assert (run / "pairs.jsonl").read_bytes() == pairs
    assert sha256_of(run / "adapter" / "adapter_model.safetensors") == sha256_of(
        finished / "adapter" / "adapter_model.safetensors"
    )
    assert again["pairs"]["accepted"] == 2


@pytest.mark.parametrize("kind", ["finished", "unfinished"])
def test_what_was_only_noted_on_the_way_may_be_removed(
    kind: str, small: SmallAdapt, finished: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(request.getfixturevalue(kind), run)
    for name in ("metrics.jsonl", "computed.jsonl", "fit.jsonl", "resumes.jsonl", "summary.json"):
        (run / name).unlink(missing_ok=True)
    assert small.adapt(run)["steps"] == read_json(finished / "summary.json")["steps"]
    assert sha256_of(run / "adapter" / "adapter_model.safetensors") == sha256_of(
        finished / "adapter" / "adapter_model.safetensors"
    )
    assert page(read_run(run))


SHAPES = [
    b"", b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b'""', b'"x"', b"[]", b"[1]", b"[[]]", b"[{}]", b"{}", b'{"a": 1}',
    b"[" * 100_000, b'{"identity": 1, "model": 1}', b'{"identity": {"format": 5}, "model": {}}', b'{"files": []}', b"\xff\xfe",
    b"\0", b"\xef\xbb\xbf{}", b"9" * 5000, b"{", b'{"r": [], "lora_alpha": {}, "peft_type": "LORA"}', b'{"peft_type": "LORA"}',
    b'{"weight_map": {"a": 1}}', b'{"text_config": 1}', b'{"text_config": [], "num_attention_heads": "x"}',
]  # fmt: skip


def test_valid_json_of_any_other_shape_in_any_file_is_named(finished: Path, tmp_path: Path) -> None:
    run, tried = tmp_path / "run", 0
    shutil.copytree(finished, run)
    for path in sorted([*run.rglob("*.json"), *run.rglob("*.jsonl"), run / DIGESTS, run / "recipe.yaml"]):
        before = path.read_bytes()
        for shape in SHAPES:
            path.write_bytes(shape)
            if not path.is_relative_to(run / "checkpoints"):
                with pytest.raises(DiscLiteError) as caught:
                    used(run)
                words = str(caught.value)
                assert path.name in words or DIGESTS in words or "another version" in words, (path.name, shape, words)
            else:
                assert checkpoint.newest(run / "checkpoints") != path.parent
                disk.remove(run / "checkpoints")
                shutil.copytree(finished / "checkpoints", run / "checkpoints")
            tried += 1
        path.write_bytes(before)
    assert len(SHAPES) > 20 and tried > 20 * len(SHAPES)


@pytest.mark.parametrize("name", ["adapter_config.json", "export.json", "trained_on.json"])
def test_an_adapter_folder_with_any_other_json_is_refused(trained: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(trained / "adapter", tmp_path / "adapter")
    for shape in SHAPES:
        (tmp_path / "adapter" / name).write_bytes(shape)
        with pytest.raises(DiscLiteError):
            open_adapted(tmp_path / "adapter")


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors.index.json", "tokenizer_config.json", "probes.json"]
)
def test_a_model_folder_with_any_other_json_is_refused_or_read(
    folders: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    shutil.copytree(folders("llama"), tmp_path / "model")
    if name.endswith("index.json"):  # not read if there is a `model.safetensors`
        (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "a.safetensors")
    refused = 0
    for shape in SHAPES:
        (tmp_path / "model" / name).write_bytes(shape)
        try:
            open_model(str(tmp_path / "model"))
        except EnvironmentNotReady as error:
            refused += 1
            assert name in error.what and len(error.lines()) <= 3
    assert refused >= 18


def test_a_run_folder_is_no_document_and_no_other_run(small: SmallAdapt, finished: Path, tmp_path: Path) -> None:
    """The output folder is inside the documents, but what the run writes there is never read as a document."""
    docs = tmp_path / "docs"
    shutil.copytree(small.root / "docs", docs)
    shutil.copytree(finished, docs / "run")
    (docs / "run" / "report.html").write_text("<p>The adapted model answers: Ada Brink.</p>")
    given = Arguments(
        docs, str(small.model), "default", docs / "run", small.questions, small.pairs, overrides=dict(SMALL), seed=0
    )
    inputs = gather(given)
    assert [document.name for document in inputs.documents] == ["guide.md", "other.txt"]
    check_same_run(inputs)
    assert json.loads((docs / "run" / "run.json").read_text())["identity"] == inputs.identity
    (docs / "other.txt").write_bytes(b"\xff")
    others = replace(given, questions=None, pairs=None)
    (docs / "boats.txt").write_text("Two boats lie in the harbour.")
    (docs / "guide.md").write_text("# Guide\n\nAda Brink keeps the keys.")
    with pytest.raises(
        UsageError,
        match=r"in: documents, .* New: boats\.txt\. No longer read: other\.txt \(.*UTF-8.*Changed: guide\.md",
    ) as caught:
        gather(others)
    assert "Make these files readable" in caught.value.remedy
    (docs / "other.txt").write_text("The hall is warm.")
    with pytest.raises(UsageError, match=r"New: boats\.txt\. Changed: guide\.md") as caught:
        gather(others)
    assert f"--update {docs / 'run'}" in caught.value.remedy  # because it is finished
