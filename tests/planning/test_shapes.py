"""What the plan takes a family for is what its layers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.configuration import DEFAULTS
from disc_lite.models.mlp import PARTS
from disc_lite.planning.shapes import shape_of_alias, shape_of_folder
from tests.tiny_families import APART, READ, config_of


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
    assert shape.tied == (model.get_output_embeddings().weight is model.get_input_embeddings().weight)


def test_every_name_is_of_a_family_that_is_known() -> None:
    assert {alias.model_type for alias in ALIASES.values()} <= set(DEFAULTS)
    normalised = {name for name in ALIASES if shape_of_alias(ALIASES[name]).qk_norm}
    assert {"qwen3-8b", "gemma-3-1b", "gemma-3-4b", "gemma-4-e4b", "olmo-3-7b"} <= normalised
    assert not {"mistral-7b", "phi-4-mini", "smollm3-3b", "qwen2.5-7b"} & normalised
