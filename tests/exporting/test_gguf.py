"""GGUF: adapters and whole models hold what was trained, in llama.cpp's order, and other models are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import LlamaFileType
from safetensors.torch import load_file

from disc_lite.errors import GateFailed, RunFailed, UsageError
from disc_lite.exporting import export, ggufproof, ggufs, ggufwriting, quantising
from disc_lite.exporting.ggufreading import open_gguf
from disc_lite.exporting.layout import layout_of
from disc_lite.exporting.tensors import Stored
from disc_lite.models import load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.exporting.folders import edited_model
from tests.made import finished_run, with_adapter
from tests.tiny_models import NAMES, make_model

gguf = pytest.importorskip("gguf")
SMALL_UPDATE = 0.02  # B: 1 % of the length of the weights
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


def expected_rows(values: Any, heads: int, width: int) -> Any:
    order = [h * width + half * width // 2 + i for h in range(heads) for i in range(width // 2) for half in (0, 1)]
    return values[order]


@pytest.mark.parametrize("name", NAMES)
def test_the_lora_gguf_holds_the_adapter_in_llama_cpps_order(runs: Any, tmp_path: Path, name: str) -> None:
    export(runs(name), "gguf-lora", tmp_path / "out")
    file = open_gguf(tmp_path / "out" / "adapter.gguf")
    saved = load_file(runs(name) / "adapter" / "adapter_model.safetensors")
    assert file.value("general.type") == "adapter" and file.value("adapter.type") == "lora"
    assert file.value("general.architecture") == {"mistral": "llama"}.get(name, name)
    assert file.value("adapter.lora.alpha") == 2 * 4
    assert len(file.tensors) == len(saved) == 2 * 7 * 2
    for layer in (0, 1):
        for module, there, heads in (
            ("self_attn.q_proj", "attn_q", 4),
            ("self_attn.k_proj", "attn_k", 2),
            ("mlp.down_proj", "ffn_down", 0),
        ):
            a, b = (saved[f"base_model.model.model.layers.{layer}.{module}.lora_{x}.weight"].numpy() for x in "AB")
            if heads and name in ("llama", "mistral"):
                b = expected_rows(b, heads, 16)
            assert np.array_equal(file.numbers(f"blk.{layer}.{there}.weight.lora_a"), a)
            assert np.array_equal(file.numbers(f"blk.{layer}.{there}.weight.lora_b"), b)


# Every family and every type; F32, exact to 1e-6, with and without another order of rows.
@pytest.mark.parametrize(
    ("name", "kind"),
    [("llama", "F32"), ("qwen3", "F32"), ("mistral", "F16"), ("qwen2", "BF16"), ("llama", "BF16"), ("qwen3", "Q8_0"), ("mistral", "Q8_0")],
)  # fmt: skip
def test_a_whole_gguf_is_the_base_plus_the_update(
    runs: Any, folders: Any, merged: Any, tmp_path: Path, name: str, kind: str
) -> None:
    path = write_base_gguf(folders(name), tmp_path / "base.gguf", kind)
    made = export(runs(name), "gguf", tmp_path / "out", base_gguf=path)
    assert [line["what"] for line in made["proof"]] == ["tensors", "the rest", "update"]
    assert made["proof"][-1]["figure"] == pytest.approx(1, abs=0.05)
    base, file = open_gguf(path), open_gguf(tmp_path / "out" / "model.gguf")
    weights_ = load_file(merged(name) / "model.safetensors")
    for hf, there, heads in (
        ("self_attn.q_proj", "attn_q", 4),
        ("self_attn.k_proj", "attn_k", 2),
        ("mlp.up_proj", "ffn_up", 0),
    ):
        right = weights_[f"model.layers.1.{hf}.weight"].float().numpy()
        if heads and name in ("llama", "mistral"):
            right = expected_rows(right, heads, 16)
        found = file.numbers(f"blk.1.{there}.weight")
        assert file.tensors[f"blk.1.{there}.weight"].tensor_type.name == kind
        limit = {"F32": 1e-6, "F16": 2e-3, "BF16": 8e-3, "Q8_0": 2e-2}[kind]
        assert np.linalg.norm(found - right) < limit * np.linalg.norm(right)
        assert np.linalg.norm(base.numbers(f"blk.1.{there}.weight") - right) > 0.03 * np.linalg.norm(right)
    assert set(file.reader.fields) == set(base.reader.fields)
    assert file.value("tokenizer.ggml.tokens") == base.value("tokenizer.ggml.tokens")


def test_without_ggml_k_quants_become_the_nearest_type(monkeypatch: Any) -> None:
    kinds = gguf.GGMLQuantizationType
    names = ("Q4_K", "Q6_K", "Q5_K", "Q3_K", "IQ3_S", "Q4_0", "Q5_0", "F16", "F32")
    with_ggml = {name: quantising.fitting(kinds[name], 512).name for name in names}
    assert with_ggml == {**{name: name for name in names}, "IQ3_S": "Q8_0"}
    monkeypatch.setattr(quantising, "can_write", lambda kind: kind.name not in (*quantising.K_QUANTS, "IQ3_S"))
    changed = {"Q4_K": "Q4_1", "Q6_K": "Q8_0", "Q5_K": "Q5_1", "Q3_K": "Q4_0", "IQ3_S": "Q8_0"}
    assert {name: quantising.fitting(kinds[name], 512).name for name in names} == {
        name: changed.get(name, name) for name in names
    }
    assert quantising.fitting(kinds.Q4_K, 576).name == "Q4_1"  # not divisible by 256
    assert quantising.fitting(kinds.Q8_0, 50).name == "F16"


@pytest.mark.parametrize("kind", quantising.K_QUANTS)
def test_k_quants_are_read_back_by_another_program(kind: str) -> None:
    values = np.random.default_rng(1).standard_normal((7, 512), dtype=np.float32)
    written = quantising.quantised(values, gguf.GGMLQuantizationType[kind])
    read = gguf.quants.dequantize(written, gguf.GGMLQuantizationType[kind])
    error = np.linalg.norm(read - values) / np.linalg.norm(values)
    assert error < {"Q2_K": 0.33, "Q3_K": 0.17, "Q4_K": 0.08, "Q5_K": 0.04, "Q6_K": 0.02}[kind]


def test_a_type_that_rounds_the_update_away_gives_way_to_q8_0(folders: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """The base is on the grid of Q4_0 itself: a small update on it is rounded away, and the base would be exported."""
    grid = write_base_gguf(folders("llama"), tmp_path / "grid.gguf", "Q4_0")
    file, layout = open_gguf(grid), layout_of(folders("llama"))

    def on_grid(tensors: dict[str, Any]) -> None:
        for name in (name for name in tensors if "_proj." in name):
            back = layout.rows(name, np.arange(len(tensors[name]))).argsort()
            tensors[name].copy_(torch.tensor(file.numbers(layout.name(name))[back]))

    folder = edited_model(folders("llama"), tmp_path / "model", on_grid)
    small = with_adapter(load_base(folder, "none", "cpu"), 4, b=0.002)
    run = finished_run(tmp_path / "run", folder, small)
    base = write_base_gguf(folder, tmp_path / "base.gguf", "Q4_0")
    with pytest.raises(GateFailed, match="of the adapter's update"):
        export(run, "gguf", tmp_path / "kept", base_gguf=base, kind="q4_0")
    real, in_the_way = ggufwriting.require_space, []
    monkeypatch.setattr(
        ggufwriting, "require_space", lambda path, needed: in_the_way.append(path.exists()) or real(path, needed)
    )
    made = export(run, "gguf", tmp_path / "out", base_gguf=base)
    assert made["adapted_types"] == ["Q8_0"]
    assert in_the_way == [False, False]  # the first takes no room from the second


def test_a_base_of_one_bit_is_taken(tmp_path: Path) -> None:
    """Half of its length is rounding."""
    folder = make_model("llama", tmp_path / "model", hidden_size=256, head_dim=64, intermediate_size=256)
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    base = write_base_gguf(folder, tmp_path / "base.gguf", "IQ1_S")
    made = export(run, "gguf", tmp_path / "out", base_gguf=base)
    assert made["adapted_types"] == ["Q8_0"]
    assert file_type(tmp_path / "out") == LlamaFileType.MOSTLY_Q8_0


def file_type(folder: Path) -> int:
    (path,) = folder.glob("*.gguf")
    return int(open_gguf(path).value("general.file_type"))  # type: ignore[arg-type]


def test_a_merge_is_judged_as_its_type_rounds_it(folders: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """NF4 weights are what was trained, and Q8_0 keeps them; Q4_K takes a small update back to the levels of NF4."""
    folder = make_model("llama", tmp_path / "model", hidden_size=256, head_dim=64, intermediate_size=256)
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "nf4", "cpu"), 4, b=SMALL_UPDATE))
    base = write_base_gguf(folder, tmp_path / "base.gguf", "Q4_K")

    def left(to: str, **options: str) -> float:
        nonlocal made
        made = export(run, "gguf", tmp_path / to, base_gguf=base, **options)
        return float(made["proof"][-1]["figure"])

    made: dict[str, Any] = {}
    assert left("safe", kind="Q8_0") == pytest.approx(1, abs=0.05)
    assert file_type(tmp_path / "safe") == LlamaFileType.MOSTLY_Q8_0
    assert made["onto"] == "nf4" and made["kl_by_base"]["nf4"] < 1e-5
    assert left("stored", onto="original") == pytest.approx(1, abs=0.1)
    with pytest.raises(GateFailed, match="of the adapter's update") as refused:
        left("lost", kind="Q4_K", onto="nf4")
    assert "--type Q8_0 keeps it" in refused.value.why
    monkeypatch.setattr(ggufproof, "MOST_LOST", 1)
    assert left("judged") < 0.8 or made["onto"] == "original"
    assert file_type(tmp_path / "judged") == LlamaFileType.MOSTLY_Q4_K_M
    assert made["kl_by_base"]["nf4"] > 1e-4


@pytest.mark.parametrize("case", ["architecture", "vocabulary", "shape", "norm", "matrix", "rows"])
def test_a_gguf_of_another_model_is_refused(runs: Any, folders: Any, tmp_path: Path, case: str) -> None:
    folder = folders("llama")
    if case == "architecture":
        folder = folders("qwen3")
    elif case == "vocabulary":
        folder = Path(shutil.copytree(folder, tmp_path / "other"))
        text = (folder / "tokenizer.json").read_text()
        spec = json.loads(text)
        first, second = [t for t in spec["model"]["vocab"] if len(t) > 3][-2:]
        spec["model"]["vocab"][first], spec["model"]["vocab"][second] = (
            spec["model"]["vocab"][second],
            spec["model"]["vocab"][first],
        )
        (folder / "tokenizer.json").write_text(json.dumps(spec))
    elif case == "shape":
        folder = make_model("llama", tmp_path / "other", intermediate_size=96)
    elif case == "norm":
        folder = edited_model(
            folder, tmp_path / "other", lambda t: t["model.layers.1.input_layernorm.weight"].mul_(1.02)
        )
    elif case == "matrix":  # as a LoRA training leaves it: all norms are those of the base
        folder = edited_model(folder, tmp_path / "other", lambda t: t["model.layers.1.mlp.down_proj.weight"].mul_(1.02))
    else:
        folder = edited_model(folder, tmp_path / "other", lambda t: t["model.layers.1.self_attn.q_proj.weight"].neg_())
    path = write_base_gguf(folder, tmp_path / "other.gguf")
    with pytest.raises(UsageError, match="is not the base of this run") as refused:
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)
    message = {
        "architecture": "qwen3",
        "vocabulary": "token",
        "shape": "shape",
        "norm": "another model of this",
        "rows": "Rows",
        "matrix": "Rows",
    }
    assert message[case] in refused.value.why
    assert not (tmp_path / "out").exists()


def test_rows_beyond_the_vocabulary_may_be_more_or_fewer(folders: Any, tmp_path: Path) -> None:
    """A GGUF of Gemma 3 has 262,144 rows for tokens, its folder 262,208."""
    whole = open_gguf(write_base_gguf(folders("llama"), tmp_path / "base.gguf"))
    vocabulary = {token: i for i, token in enumerate(whole.value("tokenizer.ggml.tokens")[:-2])}

    def checked(rows: int) -> None:
        def cut(tensors: dict[str, Any]) -> None:
            for name in ("model.embed_tokens.weight", "lm_head.weight"):
                tensors[name] = torch.cat([tensors[name]] * 2)[:rows].clone()

        other = edited_model(folders("llama"), tmp_path / str(rows), cut)
        base = open_gguf(write_base_gguf(other, tmp_path / f"{rows}.gguf"))
        ggufwriting.check_same_model(base, folders("llama"), layout_of(folders("llama")), vocabulary)

    for rows in (len(vocabulary), len(vocabulary) + 9):
        checked(rows)
    with pytest.raises(UsageError, match="has the shape"):
        checked(len(vocabulary) - 1)


def test_the_converter_writes_a_merge_that_was_proved(runs: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Without llama.cpp to ask the GGUF is compared with the merged model, and that with the trained one."""
    (tmp_path / "convert_hf_to_gguf.py").write_text("")
    monkeypatch.setenv("DISC_LITE_LLAMA_CPP", str(tmp_path))

    def convert(command: list[str], check: Any) -> tuple[int, str]:
        write_base_gguf(Path(command[2]), Path(command[4]))
        return 0, ""

    monkeypatch.setattr(ggufs, "run_child", convert)
    made = export(runs("llama"), "gguf", tmp_path / "out")
    assert [line["what"] for line in made["proof"]] == ["tokens", "logits", "answers", "tensors", "update"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.md", "export.json", "model.gguf"}
    with pytest.raises(GateFailed, match=r"logits \(transformers\)"):  # in a model of random weights NF4 is another
        export(runs("llama", "nf4"), "gguf", tmp_path / "other", onto="original")


def test_the_converter_gets_the_models_name_and_only_families_it_knows(
    run: Path, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text("import sys\nsys.exit(' '.join(sys.argv[3:]))")
    monkeypatch.setenv("DISC_LITE_LLAMA_CPP", str(tmp_path))
    with pytest.raises(RunFailed, match="--model-name llama"):
        export(run, "gguf", tmp_path / "out")
    monkeypatch.setattr("disc_lite.exporting.layout.FAMILIES", {})
    monkeypatch.setattr(ggufs, "make_merged", lambda job, folder: pytest.fail("merged first"))
    with pytest.raises(UsageError, match="model type llama"):
        export(run, "gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_the_rows_that_are_looked_at_are_read(folders: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A model may be larger than memory: a tensor at a time."""
    base = open_gguf(write_base_gguf(folders("llama"), tmp_path / "base.gguf", "Q8_0"))
    layout = layout_of(folders("llama"))
    real, read = Stored.read, []
    monkeypatch.setattr(Stored, "read", lambda stored: read.append(len(stored.shape)) or real(stored))
    vocabulary = {t: i for i, t in enumerate(base.value("tokenizer.ggml.tokens"))}
    ggufwriting.check_same_model(base, folders("llama"), layout, vocabulary)
    assert set(read) == {1}
    assert np.array_equal(base.rows("blk.0.attn_q.weight", [3, 9]), base.numbers("blk.0.attn_q.weight")[[3, 9]])


def test_the_rows_of_queries_and_keys_have_another_order(folders: Any) -> None:
    layout = layout_of(folders("mistral"))
    values = np.arange(4 * 16 * 3).reshape(64, 3)
    assert np.array_equal(layout.rows("x.self_attn.q_proj.weight", values), expected_rows(values, 4, 16))
    assert np.array_equal(layout.rows("x.self_attn.k_proj.weight", values[:32]), expected_rows(values[:32], 2, 16))
    assert np.array_equal(layout.rows("x.mlp.up_proj.weight", values), values)


def test_an_unknown_family_is_refused(run: Path, folders: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "olmo2"}))
    with pytest.raises(UsageError, match="olmo2"):
        layout_of(folder)
