"""A training that is interrupted after any step ends in the same bytes; damaged checkpoints are set aside."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import disc_lite.run.training  # noqa: F401  (loaded before anything forks)
from disc_lite.distillation import checkpoint, training
from disc_lite.distillation.optimizer import adamw
from disc_lite.errors import RunFailed
from disc_lite.packing import lone, pack
from disc_lite.planning.amounts import MOST_CHECKPOINTS
from disc_lite.storage import MANIFEST, read_json, seal, write_json
from tests.made import FAST, SmallTraining, newest_checkpoint
from tests.tiers import reached

PACKED = pack([lone(range(20, 31)), lone(range(40, 44))])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes()
        for p in folder.iterdir()
        if p.name in ("adapter.safetensors", "optimizer.safetensors", "state.json")
    }


@pytest.mark.parametrize("bits", [32, 8])
def test_a_run_cut_after_any_step_ends_in_the_same_bytes(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    sections = {
        "train": {**FAST, "epochs": 1, "tokens_per_batch": 128},
        "execution": {"optimizer_bits": bits},
        "rank": 64 if bits == 8 else 4,
    }
    whole = SmallTraining(load, tmp_path / "whole", **sections)
    steps = whole.train()
    expected = files_of(newest_checkpoint(whole.folder))
    assert len(steps) >= 5
    for k in range(1, len(steps), 2):
        cut = SmallTraining(load, tmp_path / f"{k}", **sections)
        found = cut.train(stop_after=k)
        assert [s.step for s in found] == list(range(1, k + 1))
        again = SmallTraining(load, tmp_path / f"{k}", **sections)  # as a new process would begin
        found += again.train()
        assert [(s.step, s.loss, s.gradient_norm) for s in found] == [(s.step, s.loss, s.gradient_norm) for s in steps]
        assert files_of(newest_checkpoint(again.folder)) == expected


def test_a_step_that_is_stopped_between_its_micro_batches_is_made_whole_later(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    """A signal waits for at most one forward and backward pass, not for all passes of the step."""
    sections = {"train": {**FAST, "epochs": 2, "tokens_per_batch": 384}, "execution": {"micro_batch_tokens": 140}}
    whole = SmallTraining(load, tmp_path / "whole", **sections)
    steps = whole.train()
    for number in (2, 4, 5):  # in the first step, of which nothing is saved, and in the second
        cut, calls = SmallTraining(load, tmp_path / f"{number}", **sections), []
        cut.base.before_each_forward(lambda calls=calls: calls.append(1))
        folder = cut.folder / "checkpoints"
        asked = lambda calls=calls, number=number: len(calls) >= number  # noqa: E731
        found = list(training.train(cut.base, cut.data, cut.recipe, folder, training.Callbacks(asked)))
        assert (len(calls), len(found)) == (number, (number - 1) // 3)
        assert [p.name for p in folder.glob("*")] == [f"step-{s.step:08d}" for s in found]
        again = SmallTraining(load, tmp_path / f"{number}", **sections)
        found += again.train()
        assert [(s.step, s.loss, s.gradient_norm) for s in found] == [(s.step, s.loss, s.gradient_norm) for s in steps]
        assert files_of(newest_checkpoint(again.folder)) == files_of(newest_checkpoint(whole.folder))


@pytest.mark.parametrize("bits", [32, 8])
def test_what_is_loaded_is_what_was_saved(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    sections = {
        "train": {**FAST, "epochs": 1, "tokens_per_batch": 128},
        "execution": {"optimizer_bits": bits},
        "rank": 64,
    }
    one, two = (SmallTraining(load, tmp_path / name, **sections) for name in ("one", "two"))
    one.train()
    saved = newest_checkpoint(one.folder)
    parameters = two.base.adapter_parameters()
    optimizer = adamw(list(parameters.values()), two.recipe)
    step = checkpoint.load(saved, parameters, optimizer)
    assert saved.name == f"step-{step:08d}"
    assert files_of(checkpoint.save(tmp_path / "again", step, parameters, optimizer)) == files_of(saved)
    kinds = {v.dtype for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)}
    assert (torch.uint8 in kinds) == (bits == 8)
    assert len(optimizer.state) == len(parameters)


def test_every_part_of_a_checkpoint_is_needed(load: Callable[..., Any], tmp_path: Path) -> None:
    """R5: if any part is missing, zero or at its initial value, a continued training ends in other bytes."""
    sections = {"train": {**FAST, "epochs": 1, "tokens_per_batch": 128}}
    whole = SmallTraining(load, tmp_path / "whole", **sections)
    whole.train()
    expected = files_of(newest_checkpoint(whole.folder))
    SmallTraining(load, tmp_path / "cut", **sections).train(stop_after=3)
    parts = ["", "adapter", "optimizer/exp_avg", "optimizer/exp_avg_sq", "optimizer/step", "step"]
    for part in parts:  # without a missing part the bytes are the same
        shutil.copytree(tmp_path / "cut", tmp_path / "again", dirs_exist_ok=False)
        forget(newest_checkpoint(tmp_path / "again"), part)
        SmallTraining(load, tmp_path / "again", **sections).train()
        same = files_of(newest_checkpoint(tmp_path / "again"))["adapter.safetensors"] == expected["adapter.safetensors"]
        assert same == (not part), part
        shutil.rmtree(tmp_path / "again")
    reached("R5", parts_forgotten=len(parts) - 1)


def forget(saved: Path, part: str) -> None:
    """Replace a part by what a new training begins with, and seal the checkpoint again."""
    if part == "step":
        state = read_json(saved / "state.json")
        write_json(saved / "state.json", {**state, "step": state["step"] - 1})
    elif part:
        file, _, key = part.partition("/")
        tensors = load_file(saved / f"{file}.safetensors")
        chosen = {name: torch.zeros_like(t) if name.endswith(key) else t for name, t in tensors.items()}
        save_file(chosen, saved / f"{file}.safetensors")
    (saved / MANIFEST).unlink()
    seal(saved)


def test_a_kill_between_the_last_save_and_its_tidying_leaves_no_third_checkpoint(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {"train": {**FAST, "epochs": 1, "tokens_per_batch": 128}, "execution": {"checkpoint_minutes": 0}}
    with monkeypatch.context() as killed:
        killed.setattr(checkpoint, "remove_old", lambda folder: None)
        SmallTraining(load, tmp_path, **sections).train()
    assert len(list(tmp_path.rglob("step-*"))) > MOST_CHECKPOINTS
    SmallTraining(load, tmp_path, **sections).train()
    assert len(list(tmp_path.rglob("step-*"))) == MOST_CHECKPOINTS


def test_a_checkpoint_of_another_run_is_refused(load: Callable[..., Any], tmp_path: Path) -> None:
    one = SmallTraining(load, tmp_path, rank=4)
    one.train(stop_after=1)
    saved, other = newest_checkpoint(tmp_path), SmallTraining(load, tmp_path, rank=8)
    parameters = other.base.adapter_parameters()
    optimizer = adamw(list(parameters.values()), other.recipe)
    words = [
        f"The checkpoint {saved.name} does not belong to this run.",
        "Its format or the shapes of its adapter differ.",
        "Move the checkpoints away to start again, or choose another output folder.",
    ]
    with pytest.raises(RunFailed) as refused:
        checkpoint.load(saved, parameters, optimizer)
    assert refused.value.lines() == words
    state, same = read_json(saved / "state.json"), one.base.adapter_parameters()
    write_json(saved / "state.json", {**state, "format": checkpoint.FORMAT + 1})
    with pytest.raises(RunFailed) as refused:
        checkpoint.load(saved, same, adamw(list(same.values()), one.recipe))
    assert refused.value.lines() == words


@pytest.mark.parametrize("bits", [32, 8])
def test_another_precision_of_adamw_takes_the_state_over(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    """Saved moments are kept as far as 8 bits can represent them, and training continues."""
    sections = {"train": {**FAST, "epochs": 2, "tokens_per_batch": 128}, "rank": 64}
    one = SmallTraining(load, tmp_path, **sections, execution={"optimizer_bits": bits})
    whole = one.train(stop_after=4)
    saved = newest_checkpoint(tmp_path)
    two = SmallTraining(load, tmp_path, **sections, execution={"optimizer_bits": 40 - bits})
    parameters = two.base.adapter_parameters()
    there, back = (adamw(list(parameters.values()), setup.recipe) for setup in (two, one))
    assert checkpoint.load(saved, parameters, there) == 4
    other = checkpoint.save(tmp_path / "other", 4, parameters, there)
    checkpoint.load(other, parameters, back)
    checkpoint.load(saved, parameters, (exact := adamw(list(parameters.values()), one.recipe)))
    for parameter in parameters.values():
        before, after = exact.state[parameter], back.state[parameter]
        assert set(before) == set(after)
        assert int(before["step"]) == int(after["step"]) == 4
        for key in ("exp_avg", "exp_avg_sq") if bits == 32 else ("state1", "state2"):
            gap = (before[key].float() - after[key].float()).norm()
            assert gap <= 0.03 * before[key].float().norm()
    steps = two.train()
    assert [s.step for s in steps] == list(range(5, whole[0].steps + 1))
    assert steps[-1].loss < whole[0].loss


def test_damaged_checkpoints_step_aside_for_the_one_before(load: Callable[..., Any], tmp_path: Path) -> None:
    sections = {"train": {**FAST, "epochs": 1, "tokens_per_batch": 128}, "execution": {"checkpoint_minutes": 0}}
    setup = SmallTraining(load, tmp_path, **sections)
    steps = setup.train()
    folder = tmp_path / "checkpoints"
    newest, expected = newest_checkpoint(tmp_path), files_of(newest_checkpoint(tmp_path))
    assert len(list(folder.glob("step-*"))) == MOST_CHECKPOINTS
    for damage in ("flip", "truncate", "remove"):
        path = newest / "adapter.safetensors"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.unlink() if damage == "remove" else path.write_bytes(data if damage == "flip" else data[:-1])
        found = SmallTraining(load, tmp_path, **sections).train()
        assert [s.step for s in found] == [len(steps)]
        assert files_of(newest) == expected
    aside = [f"broken-{newest.name}{suffix}" for suffix in ("", "-2", "-3")]
    assert sorted(path.name for path in folder.glob("broken-*") if path.is_dir()) == aside
    reasons = [read_json(folder / f"{name}.json")["problems"] for name in aside]
    assert len(reasons) == 3
    assert all("adapter.safetensors" in reason[0] for reason in reasons)
    for path in folder.glob("step-*"):
        shutil.rmtree(path)
    assert checkpoint.newest(folder) is None
