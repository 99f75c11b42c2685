"""The training loop: the seed determines the batches; the gradient is the same for any division; NaN is not applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.distillation import checkpoint
from disc_lite.distillation.data import Task
from disc_lite.distillation.examples import Example, next_token_lessons
from disc_lite.distillation.schedule import batches, last_step, learning_rate, rehearsals
from disc_lite.distillation.teacher import TeacherStates, teachability
from disc_lite.distillation.training import Callbacks, train
from disc_lite.errors import NonFiniteError
from disc_lite.recipe.schema import Loss, Train
from disc_lite.storage import Journal, append_jsonl
from tests.made import FAST, SmallTraining, recipe_of
from tests.tiers import reached


def made_up(method: str, number: int, tokens: int = 10) -> list[Example]:
    return [Example(method, "a", tuple(range(tokens + n % 5)), (0, 1)) for n in range(number)]


def streams(steps: Any) -> tuple[list[int], list[int]]:
    return [i for step in steps for i in step.task], [i for step in steps for i in step.retention]


def test_the_batches_follow_from_the_seed() -> None:
    examples, keep, recipe = made_up("prompt", 40), made_up("retention", 9), recipe_of(train=FAST)
    torch.manual_seed(1)
    first = batches(examples, keep, recipe)
    torch.manual_seed(2)
    assert batches(examples, keep, recipe) == first
    assert batches(examples, keep, recipe_of(train=FAST, seed=1)) != first
    assert streams(batches(examples, [], recipe))[0] == streams(first)[0]  # retention does not affect their order


@pytest.mark.parametrize(("pairs", "sentences", "share"), [(20, 30, 0.5), (20, 7, 0.5), (20, 33, 0.2), (5, 40, 0.5)])
def test_every_pair_once_an_epoch_and_every_sentence_in_turn(pairs: int, sentences: int, share: float) -> None:
    # The sentences come first, as in a run.
    examples = [*made_up("disc", sentences), *made_up("prompt", pairs)]
    each = max(round(pairs * share / (1 - share)), round(share * sentences))  # DiSC keeps its share if pairs are few
    epochs = -(-sentences // each)
    recipe = recipe_of(train={**FAST, "epochs": epochs}, disc={"share": share})
    stream, _ = streams(batches(examples, [], recipe))
    assert len(stream) == epochs * (pairs + each)
    for epoch in range(epochs):
        seen = stream[epoch * (pairs + each) : (epoch + 1) * (pairs + each)]
        assert sorted(i for i in seen if i >= sentences) == list(range(sentences, sentences + pairs))
        assert seen != sorted(seen)
    times = Counter(i for i in stream if i < sentences)
    assert set(times) == set(range(sentences))
    assert max(times.values()) - min(times.values()) <= 1


@pytest.mark.parametrize(("known", "share"), [(100, 2.0), (100, 0.5), (7, 2.0), (100, 0.0), (0, 2.0)])
def test_what_is_rehearsed_comes_in_turn_beside_what_is_taught(known: int, share: float) -> None:
    old = [replace(e, rehearsed=True) for e in (*made_up("disc", known // 2), *made_up("prompt", known - known // 2))]
    examples = [*made_up("disc", 9), *made_up("prompt", 10), *old]
    recipe = recipe_of(train={**FAST, "epochs": 8}, update={"rehearse": share}, disc={"share": 0.5})
    stream, _ = streams(batches(examples, [], recipe))
    each = min(known, round(share * 20))
    assert len(stream) == 8 * (20 + each)
    assert rehearsals(examples[:19], recipe) == 8 * round(share * 20)
    for epoch in range(8):
        seen = Counter(stream[epoch * (20 + each) : (epoch + 1) * (20 + each)])
        assert all(seen[i] == 1 for i in range(9, 19))
        assert sum(n for i, n in seen.items() if i >= 19) == each
    if each:
        times = Counter(i for i in stream if i >= 19)
        assert len(times) == known if 8 * each >= known else len(times) == 8 * each
        assert max(times.values()) - min(times.values()) <= 1
        # Every epoch has some of all passages.
        first = [i for i in stream[: 20 + each] if i >= 19]
        assert each == known or max(first) - min(first) > each


def test_one_kind_alone_is_seen_whole_in_every_epoch() -> None:
    for method in ("disc", "prompt", "next_token"):
        stream, kept = streams(batches(made_up(method, 11), [], recipe_of(train=FAST)))
        assert [sorted(stream[n : n + 11]) for n in (0, 11, 22)] == [list(range(11))] * 3
        assert kept == []


@pytest.mark.parametrize("share", [0.3, 1.0, 2.5])
def test_batches_are_full_and_carry_their_share_of_retention(share: float) -> None:
    examples, keep = made_up("prompt", 60), made_up("retention", 13, tokens=17)
    recipe = recipe_of(train={**FAST, "tokens_per_batch": 600}, retention={"share": share})
    steps = batches(examples, keep, recipe)
    most = int(600 / (1 + share))
    sizes = [sum(len(examples[i].input_ids) for i in step.task) for step in steps]
    assert all(most - 14 < size <= most for size in sizes[:-1])
    owed = 0.0
    for step, size in zip(steps, sizes, strict=True):
        owed += share * size - sum(len(keep[i].input_ids) for i in step.retention)
        assert -21 <= owed <= 0  # never behind, and never more than one answer ahead
    # If answers are few and long, each step still has one.
    few = batches(examples, made_up("retention", 13, tokens=500), recipe_of(train=FAST, retention={"share": share}))
    assert len(few) > 1 and all(step.retention for step in few)
    _, kept = streams(steps)
    rounds = [sorted(kept[n : n + 13]) for n in range(0, len(kept) - 12, 13)]
    assert rounds == [list(range(13))] * len(rounds)
    assert (
        len({tuple(kept[n : n + 13]) for n in range(0, len(kept) - 12, 13)}) == len(rounds) > 1
    )  # each in another order
    # An example longer than a batch gets a batch of its own.
    long = batches(made_up("disc", 3, 500), [], recipe_of(train={**FAST, "epochs": 1}))
    assert [len(step.task) for step in long] == [1] * 3


@pytest.mark.parametrize(("number", "steps"), [(3, 3), (60, 40), (1000, 250)])
def test_few_examples_are_learned_in_small_steps(number: int, steps: int) -> None:
    """Examples of about 12 tokens, 10 epochs: at least 40 steps, unless these had fewer than 128 task tokens."""
    examples, keep = made_up("prompt", number), made_up("retention", 9)
    settings = {"epochs": 10, "least_steps": 40, "tokens_per_batch": 1000}
    found = batches(examples, keep, recipe_of(train=settings, retention={"share": 1.0}))
    sizes = [sum(len(examples[i].input_ids) for i in step.task) for step in found[:-1]]
    longest = max(len(e.input_ids) for e in examples)
    assert len(found) == pytest.approx(steps, rel=0.1)
    assert all(min(128, 500) - longest < size <= 500 for size in sizes)
    fixed = batches(examples, keep, recipe_of(train={**settings, "least_steps": 0}, retention={"share": 1.0}))
    assert len(fixed) <= len(found)


def test_learning_rate_rises_then_falls_or_stays() -> None:
    cosine = recipe_of(train={"learning_rate": 1.0, "warmup_fraction": 0.1, "schedule": "cosine"})
    rates = [learning_rate(n, 100, 100, cosine) for n in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.001
    constant = recipe_of(train={"learning_rate": 1.0, "warmup_fraction": 0.1, "schedule": "constant"})
    assert [learning_rate(n, 100, 100, constant) for n in (9, 10, 99)] == [1.0] * 3
    assert learning_rate(0, 1, 1, recipe_of()) == recipe_of().train.learning_rate


def test_the_rate_falls_over_the_last_fifth_of_the_steps_that_are_made() -> None:
    recipe = recipe_of(train={"learning_rate": 1.0, "warmup_fraction": 0.1})
    for learned_at, last in ((None, 100), (40, 50), (79, 99), (90, 100)):
        assert last_step(100, learned_at, recipe) == last
        rates = [learning_rate(n, 100, last, recipe) for n in range(last)]
        fall = round(0.2 * last)
        assert rates[10 : last - fall] == [1.0] * (last - fall - 10)
        assert rates[-fall:] == pytest.approx([1 - n / fall for n in range(fall)])
    # Also if the warm-up is not finished by then: the rate changes gradually, and the last one is the lowest.
    for warmup, last in ((0.1, 63), (0.9, 1000), (1.0, 1000)):
        late = recipe_of(train={"learning_rate": 1.0, "warmup_fraction": warmup})
        rates = [learning_rate(n, 1000, last, late) for n in range(last)]
        assert max(abs(a - b) for a, b in pairwise([0.0, *rates, 0.0])) <= 1 / round(0.2 * last) + 1e-9
        assert rates[-1] < 0.1
    # With other schedules the rate cannot fall at an arbitrary time.
    assert last_step(100, 40, recipe_of(train={"schedule": "cosine"})) == 100


def test_training_ends_early_where_enough_is_learned(load: Callable[..., Any], tmp_path: Path) -> None:
    whole = SmallTraining(load, tmp_path / "whole", train={**FAST, "epochs": 9, "schedule": "trapezoid"})
    steps = len(batches(whole.task.examples, whole.retention.examples, whole.recipe))
    learned = steps // 2
    asked: list[int] = []

    def measure(n: int) -> int | None:
        asked.append(n)
        return learned if n >= learned else None

    folder = tmp_path / "checkpoints"
    found = list(train(whole.base, whole.data, whole.recipe, folder, Callbacks(measure=measure)))
    last = last_step(steps, learned, whole.recipe)
    assert learned < last < steps
    assert [step.step for step in found] == list(range(1, last + 1))
    assert found[-1].steps == last
    assert found[-1].learning_rate < found[0].learning_rate
    assert asked == list(range(last + 1))
    assert checkpoint.newest(folder).name.endswith(str(last))


@pytest.mark.parametrize("bits", [8, 32])
def test_the_student_comes_nearer_to_the_teacher(load: Callable[..., Any], tmp_path: Path, bits: int) -> None:
    setup = SmallTraining(load, tmp_path, train={**FAST, "epochs": 6}, execution={"optimizer_bits": bits})
    frozen = {n: p.clone() for n, p in setup.base.model.named_parameters() if "lora_" not in n}
    steps = setup.train()
    assert [step.step for step in steps] == list(range(1, steps[0].steps + 1))
    assert sum(s.loss for s in steps[-3:]) < 0.8 * sum(s.loss for s in steps[:3])
    assert sum(s.retention for s in steps[-3:]) < sum(s.retention for s in steps[:3])
    assert not any(step.skipped for step in steps)
    after = dict(setup.base.model.named_parameters())
    assert all(torch.equal(after[name], value) for name, value in frozen.items())


def test_every_step_moves_at_its_own_rate(load: Callable[..., Any], tmp_path: Path) -> None:
    """Adam's first step changes each weight by the learning rate, whatever its gradient."""
    setup = SmallTraining(load, tmp_path, train={**FAST, "warmup_fraction": 0.5})
    before = setup.weights()
    (step,) = setup.train(stop_after=1)
    assert step.learning_rate == learning_rate(0, step.steps, step.steps, setup.recipe) < 0.005
    moved = torch.cat([(a - b).abs().flatten() for a, b in zip(setup.weights(), before, strict=True)])
    assert moved.median().item() == pytest.approx(step.learning_rate, rel=1e-2)


OTHERS: dict[str, dict[str, Any]] = {
    "loss": {
        "divergence": "reverse_kl", "beta": 0.1, "temperature": 3.0, "temperature_squared": False, "label_share": 0.1,
    },
    "train": {
        "epochs": 1, "learning_rate": 0.02, "warmup_fraction": 0.5, "schedule": "cosine", "weight_decay": 0.3, "beta1": 0.5,
        "beta2": 0.9, "clip_norm": 0.001, "tokens_per_batch": 300, "least_steps": 99,
    },
}  # fmt: skip


def test_every_setting_of_the_loss_and_the_loop_reaches_the_adapter(load: Callable[..., Any], tmp_path: Path) -> None:
    # The run measures whether enough is learned.
    assert OTHERS["loss"].keys() == Loss.model_fields.keys()
    assert OTHERS["train"].keys() == Train.model_fields.keys() - {"enough"}
    setup = SmallTraining(load, tmp_path)
    before, given = setup.weights(), {"loss": {"divergence": "jsd", "temperature": 2.0}, "train": FAST}

    def trained(number: int, recipe: Any) -> bytes:
        for parameter, value in zip(setup.base.adapter_parameters().values(), before, strict=True):
            parameter.data.copy_(value)
        setup.recipe, setup.folder = recipe, tmp_path / str(number)
        setup.train(stop_after=4)
        return b"".join(weights.numpy().tobytes() for weights in setup.weights())

    recipes = [recipe_of(**given)]
    for section, settings in OTHERS.items():
        recipes += [recipe_of(**{**given, section: {**given[section], key: value}}) for key, value in settings.items()]
    assert len({trained(number, recipe) for number, recipe in enumerate(recipes)}) == len(recipes)


def test_texts_themselves_go_through_the_same_loop(load: Callable[..., Any], tmp_path: Path) -> None:
    setup = SmallTraining(load, tmp_path)
    for number, examples in enumerate(
        (
            [lesson.examples[0] for lesson in next_token_lessons(setup.texts, setup.base.tokens)],
            [e for e in setup.task.examples if e.kind == "prompt"],
        )
    ):
        setup.folder = tmp_path / str(number)
        setup.task = Task(tuple(examples), None)
        steps = setup.train()
        assert steps[-1].loss < steps[0].loss


def test_teachability_is_reported_by_document(load: Callable[..., Any], tmp_path: Path) -> None:
    setup = SmallTraining(load, tmp_path)
    states = setup.task.states
    found = teachability(setup.base, states, range(len(states.examples)))
    assert set(found) == {"guide.md", "b.md"}
    expected: dict[str, list[float]] = {}
    with setup.base.frozen(adapter=False) as model, torch.no_grad():
        for number, example in enumerate(states.examples):
            student = model(torch.tensor([example.input_ids])).logits[0, list(example.compared)]
            teacher = model.lm_head(states.rows([number]))
            ids = torch.tensor(example.target_ids)[:, None]
            gain = teacher.log_softmax(-1).gather(1, ids) - student.log_softmax(-1).gather(1, ids)
            expected.setdefault(example.document, []).extend(gain[:, 0].tolist())
    assert found == pytest.approx({name: sum(v) / len(v) for name, v in expected.items()}, abs=1e-4)


def test_teachability_is_measured_once_however_often_a_run_is_interrupted(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    setup, read = SmallTraining(load, tmp_path), list[int]()
    states, setup.base.journal = setup.task.states, Journal(tmp_path / "journal.txt")
    found = [
        teachability(setup.base, states, range(len(states.examples)), read.append),
        teachability(setup.base, states, range(len(states.examples)), lambda tokens: pytest.fail("read again")),
    ]
    assert found[0] == found[1] and read
    assert teachability(setup.base, states, [0]) != found[0]


# -- R7: nothing that is not finite is learned -----------------------------------------------------------


def poison(setup: SmallTraining, place: str, monkeypatch: pytest.MonkeyPatch, calls: set[int], value: float) -> None:
    """Multiply by a non-finite value at the n-th pass of the student, for n in `calls`."""
    count = 0
    read = setup.base.hidden

    def hidden(packed: Any) -> Any:
        nonlocal count
        count += 1
        states = read(packed)
        return states * value if place == "hidden" and count in calls else states

    monkeypatch.setattr(setup.base, "hidden", hidden)
    if place == "teacher":
        rows = TeacherStates.rows

        def poisoned(self: Any, indices: Any) -> Any:
            return rows(self, indices) * value if count in calls and self is setup.task.states else rows(self, indices)

        monkeypatch.setattr(TeacherStates, "rows", poisoned)
    if place == "gradient":
        next(iter(setup.base.adapter_parameters().values())).register_hook(lambda g: g * value if count in calls else g)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["hidden", "teacher", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, value: float
) -> None:
    setup = SmallTraining(load, tmp_path)
    poison(setup, place, monkeypatch, {2, 4, 5}, value)
    before, skipped = setup.weights(), []
    for step in train(setup.base, setup.data, setup.recipe, tmp_path / "c"):
        after = setup.weights()
        changed = any(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
        assert changed != step.skipped
        assert all(w.isfinite().all() for w in after)
        skipped += [step.step] * step.skipped
        append_jsonl(tmp_path / "metrics.jsonl", asdict(step))  # this refuses non-finite values
        before = after
    assert skipped == [2, 4, 5]
    reached("R7", poisoned_steps_skipped=len(skipped))


def test_three_in_a_row_end_the_run_with_step_and_documents(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    poison(setup, "hidden", monkeypatch, {3, 4, 5, 6}, float("nan"))
    seen = []
    with pytest.raises(NonFiniteError) as caught:
        seen.extend(train(setup.base, setup.data, setup.recipe, tmp_path / "c"))
    assert "step 5" in caught.value.what
    assert "guide.md" in caught.value.why
    assert all(weight.isfinite().all() for weight in setup.weights())
