"""Adapters that are not what they should be are refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from disc_lite.errors import UsageError
from disc_lite.exporting import export
from disc_lite.exporting.adapter import read_adapter
from disc_lite.hub.adapters import CONFIG
from disc_lite.storage import read_json, write_bytes, write_json
from tests.exporting.folders import model_entry, refused_without_torch
from tests.made import noted

pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


@pytest.mark.parametrize(
    "change",
    [{"use_rslora": True}, {"use_dora": True}, {"alpha_pattern": {"q_proj": 3}}, {"rank_pattern": {"q_proj": 2}},
     {"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"lora_alpha": 0}, {"r": 5}, {"r": None}],
)  # fmt: skip
def test_settings_that_llama_cpp_would_not_see_are_refused(run: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    path = run / "adapter" / "adapter_config.json"
    write_json(path, {**read_json(path), **change})
    with pytest.raises(UsageError):
        export(run, "gguf-lora", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", ["missing", "empty", "renamed", "shape", "nan", "more", "pickle"])
def test_tensors_that_do_not_fit_the_base_are_refused(run: Path, folders: Any, case: str) -> None:
    path = run / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(n for n in tensors if "lora_B" in n)
    if case == "missing":
        path.unlink()
    elif case == "pickle":
        write_bytes(path, b"\x80\x04 not safetensors")
    else:
        if case == "empty":
            tensors = {}
        elif case == "renamed":
            tensors = {n.replace("layers.1", "layers.9"): t for n, t in tensors.items()}
        elif case == "shape":
            tensors[name] = tensors[name][:-1].contiguous()
        elif case == "nan":
            tensors[name][0, 0] = float("nan")
        else:
            tensors["base_model.model.lm_head.weight"] = torch.zeros(2, 2)
        save_file(tensors, path)
        noted(path)
    with pytest.raises(UsageError):
        read_adapter(run / "adapter", folders("llama"))


def test_a_run_that_cannot_be_exported_is_refused_without_torch(run: Path, folders: Any, tmp_path: Path) -> None:
    other, folder = (
        Path(shutil.copytree(of, tmp_path / to)) for of, to in ((run, "other"), (folders("llama"), "model"))
    )
    changes = {folder / "config.json": {"model_type": "gemma2"}, other / "adapter" / CONFIG: {"use_rslora": True}}
    for path, change in changes.items():
        write_json(path, {**read_json(path), **change})
    write_json(run / "run.json", model_entry(folder))
    refused_without_torch(
        (run, ["--to", "gguf-lora"], "type gemma2"),
        (run, ["--to", "gguf", "--base-gguf", str(folder / "config.json")], "type gemma2"),
        (other, ["--to", "adapter"], "use_rslora"),
    )
