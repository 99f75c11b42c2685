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
