"""Tiny models on disk: every architecture that the aliases name, each with its kind of tokenizer.

Two layers, hidden 64, grouped heads, random weights from a fixed seed that are large enough for
clearly different logits. What they say means nothing; what is done with them must be exact.
"""

from __future__ import annotations

import os

# Before torch and tokenizers load: forked children must find no thread pools, nothing asks a hub, and a card
# is left alone (what is tested to the byte is tested on the CPU; `bench/gpu.sh` checks the arithmetic of CUDA).
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", DISC_LITE_OFFLINE="1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tqdm
from hypothesis import settings

settings.register_profile("here", deadline=None)  # on a machine that is busy with something else
settings.load_profile("here")
tqdm.tqdm.monitor_interval = 0  # no thread for progress bars: tests fork

CORPUS = (
    "The Tidemark workshop opens at eight. Ada Brink runs the workshop and keeps the keys.\n\n"
    "# Rules\n\nNobody runs the saw alone. The saw stands in the north hall, which Ada Brink opens on Monday.\n"
    "- Wear goggles.\n- Sweep the hall.\n\nWho runs the workshop? Ada Brink runs it. What opens at eight?\n"
    "user assistant system You are helpful. Cutting knowledge date: 26 Jul 2024 Write a question that this sentence "
    "answers: Answer without mentioning the text: <think> </think> naïve café\n"
) * 3

LLAMA = """{{- bos_token }}
{%- if strftime_now is defined %}{% set today = strftime_now("%d %b %Y") %}{% endif %}
{%- if not date_string is defined %}{% set date_string = today %}{% endif -%}
{{- "Today: " + today + ", " + date_string + "\n" }}
{%- for message in messages %}
{{- ('<|user|>' if message.role == 'user' else '<|assistant|>') + '\n\n' + message.content | trim + '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>\n\n' }}{% endif %}"""
MISTRAL = """{{- bos_token }}
{%- for message in messages %}
{%- if message.role == 'user' %}{{- '[INST] ' + message.content + '[/INST]' }}
{%- else %}{{- ' ' + message.content + eos_token }}{% endif %}
{%- endfor %}"""
QWEN2 = """{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}"""
QWEN3 = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\n' }}
{%- if message.role == 'assistant' and loop.last %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{{- message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""

# name -> architecture, tied, special tokens, added tokens that are not special, BOS, EOS, template
MODELS: dict[str, tuple[str, bool, list[str], list[str], str | None, str, str]] = {
    "llama": ("Llama", False, ["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"], ["<think>"],
              "<|begin|>", "<|end|>", LLAMA),
    "mistral": ("Mistral", False, ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"], [], "<s>", "</s>", MISTRAL),
    "qwen2": ("Qwen2", True, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<tool_call>"], None,
              "<|im_end|>", QWEN2),
    "qwen3": ("Qwen3", True, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<think>", "</think>"], None,
              "<|endoftext|>", QWEN3),
}  # fmt: skip
NAMES = tuple(MODELS)


def _byte_level(special: list[str], bos: str | None, nfc: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC() if nfc else None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [CORPUS],
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    if bos:
        first = [(bos, tokenizer.token_to_id(bos))]
        tokenizer.post_processor = processors.TemplateProcessing(f"{bos} $A", f"{bos} $A {bos} $B", first)
    return tokenizer


def _metaspace(special: list[str]) -> Any:
    """What a SentencePiece BPE with byte fallback becomes: Mistral's kind."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    metaspace = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    trained.train_from_iterator([CORPUS], trainers.BpeTrainer(vocab_size=300, show_progress=False))
    spec = json.loads(trained.to_str())["model"]
    names = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *spec["vocab"]]
    vocab = {name: i for i, name in enumerate(dict.fromkeys(names))}
    merges = [tuple(m) for m in spec["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = metaspace
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", vocab["<s>"])])
    return tokenizer


def make_tokenizer(name: str, folder: Path) -> Any:
    """Write the tokenizer and chat template of a tiny model."""
    from transformers import PreTrainedTokenizerFast

    _, _, special, added, bos, eos, template = MODELS[name]
    tokenizer = _metaspace(special) if name == "mistral" else _byte_level(special, bos, nfc=name.startswith("qwen"))
    tokenizer.add_tokens(added)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, extra_special_tokens=special
    )
    wrapped.chat_template = template
    wrapped.save_pretrained(folder)
    return wrapped


def make_model(name: str, folder: Path, **changes: Any) -> Path:
    """Write a whole tiny model folder."""
    import torch
    import transformers

    architecture, tied, *_ = MODELS[name]
    tokenizer = make_tokenizer(name, folder)
    config = getattr(transformers, f"{architecture}Config")(**{
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 1024,
        "tie_word_embeddings": tied, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": None, **changes,
    })  # fmt: skip
    model = getattr(transformers, f"{architecture}ForCausalLM")(config)
    rng = torch.Generator().manual_seed(7)
    for parameter_name, parameter in model.named_parameters():
        around = 1.0 if "norm" in parameter_name else 0.0
        parameter.data.normal_(around, 0.3, generator=rng)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name -> folder of the tiny model, made when first asked for; nobody changes it."""
    root = tmp_path_factory.mktemp("models")
    return lambda name: root / name if (root / name).is_dir() else make_model(name, root / name)


@pytest.fixture(scope="session")
def load(folders: Callable[[str], Path]) -> Callable[..., Any]:
    """A fresh `Base` of a tiny model; with a rank, also an adapter whose B is not zero."""

    def fresh(name: str, quantize: str = "none", rank: int = 0, checkpointing: bool = False, b: float = 0.05) -> Any:
        from made import with_adapter

        from disc_lite.models import load_base

        base = load_base(folders(name), quantize, "cpu")
        return with_adapter(base, rank, b, checkpointing) if rank else base

    return fresh


@pytest.fixture(scope="session")
def plain(load: Callable[..., Any]) -> Callable[[str], Any]:
    """The base of a tiny model without an adapter, shared: for reading only."""
    return functools.cache(load)


@pytest.fixture(scope="session")
def runs(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: Any) -> Callable[..., Path]:
    """(name, quantize) -> a finished run of a tiny model, made when first asked for; nobody changes it."""
    from made import finished_run

    root = tmp_path_factory.mktemp("runs")

    def made(name: str, quantize: str = "none") -> Path:
        run = root / f"{name}-{quantize}"
        return run if run.is_dir() else finished_run(run, folders(name), load(name, quantize, 4))

    return made


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the base says about nothing is cached per user; not this user's."""
    os.environ["DISC_LITE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def recipe_of(**sections: Any) -> Any:
    """A checked recipe: defaults, and the sections (or top settings) that are given."""
    from disc_lite.recipe import Recipe

    return Recipe.model_validate(sections)


def document_of(text: str, name: str = "guide.md") -> Any:
    """A document as `read_documents` gives it, from its text."""
    from hashlib import sha256

    from disc_lite.documents import Document
    from disc_lite.documents.headings import cut_sections, find_headings

    sections = cut_sections(text, find_headings(text, "markdown"), "Guide")
    return Document(name, "Guide", text, sections, sha256(text.encode()).hexdigest())


# -- one adaptation of pocket, small and real, for all tests that need a finished run ---------------------

HANDBOOK = Path(__file__).resolve().parents[1] / "examples" / "handbook"
# The recipe `pocket`, shorter: fewer neutral prompts, fewer epochs.
SHORT = {
    "train.epochs": "20", "train.learning_rate": "1e-3", "retention.prompts": "300", "evaluation.neutral_prompts": "40",
}  # fmt: skip


@pytest.fixture(scope="session")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A finished run on three documents of the handbook, with a duplicate and a broken file."""
    import disc_lite

    root = tmp_path_factory.mktemp("adapt")
    docs = root / "docs"
    for name in ("products/lamps.md", "people/workshop.md", "projects/running.md"):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HANDBOOK / name, docs / name)
    shutil.copy(docs / "products/lamps.md", docs / "copy.md")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    lines = HANDBOOK.with_suffix(".questions.jsonl").read_text().splitlines()
    rows = [line for line in lines if (docs / json.loads(line)["document"]).is_file()]
    (root / "questions.jsonl").write_text("\n".join(rows).replace("products/lamps.md", "copy.md") + "\n")
    events: list[Any] = []
    given: dict[str, Any] = {
        "output": root / "run", "questions": root / "questions.jsonl", "overrides": SHORT, "listener": events.append,
    }  # fmt: skip
    summary = disc_lite.adapt(docs, "pocket", **given)
    return {"summary": summary, "root": root, "events": events, "docs": docs, "given": given}
