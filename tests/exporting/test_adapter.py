"""Adapter and merged model: others load them, and they give the logits that were trained."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from disc_lite.chat.opening import open_adapted
from disc_lite.errors import GateFailed, UsageError
from disc_lite.exporting import choosing, export, weights
from disc_lite.exporting.choice import FORMS
from disc_lite.exporting.ggufkeys import CHAT_TEMPLATE
from disc_lite.exporting.ggufreading import open_gguf
from disc_lite.exporting.modelcard import model_card
from disc_lite.hub.aliases import ALIASES
from disc_lite.models import Tokens, load_base
from disc_lite.run.finished import load_run, open_run
from disc_lite.storage import read_json, write_json, write_jsonl
from tests.exporting.base_gguf import write_base_gguf
from tests.exporting.folders import model_entry
from tests.made import finished_run, recipe_of, with_adapter
from tests.tiny_models import NAMES

pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


def trained_logits(run: Path, folder: Path, ids: torch.Tensor) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return PeftModel.from_pretrained(model, str(run / "adapter")).eval()(ids).logits


IDS = torch.tensor([[5, 9, 20, 33, 41, 60, 7]])


@pytest.mark.parametrize("to", FORMS)
def test_every_form_has_a_card_with_its_use_and_what_was_taught(runs: Any, folders: Any, to: str) -> None:
    card = model_card(open_run(runs("llama")), False, to)
    front, _, text = card.removeprefix("---\n").partition("\n---\n")
    library = {"adapter": "peft", "merged": "transformers"}.get(to, "gguf")
    assert f'library_name: "{library}"' in front
    assert ("PeftModel" in text) == (to == "adapter") and ("ollama create" in text) == (to == "ollama")
    greedy = {"adapter": "do_sample=False", "merged": "do_sample=False", "ollama": "temperature 0"}.get(to, "--temp 0")
    assert greedy in text
    assert "(rank 4, alpha 8)" in text and "licence of the base: see the base model" in text and "{" not in text[:600]
    assert "| 1 | `" + "ab" * 32 + "` | by this run |" in text
    assert str(folders("llama").parent) not in card


@pytest.mark.parametrize(("name", "thinks"), [("qwen3", True), ("llama", False)])
def test_a_model_that_thinks_by_default_is_to_be_asked_without(
    runs: Any, tmp_path: Path, name: str, thinks: bool
) -> None:
    """It was trained and measured with thinking off, but transformers, vLLM and llama.cpp have it on."""
    made = export(runs(name), "adapter", tmp_path / "out")
    assert made.get("thinking") == ("off" if thinks else None)
    card = (tmp_path / "out" / "README.md").read_text()
    assert ("enable_thinking=False" in card) is ("thinking" in card) is thinks
    cards = {to: model_card(open_run(runs(name)), False, to, made) for to in FORMS}
    assert ("llama-cli -m model.gguf --reasoning off\n" in cards["gguf"]) is thinks
    assert ("--lora adapter.gguf --reasoning off\n" in cards["gguf-lora"]) is thinks
    assert ("`ollama run NAME --think=false`" in cards["ollama"]) is thinks


@pytest.mark.parametrize("name", NAMES)
def test_the_adapter_loads_in_plain_peft(runs: Any, folders: Any, tmp_path: Path, name: str) -> None:
    made = export(runs(name), "adapter", tmp_path / "out")
    assert [(line["what"], line["passed"]) for line in made["proof"]] == [
        ("tokens", True),
        ("logits", True),
        ("answers", True),
    ]
    plain = AutoModelForCausalLM.from_pretrained(folders(name), dtype=torch.float32)
    with torch.no_grad():
        tuned = PeftModel.from_pretrained(plain, str(tmp_path / "out")).eval()(IDS).logits
    assert torch.allclose(tuned, trained_logits(runs(name), folders(name), IDS), atol=1e-5)
    assert "c\\>.md" not in (tmp_path / "out" / "README.md").read_text()
    assert read_json(tmp_path / "out" / "export.json")["files"].keys() == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "trained_on.json",
    }


def test_the_model_card_names_documents_only_if_asked_and_no_paths(runs: Any, folders: Any, tmp_path: Path) -> None:
    card = model_card(open_run(runs("llama")), document_names=False)
    assert "| 1 | `" + "ab" * 32 + "` | by this run |" in card and "c\\>.md" not in card
    export(runs("llama"), "adapter", tmp_path / "out", document_names=True)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| a\\|b \\# \\<c\\>.md | `" + "ab" * 32 + "` |" in card  # one line, and no markup
    assert "refused.pdf" not in card and "taught 1 document\n" in card
    assert "| 3 | 4 | 75.0% | 30.0% to 95.0% |" in card
    assert str(folders("llama").parent) not in card
    assert 'from_pretrained("path/to/llama")' in card and "base_model" not in card
    assert "PeftModel.from_pretrained" in card and '"rank": 4' in card


def test_the_model_card_of_an_update_has_what_earlier_runs_taught(run: Path) -> None:
    rows = [("a|b\n# <c>.md", True, "drop"), ("old.md", False, "rehearse"), ("lost.md", False, "drop"),
            ("secret.md", False, "unlearn"), ("cut.md", True, "unlearn")]  # fmt: skip
    before = [
        {"name": name, "sha256": "cd" * 32, "replaced": replaced, "removed": removed}
        for name, replaced, removed in rows
    ]
    write_json(run / "update.json", {"removed": "unlearn", "taught_before": before, "steps_before": [65, 13]})
    for since, when in (("unchanged", "earlier, unchanged since"), ("new", "by this run")):
        write_jsonl(run / "passages.jsonl", [{"document": rows[0][0], "text": "x", "since": since}])
        card = model_card(open_run(run), document_names=True)
        assert f"| `{'ab' * 32}` | {when} |" in card
    assert "taught 2 documents\n" in card and "steps after 78 of 2 earlier runs" in card
    assert [line.split(" | ")[-1] for line in card.split("\n") if "cd" * 32 in line] == [
        "an earlier version; what it said differently may still be known |", "earlier, then rehearsed |",
        "earlier, neither rehearsed nor unlearned |", "earlier, then unlearned |",
        "an earlier version; what was removed from it was unlearned |",
    ]  # fmt: skip


def test_the_model_card_says_that_questions_were_chosen(run: Path) -> None:
    summary = read_json(run / "summary.json")
    ceiling = {"right": 4, "of": 4, "share": 1.0, "low": None, "high": None}
    card = {**summary["card"], "self_written": 4, "rows": {**summary["card"]["rows"], "ceiling": ceiling}}
    write_json(run / "summary.json", {**summary, "card": card})
    text = model_card(open_run(run), document_names=False)
    assert "| base + right passage | 4 | 4 | 100.0% |  |" in text
    assert "The base wrote these questions" in text
    assert "| skills | 3 of 4 | 3 of 4 | 0 of 3 |" in text


def test_the_card_of_an_adapter_in_nf4_loads_its_base_in_nf4(runs: Any, folders: Any, tmp_path: Path) -> None:
    """Its code is run as it stands, but for the two places, and in fp32 as the run was; the stored base is another."""
    nf4, folder = runs("llama", "nf4"), tmp_path / "out"
    made = export(nf4, "adapter", folder)
    *_, elsewhere = made["proof"]
    assert elsewhere["what"] == "elsewhere" and elsewhere["passed"] and made["on_stored_base"]["of"] == 3
    assert min(made["on_stored_base"][each] for each in ("kl", "kl_of_base")) > 0
    card = (folder / "README.md").read_text()
    assert f"KL {made['on_stored_base']['kl']:.2g} nats per token" in card and "use the form `merged`" in card
    code = card.split("```python\n")[1].split("```")[0].replace("path/to/llama", str(folders("llama")))
    assert code.count("bfloat16") == 2
    found: dict[str, Any] = {}
    exec(code.replace("path/to/this/folder", str(folder)).replace("bfloat16", "float32"), found)
    with torch.no_grad():
        logits = found["model"].eval()(IDS).logits.float()
    with load_run(open_run(nf4), "cpu").frozen(adapter=True) as model:
        trained = model(IDS).logits.float()
    off, elsewhere_off = ((each - trained).norm() for each in (logits, trained_logits(nf4, folders("llama"), IDS)))
    assert off < 0.1 * elsewhere_off  # bitsandbytes has another kernel for eval()
    assert "NF4" in model_card(open_run(nf4), False, "gguf-lora").split("## What it knows")[0].split("## Use")[1]
    assert "NF4" not in model_card(open_run(runs("llama")), False).split("## What it knows")[0].split("## Use")[1]


@pytest.mark.parametrize(
    ("name", "licence", "displayed"),
    [
        ("qwen2.5-0.5b", '"apache-2.0"', ""),
        ("llama-3-8b", '"llama3"', "Built with Meta Llama 3."),
        ("llama-3.2-1b", '"llama3.2"', "Built with Llama."),
        ("gemma-3-1b", '"gemma"', ""),
        ("qwen2.5-3b", '"other"\nlicense_name: "qwen-research"\nlicense_link: "https://huggingface.co/Qwen/Qwen2.5-3B-'
         'Instruct/blob/main/LICENSE"', ""),
    ],
)  # fmt: skip
def test_the_card_names_the_licence_as_the_hub_does(runs: Any, name: str, licence: str, displayed: str) -> None:
    run = open_run(runs("llama"))
    card = model_card(replace(run, model=replace(run.model, name=name, reference=ALIASES[name].hub_id)), False)
    assert f"\nlicense: {licence}\n---\n" in card and displayed in card
    assert ("Built with" in card) is bool(displayed)


@pytest.mark.parametrize(
    ("method", "how"),
    [
        ("disc", "by self-distillation"),
        ("sft", "by fine-tuning on answers"),
        ("next_token", "by next-token prediction"),
    ],
)
def test_the_model_card_says_how_it_was_trained(runs: Any, method: str, how: str) -> None:
    run = open_run(runs("llama"))
    run = replace(run, recipe=recipe_of(method=method), summary={**run.summary, "stopped_at": {"adapter_step": 5}})
    card = model_card(run, document_names=False)
    assert f"{how}" in card and f"(method `{method}`, recipe `default`, 5 steps," in card
    assert ("distill" in card.split("## Settings")[0] and '"self-distillation"' in card) == (method == "disc")
    assert "7 steps" in model_card(replace(run, summary=open_run(runs("llama")).summary), document_names=False)


def test_a_folder_that_is_called_like_a_model_is_not_taken_for_it(
    run: Path, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(run)
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "pocket"))
    write_json(run / "run.json", model_entry(folder))
    export(run, "adapter", tmp_path / "out")
    config = read_json(tmp_path / "out" / "adapter_config.json")
    assert config["base_model_name_or_path"] == "./pocket"
    with pytest.raises(UsageError, match=r"was not found(?s:.)*DISC_LITE_MODELS=FOLDER"):
        open_adapted(tmp_path / "out")
    for place in (folder, tmp_path):
        monkeypatch.setenv("DISC_LITE_MODELS", str(place))
        assert open_adapted(tmp_path / "out").model == folder
    assert 'from_pretrained("path/to/pocket")' in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_merged_is_base_plus_adapter(runs: Any, folders: Any, merged: Any, name: str) -> None:
    made = read_json(merged(name) / "export.json")
    assert made["onto"] == "original" and all(line["passed"] for line in made["proof"])
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(merged(name), dtype=torch.float32)(IDS).logits
    assert torch.allclose(logits, trained_logits(runs(name), folders(name), IDS), atol=1e-4)
    names_end = name != "qwen3"  # the base of this one names the end of a whole text only
    for path in folders(name).iterdir():  # byte for byte, and not saved again
        if path.suffix != ".safetensors" and (names_end or path.name != "generation_config.json"):
            assert (merged(name) / path.name).read_bytes() == path.read_bytes()


def test_other_programs_find_the_end_of_an_answer(runs: Any, folders: Any, merged: Any, tmp_path: Path) -> None:
    """A base model with a chat template often names only the end of a whole text as EOS."""
    tokens = Tokens(folders("qwen3"))
    end, eos = (tokens.hf.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>"))
    before, after = (read_json(f / "generation_config.json") for f in (folders("qwen3"), merged("qwen3")))
    assert before["eos_token_id"] == eos and after == {**before, "eos_token_id": [eos, end]}
    made = export(runs("qwen3"), "adapter", tmp_path / "out")
    assert made["end"] == {"id": end, "token": "<|im_end|>"}
    assert f"`eos_token_id={end}` in `generate`" in (tmp_path / "out" / "README.md").read_text()
    assert "end" not in export(runs("llama"), "adapter", tmp_path / "llama")


def test_exports_of_a_base_model_hold_the_template_that_it_was_trained_with(
    folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """vLLM refuses conversations without a chat template, and llama.cpp writes ChatML."""
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    (folder / "chat_template.jinja").unlink()
    (folder / "generation_config.json").unlink()
    (folder / "LICENSE").write_text("Free.")
    own = Tokens(folder)
    assert own.is_plain
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    export(run, "merged", tmp_path / "merged")
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == own.hf.chat_template
    assert not (tmp_path / "merged" / "generation_config.json").exists()  # config.json names the EOS
    made = export(run, "adapter", tmp_path / "adapter")
    assert made["prompt_form"] == own.beginning + "Question: QUESTION\n\nAnswer:"
    assert made["prompt_form"] in (tmp_path / "adapter" / "README.md").read_text()
    base = write_base_gguf(folder, tmp_path / "base.gguf")
    made = export(run, "gguf", tmp_path / "gguf", base_gguf=base)
    assert open_gguf(tmp_path / "gguf" / "model.gguf").value(CHAT_TEMPLATE) == own.hf.chat_template
    assert "prompt_form" not in made and "LICENSE" in made["files"]


def test_nf4_weights_are_those_that_were_trained_against(
    runs: Any, merged: Any, load: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    from bitsandbytes.functional import dequantize_4bit

    base = load("llama", "nf4")
    weight = base.causal.model.layers[1].mlp.up_proj.weight
    stored = load_file(base.folder / "model.safetensors")["model.layers.1.mlp.up_proj.weight"]
    rounded = dequantize_4bit(weight.data, weight.quant_state)
    assert not torch.equal(rounded, stored.float())
    folder = merged("llama", "nf4")
    made = read_json(folder / "export.json")
    lora = load_file(runs("llama", "nf4") / "adapter" / "adapter_model.safetensors")
    a, b = (lora[f"base_model.model.model.layers.1.mlp.up_proj.lora_{x}.weight"] for x in "AB")
    written = load_file(folder / "model.safetensors")["model.layers.1.mlp.up_proj.weight"]
    assert torch.equal(written, (rounded + 2 * (b @ a)).to(stored.dtype))
    assert made["onto"] == "nf4"
    assert made["kl_by_base"]["nf4"] < 1e-6 < made["kl_by_base"]["original"]
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == []
    with pytest.raises(GateFailed):  # in a model of random weights rounding to 4 bits changes everything
        export(runs("llama", "nf4"), "merged", tmp_path / "original", onto="original")
    monkeypatch.setattr("disc_lite.exporting.weights.compare", lambda *a, **k: [])
    forced = export(runs("llama", "nf4"), "merged", tmp_path / "original", onto="original")
    assert forced["onto"] == "original"
    first, second = (load_file(f / "model.safetensors") for f in (tmp_path / "original", merged("llama")))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_further_chat_templates_are_copied(folders: Any, load: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tools": "{{ 'tools' }}"}
    tokenizer.save_pretrained(folder)
    assert (folder / "additional_chat_templates" / "tools.jinja").is_file()
    run = finished_run(tmp_path / "run", folder, load("llama", "nf4", 4))
    made = export(run, "merged", tmp_path / "out")
    assert "additional_chat_templates/tools.jinja" in made["files"]
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template == tokenizer.chat_template


def test_a_merge_that_overflows_is_null_in_json(runs: Any, tmp_path: Path, monkeypatch: Any) -> None:
    real = choosing.mean_kl
    found = iter([0.0, float("inf")])  # nf4 as it is, then the original weights
    monkeypatch.setattr(choosing, "mean_kl", lambda a, b: next(found, None) or real(a, b))
    made = export(runs("llama", "nf4"), "merged", tmp_path / "out")
    assert made["onto"] == "nf4" and made["kl_by_base"]["original"] is None


def test_shards_keep_their_tensors_and_other_safetensors_are_left(run: Path, folders: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    whole = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(whole)
    parts = {"weights-b.safetensors": names[::2], "weights-a.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({n: whole[n] for n in part}, folder / file, metadata={"format": "pt"})
    save_file({"other": torch.zeros(1)}, folder / "consolidated.safetensors")  # as Mistral's folders have
    for file in ("params.json", "pytorch_model.bin.index.json"):  # of weights that are not exported
        (folder / file).write_text("{}")
    index = {n: file for file, part in parts.items() for n in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    write_json(run / "run.json", model_entry(folder))
    export(run, "merged", tmp_path / "out")
    written = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    # Under other names llama.cpp writes an empty GGUF.
    assert set(written["weight_map"].values()) == {f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    assert written["metadata"]["total_size"] == sum(t.numel() * t.element_size() for t in whole.values())
    assert set(written["weight_map"]) == set(whole)
    assert not (tmp_path / "out" / "params.json").exists()
    assert not (tmp_path / "out" / "pytorch_model.bin.index.json").exists()


def test_without_memory_to_load_it_a_matrix_at_a_time_is_compared(
    runs: Any, merged: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    whole = read_json(merged("llama", "nf4") / "export.json")
    monkeypatch.setattr(weights, "_room_for", lambda size, device: "")
    monkeypatch.setattr(weights, "load_base", lambda *args: pytest.fail("loaded whole"))
    made = export(runs("llama", "nf4"), "merged", tmp_path / "out")
    assert [line["what"] for line in made["proof"]] == ["tokens", "logits", "answers", "tensors"]
    assert [line["figure"] for line in made["proof"]] == pytest.approx(
        [line["figure"] for line in (*whole["proof"], {"figure": 0})], abs=1e-4
    )
    assert made["onto"] == "nf4" and made["kl_by_base"] == pytest.approx(whole["kl_by_base"], rel=1e-3)
    real = weights.write_merged

    def damaged(base: Path, merging: Any, onto: str, target: Path, on_shard: Any) -> None:
        real(base, merging, onto, target, on_shard)
        tensors = load_file(target / "model.safetensors")
        tensors["model.layers.0.mlp.up_proj.weight"][3, 3] += 1
        save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(weights, "write_merged", damaged)
    with pytest.raises(GateFailed, match="was not written"):
        export(runs("llama"), "merged", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
