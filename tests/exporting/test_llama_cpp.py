"""What llama.cpp makes of every export (`make test-slow`): its logits are ours, its tokens are ours.

Needs xllamacpp, which is llama.cpp, and its converters: $DISC_LITE_LLAMA_CPP is a folder of its sources.
Every figure is printed; run with -s to see them.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM
from transformers.activations import GELUTanh

from disc_lite.exporting import export
from disc_lite.exporting.ggufreading import open_gguf
from disc_lite.exporting.llama import Request, run_llama
from disc_lite.exporting.outputs import TEXTS
from disc_lite.exporting.proof import log_probabilities, mean_kl
from disc_lite.models import load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.exporting.folders import edited_model
from tests.made import finished_run, with_adapter
from tests.tiny_families import make_family
from tests.tiny_models import CORPUS, NAMES, make_model

pytestmark = [
    pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
    pytest.mark.skipif("DISC_LITE_LLAMA_CPP" not in os.environ, reason="no llama.cpp: use `make test-slow`"),
]  # fmt: skip
SAME = 1e-3  # f32 against f32
TREE = Path(os.environ.get("DISC_LITE_LLAMA_CPP", "."))
POCKET = Path(__file__).resolve().parents[2] / "disc_lite" / "pocket"
PROMPTS = [[5, 9, 20, 33, 41, 60, 7], [8], [100, 7, 7, 250, 31], list(range(30, 90))]


@pytest.fixture(scope="module")
def pocket_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pocket with an adapter that was not trained, but moves what it says."""
    base = with_adapter(load_base(POCKET, "nf4", "cpu"), 4, b=0.02)
    return finished_run(tmp_path_factory.mktemp("pocket") / "run", POCKET, base)


@pytest.fixture(scope="module", autouse=True)
def gelu_from_a_table() -> Iterator[None]:
    """As llama.cpp has it on a CPU (GGML_GELU_FP16): exact, Gemma's logits are off by 1e-3, so by 2e-6."""

    def forward(self: GELUTanh, x: torch.Tensor) -> torch.Tensor:
        return functional.gelu(x.half().float(), approximate="tanh").half().float()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GELUTanh, "forward", forward)
        yield


def through_llama(model: Path, lora: Path | None = None, texts: Sequence[str] = ()) -> Any:
    return run_llama(Request(str(model), str(lora or ""), list(texts), PROMPTS, 0, [], 0))


def through_transformers(folder: Path, adapter: Path | None = None) -> Any:
    from peft import PeftModel

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapter)) if adapter else model
    with torch.no_grad():
        return np.stack([model.eval()(torch.tensor([p])).logits[0, -1].numpy() for p in PROMPTS])


def reported_kl(what: str, ours: Any, theirs: Any) -> float:
    """Logits up to a constant for each prompt."""
    width = min(ours.shape[1], theirs.shape[1])
    ours, theirs = log_probabilities(ours[:, :width]), log_probabilities(theirs[:, :width])
    largest = float(np.abs(ours - theirs).max())
    print(f"\n{what}: logits differ by at most {largest:.2g} (they spread over {float(np.ptp(ours)):.3g})", end="")
    return largest


def converted(script: str, source: Path, target: Path, *more: str) -> Path:
    command = [sys.executable, str(TREE / script), str(source), "--outfile", str(target), "--outtype", "f32", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return target


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in NAMES},
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "qwen3, untied": ("qwen3", {"tie_word_embeddings": False}),
    "mistral, no groups": ("mistral", {"num_key_value_heads": 4}),
    "llama, wide heads": ("llama", {"head_dim": 32}),
}
# As llama.cpp has them: every fourth layer of SmolLM3 has no positions, the first five of six of Gemma 3 a window, and
# the window of Phi-3 is off. `gemma3` takes images too.
FAMILIES: dict[str, dict[str, Any]] = {
    "granite": {"embedding_multiplier": 3.0},
    "smollm3": {"num_hidden_layers": 4, "no_rope_layers": [1, 1, 1, 0]},
    "gemma3_text": {"layer_types": ["sliding_attention"] * 2},
    "gemma3": {"layer_types": ["sliding_attention"] * 2},
    "phi3": {"sliding_window": None},
}


@pytest.fixture(scope="module", params=[*KINDS, *FAMILIES])
def tiny(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """(name, model folder, run) of a tiny model; the biases of Qwen2 are not zero."""
    root = tmp_path_factory.mktemp("tiny")
    if request.param in FAMILIES:
        folder = make_family(request.param, root, **FAMILIES[request.param])
    else:
        name, changes = KINDS[request.param]
        folder = make_model(name, root / "model", **changes)
    base = with_adapter(load_base(folder, "none", "cpu"), 4)
    return request.param, folder, finished_run(root / "run", folder, base)


def test_lora_and_whole_gguf_have_our_logits(tiny: Any, tmp_path: Path) -> None:
    name, folder, run = tiny
    base = write_base_gguf(folder, tmp_path / "base.gguf")
    plain, tuned = through_transformers(folder), through_transformers(folder, run / "adapter")
    assert reported_kl(f"{name}, base", plain, through_llama(base).logits) < SAME
    assert np.abs(tuned - plain).max() > 0.1
    made = export(run, "gguf-lora", tmp_path / "lora", base_gguf=base)
    assert [line["what"] for line in made["proof"]] == ["tensors", "tokens", "logits", "answers"]
    lora = through_llama(base, tmp_path / "lora" / "adapter.gguf").logits
    assert reported_kl(f"{name}, gguf-lora", tuned, lora) < SAME
    export(run, "gguf", tmp_path / "whole", base_gguf=base)
    assert reported_kl(f"{name}, gguf", tuned, through_llama(tmp_path / "whole" / "model.gguf").logits) < SAME


def test_our_lora_is_bit_for_bit_that_of_llama_cpps_converter(tiny: Any, tmp_path: Path) -> None:
    _, folder, run = tiny
    export(run, "adapter", tmp_path / "adapter")
    theirs = open_gguf(
        converted("convert_lora_to_gguf.py", tmp_path / "adapter", tmp_path / "theirs.gguf", "--base", str(folder))
    )
    export(run, "gguf-lora", tmp_path / "ours")
    ours = open_gguf(tmp_path / "ours" / "adapter.gguf")
    assert set(ours.tensors) == set(theirs.tensors)
    assert all(np.array_equal(ours.tensors[n].data, theirs.tensors[n].data) for n in ours.tensors)
    for key in ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha"):
        assert ours.value(key) == theirs.value(key)


def test_merged_goes_through_llama_cpps_converter(pocket_run: Path, tmp_path: Path) -> None:
    export(pocket_run, "merged", tmp_path / "merged")
    model = converted("convert_hf_to_gguf.py", tmp_path / "merged", tmp_path / "model.gguf")
    assert reported_kl("pocket, merged", through_transformers(tmp_path / "merged"), through_llama(model).logits) < SAME


@pytest.mark.parametrize("kind", ["f32", "bf16", "q8_0"])
def test_pocket_from_a_base_gguf(pocket_run: Path, tmp_path: Path, kind: str) -> None:
    base = converted("convert_hf_to_gguf.py", POCKET, tmp_path / "base.gguf", "--outtype", kind)
    export(pocket_run, "gguf", tmp_path / "whole", base_gguf=base, onto="original")
    tuned = through_transformers(POCKET, pocket_run / "adapter")
    limit = {"f32": SAME, "bf16": 0.5, "q8_0": 1.0}[kind]
    assert (
        reported_kl(f"pocket, gguf from {kind}", tuned, through_llama(tmp_path / "whole" / "model.gguf").logits) < limit
    )


def test_a_base_in_k_quants_stays_in_k_quants(tmp_path: Path, monkeypatch: Any) -> None:
    """Written by ggml itself. The weights are as small as a trained model's; what is left of the difference is rounding."""

    def smaller(tensors: dict[str, Any]) -> None:
        for tensor in tensors.values():
            tensor.mul_(0.2 if tensor.ndim == 2 else 1)

    wide = make_model("llama", tmp_path / "wide", hidden_size=256, head_dim=64, intermediate_size=512)
    folder = edited_model(wide, tmp_path / "model", smaller)
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    tuned, found = through_transformers(folder, run / "adapter"), {}
    monkeypatch.setattr(
        "disc_lite.exporting.proof.require_passed", lambda *args: None
    )  # its greedy answers are a lottery
    for kind in ("Q4_K", "Q5_K", "Q6_K"):
        base = write_base_gguf(folder, tmp_path / f"{kind}.gguf", kind)
        export(run, "gguf", tmp_path / kind, base_gguf=base, kind=kind)
        written = tmp_path / kind / "model.gguf"
        assert written.stat().st_size == base.stat().st_size
        found[kind] = mean_kl(tuned, through_llama(written).logits)
        print(f"\nllama from {kind}: {written.stat().st_size:,} bytes, KL {found[kind]:.3g} nats", end="")
    assert found["Q6_K"] < found["Q5_K"] < found["Q4_K"] < 0.1


def test_ollamas_gguf_is_that_gguf(pocket_run: Path, tmp_path: Path) -> None:
    export(pocket_run, "ollama", tmp_path / "ollama")  # through the converter
    export(pocket_run, "gguf", tmp_path / "gguf")
    assert (tmp_path / "ollama" / "model.gguf").read_bytes() == (tmp_path / "gguf" / "model.gguf").read_bytes()
    assert "FROM ./model.gguf" in (tmp_path / "ollama" / "Modelfile").read_text()


def test_a_refused_adapter_is_reported_and_the_process_goes_on(tiny: Any, pocket_run: Path, tmp_path: Path) -> None:
    _, folder, _ = tiny
    base = write_base_gguf(folder, tmp_path / "base.gguf")
    export(pocket_run, "gguf-lora", tmp_path / "other")
    with pytest.raises(ValueError, match=r"llama\.cpp ended with code"):
        through_llama(base, tmp_path / "other" / "adapter.gguf")


def texts_500() -> list[str]:
    """Texts that tokenisers stumble over, and mixtures of their pieces; no control tokens."""
    rng = random.Random(0)
    pieces = [
        *CORPUS.replace("<think>", "").replace("</think>", "").split(" "),
        *TEXTS,
        "  ",
        "\n",
        "\t",
        "...",
        "'s",
        "12345",
        "é",
        "日本",
    ]
    found = list(TEXTS)
    while len(found) < 500:
        found.append(
            "".join(rng.choice(pieces) + rng.choice(("", " ", " ", "\n")) for _ in range(rng.randrange(1, 12)))
        )
    return found


@pytest.mark.parametrize("name", ["pocket", *NAMES])
def test_llama_cpp_tokenises_500_texts_as_we_do(folders: Any, tmp_path: Path, name: str) -> None:
    folder = POCKET if name == "pocket" else folders(name)
    if name == "pocket":
        model = converted("convert_hf_to_gguf.py", POCKET, tmp_path / "base.gguf")
    else:
        model = write_base_gguf(folder, tmp_path / "base.gguf")
    tokens = load_base(folder, "none", "cpu").tokens
    texts = texts_500()
    given = through_llama(model, None, tuple(texts)).ids
    ours = [tuple(tokens.hf.encode(text, add_special_tokens=False)) for text in texts]
    different = [(t, a, b) for t, a, b in zip(texts, ours, given, strict=True) if a != b]
    print(f"\n{name}: {len(texts) - len(different)} of {len(texts)} texts have the same ids", end="")
    # SentencePiece puts a space before every text, a fast tokenizer of Mistral's kind not before a space.
    different = [row for row in different if not (name == "mistral" and row[0][0] in " \n")]
    assert not different, different[0]
