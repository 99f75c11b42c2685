"""The fingerprint of a model is of the files that are loaded, and of no others."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from disc_lite.hub.identity import setting_files
from disc_lite.hub.source import open_model
from disc_lite.hub.weights import weight_files
from disc_lite.models import load_base

# What other programs put into a model folder or a snapshot of the hub's cache.
OTHERS = (
    "params.json", "preprocessor_config.json", "processor_config.json", "chat_template.json", "training.json",
    "tokenizer.model", "vocab.json", "merges.txt", "tekken.json", "notes.txt", "consolidated.safetensors",
    "tools.jinja", "model.safetensors.index.json", "pytorch_model.bin", "onnx/config.json",
)  # fmt: skip


@pytest.fixture
def model(folders: Callable[[str], Path], tmp_path: Path) -> Path:
    """A folder with every setting that is loaded."""
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tools": "{{ 'tools' }}"}
    tokenizer.save_pretrained(folder)
    for name in ("special_tokens_map.json", "added_tokens.json"):
        (folder / name).write_text("{}")
    (folder / "probes.json").write_text('{"probes": {}, "reserved_names": ["Ada"]}')
    return folder


def identity(folder: Path) -> tuple[str, str]:
    found = open_model(str(folder))
    return found.fingerprint, found.weights


def test_a_file_that_is_not_loaded_changes_nothing(model: Path) -> None:
    before = identity(model)
    for name in OTHERS:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("{}")
        assert identity(model) == before, name


def test_every_file_that_is_loaded_counts(model: Path) -> None:
    seen = {identity(model)[0]}
    for path in setting_files(model):
        text = path.read_text()
        path.write_text(text + "\n")
        seen.add(identity(model)[0])
        path.write_text(text)
    assert len(seen) == 1 + len(setting_files(model)) >= 10
    fingerprint, weights = identity(model)
    tensors = load_file(model / "model.safetensors")
    save_file({n: t + 1 for n, t in tensors.items()}, model / "model.safetensors", {"format": "pt"})
    assert identity(model)[0] != fingerprint and identity(model)[1] != weights


def test_without_a_tokenizer_json_its_vocabulary_counts(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    (model / "vocab.json").write_text("{}")
    before = identity(model)
    (model / "merges.txt").write_text("a b")
    assert identity(model)[0] != before[0] and identity(model)[1] == before[1]


def test_what_is_opened_while_a_model_loads_is_what_counts(model: Path) -> None:
    """Rust reads the weights and `tokenizer.json`, so those are not seen here."""
    for name in OTHERS:
        if name != "model.safetensors.index.json":
            (model / name).parent.mkdir(exist_ok=True)
            (model / name).write_text("not what it should be")
    opened: set[Path] | None = set()

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and opened is not None and isinstance(given[0], (str, Path)):
            opened.add(Path(given[0]))

    sys.addaudithook(note)  # it cannot be taken away again
    load_base(model, "none", "cpu")
    found, opened = opened, None
    read = {path for path in found or () if path.is_relative_to(model) and path.is_file()}
    counted = {*setting_files(model), *weight_files(model)}
    assert read <= counted
    assert {path.name for path in counted - read} <= {"model.safetensors", "tokenizer.json", "probes.json",
                                                      "added_tokens.json", "special_tokens_map.json"}  # fmt: skip


def test_the_weights_are_those_that_transformers_loads(model: Path) -> None:
    save_file({"a": torch.zeros(1)}, model / "other.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
    assert weight_files(model) == [model / "model.safetensors"]
    load_base(model, "none", "cpu")  # the index alone would be refused: it lacks nearly all
