"""Models that take images too: their text part is adapted, saved, loaded and merged under the names in their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from disc_lite.chat.opening import load as load_adapted
from disc_lite.chat.opening import open_adapted
from disc_lite.exporting import export
from disc_lite.models import load_base
from disc_lite.packing import lone, pack
from disc_lite.planning.shapes import shape_of_folder
from tests.made import finished_run, with_adapter
from tests.tiny_families import WRAPPED, make_family

PACKED = pack([lone(range(20, 50))])


@pytest.mark.parametrize("name", WRAPPED)
def test_a_run_is_loaded_and_merged(tmp_path: Path, name: str) -> None:
    folder = make_family(name, tmp_path)
    base = with_adapter(load_base(folder, "none", "cpu"), 4)
    run = finished_run(tmp_path / "run", folder, base)
    with base.frozen(adapter=True):
        expected = base.hidden(PACKED)
    again = load_adapted(open_adapted(run), "cpu")
    with again.frozen(adapter=True):
        assert torch.equal(again.hidden(PACKED), expected)
    made = export(run, "merged", device="cpu")
    merged = load_base(Path(made["output"]), "none", "cpu")
    with merged.frozen(adapter=False):
        torch.testing.assert_close(merged.hidden(PACKED), expected, rtol=0, atol=1e-4)
    before, after = (load_file(f / "model.safetensors") for f in (folder, Path(made["output"])))
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert not [
        key for key in changed if "vision" in key or "visual" in key or ("layers" not in key and "per_layer" not in key)
    ]
    export(run, "adapter", device="cpu")  # its proof loads the export with PEFT alone


@pytest.mark.parametrize("name", ["gemma3", "gemma4", "mistral3"])
def test_what_reads_images_takes_no_memory(tmp_path: Path, name: str) -> None:
    folder = make_family(name, tmp_path)
    causal = load_base(folder, "none", "cpu").causal
    text = sum(p.numel() for p in causal.get_decoder().parameters())
    text += 0 if causal.config.tie_word_embeddings else causal.get_output_embeddings().weight.numel()
    assert sum(p.numel() for p in causal.parameters()) == text
    assert shape_of_folder(folder).weight_bytes("none", 4) == pytest.approx(4 * text, rel=0.1)
