"""A merged model that is never loaded says what it says when it is loaded."""

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from disc_lite.exporting import export, job, tensors, weights
from disc_lite.exporting.outputs import outputs_of, trained_outputs
from disc_lite.exporting.proof import ProofInputs
from disc_lite.exporting.streaming import projections, streamed_outputs
from disc_lite.exporting.tensors import stored_tensors
from disc_lite.hub.weights import plain_name
from disc_lite.models import load_base
from disc_lite.models.lora import Projection
from disc_lite.run.finished import load_run, open_run
from tests.tiny_models import NAMES

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's, of transformers


@pytest.mark.parametrize(
    ("gpu", "free", "where"), [("xpu:0", 2 << 30, "xpu:0"), ("cuda:1", 1 << 30, "cpu"), ("mps", 9 << 30, "cpu")]
)
def test_a_merged_model_is_loaded_where_there_is_room(monkeypatch: Any, gpu: str, free: int, where: str) -> None:
    monkeypatch.setattr(weights, "device_of", torch.device)
    monkeypatch.setattr(weights, "free_bytes", lambda device: free)
    monkeypatch.setattr(weights, "available_host_bytes", lambda: 3 << 30)
    assert weights._room_for(1 << 30, gpu) == where
    assert weights._room_for(2 << 30, gpu) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_streamed_model_says_what_the_merged_one_says(runs: Any, merged: Any, name: str) -> None:
    """Against plain transformers; where it is another model, an answer ends at the first token that differs."""
    stored = stored_tensors(merged(name))
    names = {plain_name(tensor): tensor for tensor in stored}
    base = load_run(open_run(runs(name)), "cpu")
    prompts = ((5, 9, 20, 33), (8, 11), (100, 7, 7, 250, 31))
    inputs = ProofInputs((), 0, prompts, 2, 6)
    whole = outputs_of(load_base(merged(name), "none", "cpu"), inputs, False)

    def weight(part: str) -> torch.Tensor:
        return stored[names[f"{part}.weight"]].read()

    before = {part: vars(each).get("forward") for part, each in projections(base).items()}
    same = streamed_outputs(base, base.tokens, inputs, whole, weight)
    assert same.answers == whole.answers and np.allclose(same.logits, whole.logits, atol=1e-3)
    other = replace(whole, answers=(whole.answers[0], (*whole.answers[1][:2], (whole.answers[1][2] + 1) % 300, 4)))
    found = streamed_outputs(base, base.tokens, inputs, other, weight)
    assert found.answers == (whole.answers[0], whole.answers[1][:3]) and np.allclose(
        found.logits, whole.logits, atol=1e-3
    )
    assert base.model.training  # what it computed with before is back
    assert {type(each) for each in before.values()} == {Projection}
    assert {part: vars(each).get("forward") for part, each in projections(base).items()} == before
    assert np.allclose(trained_outputs(base, inputs).logits, outputs_of(base, inputs, True).logits, atol=1e-3)


def test_one_matrix_at_a_time_and_one_model_at_a_time_are_in_memory(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    models, reads = [], []
    load, read, merged = job.load_run, tensors._bytes, weights.load_base

    def loaded(*args: Any) -> Any:
        base = load(*args)
        models.append(weakref.ref(base))
        return base

    def unloaded(*args: Any) -> Any:
        assert [model() for model in models] == [None]
        return merged(*args)

    monkeypatch.setattr(job, "load_run", loaded)
    monkeypatch.setattr(weights, "load_base", unloaded)
    monkeypatch.setattr(tensors, "_bytes", lambda path, start, end: reads.append(end - start) or read(path, start, end))
    export(runs("llama", "nf4"), "merged", tmp_path / "out")
    stored = stored_tensors(folders("llama"))
    assert max(reads) == max(tensor.end - tensor.start for tensor in stored.values())
    assert (tmp_path / "out" / "model.safetensors").stat().st_size == (
        folders("llama") / "model.safetensors"
    ).stat().st_size
