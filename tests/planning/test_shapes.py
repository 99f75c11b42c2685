"""The plan's idea of a model family agrees with its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.hub.configuration import DEFAULTS
from disc_lite.models.coverage import linear_layers
from disc_lite.models.mlp import PARTS
from disc_lite.planning.shapes import NF4_BYTES, Shape, shape_of_alias, shape_of_folder
from tests.tiny_families import APART, READ, config_of

ODD = {"gpt_neox"}  # the tiny one sets key heads, which its class does not know


def has_linear_layers_of(shape: Shape, model: Any) -> bool:
    """Whether the plan counts exactly the linear layers that an adapter is put on."""
    sizes = [(layer.in_features, layer.out_features) for layer in linear_layers(model).values()]
    weights, lora = sum(a * b for a, b in sizes), sum(a + b for a, b in sizes)
    return (shape.linear_parameters, shape.adapter_parameters(7)) == (weights, 7 * lora)


@pytest.mark.parametrize("name", READ)
def test_the_shape_of_a_family_is_that_of_its_layers(tmp_path: Path, name: str) -> None:
    from transformers import AutoModelForCausalLM

    config = config_of(name, {})
    config.save_pretrained(tmp_path)
    shape = shape_of_folder(tmp_path)
    assert shape is not None
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    modules = dict(model.named_modules())
    names = {path.rpartition(".")[2] for path in modules}
    assert shape.qk_norm == bool(names & {"q_norm", "q_layernorm"})
    mlp = next(m for path, m in modules.items() if path.endswith(("mlp", "feed_forward")))
    own = {name for name, _ in mlp.named_children()} == PARTS
    assert shape.gated == (own and type(mlp.act_fn).__name__.startswith("SiLU"))
    assert has_linear_layers_of(shape, model) or name in ODD
    assert shape.apart == (name in APART)
    assert shape.tied == (model.get_output_embeddings().weight is model.get_input_embeddings().weight)


# Sizes as published, for models with layers of several kinds.
HYBRIDS: dict[str, tuple[str, dict[str, Any]]] = {
    "LFM2-1.2B": (
        "Lfm2Config",
        {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
         "block_ff_dim": 12288, "full_attn_idxs": [2, 5, 8, 10, 12, 14]},
    ),
    "Granite-4.0-H-Micro": (
        "GraniteMoeHybridConfig",
        {"hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8,
         "shared_intermediate_size": 8192, "num_local_experts": 0, "num_experts_per_tok": 0, "vocab_size": 100352,
         "tie_word_embeddings": True, "mamba_n_heads": 64, "mamba_d_state": 128,
         "layer_types": ["attention" if n in (5, 15, 25, 35) else "mamba" for n in range(40)]},
    ),
    "Qwen3.5-4B": (
        "Qwen3_5TextConfig",
        {"hidden_size": 2560, "num_hidden_layers": 32, "intermediate_size": 9216, "tie_word_embeddings": True},
    ),
    "Gemma 4 E2B": (
        "Gemma4TextConfig",
        {"hidden_size": 1536, "num_hidden_layers": 35, "num_key_value_heads": 1, "intermediate_size": 6144,
         "num_kv_shared_layers": 20, "use_double_wide_mlp": True},
    ),
    "GPT-NeoX-20B": ("GPTNeoXConfig", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", HYBRIDS)
def test_every_kind_of_layers_is_counted(tmp_path: Path, name: str) -> None:
    import transformers
    from transformers import AutoModelForCausalLM

    kind, sizes = HYBRIDS[name]
    config = getattr(transformers, kind)(**sizes)
    config.save_pretrained(tmp_path)
    shape = shape_of_folder(tmp_path)
    assert shape is not None
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    assert has_linear_layers_of(shape, model)
    weights = sum(parameter.numel() for parameter in model.parameters())
    assert shape.weight_bytes("none", 1) == pytest.approx(weights, rel=1e-3)


def test_every_name_is_of_a_family_that_is_known() -> None:
    assert {alias.model_type for alias in ALIASES.values()} <= set(DEFAULTS)
    normalised = {name for name in ALIASES if shape_of_alias(ALIASES[name]).qk_norm}
    assert {"qwen3-8b", "gemma-3-1b", "gemma-3-4b", "gemma-4-e4b", "olmo-3-7b"} <= normalised
    assert not {"mistral-7b", "phi-4-mini", "smollm3-3b", "qwen2.5-7b"} & normalised


# Settings of the models behind the aliases that an `Alias` does not hold, from their `config.json`.
OF_TYPE: dict[str, dict[str, Any]] = {
    "gemma4_text": {"num_kv_shared_layers": 18, "global_head_dim": 512},
    "granitemoehybrid": {"num_local_experts": 0, "num_experts_per_tok": 0, "shared_intermediate_size": 8192,
                         "layer_types": ["attention"] * 40},
    "phi3": {"pad_token_id": 0},
}  # fmt: skip
ONE_OF_EACH = {alias.model_type: alias for alias in ALIASES.values()}


@pytest.mark.parametrize("alias", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_the_weights_that_are_planned_are_those_of_the_class(alias: Alias) -> None:
    import transformers
    from transformers import AutoModelForCausalLM

    name, _ = READ[alias.model_type]
    config = getattr(transformers, name)(
        hidden_size=alias.hidden, num_hidden_layers=alias.layers, num_attention_heads=alias.heads,
        num_key_value_heads=alias.kv_heads, head_dim=alias.head_dim, intermediate_size=alias.intermediate,
        vocab_size=alias.vocab, tie_word_embeddings=alias.tied, **OF_TYPE.get(alias.model_type, {}),
    )  # fmt: skip
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    assert has_linear_layers_of(shape_of_alias(alias), model)
    head, linear, others = model.get_output_embeddings(), 0, 0
    for module in model.modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        if isinstance(module, torch.nn.Linear) and module is not head:
            linear += own
        elif module is not head or not alias.tied:
            others += own
    shape = shape_of_alias(alias)
    assert shape.weight_bytes("nf4", 2) == pytest.approx(linear * NF4_BYTES + others * 2, rel=2e-4)
    assert shape.weight_bytes("none", 4) == pytest.approx((linear + others) * 4, rel=2e-4)
