"""The probe makes the longest pass of a training step on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from disc_lite import cli
from disc_lite.cli.plan import _measured
from disc_lite.distillation import accumulation
from disc_lite.models import load_base
from disc_lite.run import probe
from tests.made import SMALL, SmallAdapt, recipe_of

POCKET = Path(__file__).resolve().parents[2] / "disc_lite" / "pocket"


def test_the_probe_makes_the_longest_pass_once(
    small: SmallAdapt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["disc-lite", "plan", str(small.root / "docs"), "-m", str(small.model), "--probe", "--cpu", "--json"]
    sets = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    monkeypatch.setattr(sys, "argv", [*arguments, *sets])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    probed = found["probe"]
    assert 60 < probed["tokens"] == probed["planned_tokens"] <= found["chosen"]["micro_batch_tokens"]
    assert found["probe"]["planned_bytes"] > found["stages"]["training"]["peak"]
    assert min(found["probe"]["measured_bytes"], found["probe"]["seconds"], found["probe"]["training_minutes"]) > 0


@pytest.mark.parametrize("passes", [1, 3])
def test_a_probe_that_runs_out_of_memory_measures_the_passes_that_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passes: int
) -> None:
    """A step of several passes is measured with two, because the second also holds the gradients of the first."""
    base = load_base(POCKET, "none", "cpu")
    base.attach(4, 8, 0)
    task, recipe = probe._task(base, 500, 100, tmp_path), recipe_of(execution={"optimizer_bits": 32})
    whole, real, tried = sum(len(e.input_ids) for e in task.examples), accumulation.step, []

    def step(base: Any, data: Any, recipe: Any, part: Any, counts: Any) -> Any:
        tried.append(sum(len(e.input_ids) for e in data.examples(part)[0]))
        if tried[-1] > 300:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0")
        return real(base, data, recipe, part, counts)

    assert probe._steady_step(base, task, recipe, whole, passes)[0] == whole
    monkeypatch.setattr(accumulation, "step", step)
    tokens, seconds = probe._steady_step(base, task, recipe, whole, passes)
    assert tokens == whole // 2
    assert tried.count(whole) == 1  # not repeated in the step that is measured
    assert seconds > 0
    measured = probe.Probe(whole, tokens, 7 << 30, 6 << 30, 1.5, 30)
    plan = SimpleNamespace(budget=SimpleNamespace(cuda=True))
    assert _measured(plan, measured).startswith(  # type: ignore[arg-type]
        f"Measured: a pass of {whole} tokens did not fit; a pass of at most {tokens} tokens in 1.50 s and 6.00 GiB, "
    )
