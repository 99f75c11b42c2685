"""Reads a model's `config.json` and adds the defaults that it leaves out. Does not import torch.

transformers writes into `config.json` only what differs from the defaults of the class: that of Gemma 3 has neither the
number of heads nor the tied head. The defaults are in transformers' classes, which take seconds and torch to import; so
they are repeated here, and a test compares them with the classes.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from disc_lite.hub.weights import read_object
from disc_lite.storage import JsonObject

UNLIMITED = 1 << 20  # context in tokens if the configuration has no limit
_KEYS = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "intermediate_size",
    "vocab_size", "max_position_embeddings", "tie_word_embeddings",
)  # fmt: skip
# None stands for the number of heads (num_key_value_heads) and for hidden_size / heads (head_dim).
_ROWS: dict[str, tuple[int | bool | None, ...]] = {
    "cohere": (8192, 40, 64, None, None, 22528, 256000, 8192, True),
    "cohere2": (8192, 40, 64, None, None, 22528, 256000, 8192, True),
    "exaone4": (4096, 32, 32, 32, None, 16384, 102400, 2048, False),
    "gemma": (3072, 28, 16, 16, 256, 24576, 256000, 8192, True),
    "gemma2": (2304, 26, 8, 4, 256, 9216, 256000, 8192, True),
    "gemma3_text": (2304, 26, 8, 4, 256, 9216, 262208, 131072, True),
    "gemma4_text": (2304, 30, 8, 4, 256, 9216, 262144, 131072, True),
    "glm4": (4096, 40, 32, 2, 128, 13696, 151552, 131072, False),
    "gpt_neox": (6144, 44, 64, None, None, 24576, 50432, 2048, False),
    "granite": (4096, 32, 32, None, None, 11008, 32000, 2048, False),
    "granitemoehybrid": (4096, 32, 32, None, None, 11008, 32000, 2048, False),
    "lfm2": (2560, 32, 32, 8, None, 12288, 65536, 128000, True),
    "llama": (4096, 32, 32, None, None, 11008, 32000, 2048, False),
    "ministral": (4096, 32, 32, 8, None, 14336, 32000, 131072, False),
    "ministral3": (4096, 34, 32, 8, 128, 14336, 131072, 262144, False),
    "mistral": (4096, 32, 32, 8, None, 14336, 32000, 131072, False),
    "nemotron": (6144, 32, 48, None, None, 24576, 256000, 4096, False),
    "olmo2": (4096, 32, 32, None, None, 11008, 50304, 2048, False),
    "olmo3": (4096, 32, 32, None, None, 11008, 50304, 2048, False),
    "phi": (2048, 24, 32, None, None, 8192, 51200, 2048, False),
    "phi3": (3072, 32, 32, None, None, 8192, 32064, 4096, False),
    "qwen2": (4096, 32, 32, 32, None, 22016, 151936, 32768, False),
    "qwen3": (4096, 32, 32, 32, 128, 22016, 151936, 32768, False),
    "qwen3_5_text": (4096, 32, 16, 4, 256, 12288, 248320, 32768, False),
    "smollm3": (2048, 36, 16, 4, None, 11008, 128256, 32768, True),
    "stablelm": (2560, 32, 32, 32, None, 6912, 50304, 4096, False),
    "starcoder2": (3072, 30, 24, 2, None, 12288, 49152, 4096, True),
}
_MORE: dict[str, dict[str, Any]] = {
    "gemma2": {"attn_logit_softcapping": 50.0},
    "gemma4_text": {
        "hidden_size_per_layer_input": 256, "vocab_size_per_layer_input": 262144, "num_kv_shared_layers": 0,
        "use_double_wide_mlp": False, "attention_k_eq_v": False,
    },
    "granitemoehybrid": {
        "num_local_experts": 8, "shared_intermediate_size": 1024, "mamba_n_heads": 128, "mamba_n_groups": 1,
        "mamba_d_state": 256, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_chunk_size": 256,
    },
    "lfm2": {"block_auto_adjust_ff_dim": True, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256},
    "qwen3_5_text": {
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4,
    },
}  # fmt: skip
DEFAULTS = MappingProxyType(
    {kind: {**dict(zip(_KEYS, row, strict=True)), **_MORE.get(kind, {})} for kind, row in _ROWS.items()}
)
# For models that also take images: the type of the text part if none is named, and whether the head is tied.
WRAPPERS = MappingProxyType({
    "gemma3": ("gemma3_text", True), "gemma4": ("gemma4_text", True), "mistral3": ("mistral", True),
    "qwen3_5": ("qwen3_5_text", False),
})  # fmt: skip


def text_configuration(folder: Path) -> JsonObject:
    """The settings of the text part with the defaults of its class; for unknown types only what the file says.

    Raises EnvironmentNotReady if `config.json` is missing or broken.
    """
    return completed(read_object(folder / "config.json"))


def completed(config: JsonObject) -> JsonObject:
    """`text_configuration` for the content of a `config.json`."""
    kind, text = str(config.get("model_type", "")), config.get("text_config")
    if not isinstance(text, dict):
        text = {} if kind in WRAPPERS else None
    if text is None:
        settings = {**DEFAULTS.get(kind, {}), **config}
    else:
        of_text, tied = WRAPPERS.get(kind, ("", False))
        of_text = str(text.get("model_type", of_text))
        # Whether the head is tied is a setting of the whole model, or else of its text part.
        whole = {"tie_word_embeddings": config.get("tie_word_embeddings", text.get("tie_word_embeddings", tied))}
        settings = {**DEFAULTS.get(of_text, {}), **text, "model_type": of_text, **whole}
    hidden, heads = settings.get("hidden_size"), settings.get("num_attention_heads")
    if isinstance(hidden, int) and isinstance(heads, int) and heads > 0:
        settings["num_key_value_heads"] = settings.get("num_key_value_heads") or heads
        settings["head_dim"] = settings.get("head_dim") or hidden // heads
    return settings


def context_tokens(folder: Path) -> int:
    """The context of a model in tokens. Raises EnvironmentNotReady if its `config.json` is broken."""
    longest = text_configuration(folder).get("max_position_embeddings")
    return longest if isinstance(longest, int) and longest > 0 else UNLIMITED
