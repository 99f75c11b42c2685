"""For a bf16 model, as on GPUs, samples and log-probabilities follow from fp32 logits, as in the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from disc_lite.models.generation import generate
from disc_lite.models.generation.plain import attends_only
from disc_lite.models.loading import load_unchecked
from tests.tiny_families import make_family

PROMPTS = [[30 + 7 * n, 31, 32 + n, 40, 5 * n + 3] for n in range(12)]


@pytest.mark.parametrize(
    ("name", "own_cache"), [("granite", False), ("gemma3", False), ("gemma2", True), ("lfm2", True)]
)
def test_tokens_are_drawn_from_logits_that_are_not_rounded(tmp_path: Path, name: str, own_cache: bool) -> None:
    base = load_unchecked(make_family(name, tmp_path), "none", "cpu")
    base.causal.to(torch.bfloat16)
    states: list[Tensor] = []
    base.causal.get_decoder().register_forward_hook(lambda module, inputs, out: states.append(out.last_hidden_state))
    with base.frozen(adapter=False) as model:
        assert attends_only(model) is not own_cache
        found = [generate(model, [p], stop_ids=frozenset(), max_new_tokens=1)[0] for p in PROMPTS]
    hidden = torch.cat([each[0, -1:] for each in states])
    assert hidden.dtype == torch.bfloat16
    exact = in_fp64(base, hidden).log_softmax(-1)
    ids = torch.tensor([continuation.ids[0] for continuation in found])
    assert torch.equal(ids, exact.argmax(-1))
    log_ps = torch.tensor([continuation.log_ps[0] for continuation in found])
    torch.testing.assert_close(log_ps.double(), exact.gather(1, ids[:, None])[:, 0], atol=1e-5, rtol=0)


def in_fp64(base: Any, hidden: Tensor) -> Tensor:
    """The logits [N, V] of hidden states [N, H]."""
    config = base.causal.config.get_text_config()
    logits = hidden.double() @ base.causal.get_output_embeddings().weight.double().T
    logits = logits / (getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return cap * (logits / cap).tanh() if cap else logits
