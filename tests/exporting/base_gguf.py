"""`write_base_gguf`: a model folder as GGUF, written independently of the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from disc_lite.exporting.quantising import K_QUANTS, _ggml, quantised


def write_base_gguf(folder: Path, path: Path, kind: str = "F32") -> Path:
    """A model folder as GGUF, matrices in one type, others in F32; every reordering spelled out row by row."""
    import gguf
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text())
    config = config.get("text_config", config)  # of a model that takes images too, the text part
    architecture = {"mistral": "llama", "gemma3_text": "gemma3"}.get(config["model_type"], config["model_type"])
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    rope = config["rope_parameters"].get("full_attention", config["rope_parameters"])
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("model")
    writer.add_name("tiny")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    types = gguf.LlamaFileType
    writer.add_file_type(
        types.ALL_F32 if kind == "F32" else getattr(types, f"MOSTLY_{kind}{'_M' * ('_K' in kind and kind != 'Q6_K')}")
    )
    if architecture == "gemma3":
        writer.add_sliding_window(config["sliding_window"])
    if architecture == "granite":
        writer.add_logit_scale(config["logits_scaling"])
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_attention_scale(config["attention_multiplier"])
    _vocabulary(writer, folder, Tokenizer.from_file(str(folder / "tokenizer.json")), config)
    wanted = gguf.GGMLQuantizationType[kind]
    for name, tensor in sorted(load_file(folder / "model.safetensors").items()):
        name, values = name.replace("language_model.model.", "model."), tensor.float().numpy()
        if name.startswith(("vision_tower.", "multi_modal_projector.")):
            continue
        if architecture == "gemma3" and "norm" in name:
            values = values + 1
        if architecture in ("llama", "granite", "smollm3") and (".q_proj." in name or ".k_proj." in name):
            values = _turned(values, heads if ".q_proj." in name else kv_heads, width)
        quant = wanted if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        data = _quantised(values, quant)
        writer.add_tensor(_name(name, architecture), np.ascontiguousarray(data), raw_dtype=quant)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _quantised(values: Any, kind: Any) -> Any:
    import gguf

    if kind.name in K_QUANTS:
        return quantised(values, kind)
    if not kind.name.startswith("IQ"):
        return gguf.quants.quantize(values, kind)
    rows, columns = values.shape
    block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    target = np.empty((rows, columns // block * block_bytes), dtype=np.uint8)
    importance, source = np.ones(columns, dtype=np.float32), np.ascontiguousarray(values)
    _ggml()(kind.value, source.ctypes.data, target.ctypes.data, 0, rows, columns, importance.ctypes.data)
    return target


def _turned(values: Any, heads: int, width: int) -> Any:
    """llama.cpp turns neighbouring rows (2i, 2i + 1) where transformers turns (i, i + width / 2)."""
    out = np.empty_like(values)
    for head in range(heads):
        for i in range(width // 2):
            out[head * width + 2 * i] = values[head * width + i]
            out[head * width + 2 * i + 1] = values[head * width + i + width // 2]
    return out


def _name(tensor: str, architecture: str) -> str:
    plain = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    if tensor in plain:
        return plain[tensor]
    _, _, layer, *rest = tensor.split(".")
    inside = {
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
        "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up",
    }  # fmt: skip
    if architecture == "gemma3":
        inside |= {
            "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
            "post_feedforward_layernorm": "post_ffw_norm",
        }  # fmt: skip
    return f"blk.{layer}.{inside['.'.join(rest[:-1])]}.{rest[-1]}"


def _vocabulary(writer: Any, folder: Path, tokenizer: Any, config: dict[str, Any]) -> None:
    import gguf

    spec = json.loads((folder / "tokenizer.json").read_text())
    added = {token["id"]: token for token in spec["added_tokens"]}
    tokens = [tokenizer.id_to_token(i) or f"[PAD{i}]" for i in range(config["vocab_size"])]  # as the converter does
    special = {i for i, token in added.items() if token["special"]}
    kinds = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.USER_DEFINED if i in added
             else gguf.TokenType.BYTE if len(t) == 6 and t.startswith("<0x") else gguf.TokenType.NORMAL
             for i, t in enumerate(tokens)]  # fmt: skip
    merges = [" ".join(m) if isinstance(m, list) else m for m in spec["model"]["merges"]]
    if any(t == "<0x00>" for t in tokens):
        ranks = {"".join(m.split(" ")): -float(i) for i, m in enumerate(merges)}
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([ranks.get(t, -1000.0) for t in tokens])
        writer.add_add_space_prefix(True)
    else:
        writer.add_tokenizer_model("gpt2")
        # transformers gives a Qwen2 folder Qwen's own splitting, whatever tokenizer.json says.
        writer.add_tokenizer_pre("qwen2" if config["model_type"] == "qwen2" else "gpt-2")
        writer.add_token_merges(merges)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    template = folder / "chat_template.jinja"
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    if text := template.read_text() if template.is_file() else settings.get("chat_template"):
        writer.add_chat_template(text)
    if config["bos_token_id"] is not None:
        writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
