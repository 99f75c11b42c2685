"""Tiny models on disk: every architecture that the aliases name, each with its kind of tokenizer.

They have two layers, hidden size 64, grouped heads, and random weights from a fixed seed that are large enough for
clearly different logits. Their outputs mean nothing, but have to be processed exactly. `MODELS` is the table,
`make_model` writes a whole folder, `make_tokenizer` only its tokenizer and chat template, and `CORPUS` is the text that
the tokenizers were trained on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    """A tokenizer like one converted from a SentencePiece BPE with byte fallback, as Mistral's."""
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
