"""The estimated memory for models with every kind of layer, compared with what PyTorch allocates on a CPU."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from disc_lite.distillation.examples import Example, Lesson
from disc_lite.distillation.teacher import read_lessons
from disc_lite.models.loading import load_unchecked
from disc_lite.packing import gather, lone, pack, paths
from disc_lite.planning import cpu
from disc_lite.planning.memory import ALL_LAYERS, APART_PADDING, CPU, Footprint, TrainingSetup
from disc_lite.planning.shapes import shape_of_folder
from tests.made import recipe_of
from tests.planning.test_memory import RANK, WIDE, most_allocated, taken_by_steps
from tests.tiny_families import make_family

DELTA = {
    "linear_num_key_heads": 4, "linear_num_value_heads": 8, "linear_key_head_dim": 32, "linear_value_head_dim": 32,
}  # fmt: skip
MAMBA = {"mamba_n_heads": 16, "mamba_d_head": 32, "mamba_d_state": 32, "mamba_chunk_size": 64}
# name -> (family, configuration in addition to `WIDE`)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "wide queries": ("qwen3", {"head_dim": 64}),
    "narrow queries": ("llama", {"head_dim": 16}),
    "one matrix": ("phi3", {}),
    "gemma": ("gemma3_text", {"query_pre_attn_scalar": 32}),
    "convolutions": ("lfm2", {"layer_types": ["conv", "full_attention"], "block_ff_dim": 704}),
    "recurrence": ("qwen3_5_text", {"layer_types": ["linear_attention", "full_attention"], **DELTA}),
    "gated attention": ("qwen3_5_text", {"layer_types": ["full_attention"] * 2, **DELTA}),
    "state space": (
        "granitemoehybrid", {"layer_types": ["mamba", "attention"], "shared_intermediate_size": 704, **MAMBA},
    ),
    "only state space": (
        "granitemoehybrid", {"layer_types": ["mamba"] * 2, "shared_intermediate_size": 352, **MAMBA, "mamba_d_state": 64},
    ),
}  # fmt: skip


@pytest.fixture(params=MODELS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cpu, "computes_in_bf16", lambda hidden: False)
    family, sizes = MODELS[request.param]
    return make_family(family, tmp_path, **{**WIDE, "max_position_embeddings": 2048, **sizes})


@pytest.mark.parametrize("recomputed", [0, ALL_LAYERS])
def test_the_estimate_of_training_is_within_8_percent(folder: Path, training_lesson: Any, recomputed: int) -> None:
    base = load_unchecked(folder, "none", "cpu")
    base.attach(RANK, 2 * RANK, 0, recomputed)
    task = training_lesson(base, tokens=768)
    measured = taken_by_steps(base, task, recipe_of(execution={"optimizer_bits": 32}))
    gathered = gather([e.input_ids for e in task.examples], [min(e.compared) for e in task.examples])
    packed = pack(gathered.sequences) if base.packs else pack(paths(gathered.sequences)[0], apart=True)
    tokens, places = sum(len(e.input_ids) for e in task.examples), packed.input_ids.numel()
    footprint = Footprint(shape_of_folder(folder), "none", RANK, CPU)  # type: ignore[arg-type]
    planned = footprint.training(TrainingSetup(tokens, recomputed, 32), places / tokens, packed.input_ids.shape[1]).peak
    assert 0.92 < planned / measured < 1.08


def test_the_estimate_of_reading_is_not_less(folder: Path, tmp_path: Path) -> None:
    """For a recurrence all its results are counted at the same time, which is up to a quarter more than needed."""
    base = load_unchecked(folder, "none", "cpu")
    base.attach(RANK, 2 * RANK, 0)
    window, fresh = tuple(5 + n % 200 for n in range(960)), count()
    places = tuple((0, n) for n in range(480))
    lesson = Lesson(lone(window), (Example("disc", "a", window, tuple(range(480))),), places)
    read = lambda: read_lessons(base, [lesson], tmp_path / str(next(fresh)))  # noqa: E731
    read()
    held = sum(p.numel() * p.element_size() for p in base.model.parameters())
    footprint, tokens = Footprint(shape_of_folder(folder), "none", RANK, CPU), 960  # type: ignore[arg-type]
    planned = footprint.reading(tokens if base.packs else round(tokens / APART_PADDING)).peak  # it is a single row
    assert 0.92 < planned / (held + most_allocated(read)) < 1.25
