"""The files of checkpoints, without training: which are written, loaded, removed, set aside or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from disc_lite.distillation import checkpoint
from disc_lite.distillation.optimizer import adamw
from disc_lite.errors import EnvironmentNotReady, RunFailed
from disc_lite.storage import MANIFEST, begin_digests, lock, read_json, verify, write_json
from tests.made import recipe_of
from tests.tiers import reached

Parameters = dict[str, nn.Parameter]


def parameters(scale: float = 1.0) -> Parameters:
    """Parameters of several shapes, one stored by columns.

    A name can contain a slash, as the names of states in the files do.
    """
    made = {"a.lora_A": torch.arange(12.0).view(3, 4), "b/lora_B": torch.arange(10.0).view(5, 2).T, "c": torch.ones(1)}
    return {name: nn.Parameter(scale * tensor) for name, tensor in made.items()}


def stepped(made: Parameters, bits: int = 32, steps: int = 3) -> torch.optim.Optimizer:
    """An optimiser that has made some steps."""
    optimizer = adamw(list(made.values()), recipe_of(execution={"optimizer_bits": bits}))
    for step in range(steps):
        for n, parameter in enumerate(made.values()):
            parameter.grad = torch.full_like(parameter, 0.1 * (step - n))
        optimizer.step()
    return optimizer


def save_steps(folder: Path, *steps: int) -> list[Path]:
    made = parameters()
    return [checkpoint.save(folder, step, made, stepped(made)) for step in steps]


def damage(path: Path) -> None:
    file = path / "adapter.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("bits", [32, 8])
def test_everything_comes_back_and_goes_on_the_same(tmp_path: Path, bits: int) -> None:
    one, two = parameters(), parameters(0.0)
    optimizer, other = stepped(one, bits), stepped(two, bits, steps=1)
    saved = checkpoint.save(tmp_path / "checkpoints", 7, one, optimizer)
    assert saved == tmp_path / "checkpoints" / "step-00000007"
    assert sorted(p.name for p in saved.iterdir()) == sorted(
        ["adapter.safetensors", "optimizer.safetensors", "state.json", MANIFEST]
    )
    assert verify(saved) == []
    assert len({path.stat().st_mode for path in saved.iterdir()}) == 1  # all files have the same permissions
    numbers = {f"{name}/step": 3 for name in one} if bits == 8 else {}
    assert read_json(saved / "state.json") == {"format": 1, "step": 7, "optimizer": numbers}
    assert checkpoint.load(saved, two, other) == 7
    for each, again in zip(one.values(), two.values(), strict=True):
        assert torch.equal(each, again)
        before, after = optimizer.state[each], other.state[again]
        assert {k: torch.as_tensor(v).tolist() for k, v in before.items()} == {
            k: torch.as_tensor(v).tolist() for k, v in after.items()
        }
        each.grad = again.grad = torch.ones_like(each)
    optimizer.step(), other.step()
    assert all(torch.equal(each, again) for each, again in zip(one.values(), two.values(), strict=True))


def test_what_was_saved_is_not_written_again(tmp_path: Path) -> None:
    (saved,) = save_steps(tmp_path, 7)
    before = {p: p.read_bytes() for p in saved.iterdir()}
    made = parameters(2.0)
    assert checkpoint.save(tmp_path, 7, made, stepped(made)) == saved
    assert {p: p.read_bytes() for p in saved.iterdir()} == before


def test_a_parameter_that_has_made_no_step_has_no_state(tmp_path: Path) -> None:
    made = parameters()
    optimizer = adamw(list(made.values()), recipe_of())
    saved = checkpoint.save(tmp_path, 0, made, optimizer)
    assert load_file(saved / "optimizer.safetensors") == {}
    assert checkpoint.load(saved, made, optimizer) == 0 and not optimizer.state


def test_the_newest_two_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    saved = save_steps(tmp_path, 9, 10, 99_999_999)
    assert [path.is_dir() for path in saved] == [False, True, True]
    assert (tmp_path / "mine").is_dir() and len(list(tmp_path.iterdir())) == 3
    checkpoint.remove_old(tmp_path)
    assert checkpoint.newest(tmp_path) == saved[-1]
    checkpoint.remove_old(tmp_path / "nowhere")
    assert checkpoint.newest(tmp_path / "nowhere") is None


def test_damaged_ones_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    older, newer = save_steps(tmp_path, 3, 4)
    for number, aside in enumerate(("broken-step-00000004", "broken-step-00000004-2", "broken-step-00000004-3")):
        damage(save_steps(tmp_path, 4)[0] if number else newer)
        assert checkpoint.newest(tmp_path) == older
        assert not newer.exists() and (tmp_path / aside / "state.json").is_file()
        (problem,) = read_json(tmp_path / f"{aside}.json")["problems"]
        assert "adapter.safetensors: " in problem and " bytes where " in problem
    damage(older)
    assert checkpoint.newest(tmp_path) is None
    assert len(list(tmp_path.glob("broken-*.json"))) == 4


def test_the_reason_of_an_earlier_one_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """In a run folder, where each file has a digest: the one set aside earlier was removed by hand, with its reason."""
    begin_digests(tmp_path)
    with lock(tmp_path):
        folder = tmp_path / "checkpoints"
        (saved,) = save_steps(folder, 3)
        damage(saved)
        assert checkpoint.newest(folder) is None
        write_json(tmp_path / "later.json", {})
        shutil.rmtree(folder / "broken-step-00000003")
        (folder / "broken-step-00000003.json").unlink()
        (saved,) = save_steps(folder, 3)
        (saved / "state.json").unlink()
        assert checkpoint.newest(folder) is None
        assert read_json(folder / "broken-step-00000003.json") == {"problems": ["state.json: missing"]}


def test_of_a_thousand_problems_twenty_are_noted(tmp_path: Path) -> None:
    (saved,) = save_steps(tmp_path, 3)
    for number in range(30):
        (saved / f"{number:02}.txt").write_text("x")
    problems = verify(saved)
    assert checkpoint.newest(tmp_path) is None
    assert read_json(tmp_path / "broken-step-00000003.json") == {"problems": problems[:20]}


def test_one_that_cannot_be_set_aside_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (saved,) = save_steps(tmp_path, 3)
    damage(saved)

    def denied(*paths: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint, "rename", denied)
    with pytest.raises(EnvironmentNotReady) as caught:
        checkpoint.newest(tmp_path)
    assert (caught.value.what, caught.value.why) == (f"{saved} cannot be moved aside.", "Permission denied")
    assert caught.value.remedy.startswith("Change the permissions")


@pytest.mark.parametrize("change", ["format", "no format", "shape", "more", "fewer"])
def test_those_of_another_run_are_refused_and_change_nothing(tmp_path: Path, change: str) -> None:
    (saved,) = save_steps(tmp_path, 3)
    made = parameters(5.0)
    optimizer = adamw(list(made.values()), recipe_of())
    if "format" in change:
        state = {**read_json(saved / "state.json"), "format": 2}
        write_json(saved / "state.json", {k: v for k, v in state.items() if change == "format" or k != "format"})
    elif change == "shape":
        made["c"] = nn.Parameter(torch.ones(2))
    elif change == "more":
        made["d"] = nn.Parameter(torch.ones(1))
    else:
        del made["c"]
    before = {name: parameter.detach().clone() for name, parameter in made.items()}
    with pytest.raises(RunFailed) as caught:
        checkpoint.load(saved, made, optimizer)
    assert caught.value.lines() == [
        "The checkpoint step-00000003 does not belong to this run.",
        "Its format or the shapes of its adapter differ.",
        "Move the checkpoints away to start again, or choose another output folder.",
    ]
    assert all(torch.equal(parameter, before[name]) for name, parameter in made.items()) and not optimizer.state
    reached("R27", checkpoints_refused=1)
