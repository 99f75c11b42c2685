"""Runs, adapters and merged models can be asked; whatever is not whole is refused before torch loads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from disc_lite.chat import opening
from disc_lite.chat.opening import Adapted, ask, load, open_adapted
from disc_lite.errors import DiscLiteError, EnvironmentNotReady, UsageError
from disc_lite.models import load_base
from disc_lite.run.finished import open_run
from disc_lite.run.training import save_adapter
from disc_lite.storage import write_bytes
from tests.exporting.folders import edited_model
from tests.tiny_models import make_model

QUESTION = "Who runs the workshop?"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def logits(adapted: Adapted, adapter: bool = True) -> torch.Tensor:
    base = load(adapted, "cpu")
    with base.frozen(adapter=adapter) as model:
        found: torch.Tensor = model(torch.tensor([base.tokens.prompt(QUESTION)])).logits
        return found


def test_every_kind_of_folder_is_read_as_what_it_is(
    trained: Path, folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = folders("llama")
    assert open_adapted(trained / "run") == Adapted(
        trained / "run", "run", str(base), base, trained / "run" / "adapter", "nf4", 24, 1024
    )
    assert open_adapted(trained / "adapter") == Adapted(
        trained / "adapter", "adapter", str(base), base, trained / "adapter", "nf4", 256, 1024
    )
    merged = trained / "merged"
    assert open_adapted(merged) == Adapted(merged, "merged", "merged", merged, None, "none", 256, 1024)
    assert open_adapted(trained / "run" / "adapter").kind == "adapter"
    monkeypatch.chdir(merged)
    assert open_adapted(Path()).name == "merged"  # `disc-lite chat .`


def test_run_adapter_and_merged_model_give_the_same_logits(
    trained: Path, folders: Callable[[str], Path], load: Callable[..., Any]
) -> None:
    run, adapter, merged = (logits(open_adapted(trained / kind)) for kind in ("run", "adapter", "merged"))
    quantised = load("llama", "nf4", rank=4)
    with quantised.frozen(adapter=True) as model:
        expected = model(torch.tensor([quantised.tokens.prompt(QUESTION)])).logits
    assert torch.equal(run, adapter)
    torch.testing.assert_close(adapter, expected)
    whole = load("llama", "none", rank=4)
    with whole.frozen(adapter=True) as model:
        expected = model(torch.tensor([whole.tokens.prompt(QUESTION)])).logits
    torch.testing.assert_close(merged, expected, rtol=1e-4, atol=1e-4)
    assert (logits(open_adapted(trained / "run"), adapter=False) - run).abs().max() > 0.1


def test_answers_of_every_kind(trained: Path) -> None:
    rows = {}
    for kind in ("run", "adapter", "merged"):
        model = open_adapted(trained / kind)
        model = replace(model, answer_tokens=min(model.answer_tokens, 40))
        rows[kind] = ask(model, [QUESTION, "What opens?"], with_base=kind != "merged", device="cpu")
    assert [row["question"] for row in rows["run"]] == [QUESTION, "What opens?"]
    assert all(set(row) == {"question", "adapted", "base"} for row in rows["run"] + rows["adapter"])
    assert [set(row) for row in rows["merged"]] == [{"question", "adapted"}] * 2
    assert rows["adapter"][0]["adapted"].startswith(rows["run"][0]["adapted"][:-3])  # 40 tokens, and 24 of them
    assert rows["adapter"][0]["adapted"] != rows["adapter"][0]["base"]
    with pytest.raises(UsageError, match="no separate base to compare with or to share"):
        ask(open_adapted(trained / "merged"), [QUESTION], with_base=True)


def test_an_answer_that_was_cut_is_told(trained: Path) -> None:
    told: list[str] = []
    questions = [QUESTION, "What\nis asked at such a length that nobody wants to read it again?"]
    ask(trained / "run", questions, with_base=True, device="cpu", max_tokens=2, warn=told.append)
    assert len(told) == 4
    assert told[0] == f"An answer was cut after 2 tokens (--max-tokens sets the limit): {QUESTION}"
    assert told[1].endswith(": What is asked at such a length that nobo …")
    with pytest.raises(UsageError, match="leave no room"):
        ask(trained / "run", questions, device="cpu", max_tokens=5000)


def test_a_question_longer_than_the_context_is_refused_before_anything_is_loaded(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted = open_adapted(trained / "run")
    monkeypatch.setattr(opening, "load", lambda *given: pytest.fail("loaded"))
    with pytest.raises(UsageError, match="longer than the context of the model: word word") as caught:
        ask(adapted, [QUESTION, "word " * adapted.context_tokens], device="cpu")
    assert caught.value.exit_code == 2
    assert "at most 1,000 fit" in caught.value.why  # of 1,024, beside an answer of 24
    small = replace(adapted, context_tokens=40)
    assert (adapted.longest_answer, small.longest_answer) == (24, 20)
    with pytest.raises(UsageError, match="longer than the context"):
        ask(adapted, [QUESTION], others={"small": small}, device="cpu")


def test_others_are_named_by_their_folders_too(trained: Path) -> None:
    (row,) = ask(trained / "run", QUESTION, others={"again": str(trained / "run")}, device="cpu")
    assert row["again"] == row["adapted"]
    with pytest.raises(UsageError, match="merged model"):
        ask(trained / "run", QUESTION, others={"whole": trained / "merged"}, device="cpu")
    with pytest.raises(UsageError, match="has the key 'base'"):
        ask(trained / "run", QUESTION, with_base=True, others={"base": trained / "run"}, device="cpu")


def test_an_adapter_may_name_its_base_by_an_alias(tmp_path: Path) -> None:
    base = load_base(open_pocket(), "none", "cpu")
    base.attach(2, 4, 0, recomputed=0)
    save_adapter(base, "pocket", tmp_path / "adapter")
    adapted = open_adapted(tmp_path / "adapter")
    assert (adapted.name, adapted.model, adapted.context_tokens) == ("pocket", open_pocket(), 2048)


def open_pocket() -> Path:
    import disc_lite

    return Path(disc_lite.__file__).parent / "pocket"


def test_dropout_of_an_adapter_is_off_and_its_own_scale_counts(trained: Path, tmp_path: Path) -> None:
    before = logits(open_adapted(trained / "adapter"))
    assert torch.equal(logits(open_adapted(edited(trained, tmp_path / "a", lora_dropout=0.9))), before)
    rank_stabilised = logits(open_adapted(edited(trained, tmp_path / "b", use_rslora=True)))  # alpha / sqrt(rank)
    twice = logits(open_adapted(edited(trained, tmp_path / "c", lora_alpha=16)))
    assert torch.equal(rank_stabilised, twice)
    assert (twice - before).abs().max() > 0.1


@pytest.mark.parametrize("quantize", ["none", "nf4"])
def test_an_adapter_is_asked_in_the_precision_it_was_trained_in(
    runs: Callable[..., Path], trained: Path, tmp_path: Path, quantize: str
) -> None:
    run = runs("llama", quantize)
    shutil.copytree(run / "adapter", tmp_path / "copied")
    assert {open_adapted(folder).quantize for folder in (run, run / "adapter", tmp_path / "copied")} == {quantize}
    (tmp_path / "copied" / "trained_on.json").unlink()  # as of another program
    assert open_adapted(tmp_path / "copied").quantize == "nf4"
    (tmp_path / "copied" / "trained_on.json").write_text('{"weights": "", "quantize": "int3"}')
    refused(tmp_path / "copied", "broken", EnvironmentNotReady)


def test_another_base_of_the_same_shapes_is_refused(
    trained: Path, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    other = edited_model(folders("llama"), tmp_path / "llama", lambda tensors: tensors["lm_head.weight"].add_(1))
    adapter = edited(trained, tmp_path / "a", base_model_name_or_path=str(other))
    refused(adapter, "other weights")
    (adapter / "trained_on.json").unlink()
    assert open_adapted(adapter).model == other
    copy = Path(shutil.copytree(folders("llama"), tmp_path / "copy"))
    assert open_adapted(edited(trained, tmp_path / "b", base_model_name_or_path=str(copy))).model == copy


# -- what is refused ---------------------------------------------------------------------------------------


def edited(trained: Path, target: Path, **changes: Any) -> Path:
    shutil.copytree(trained / "adapter", target)
    config = json.loads((target / CONFIG).read_text())
    (target / CONFIG).write_text(json.dumps({**config, **changes}))
    return target


def retouched(trained: Path, target: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> Path:
    shutil.copytree(trained / "adapter", target)
    tensors = load_file(target / WEIGHTS)
    change(tensors)
    save_file(tensors, target / WEIGHTS)
    return target


FIRST = "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight"
CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "dora": ({"use_dora": True}, "use_dora"),
    "pissa": ({"init_lora_weights": "pissa"}, "init_lora_weights"),
    "whole modules": ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    "biases": ({"bias": "all"}, "bias"),
    "what PEFT will have": ({"use_tomorrow": {"a": 1}}, "use_tomorrow"),
    "revision": ({"revision": "v2"}, "revision"),
    "classifier": ({"task_type": "SEQ_CLS"}, "task_type"),
    "no lora": ({"peft_type": "IA3"}, "IA3"),
    "no alpha": ({"lora_alpha": None}, "lora_alpha"),
    "other rank": ({"r": 8}, "rank"),
    "more targets": ({"target_modules": ["q_proj", "down_proj", "lm_head"]}, "lm_head"),
    "no base": ({"base_model_name_or_path": None}, "base_model_name_or_path"),
    "base elsewhere": ({"base_model_name_or_path": "/home/alice/model"}, "/home/alice/model"),
    "unknown base": ({"base_model_name_or_path": "pockt"}, "pockt"),
    "another base": ({"base_model_name_or_path": "pocket"}, "does not fit"),
}
TENSORS: dict[str, tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "no tensors": (lambda t: t.clear(), "does not fit"),
    "one is missing": (lambda t: t.pop(FIRST), "lacks"),
    "a pair is missing": (lambda t: [t.pop(FIRST), t.pop(FIRST.replace("_A", "_B"))], "no tensors for"),
    "one too many": (lambda t: t.update({"base_model.model.lm_head.weight": torch.zeros(2, 2)}), "lm_head"),
    "other names": (lambda t: t.update({k.removeprefix("base_model."): t.pop(k) for k in list(t)}), "no weight"),
    "other shape": (lambda t: t.update({FIRST: torch.zeros(4, 9)}), "(4, 9)"),
}


def refused(folder: Path, word: str, kind: type[DiscLiteError] = UsageError) -> None:
    with pytest.raises(kind) as caught:
        open_adapted(folder)
    assert word in str(caught.value)
    assert len(caught.value.lines()) <= 3


@pytest.mark.parametrize("name", CONFIGS)
def test_adapters_that_would_be_read_wrongly_are_refused(trained: Path, tmp_path: Path, name: str) -> None:
    changes, word = CONFIGS[name]
    refused(edited(trained, tmp_path / "a", **changes), word)


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_do_not_fit_are_refused(trained: Path, tmp_path: Path, name: str) -> None:
    change, word = TENSORS[name]
    refused(retouched(trained, tmp_path / "a", change), word)


def test_what_only_peft_can_check_is_refused_when_it_is_loaded(trained: Path, tmp_path: Path) -> None:
    """Targets named by a pattern: PEFT would load nothing for half of them, and only warn."""
    folder = edited(trained, tmp_path / "a", target_modules=r".*\.(q_proj|k_proj)")
    with pytest.raises(EnvironmentNotReady, match="do not match its configuration"):
        load(open_adapted(folder), "cpu")
    pattern = edited(trained, tmp_path / "b", target_modules=r".*_proj")
    assert torch.equal(logits(open_adapted(pattern)), logits(open_adapted(trained / "adapter")))
    ranks = edited(trained, tmp_path / "c", rank_pattern={"q_proj": 8})
    with pytest.raises(EnvironmentNotReady, match="cannot be loaded onto its base"):
        load(open_adapted(ranks), "cpu")


def test_broken_folders_are_refused(trained: Path, folders: Callable[[str], Path], tmp_path: Path) -> None:
    refused(tmp_path, "not the folder of a run, an adapter or a merged model")
    refused(tmp_path, "`export --to adapter` or `--to merged`")  # other exports cannot be asked
    refused(tmp_path / "nowhere", "no such folder")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "a file")
    for name, content, word in (("{", b"{", "broken"), ("[]", b"[]", "no JSON object")):
        (edited(trained, tmp_path / name) / CONFIG).write_bytes(content)
        refused(tmp_path / name, word)
    cut = edited(trained, tmp_path / "cut") / WEIGHTS
    cut.write_bytes(cut.read_bytes()[:-1000])
    refused(tmp_path / "cut", "cannot be read")
    pickled = edited(trained, tmp_path / "pickled") / WEIGHTS
    pickled.rename(pickled.with_suffix(".bin"))
    refused(tmp_path / "pickled", "pickle")
    pickled.with_suffix(".bin").unlink()
    refused(tmp_path / "pickled", f"has no {WEIGHTS}")
    shutil.copytree(folders("llama"), tmp_path / "both")
    shutil.copy(trained / "adapter" / CONFIG, tmp_path / "both")
    refused(tmp_path / "both", "both")


def test_broken_runs_are_refused(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained / "run", run)
    (run / "adapter" / WEIGHTS).write_bytes(b"")
    refused(run, "It has 0 bytes", EnvironmentNotReady)
    write_bytes(run / "adapter" / WEIGHTS, b"")
    refused(run, "cannot be read")
    shutil.rmtree(run / "adapter")
    refused(run, "no adapter")
    (run / "summary.json").unlink()
    refused(run, "not finished")


def test_broken_models_are_refused(trained: Path, tmp_path: Path) -> None:
    for name, word in (("config.json", "config.json"), ("model.safetensors", "safetensors"),
                       ("tokenizer.json", "tokenizer.json")):  # fmt: skip
        shutil.copytree(trained / "merged", tmp_path / name)
        (tmp_path / name / name).unlink()
        refused(tmp_path / name, word, EnvironmentNotReady)
    shutil.copytree(trained / "merged", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    refused(tmp_path / "cut", "cannot be read", EnvironmentNotReady)


def test_mistakes_are_refused_without_torch(trained: Path, tmp_path: Path) -> None:
    calls = [
        ["chat", edited(trained, tmp_path / "dora", use_dora=True)],
        ["ask", retouched(trained, tmp_path / "empty", dict.clear), "Who?"],
        ["chat", trained / "merged", "--compare"],
        ["ask", trained / "merged", "Who?", "--base"],
        ["chat", trained / "run", "--max-tokens", "1024"],
        ["chat", trained / "run", "--temperature", "nan"],
        ["chat", trained / "run", "--device", "tpu"],
        ["chat", tmp_path],
    ]
    code = """
import json, sys
from disc_lite.cli import main
for call in json.loads(sys.argv[1]):
    sys.argv = ["disc-lite", *call]
    try: main()
    except SystemExit as stop: print(stop.code, "torch" in sys.modules)
"""
    words = json.dumps([[str(word) for word in call] for call in calls])
    done = subprocess.run([sys.executable, "-c", code, words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2 False"] * len(calls)
    assert len(done.stderr.splitlines()) <= 3 * len(calls)


def test_a_run_is_read_as_it_was_made_whatever_the_environment_says(trained: Path, monkeypatch: Any) -> None:
    before = open_run(trained / "run").recipe
    monkeypatch.setenv("DISC_LITE_MEMORY__QUANTIZE", "none" if before.memory.quantize == "nf4" else "nf4")
    monkeypatch.setenv("DISC_LITE_EVALUATION__ANSWER_TOKENS", "7")
    assert open_run(trained / "run").recipe == before
    assert open_adapted(trained / "run").quantize == before.memory.quantize


def test_a_missing_cuda_device_is_reported(trained: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="no device 'cuda'"):
        load(open_adapted(trained / "run"), "cuda")


def test_a_tied_head_is_no_hindrance(load: Callable[..., Any], tmp_path: Path) -> None:
    folder = make_model("qwen2", tmp_path / "model")
    save_adapter(load("qwen2", rank=2), str(folder), tmp_path / "adapter")
    assert logits(open_adapted(tmp_path / "adapter")).isfinite().all()
