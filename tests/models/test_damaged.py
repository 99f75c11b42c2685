"""R9 and R10 of reliability: models and adapters that are damaged or mislabelled are refused with a clear message."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from disc_lite.chat.opening import ask, load, open_adapted
from disc_lite.errors import DiscLiteError, EnvironmentNotReady
from disc_lite.hub.adapters import CONFIG
from disc_lite.hub.adapters import WEIGHTS as LORA
from disc_lite.hub.source import open_model
from disc_lite.models import faults, load_base
from disc_lite.models.faults import not_finite
from tests.made import noted
from tests.tiers import reached

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
Q, LAYER, EMBEDDING = "model.layers.0.self_attn.q_proj.weight", "model.layers.1", "model.embed_tokens.weight"
Tensors = dict[str, torch.Tensor]
Damage = Callable[[Path], Any]


def tensors(change: Callable[[Tensors], Any], file: str = WEIGHTS) -> Damage:
    def damage(folder: Path) -> None:
        found = load_file(folder / file)
        change(found)
        save_file(found, folder / file, metadata={"format": "pt"})

    return damage


def set_to(name: str, value: float) -> Callable[[Tensors], Any]:
    return lambda found: found[name].view(-1)[-1:].fill_(value)


def setting(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def holds(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text)


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


def sharded(lost: str) -> Damage:
    """Split the weights into two files and lose one of them, or the index's list of them."""

    def damage(folder: Path) -> None:
        found, shards = (
            load_file(folder / WEIGHTS),
            ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        )
        in_first = {name: LAYER not in name for name in found}
        for shard, first in zip(shards, (True, False), strict=True):
            save_file(
                {n: t for n, t in found.items() if in_first[n] == first}, folder / shard, metadata={"format": "pt"}
            )
        index = {name: shards[0 if first else 1] for name, first in in_first.items()}
        (folder / INDEX).write_text(json.dumps({"weight_map": index} if lost != INDEX else {"weights": index}))
        (folder / WEIGHTS).unlink()
        if lost != INDEX:
            (folder / lost).unlink()

    return damage


BASES: dict[str, tuple[Damage, str]] = {
    "a tensor is missing": (tensors(lambda t: t.pop(Q)), "lacks model.layers.0.self_attn.q_proj.weight"),
    "one is renamed": (tensors(lambda t: t.update({Q.replace("q_proj", "qq_proj"): t.pop(Q)})), "lacks"),
    "one too many": (tensors(lambda t: t.update({Q.replace("q_proj", "s_proj"): torch.ones(2, 2)})), "no place for"),
    "a quantised one is misshapen": (tensors(lambda t: t.update({Q: t[Q][8:].clone()})), "is (56, 64), not (64, 64)"),
    "another one is misshapen": (tensors(lambda t: t.update({EMBEDDING: t[EMBEDDING][8:].clone()})), "not (401, 64)"),
    "a NaN in a quantised one": (tensors(set_to(Q, math.nan)), "q_proj.weight holds NaN"),
    "a NaN no check reads": (tensors(set_to(EMBEDDING, math.nan)), "embed_tokens.weight holds NaN"),
    "an infinity": (tensors(set_to("model.norm.weight", math.inf)), "norm.weight holds NaN or infinity"),
    "weights cut short": (cut(WEIGHTS), "not fully covered"),
    "weights emptied": (holds(WEIGHTS, ""), "header too small"),
    "a shard is missing": (sharded("model-00002-of-00002.safetensors"), "Missing: model-00002-of-00002.safetensors"),
    "a wrong index": (sharded(INDEX), "no weight_map"),
    "fewer layers": (setting(num_hidden_layers=1), "no place for model.layers.1"),
    "more layers": (setting(num_hidden_layers=3), "lacks model.layers.2"),
    "other sizes": (setting(hidden_size=128), "(401, 128)"),
    "sizes that cannot be": (setting(hidden_size="x"), "hidden_size"),
    "another architecture": (setting(model_type="nonsense"), "nonsense"),
    "a configuration of no object": (holds("config.json", "[1]"), "config.json is broken"),
    "a configuration cut short": (cut("config.json"), "config.json is broken"),
    "a tokenizer of no object": (holds("tokenizer_config.json", "[1]"), "tokenizer_config.json is broken"),
    "a tokenizer cut short": (cut("tokenizer.json"), "cannot be loaded"),
    "pickle only": (lambda folder: (folder / WEIGHTS).rename(folder / "pytorch_model.bin"), "pickle only"),
}


@pytest.mark.parametrize("name", BASES)
def test_a_damaged_or_lying_base_is_refused_before_anything_is_spent(
    folders: Callable[[str], Path], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, words = BASES[name]
    folder = tmp_path / "model"
    shutil.copytree(folders("llama"), folder)
    damage(folder)
    capsys.readouterr()
    with pytest.raises(EnvironmentNotReady) as caught:
        load_base(open_model(str(folder)).folder, "nf4", "cpu")
    assert words in str(caught.value) and len(caught.value.lines()) <= 3 and caught.value.remedy
    assert not capsys.readouterr().err  # no table by transformers before the three lines
    reached("R9", kinds_refused=1)


class Largest(TorchDispatchMode):
    """Measures the number of elements of the largest tensor that an operation created, except views."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {t.untyped_storage().data_ptr() for t in tree_leaves(args) if isinstance(t, torch.Tensor)}
        made = [t for t in tree_leaves(result) if isinstance(t, torch.Tensor)]
        self.numbers = max(self.numbers, *(t.numel() for t in made if t.untyped_storage().data_ptr() not in given), 0)
        return result


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_all_numbers_are_looked_at_without_a_second_tensor_of_their_size(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(faults, "AT_ONCE", 100)
    weight = torch.linspace(-2, 3, 1200).view(30, 40).to(dtype)
    with Largest() as made:
        assert not_finite([("weight", weight), ("freed", weight[:0])]) is None
    assert made.numbers == 100
    for value in (math.nan, math.inf, -math.inf):
        weight[7, 3] = value
        assert not_finite([("freed", weight[:0]), ("weight", weight)]) == "weight"


def test_a_misshapen_base_is_refused_where_nothing_is_quantised(folders: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(folders("llama"), tmp_path / "model")
    BASES["a quantised one is misshapen"][0](tmp_path / "model")
    with pytest.raises(EnvironmentNotReady, match="is damaged"):
        load_base(tmp_path / "model", "none", "cpu")


# -- adapters ------------------------------------------------------------------------------------------------

A = "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight"


def flip(folder: Path) -> None:
    data = bytearray((folder / LORA).read_bytes())
    data[-9] ^= 1
    (folder / LORA).write_bytes(data)


ADAPTERS: dict[str, tuple[Damage, str]] = {
    "one bit": (flip, "SHA-256 is not the one recorded"),
    "a tensor is missing": (tensors(lambda t: t.pop(A), LORA), "lacks the tensor"),
    "one is renamed": (
        tensors(lambda t: t.update({A.replace("layers.0", "layers.9"): t.pop(A)}), LORA),
        "lacks the tensor",
    ),
    "one too many": (tensors(lambda t: t.update({"lm_head.weight": torch.ones(2, 2)}), LORA), "lm_head"),
    "another shape": (tensors(lambda t: t.update({A: t[A][:, 1:].clone()}), LORA), "(4, 127)"),
    "a NaN": (tensors(set_to(A, math.nan), LORA), "down_proj.lora_A.default.weight holds NaN"),
    "cut short": (cut(LORA), "not fully covered"),
    "another rank": (lambda folder: edit(folder / CONFIG, r=8), "the rank in adapter_config.json is 8"),
    "another base": (lambda folder: edit(folder / CONFIG, base_model_name_or_path="pocket"), "does not fit its base"),
    "pickle only": (lambda folder: (folder / LORA).rename(folder / "adapter_model.bin"), "pickle"),
}


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_damaged_or_foreign_adapter_is_refused(trained: Path, tmp_path: Path, name: str) -> None:
    damage, words = ADAPTERS[name]
    run = tmp_path / "run"
    shutil.copytree(trained / "run", run)
    damage(run / "adapter")
    if name != "pickle only":
        for folder in (run, run / "adapter"):  # whatever the damage, these files are not what training wrote
            with pytest.raises(EnvironmentNotReady, match="is damaged or was edited"):
                open_adapted(folder)
    copied = tmp_path / "adapter"
    shutil.copytree(run / "adapter", copied)
    if name != "one bit":  # without the digests of a run, a changed value cannot be recognised
        with pytest.raises(DiscLiteError) as caught:
            load(open_adapted(copied), "cpu")
        assert words in str(caught.value) and len(caught.value.lines()) <= 3 and caught.value.remedy
    reached("R10", kinds_refused=1)


def test_an_adapter_of_zeros_is_told_to_change_nothing(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "adapter", tmp_path / "adapter")
    tensors(lambda found: [t.zero_() for n, t in found.items() if "lora_B" in n], LORA)(tmp_path / "adapter")
    told: list[str] = []
    changes = "This adapter changes nothing: the B of every module is zero."
    of_zeros, other = (replace(open_adapted(root / "adapter"), answer_tokens=2) for root in (tmp_path, trained))
    ask(of_zeros, ["Who?"], device="cpu", warn=told.append)
    assert changes in told
    ask(other, ["Who?"], device="cpu", warn=told.append)
    assert told.count(changes) == 1


def test_an_exported_adapter_is_the_one_that_was_exported(
    trained: Path, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    from disc_lite.exporting import export

    export(trained / "run", "adapter", tmp_path / "out", device="cpu")
    edit(tmp_path / "out" / CONFIG, base_model_name_or_path=str(folders("llama")))  # the path on this machine
    assert open_adapted(tmp_path / "out").kind == "adapter"
    flip(tmp_path / "out")
    with pytest.raises(EnvironmentNotReady, match="is not what `export` wrote"):
        open_adapted(tmp_path / "out")


def test_the_adapter_of_a_run_is_not_loaded_onto_a_base_that_changed(
    folders: Callable[[str], Path], trained: Path, tmp_path: Path
) -> None:
    run, model = tmp_path / "run", tmp_path / "model"
    shutil.copytree(trained / "run", run)
    shutil.copytree(folders("llama"), model)
    edit(run / "adapter" / CONFIG, base_model_name_or_path=str(model))
    noted(run / "adapter" / CONFIG)
    assert open_adapted(run / "adapter").model == model
    tensors(set_to(Q, 3.0))(model)
    with pytest.raises(DiscLiteError, match="is not the model that"):
        open_adapted(run / "adapter")


def test_as_many_kinds_as_reliability_names() -> None:
    assert len(BASES) >= 12 and len(ADAPTERS) >= 8
