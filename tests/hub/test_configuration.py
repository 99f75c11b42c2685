"""A `config.json` of the hub holds what differs from its class: the rest is what transformers' classes say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from disc_lite.errors import EnvironmentNotReady
from disc_lite.exporting.layout import layout_of
from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.configuration import DEFAULTS, UNLIMITED, WRAPPERS, completed, context_tokens, text_configuration
from disc_lite.hub.families import EXPERTS, check_kind
from disc_lite.planning.shapes import shape_of_alias, shape_of_folder
from tests.tiny_families import READ, WRAPPED

CLASSES = {name: kind for name, (kind, _) in READ.items() if name != "phi4"}
CHANGED = {"hidden_size": 192, "num_attention_heads": 6}
# The text part and the tying of google/gemma-3-4b-it's, which does not say its heads, vocabulary, context or tied head.
GEMMA_3_4B = {
    "model_type": "gemma3",
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                    "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                    "sliding_window": 1024},
    "vision_config": {"hidden_size": 1152, "num_attention_heads": 16, "num_hidden_layers": 27},
}  # fmt: skip


def folder_of(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def meant(config: Any) -> dict[str, Any]:
    """The settings of an object of transformers, as its modeling code derives them."""
    found = config.to_dict()
    heads = found["num_attention_heads"]
    found["num_key_value_heads"] = found.get("num_key_value_heads") or heads
    found["head_dim"] = found.get("head_dim") or found["hidden_size"] // heads
    return found  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:.*token_id must be")
@pytest.mark.parametrize("changes", [{}, CHANGED])
@pytest.mark.parametrize("name", CLASSES)
def test_what_is_left_out_is_what_the_class_says(tmp_path: Path, name: str, changes: dict[str, int]) -> None:
    import transformers

    kind = getattr(transformers, CLASSES[name])
    wanted = meant(kind(**changes))
    found = text_configuration(folder_of(tmp_path, {"model_type": kind.model_type, **changes}))
    for key in (*DEFAULTS[kind.model_type], *EXPERTS, "attn_logit_softcapping"):
        assert (found.get(key) or None) == (wanted.get(key) or None), key


@pytest.mark.parametrize("name", WRAPPED)
def test_a_text_part_too(name: str) -> None:
    import transformers

    text, tied = WRAPPERS[name]
    assert getattr(transformers, WRAPPED[name][0])().get_text_config().model_type == text
    whole = getattr(transformers, WRAPPED[name][0])(text_config={"model_type": text, **CHANGED})
    wanted = {**meant(whole.get_text_config()), "tie_word_embeddings": whole.tie_word_embeddings}
    found = completed({"model_type": name, "text_config": CHANGED})
    assert {key: found[key] for key in DEFAULTS[text]} == {key: wanted[key] for key in DEFAULTS[text]}
    assert found["tie_word_embeddings"] == tied
    assert not completed({"model_type": name, "tie_word_embeddings": False})["tie_word_embeddings"]
    part = {"text_config": {"tie_word_embeddings": not tied}}
    assert completed({"model_type": name, **part})["tie_word_embeddings"] != tied
    assert completed({"model_type": name, **part, "tie_word_embeddings": tied})["tie_word_embeddings"] == tied


def test_the_configuration_of_gemma_on_the_hub(tmp_path: Path) -> None:
    folder, alias = folder_of(tmp_path, GEMMA_3_4B), shape_of_alias(ALIASES["gemma-3-4b"])
    shape = shape_of_folder(folder)
    assert {**vars(shape), "name": ""} == {**vars(alias), "name": ""}
    assert context_tokens(folder) == 131072
    pytest.importorskip("gguf")
    layout = layout_of(folder)
    assert (layout.layers, layout.heads, layout.kv_heads, layout.tied) == (34, 8, 4, True)


def test_of_other_types_it_is_what_the_file_says(tmp_path: Path) -> None:
    assert completed({"model_type": "other", "n_embd": 64}) == {"model_type": "other", "n_embd": 64}
    assert context_tokens(folder_of(tmp_path, {"model_type": "other"})) == UNLIMITED
    assert completed({"text_config": {"hidden_size": 8, "num_attention_heads": 2}})["head_dim"] == 4
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EnvironmentNotReady, match="broken"):
        text_configuration(tmp_path)
    # A mixture by the default of its class.
    with pytest.raises(EnvironmentNotReady, match="mixture of 8 experts"):
        check_kind(folder_of(tmp_path, {"model_type": "granitemoehybrid"}))
