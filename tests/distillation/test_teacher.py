"""Teacher states: cached or read again, with the same bytes; reused; and errors when the disk is full."""

from __future__ import annotations

import errno
import os
import resource
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from disc_lite.distillation import teacher
from disc_lite.distillation.data import Task
from disc_lite.distillation.examples import AnsweredPrompt, Example, Lesson, retention_lesson, within
from disc_lite.distillation.schedule import batches
from disc_lite.distillation.shards import shards_of
from disc_lite.distillation.teacher import STATES, TeacherStates, read_lessons
from disc_lite.errors import WillNotFit
from disc_lite.packing import length, lone
from disc_lite.planning import amounts
from disc_lite.storage import disk
from tests.made import SmallTraining, recipe_of


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amounts, "SHARD_POSITIONS", 60)


def counted(base: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that receives the number of tokens of every pass of the teacher."""
    readings, hidden_at = list[int](), base.hidden_at

    def reading(*given: Any) -> Any:
        if not torch.is_grad_enabled():
            readings.append(sum(map(length, given[0])))
        return hidden_at(*given)

    monkeypatch.setattr(base, "hidden_at", reading)
    return readings


def made_up(method: str, document: str, number: int) -> list[Lesson]:
    """Lessons of three examples, with 1, 2 and 3 compared positions."""
    examples = tuple(Example(method, document, (1,) * 4, tuple(range(n))) for n in (1, 2, 3))
    return [Lesson(lone((1,) * 9), examples, ())] * number


@pytest.mark.usefixtures("small_shards")
def test_shards_hold_everything_once_and_what_belongs_together() -> None:
    lessons = [lesson for method in ("disc", "prompt") for name in "ab" for lesson in made_up(method, name, 20)]
    shards = shards_of(lessons)
    assert shards.positions == (60,) * 8
    assert sorted(i for shard in shards.lessons for i in shard) == list(range(80))
    examples = [example for lesson in lessons for example in lesson.examples]
    for shard, of_shard in enumerate(shards.examples):
        found = [examples[e] for e in of_shard]
        assert {e.kind for e in found} == {"disc", "prompt"}  # the kinds are mixed
        assert {e.document for e in found} == {"ab"[shard // 4]}
        assert [shards.place[e] for e in of_shard] == [(shard, 6 * (n // 3) + (0, 1, 3)[n % 3]) for n in range(30)]
    assert len(shards_of(lessons[:3]).lessons) == 1
    assert shards_of([]).place == ()


def test_an_epoch_takes_one_shard_after_the_other_in_another_order_each_time() -> None:
    lessons = made_up("prompt", "a", 20)
    examples = [example for lesson in lessons for example in lesson.examples]
    shards = [range(0, 20), range(20, 40), range(40, 60)]
    recipe = recipe_of(train={"epochs": 4, "tokens_per_batch": 16})
    stream = [i for batch in batches(examples, [], recipe, shards) for i in batch.task]
    epochs = [stream[n : n + 60] for n in range(0, 240, 60)]
    assert all(sorted(epoch) == list(range(60)) for epoch in epochs)
    orders = [tuple(i // 20 for i in epoch[::20]) for epoch in epochs]
    assert all(
        [i // 20 for i in epoch] == [s for s in order for _ in range(20)]
        for epoch, order in zip(epochs, orders, strict=True)
    )
    assert len(set(orders)) > 1
    one = batches(examples, [], recipe)
    assert one == batches(examples, [], recipe, [range(60)]) != batches(examples, [], recipe, shards)


@pytest.mark.usefixtures("small_shards")
def test_training_is_the_same_to_the_byte_whether_states_are_kept_or_read_again(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"share": 0.7}  # an epoch has 16 of 17 DiSC examples, so no step needs three shards
    kept, again = (SmallTraining(load, tmp_path / name, disc=shares) for name in ("kept", "again"))
    again.task = Task.of(TeacherStates(again.base, again.task.states.lessons, tmp_path / "none", 0.0, 0))
    assert kept.task.states.tokens_again == 0
    assert again.task.states.tokens_again == sum(lesson.tokens for lesson in again.task.states.lessons)
    on_disk, on_both = list[int](), counted(again.base, monkeypatch)
    rows, steps = kept.train(), again.train()
    assert [(a.loss, a.gradient_norm) for a in rows] == [(b.loss, b.gradient_norm) for b in steps]
    assert all(torch.equal(a, b) for a, b in zip(kept.weights(), again.weights(), strict=True))
    assert len(on_both) >= again.recipe.train.epochs * (len(again.task.shards) - 1)
    on_disk += [len(list((tmp_path / "none").rglob(STATES)))]
    assert on_disk[0] < len(again.task.shards)  # only those in use are on the disk


@pytest.mark.usefixtures("small_shards")
def test_states_that_stay_are_computed_once_and_the_others_once_an_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the plan counts. A shard that ends one epoch and begins the next is still there, so a few are read less."""
    written, epochs = Counter[int](), 6
    monkeypatch.setattr(TeacherStates, "_write", lambda self, shard, *given: written.update([shard]))
    head = SimpleNamespace(weight=torch.zeros(5, 4))
    base: Any = SimpleNamespace(head=head, state_dtype=torch.float32, device=torch.device("cpu"))
    states = TeacherStates(base, made_up("prompt", "a", 100), tmp_path / "c", 0.7 * 600 * 16, 0)  # bytes
    states.fill_cache()
    assert written == dict.fromkeys(range(5), 1)
    recipe = recipe_of(train={"epochs": epochs, "tokens_per_batch": 16})
    for batch in batches(states.examples, [], recipe, states.shards.examples):
        states.load(batch.task)
    assert [written[shard] for shard in range(5)] == [1] * 5
    assert max(written.values()) == epochs
    assert epochs * 5 - 2 * (epochs - 1) <= sum(written[shard] for shard in range(5, 10)) <= epochs * 5


def test_the_teacher_reads_as_much_at_once_as_was_planned(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    lessons, whole = setup.task.states.lessons, setup.task.states.rows(range(len(setup.task.examples)))
    most = max(lesson.tokens for lesson in lessons)
    states = TeacherStates(setup.base, lessons, tmp_path / "c", float("inf"), 0, reading_tokens=most)
    batches = list[int]()
    states.fill_cache(batches.append)
    assert max(batches) == most
    assert len(batches) > 1
    torch.testing.assert_close(states.rows(range(len(setup.task.examples))), whole, rtol=0, atol=1e-5)
    few, passes = most // 2, counted(setup.base, monkeypatch)
    states = TeacherStates(setup.base, lessons, tmp_path / "d", float("inf"), 0, reading_tokens=few)
    torch.testing.assert_close(states.rows(range(len(setup.task.examples))), whole, rtol=0, atol=1e-5)
    together = max(part.tokens for lesson in lessons for part in within(lesson, 1))  # smallest possible here
    assert together < most
    assert max(passes) <= max(few, together)
    batches.clear()
    teacher.teachability(setup.base, states, range(len(setup.task.examples)), batches.append)
    assert max(batches) <= most


def test_prompts_with_the_same_system_turn_share_it(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load("llama")
    turn = tuple(5 + (11 * n * n) % 300 for n in range(60))
    lessons = [retention_lesson(AnsweredPrompt((*turn, 40 + n, 7), (50 + n, 51, 52))) for n in range(9)]
    with base.frozen(adapter=False):
        apart = torch.cat([base.hidden_at([x.sequence], [(0, *place) for place in x.teacher_at]) for x in lessons])
    passes = counted(base, monkeypatch)
    states = read_lessons(base, lessons, tmp_path).rows(range(len(lessons)))
    torch.testing.assert_close(states, apart.to(states.dtype), rtol=0, atol=1e-5)
    assert sum(passes) < 2 * (len(turn) + 5 * len(lessons))


def test_states_are_reused_and_what_is_damaged_or_of_others_is_not(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    lessons, every = setup.task.states.lessons, range(len(setup.task.examples))
    whole = read_lessons(setup.base, lessons, tmp_path / "c").rows(every)
    (path,) = (tmp_path / "c").rglob(STATES)
    readings = counted(setup.base, monkeypatch)
    read = list[int]()
    states = TeacherStates(setup.base, lessons, tmp_path / "c", float("inf"), 0)
    states.fill_cache(read.append)
    assert torch.equal(states.rows(every), whole)
    assert (readings, sum(read)) == ([], sum(lesson.tokens for lesson in lessons))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert torch.equal(read_lessons(setup.base, lessons, tmp_path / "c").rows(every), whole)
    assert readings
    (tmp_path / "c" / "mine.txt").write_text("not ours")
    other = read_lessons(setup.base, lessons[:2], tmp_path / "c")
    assert [path.parent.parent for path in (tmp_path / "c").rglob(STATES)] == [other.folder]
    assert (tmp_path / "c" / "mine.txt").is_file()


def test_a_stop_leaves_nothing_half(load: Callable[..., Any], tmp_path: Path) -> None:
    setup = SmallTraining(load, tmp_path)
    states = TeacherStates(setup.base, setup.task.states.lessons, tmp_path / "c", 0, 0)
    assert not states.load([0], should_stop=lambda: True)
    assert not any((tmp_path / "c").rglob("*.*"))
    assert states.load([0])


@pytest.mark.parametrize("fault", ["limit", "write", "before"])
def test_a_full_disk_is_told_in_words_with_bytes(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    setup = SmallTraining(load, tmp_path)
    lessons = setup.task.states.lessons
    states = TeacherStates(setup.base, lessons, tmp_path / "c", 0, 0)
    needed = states.total_bytes

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if fault == "before":
        monkeypatch.setattr(teacher, "free_disk", lambda path: needed - 1)
    elif fault == "write":
        monkeypatch.setattr(disk, "write", full)
    else:  # the kernel refuses when the space is reserved
        resource.setrlimit(resource.RLIMIT_FSIZE, (needed // 2, hard))
    try:
        with pytest.raises(WillNotFit) as caught:
            read_lessons(setup.base, lessons, tmp_path / "c")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 4
    assert f"{needed:,} bytes" in caught.value.what
    assert "free" in caught.value.why
    assert not any((tmp_path / "c").rglob("*.*"))
    monkeypatch.undo()
    assert read_lessons(setup.base, lessons, tmp_path / "c").rows([0]).isfinite().all()


def test_what_does_not_leave_room_for_checkpoints_is_not_kept(load: Callable[..., Any], tmp_path: Path) -> None:
    setup = SmallTraining(load, tmp_path)
    with pytest.raises(WillNotFit, match="needed"):
        TeacherStates(setup.base, setup.task.states.lessons, tmp_path / "c", 1e9, 1 << 60)


def test_retention_states_have_to_stay_and_a_step_may_need_any_number_of_shards(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    lessons = setup.task.states.lessons
    monkeypatch.setattr("disc_lite.distillation.shards.shards_needed", lambda positions: 4)
    states = TeacherStates(setup.base, lessons, tmp_path / "c", 0, 0)
    assert states.load(range(len(states.examples)))
    room = states.total_bytes - 1
    monkeypatch.setattr("disc_lite.distillation.teacher.free_disk", lambda folder: room)
    TeacherStates(setup.base, lessons, tmp_path / "d", 1e9, 0)
    with pytest.raises(WillNotFit, match="needed"):
        TeacherStates(setup.base, lessons, tmp_path / "e", inf, 0)
