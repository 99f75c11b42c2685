"""The table of model families: each has a tiny model, on which models, tokens and exports are tested."""

import json
from pathlib import Path

import pytest

from disc_lite.errors import EnvironmentNotReady
from disc_lite.hub.families import WRITTEN, check_kind
from tests.tiny_families import READ, WRAPPED
from tests.tiny_models import MODELS


def test_every_family_has_a_tiny_model() -> None:
    assert set(MODELS) <= set(WRITTEN) <= {*MODELS, *READ, *WRAPPED}


@pytest.mark.parametrize(("config", "experts"), [
    ({"model_type": "mixtral", "num_local_experts": 8}, 8),
    ({"model_type": "qwen3_vl_moe", "text_config": {"num_experts": 128}}, 128),
    ({"model_type": "deepseek_v3", "n_routed_experts": 256}, 256),
    ({"model_type": "granitemoehybrid", "num_local_experts": 0}, 0),
    ({"model_type": "gemma4", "text_config": {"num_experts": None}}, 0),
    ({"model_type": "llama"}, 0),
])  # fmt: skip
def test_experts_are_refused_by_their_configuration(tmp_path: Path, config: dict[str, object], experts: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    if experts:
        with pytest.raises(EnvironmentNotReady, match=f"mixture of {experts} experts"):
            check_kind(tmp_path)
    else:
        check_kind(tmp_path)


@pytest.mark.parametrize(("stored", "words"), [
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "(fp8)"),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "(bitsandbytes, 8 bits)"),
    ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "(bitsandbytes, 4 bits)"),
    ({"quant_method": "gptq", "bits": 4}, "(gptq, 4 bits)"),
    ({"quant_method": "bitnet"}, "(bitnet)"),
])  # fmt: skip
@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_that_are_quantised_already_are_refused(
    tmp_path: Path, stored: dict[str, object], words: str, wrapped: bool
) -> None:
    config: dict[str, object] = {"model_type": "llama", "quantization_config": stored}
    text = {"model_type": "mistral3", "text_config": {**config, "model_type": "ministral3"}}
    (tmp_path / "config.json").write_text(json.dumps(text if wrapped else config))
    with pytest.raises(EnvironmentNotReady) as caught:
        check_kind(tmp_path)
    assert words in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("stored", [
    None, {}, {"quant_method": "none"}, {"quant_method": None},
    {"quant_method": "bitsandbytes", "load_in_4bit": False, "load_in_8bit": False},
])  # fmt: skip
def test_a_configuration_that_quantises_nothing_is_taken(tmp_path: Path, stored: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "quantization_config": stored}))
    check_kind(tmp_path)
