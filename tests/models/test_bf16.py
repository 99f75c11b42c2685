"""A model on a processor that multiplies in bf16, compared with fp32."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cosine_similarity

from disc_lite.losses import cross_entropy, log_probabilities
from disc_lite.models import load_base
from disc_lite.packing import lone
from disc_lite.planning import cpu
from tests.made import with_adapter
from tests.tiny_models import NAMES

TEXTS = [lone(range(20, 90)), lone(range(60, 100))]
PLACES = [(0, 0, n) for n in range(69)] + [(1, 0, n) for n in range(39)]
TARGETS = torch.tensor([*range(21, 90), *range(61, 100)])


@pytest.fixture
def in_bf16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A function that sets whether models, even tiny ones, are loaded in bf16."""
    return lambda on: monkeypatch.setattr(cpu, "computes_in_bf16", lambda hidden: on)


def trained_once(base: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of each token, [N], and the gradient of their sum with respect to all adapter parameters."""
    with base.autocast():
        hidden = base.hidden_at(TEXTS, PLACES)
    assert hidden.dtype == base.state_dtype
    cross_entropy(hidden, TARGETS, base.head).backward()
    return -log_probabilities(hidden.detach(), TARGETS, base.head), torch.cat(
        [p.grad.flatten() for p in base.adapter_parameters().values()]
    )


def stored_in_bf16(folder: Path, copy: Path) -> Path:
    """A copy of a model folder with weights rounded to bf16, as published models have."""
    shutil.copytree(folder, copy)
    for file in copy.glob("*.safetensors"):
        save_file({name: value.bfloat16() for name, value in load_file(file).items()}, file, {"format": "pt"})
    return copy


@pytest.mark.parametrize("quantize", ["none", "nf4"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_fp32_but_for_rounding(
    folders: Callable[[str], Path], in_bf16: Any, tmp_path: Path, name: str, quantize: str
) -> None:
    folder, found = stored_in_bf16(folders(name), tmp_path / name), []
    for on in (False, True):
        in_bf16(on)
        base = with_adapter(load_base(folder, quantize, "cpu"), 4, recomputed=None)
        assert base.state_dtype == base.causal.dtype == (torch.bfloat16 if on else torch.float32)
        assert all(parameter.dtype == torch.float32 for parameter in base.adapter_parameters().values())
        found.append(trained_once(base))
    (losses, gradient), (rounded_losses, rounded) = found
    assert (losses - rounded_losses).abs().mean() < 0.12
    assert cosine_similarity(gradient, rounded, dim=0) > 0.98
    assert 0.93 < rounded.norm() / gradient.norm() < 1.07
