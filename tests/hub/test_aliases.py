"""Names of models: right shapes, and a wrong name told at once (R13)."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

import disc_lite
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.aliases import ALIASES, Alias, ModelSource, check_folder, resolve

REQUIRED = {
    *("pocket", "mistral-7b", "mistral-nemo-12b", "mistral-small-24b"),
    *("llama-3-8b", "llama-3.1-8b", "llama-3.2-1b", "llama-3.2-3b"),
    *("smollm2-135m", "smollm2-360m", "smollm2-1.7b"),
    *("qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b", "qwen2.5-14b"),
    *("qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "qwen3-4b-2507", "qwen3-8b", "qwen3-14b"),
    *("gemma-3-1b", "gemma-3-4b", "gemma-3-12b", "gemma-4-e4b", "phi-4-mini", "phi-4", "smollm3-3b"),
    *("ministral-3-3b", "ministral-3-8b", "granite-4-micro", "olmo-3-7b"),
}
POCKET = Path(disc_lite.__file__).parent / "pocket"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up on the network")

    monkeypatch.setattr(socket, "socket", refuse)


def model_folder(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_all_models_are_there() -> None:
    assert set(ALIASES) == REQUIRED


@pytest.mark.parametrize("alias", ALIASES.values(), ids=lambda alias: alias.name)
def test_the_shape_has_the_published_number_of_parameters(alias: Alias) -> None:
    attention = alias.hidden * alias.head_dim * 2 * (alias.heads + alias.kv_heads)
    feed_forward = 3 * alias.hidden * alias.intermediate
    vocabulary = alias.vocab * alias.hidden * (1 if alias.tied else 2)
    billions = (alias.layers * (attention + feed_forward) + vocabulary) / 1e9
    assert billions == pytest.approx(alias.parameters_billion, rel=0.01)


@pytest.mark.skipif(not (POCKET / "config.json").exists(), reason="pocket is not trained yet")
def test_the_shape_of_pocket_is_that_of_its_folder() -> None:
    config = json.loads((POCKET / "config.json").read_text())
    alias = ALIASES["pocket"]
    assert (alias.hidden, alias.layers) == (config["hidden_size"], config["num_hidden_layers"])
    assert (alias.heads, alias.head_dim) == (config["num_attention_heads"], config["head_dim"])
    assert alias.kv_heads == config["num_key_value_heads"]
    assert (alias.intermediate, alias.vocab) == (config["intermediate_size"], config["vocab_size"])
    assert alias.tied == config["tie_word_embeddings"]
    assert resolve("pocket") == ModelSource("folder", str(POCKET), "pocket")


def test_an_alias_in_any_case_and_a_hub_id() -> None:
    mistral = ModelSource("hub", "mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b")
    assert resolve("Mistral-7B") == mistral
    assert resolve("mistralai/Mistral-7B-Instruct-v0.3") == mistral
    assert resolve("somebody/some-model") == ModelSource("hub", "somebody/some-model", None)


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [("mistral-7", "mistral-7b"), ("qwen3", "qwen3-8b"), ("llama3.1-8b", "llama-3.1-8b")],
)
def test_a_wrong_name_gets_suggestions(wrong: str, suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(wrong)
    assert f"`{suggestion}`" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["", "\0", "./nowhere", "/nowhere", "a/b/c", "../x/y", "x" * 9999])
def test_what_is_no_name_at_all(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(wrong)
    assert len(caught.value.lines()) <= 3


@pytest.mark.parametrize("written", ["./model.gguf", "models/model.gguf", "{}/model.gguf"])
def test_a_file_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "model.gguf", tmp_path / "models" / "model.gguf"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("GGUF")
    with pytest.raises(UsageError, match="is a file") as caught:
        resolve(written.format(tmp_path))
    assert "`export --base-gguf` takes the GGUF" in caught.value.remedy


def test_a_whole_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "config.json", "model.safetensors", "tokenizer.json")
    assert resolve(str(folder)) == ModelSource("folder", str(folder), None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "config.json, *.safetensors"),
        (("config.json",), "*.safetensors"),
        (("model.safetensors",), "config.json"),
        (("config.json", "model.safetensors"), "tokenizer.json"),
        (("config.json", "pytorch_model.bin"), "pickle"),
        (("adapter_config.json", "adapter_model.safetensors"), "adapter"),
    ],
)
def test_a_folder_without_weights(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    folder = model_folder(tmp_path / "model", *names)
    with pytest.raises(EnvironmentNotReady, match=message.replace("*", r"\*")):
        resolve(str(folder))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_clone_without_git_lfs_is_told_how_to_get_the_rest(tmp_path: Path, name: str) -> None:
    folder = model_folder(tmp_path / "model", "config.json", "model.safetensors", "tokenizer.json")
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")
    with pytest.raises(EnvironmentNotReady, match=rf"Git LFS: {name}\.\n.*git -C {folder} lfs pull"):
        check_folder(folder)


def test_a_run_is_no_model_but_can_be_taught_more(tmp_path: Path) -> None:
    model_folder(tmp_path / "my run" / "adapter", "adapter_config.json", "adapter_model.safetensors")
    with pytest.raises(UsageError, match=rf"--update '{tmp_path}/my run'"):
        resolve(str(tmp_path / "my run"))
    with pytest.raises(EnvironmentNotReady, match="taught more with --update RUN"):
        resolve(str(tmp_path / "my run" / "adapter"))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "config.json", "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EnvironmentNotReady, match=r"Missing: model-2\.safetensors"):
        check_folder(folder)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(EnvironmentNotReady, match="is broken"):
        check_folder(folder)
