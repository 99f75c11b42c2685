"""Tiny models of many architectures with random weights: two layers, hidden size 32, one tokenizer for all.

`READ` are those that disc-lite adapts, `APART` those of them that it reads with one text per row, `REFUSED` those that
it refuses, each with a word of the reason. `make_family` writes a whole folder. Here the layers matter; the models of
`tests/tiny_models.py` have each family's own kind of tokenizer.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.tiny_models import make_tokenizer

WINDOW = 12  # tokens of a sliding window, fewer than the texts of the check have
SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256, "pad_token_id": 0,
}  # fmt: skip
MIXED = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
DELTA = {
    "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
GEMMA = {**MIXED, "query_pre_attn_scalar": 8}
CAPPED = {**GEMMA, "final_logit_softcapping": 5.0}
YARN = {
    "rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 64,
    "llama_4_scaling_beta": 0.1,
}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 64,
    "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 4.0, 8.0, 16.0],
}  # fmt: skip

# name -> (configuration class of transformers, its settings)
READ: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "mistral": ("MistralConfig", {"sliding_window": WINDOW}),
    "ministral": ("MinistralConfig", MIXED),
    "ministral3": ("Ministral3Config", {"rope_parameters": YARN}),
    "qwen2": ("Qwen2Config", {"tie_word_embeddings": True}),
    "qwen3": ("Qwen3Config", {}),
    "smollm3": ("SmolLM3Config", {"no_rope_layers": [1, 0]}),
    "granite": ("GraniteConfig", {"logits_scaling": 4.0, "residual_multiplier": 0.5, "attention_multiplier": 0.3}),
    "olmo2": ("Olmo2Config", {}),
    "olmo3": ("Olmo3Config", MIXED),
    "cohere": ("CohereConfig", {"logit_scale": 0.5}),
    "cohere2": ("Cohere2Config", {**MIXED, "logit_scale": 0.5}),
    "exaone4": ("Exaone4Config", MIXED),
    "gemma": ("GemmaConfig", {}),
    "gemma2": ("Gemma2Config", {**CAPPED, "attn_logit_softcapping": 3.0}),
    "gemma3_text": ("Gemma3TextConfig", GEMMA),
    "gemma4_text": (
        "Gemma4TextConfig",
        {**CAPPED, "num_hidden_layers": 4, "layer_types": MIXED["layer_types"] * 2, "num_kv_shared_layers": 2,
         "global_head_dim": 16, "hidden_size_per_layer_input": 8},
    ),
    "phi": ("PhiConfig", {}),
    "phi3": ("Phi3Config", {"sliding_window": WINDOW}),
    "phi4": ("Phi3Config", {"rope_parameters": LONGROPE, "original_max_position_embeddings": 64}),  # Phi-4-mini
    "glm4": ("Glm4Config", {}),
    "starcoder2": ("Starcoder2Config", {"sliding_window": WINDOW}),
    "gpt_neox": ("GPTNeoXConfig", {}),
    "stablelm": ("StableLmConfig", {}),
    "nemotron": ("NemotronConfig", {}),
    "lfm2": (
        "Lfm2Config",
        {"layer_types": ["conv", "full_attention"], "block_ff_dim": 64, "block_auto_adjust_ff_dim": False},
    ),
    "qwen3_5_text": ("Qwen3_5TextConfig", DELTA),
    "granitemoehybrid": (
        "GraniteMoeHybridConfig",
        {**MAMBA, "layer_types": ["mamba", "attention"], "num_local_experts": 0, "num_experts_per_tok": 0,
         "shared_intermediate_size": 64, "logits_scaling": 4.0},
    ),
}  # fmt: skip
APART = ("lfm2", "qwen3_5_text", "granitemoehybrid", "qwen3_5")
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "mixtral": ("MixtralConfig", {"num_local_experts": 4}, "experts"),
    "qwen3_moe": ("Qwen3MoeConfig", EXPERTS, "experts"),
    "qwen3_next": ("Qwen3NextConfig", {**DELTA, **EXPERTS, "shared_expert_intermediate_size": 16}, "experts"),
    "gpt_oss": ("GptOssConfig", {**MIXED, "num_local_experts": 4, "num_experts_per_tok": 2}, "experts"),
    "falcon_h1": ("FalconH1Config", {**MAMBA, "mamba_d_ssm": 64}, "%"),
    "mamba2": ("Mamba2Config", {"num_heads": 4, "head_dim": 16, "state_size": 8, "n_groups": 1, "chunk_size": 8}, "."),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}, "."),
    "llama4_text": ("Llama4TextConfig", {"num_local_experts": 2, "intermediate_size_mlp": 64}, "."),
}
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
          "image_size": 28, "patch_size": 14}  # fmt: skip
# name -> (configuration class of a model that takes images too, its text part, its other settings)
WRAPPED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gemma3": ("Gemma3Config", "gemma3_text", {"vision_config": VISION, "mm_tokens_per_image": 4}),
    "gemma4": (
        "Gemma4Config", "gemma4_text",
        {"vision_config": {**VISION, "num_key_value_heads": 2, "head_dim": 16, "global_head_dim": 16},
         "audio_config": None},
    ),
    "mistral3": ("Mistral3Config", "ministral3", {
        "vision_config": {**VISION, "model_type": "pixtral", "head_dim": 16}, "image_token_index": 3}),
    "qwen3_5": ("Qwen3_5Config", "qwen3_5_text", {
        "vision_config": {"depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}}),
}  # fmt: skip


def make_family(name: str, root: Path, **changes: Any) -> Path:
    """Write the folder of a tiny model, `root`/`name`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    tokenizer, folder = root / "tokenizer", root / name
    if not tokenizer.is_dir():
        make_tokenizer("llama", tokenizer)
    shutil.copytree(tokenizer, folder)
    auto: Any = AutoModelForImageTextToText if name in WRAPPED else AutoModelForCausalLM
    model = auto.from_config(config_of(name, changes))
    rng = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        noise = torch.empty(parameter.shape).normal_(0.0, 0.25 if parameter.ndim > 1 else 0.1, generator=rng)
        parameter.data.copy_(noise if parameter.ndim > 1 else parameter.data + noise)
    model.save_pretrained(folder)
    return folder


def config_of(name: str, changes: dict[str, Any]) -> Any:
    """The configuration of a tiny model of this family."""
    import transformers

    if name in WRAPPED:
        kind, text, settings = WRAPPED[name]
        return getattr(transformers, kind)(text_config=config_of(text, changes).to_dict(), **settings)
    kind, settings = READ[name] if name in READ else REFUSED[name][:2]
    tokens = {"vocab_size": 402, "bos_token_id": 0, "eos_token_id": 1}
    return getattr(transformers, kind)(**{**SIZES, **tokens, **settings, **changes})
