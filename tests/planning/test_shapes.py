"""What the plan takes a family for is what its layers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.hub.configuration import DEFAULTS
from disc_lite.models.mlp import PARTS
from disc_lite.planning.shapes import NF4_BYTES, shape_of_alias, shape_of_folder
from tests.tiny_families import APART, READ, config_of

ODD = {"gemma4_text", "gpt_neox"}  # layers of two kinds; heads of keys that its class does not know


@pytest.mark.parametrize("name", [name for name in READ if name not in APART])
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
    mlps = [m for path, m in modules.items() if path.endswith(".mlp")]
    own = {name for name, _ in mlps[0].named_children()} == PARTS
    assert shape.gated == (own and type(mlps[0].act_fn).__name__.startswith("SiLU"))
    linear = sum(m.weight.numel() for m in modules.values() if isinstance(m, torch.nn.Linear))
    head = model.get_output_embeddings().weight.numel()
    assert shape.linear_parameters == pytest.approx(linear - head, rel=0.02) or name in ODD
    assert shape.tied == (model.get_output_embeddings().weight is model.get_input_embeddings().weight)


@pytest.mark.parametrize("name", ["Qwen3_5TextConfig", "GPTNeoXConfig"])
def test_the_weights_of_default_sizes_are_planned(tmp_path: Path, name: str) -> None:
    """Of Qwen 3.5 three layers of four are recurrent."""
    import transformers
    from transformers import AutoModelForCausalLM

    config = getattr(transformers, name)(num_hidden_layers=4, vocab_size=8)
    config.save_pretrained(tmp_path)
    shape = shape_of_folder(tmp_path)
    assert shape is not None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    assert shape.linear_parameters == pytest.approx(linear, rel=0.04)


def test_every_name_is_of_a_family_that_is_known() -> None:
    assert {alias.model_type for alias in ALIASES.values()} <= set(DEFAULTS)
    normalised = {name for name in ALIASES if shape_of_alias(ALIASES[name]).qk_norm}
    assert {"qwen3-8b", "gemma-3-1b", "gemma-3-4b", "gemma-4-e4b", "olmo-3-7b"} <= normalised
    assert not {"mistral-7b", "phi-4-mini", "smollm3-3b", "qwen2.5-7b"} & normalised


# Of the models that the names stand for, what is no part of an `Alias`: from their `config.json`.
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
    head, linear, others = model.get_output_embeddings(), 0, 0
    for module in model.modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        if isinstance(module, torch.nn.Linear) and module is not head:
            linear += own
        elif module is not head or not alias.tied:
            others += own
    shape = shape_of_alias(alias)
    assert shape.weight_bytes("nf4", 2) == pytest.approx(linear * NF4_BYTES + others * 2, rel=0.02)
    assert shape.weight_bytes("none", 4) == pytest.approx((linear + others) * 4, rel=0.02)
