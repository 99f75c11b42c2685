"""What is downloaded of a model, and what is refused before its weights are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.source import Model, open_model, open_trained_on
from disc_lite.run.finished import open_run
from disc_lite.run.gathering import Arguments, gather, read_inputs
from tests.made import finished_run, noted, with_adapter
from tests.tiny_models import CORPUS


def fits(model: Model) -> bool:
    return True


SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of a repository; those that were downloaded appear in `tmp_path`."""
    files: dict[str, str] = {"config.json": "{}", "tokenizer.json": "{}", "consolidated.safetensors": ""}

    def download(hub_id: str, *, allow_patterns: list[str], ignore_patterns: Any = (), **_: Any) -> str:
        for name, text in files.items():
            if any(fnmatch(name, p) for p in allow_patterns) and not any(fnmatch(name, p) for p in ignore_patterns):
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text(text)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return files


def test_only_the_weights_that_the_index_names_are_downloaded(downloaded: dict[str, str], tmp_path: Path) -> None:
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    downloaded |= {
        "model.safetensors.index.json": json.dumps(index),
        **dict.fromkeys(SHARDS, ""),
        "other.safetensors": "",
    }
    open_model("owner/name")
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == SHARDS


def test_the_licence_is_downloaded_too(downloaded: dict[str, str], tmp_path: Path) -> None:
    """A merged model is published with it."""
    downloaded |= {"model.safetensors": "", "LICENSE": "", "NOTICE": "", "README.md": ""}
    open_model("owner/name")
    assert {"LICENSE", "NOTICE"} == {path.name for path in tmp_path.iterdir() if not path.suffix}


class Reset(Exception):
    """Such as those of HTTP libraries: it is no OSError."""


class Refused(Exception):
    """As the hub's for a token that is not valid any more."""

    response = SimpleNamespace(status_code=401)


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (Refused("401 Client Error"), "refused the account", "`hf auth login`"),
        (Reset("peer closed connection\nwithout sending all"), "broke off", "Repeat the command"),
        (RuntimeError("Data processing error: CAS service error"), "broke off", "Repeat the command"),
        (RuntimeError("No space left on device (os error 28)"), "disk is full", "Free some space"),
        (OSError(28, "No space left on device"), "disk is full", "Free some space"),
        (LocalEntryNotFoundError("no network"), "cannot be downloaded", "network connection"),
    ],
)
def test_a_download_that_fails_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception, what: str, remedy: str
) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(EnvironmentNotReady, match=what) as caught:
        open_model("owner/name")
    assert remedy in caught.value.remedy and len(caught.value.lines()) == 3


def test_what_others_left_out_of_a_snapshot_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name and of this very snapshot; once, and not at all where nothing seems to be missing."""
    snapshot, asked, absent = tmp_path / ("a" * 40), list[str](), set[str]()
    snapshot.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer_config.json", "generation_config.json"):
        (snapshot / name).write_text("{}")

    def download(hub_id: str, name: str, *, revision: str) -> None:
        assert (hub_id, revision) == ("owner/name", snapshot.name)
        asked.append(name)
        if name not in ("tokenizer.json", "chat_template.jinja"):
            absent.add(name)
            raise EntryNotFoundError(name)
        (snapshot / name).write_text("{}")

    def cached(hub_id: str, name: str, revision: str) -> Any:
        return str(snapshot / name) if (snapshot / name).is_file() else object() if name in absent else None

    monkeypatch.delenv("DISC_LITE_OFFLINE")
    monkeypatch.setattr("disc_lite.hub.source.local_folder", lambda source: snapshot)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    open_model("owner/name")
    assert (snapshot / "chat_template.jinja").is_file() and (snapshot / "tokenizer.json").is_file()
    assert "tokenizer.json" in asked and "config.json" not in asked and "vocab.json" not in asked
    asked.clear()
    open_model("owner/name")
    (snapshot / "chat_template.jinja").unlink()
    absent.add("chat_template.jinja")  # as of a model that has none
    open_model("owner/name")
    assert asked == []
    absent.clear()
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: 1 / 0)  # whatever the network does
    assert open_model("owner/name").folder == snapshot
    (snapshot / "tokenizer.json").unlink()
    monkeypatch.setenv("DISC_LITE_OFFLINE", "1")
    with pytest.raises(EnvironmentNotReady, match="cannot be downloaded"):
        open_model("owner/name")


def test_a_model_that_is_here_needs_no_hub(
    downloaded: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is continued, asked and exported though the hub is away, or the model on it is gone or gated by now."""
    monkeypatch.setattr("disc_lite.hub.source.local_folder", lambda source: tmp_path)
    downloaded |= {"model.safetensors": ""}
    first = open_model("owner/name")  # only in part, so far

    def gone(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("the hub is away")

    monkeypatch.setattr("huggingface_hub.snapshot_download", gone)
    assert open_model("owner/name") == first
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(EnvironmentNotReady, match="cannot be downloaded"):
        open_model("owner/name")


def test_without_an_index_the_weights_are_downloaded_once(downloaded: dict[str, str], tmp_path: Path) -> None:
    downloaded |= {"model.safetensors": "", "onnx/model.safetensors": ""}
    open_model("owner/name")
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["model.safetensors"]


def test_experts_are_refused_before_their_weights_are_downloaded(downloaded: dict[str, str], tmp_path: Path) -> None:
    downloaded |= {"config.json": json.dumps({"num_local_experts": 8}), "model.safetensors": ""}
    with pytest.raises(EnvironmentNotReady, match="8 experts"):
        open_model("owner/name")
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_folder_is_known_by_its_whole_path(folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders("llama").parent)
    found = open_model("./llama")
    assert (found.name, found.reference, found.folder) == ("./llama", str(folders("llama")), folders("llama"))


@pytest.mark.parametrize("name", ["HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2-135m"])
def test_a_model_of_the_hub_that_was_copied_is_found_by_its_name(
    folders: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """On a machine without a network; another folder that is named there is not taken for it."""

    def away(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("the hub is away")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    monkeypatch.setenv("DISC_LITE_MODELS", str(folders("llama")))
    with pytest.raises(EnvironmentNotReady, match="cannot be downloaded") as caught:
        open_trained_on(name, tmp_path, fits)
    assert "DISC_LITE_MODELS=FOLDER" in caught.value.remedy
    copy = tmp_path / "models" / "SmolLM2-135M-Instruct"
    shutil.copytree(folders("llama"), copy)
    for place in (copy, copy.parent):
        monkeypatch.setenv("DISC_LITE_MODELS", str(place))
        found = open_trained_on(name, tmp_path, fits)
        assert (found.folder, found.reference) == (copy, "HuggingFaceTB/SmolLM2-135M-Instruct")
    monkeypatch.setattr("disc_lite.hub.source.local_folder", lambda source: folders("llama"))
    assert open_trained_on(name, tmp_path, fits).folder == folders("llama")  # what was downloaded counts


def test_a_snapshot_whose_links_lead_nowhere_is_downloaded_again(
    downloaded: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disc_lite.hub.source.local_folder", lambda source: tmp_path)
    del downloaded["consolidated.safetensors"]
    downloaded |= {"model.safetensors": "weights"}
    for name in downloaded:
        (tmp_path / name).symlink_to(f"blobs/{name}")
    (tmp_path / "blobs").mkdir()
    assert open_model("owner/name").folder == tmp_path
    assert (tmp_path / "blobs" / "model.safetensors").read_text() == "weights"
    (tmp_path / "blobs" / "model.safetensors").unlink()
    with pytest.raises(EnvironmentNotReady, match=r"Missing: model\.safetensors"):
        open_model(str(tmp_path))


def test_a_repository_without_safetensors_is_refused_as_such(downloaded: dict[str, str]) -> None:
    downloaded.clear()
    downloaded |= {"model-Q4_K_M.gguf": "", "README.md": ""}
    with pytest.raises(EnvironmentNotReady, match="owner/name is not a complete model in safetensors") as caught:
        open_model("owner/name")
    assert "safetensors, tokenizer.json" in caught.value.why and "GGUF" in caught.value.remedy


def test_a_model_that_may_not_be_read_is_no_defect(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(EnvironmentNotReady, match=r"cannot be read(?s:.)*Change the permissions"):
        open_model(str(folders("llama")))


@pytest.fixture
def cached(folders: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub model in the cache, of which another program has begun to load a later version."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--owner--name"
    first, later = (model / "snapshots" / (letter * 40) for letter in "ba")
    shutil.copytree(folders("llama"), first)
    later.mkdir()
    shutil.copy(first / "config.json", later)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(later.name)
    return first


@pytest.mark.parametrize("whole", [False, True])
def test_what_was_trained_on_a_hub_model_outlives_a_later_version(
    cached: Path, tmp_path: Path, load: Callable[..., Any], whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any program that loads the model moves the cache to the version that the hub has now."""
    if whole:
        shutil.copytree(cached, cached.with_name("a" * 40), dirs_exist_ok=True)
        (cached.with_name("a" * 40) / "chat_template.jinja").write_text("Another one.")
    run = finished_run(tmp_path / "run", cached, with_adapter(load("llama", "none"), 4))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "model": {"name": "owner/name", "reference": "owner/name"}}))
    noted(run / "run.json")
    found = open_run(run).model
    assert (found.folder, found.reference) == (cached, "owner/name")
    (tmp_path / "guide.md").write_text(CORPUS)
    begun = Arguments(tmp_path / "guide.md", "owner/name", output=run)  # the same command again
    monkeypatch.setattr("disc_lite.run.gathering.check_same_run", lambda inputs: None)  # of its model alone
    assert read_inputs(begun, lambda event: None).model == gather(begun).model == found
    (cached / "chat_template.jinja").write_text("A third one.")
    with pytest.raises(UsageError if whole else EnvironmentNotReady):
        open_run(run)
