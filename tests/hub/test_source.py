"""What is downloaded of a model, and what is refused before its weights are."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.source import open_model

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of a repository; those that were downloaded appear in `tmp_path`."""
    files: dict[str, str] = {"config.json": "{}", "tokenizer.json": "{}", "consolidated.safetensors": ""}

    def download(hub_id: str, *, allow_patterns: list[str], ignore_patterns: Any = (), local_files_only: bool) -> str:
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


def test_a_model_that_is_here_needs_no_hub(
    downloaded: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is continued, asked and exported though the hub is away, or the model on it is gone or gated by now."""
    monkeypatch.setattr("disc_lite.hub.source.local_folder", lambda source: tmp_path)
    downloaded |= {"model.safetensors": ""}
    first = open_model("owner/name")  # only in part, so far

    def gone(*_: Any, **__: Any) -> str:
        raise OSError("the hub is away")

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
