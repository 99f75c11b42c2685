"""R8: if a micro-batch runs out of memory, the step is repeated in smaller ones, with the same gradient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from disc_lite.distillation.accumulation import accumulate
from disc_lite.distillation.examples import AnsweredPrompt, retention_lesson, within
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.distillation.schedule import Batch, micro_batches
from disc_lite.distillation.teacher import read_lessons, teachability
from disc_lite.distillation.training import Callbacks, train
from disc_lite.errors import WillNotFit
from disc_lite.models.halving import halved_if_full, too_long, unless_full
from disc_lite.planning.sizes import READING_TOKENS
from disc_lite.qa import Pair
from disc_lite.synthesis.scoring import support
from tests.made import FAST, PAIRS, SmallTraining
from tests.tiers import reached

BATCH = Batch(tuple(range(9)), (0, 1, 2))
FULL = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a capacity of 8 GiB."
# The thread of the backward pass creates its own cuBLAS handle when the card is fullest.
NO_HANDLE = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"


def gradient_of(setup: SmallTraining, max_tokens: int) -> tuple[torch.Tensor, Any]:
    parameters = setup.base.adapter_parameters().values()
    for parameter in parameters:
        parameter.grad = None
    found = accumulate(setup.base, setup.data, setup.recipe, BATCH, max_tokens)
    return torch.cat([p.grad.flatten() for p in parameters]), found


def full_at(
    setup: SmallTraining, monkeypatch: pytest.MonkeyPatch, calls: set[int], where: str, tokens: int = 0
) -> list[int]:
    """Run out of memory at these passes of the student, or at all of more than `tokens`.

    Returns the tokens of each pass.
    """
    seen: list[int] = []
    read = setup.base.hidden

    def hidden(packed: Any) -> Any:
        seen.append(packed.input_ids.numel())
        fails = len(seen) in calls or 0 < tokens < seen[-1]
        if fails and where == "forward":
            raise torch.OutOfMemoryError(FULL)
        states = read(packed)
        if fails:  # after a part of the gradient was added

            def fail(gradient: Any) -> None:
                raise RuntimeError(NO_HANDLE) if where == "cuBLAS" else torch.OutOfMemoryError(FULL)

            first = next(p for n, p in setup.base.adapter_parameters().items() if "layers.0" in n)
            handle = first.register_hook(lambda g: (handle.remove(), fail(g)))
        return states

    monkeypatch.setattr(setup.base, "hidden", hidden)
    return seen


@pytest.mark.parametrize("where", ["forward", "backward", "cuBLAS"])
def test_out_of_memory_at_every_micro_batch(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    setup = SmallTraining(load, tmp_path)
    whole, _ = gradient_of(setup, 1 << 20)
    examples = [setup.task.examples[i] for i in BATCH.task] + [setup.retention.examples[i] for i in BATCH.retention]
    sizes = [len(e.input_ids) for e in examples]
    parts = micro_batches(BATCH, sizes, 90)
    assert len(parts) > 4
    for k, part in enumerate(parts):
        if len(part.task) + len(part.retention) == 1:
            continue
        with monkeypatch.context() as patch:
            seen = full_at(setup, patch, {k + 1}, where)
            gradient, found = gradient_of(setup, 90)
        assert found.max_tokens <= 45
        assert len(seen) > k + 1 + len(parts)  # the whole step is repeated
        assert (gradient - whole).norm() < 3e-6 * whole.norm()
        assert found.tokens == sum(sizes)
        reached("R8", micro_batches_that_failed=1)


def test_micro_batches_are_filled_up_with_what_fits() -> None:
    parts = micro_batches(Batch((5, 6), (1, 2, 3)), [60, 60, 40, 40, 150], 100)
    assert parts == [Batch((5,), (1,)), Batch((6,), (2,)), Batch((), (3,))]
    assert micro_batches(Batch((0, 1, 2) * 3, ()), [70, 20, 30] * 3, 120) == [Batch((0, 1, 2), ())] * 3


def test_the_smaller_size_stays_and_is_told(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path, train={**FAST, "epochs": 2})
    seen, halved = full_at(setup, monkeypatch, {2}, "forward"), []
    steps = list(
        train(setup.base, setup.data, setup.recipe, tmp_path / "c",
              Callbacks(on_halved=lambda *news: halved.append(news)))
    )  # fmt: skip
    ((made, tokens),) = halved
    assert made == 1
    assert tokens <= 210
    assert len(steps) == steps[0].steps
    assert max(seen[2:]) < 2 * tokens  # including padding
    assert not any(step.skipped for step in steps)


def test_a_single_example_that_does_not_fit_is_named(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    longest = max((setup.task.examples[i] for i in BATCH.task), key=lambda e: len(e.input_ids))
    full_at(setup, monkeypatch, set(), "forward", len(longest.input_ids) - 1)
    with pytest.raises(WillNotFit) as caught:
        gradient_of(setup, 1 << 20)
    assert f"{longest.kind} of {longest.document}, {len(longest.input_ids)} tokens" in caught.value.what
    assert caught.value.why.startswith("Tried to allocate")


def test_reading_without_a_gradient_is_halved_too(
    load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = SmallTraining(load, tmp_path)
    spoken = [AnsweredPrompt((1, 2, 3), (*range(20, 30 + n),)) for n in range(6)]
    lessons = list(map(retention_lesson, spoken))
    everywhere = range(len(spoken))
    whole = read_lessons(setup.base, lessons, tmp_path / "whole").rows(everywhere)
    everything = range(len(setup.task.examples))
    nats = teachability(setup.base, setup.task.states, everything)
    seen = full_at(setup, monkeypatch, set(), "forward", 120)
    again = read_lessons(setup.base, lessons, tmp_path / "again").rows(everywhere)
    assert torch.allclose(again, whole, atol=1e-5)
    assert teachability(setup.base, setup.task.states, everything) == pytest.approx(nats, abs=1e-5)
    assert len(seen) > 4
    full_at(setup, monkeypatch, set(), "forward", 1)
    with pytest.raises(WillNotFit, match="single example: teacher's sequence, retention"):
        read_lessons(setup.base, lessons, tmp_path / "single")


def test_a_single_tree_is_halved_too(load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is everything that is read later: a size that did not fit is not tried again."""
    setup = SmallTraining(load, tmp_path)
    asked = [Pair("guide.md", 0, f"Who runs mill {n}?", f"Ada {n} runs it.") for n in range(12)]
    lessons = [
        lesson for _ in range(2) for lesson in prompt_lessons(setup.texts, asked, AnswerPrompts(setup.base.tokens))
    ]
    whole = read_lessons(setup.base, lessons, tmp_path / "whole").rows(range(24))
    smallest = max(part.tokens for lesson in lessons for part in within(lesson, 1))
    assert max(lesson.tokens for lesson in lessons) > 2.5 * smallest
    seen = full_at(setup, monkeypatch, set(), "forward", 2 * smallest)
    again = read_lessons(setup.base, lessons, tmp_path / "again").rows(range(24))
    assert torch.allclose(again, whole, atol=1e-5)
    assert sum(tokens > 2 * smallest for tokens in seen) < 8
    full_at(setup, monkeypatch, set(), "forward", smallest // 2)
    with pytest.raises(WillNotFit, match=r"single example: teacher's sequence, prompt of guide\.md"):
        read_lessons(setup.base, lessons, tmp_path / "single")


def test_pairs_are_scored_in_halves(load: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = SmallTraining(load, tmp_path)
    text = setup.texts[0]
    whole = support(setup.base, text, PAIRS, False)
    seen = full_at(setup, monkeypatch, set(), "forward", 130)
    assert support(setup.base, text, PAIRS, False) == [pytest.approx(scores, abs=1e-4) for scores in whole]
    assert len(seen) > 4
    full_at(setup, monkeypatch, set(), "forward", 1)
    with pytest.raises(WillNotFit, match=r"a pair of guide\.md"):
        support(setup.base, text, PAIRS, False)


def test_batches_are_halved_only_where_they_must_be() -> None:
    sizes = [5, 5, 5, 5, 5]
    tried: list[list[int]] = []

    def compute(batch: list[int]) -> list[int]:
        tried.append(batch)
        if sum(sizes[i] for i in batch) > 12:
            raise torch.OutOfMemoryError(FULL)
        return [i * i for i in batch]

    found = list(halved_if_full(range(5), sizes.__getitem__, READING_TOKENS, compute, str))
    assert found == [([0, 1], [0, 1]), ([2, 3], [4, 9]), ([4], [16])]
    assert tried[0] == [0, 1, 2, 3, 4]


def test_memory_of_the_host_that_cannot_be_had_halves_a_batch_too() -> None:
    tried: list[int] = []

    def compute(batch: list[int]) -> int:
        tried.append(len(batch))
        return torch.empty(1 << 50 if len(batch) > 1 else 1).numel()

    assert [done for _, done in halved_if_full(range(4), lambda i: 1, 4, compute, str)] == [1] * 4
    assert tried == [4, 2, 1, 1, 1, 1]


@pytest.mark.parametrize(("words", "full"), [
    (NO_HANDLE, True), ("CUDA error: out of memory\nCUDA kernel errors might be reported later", True),
    ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", True),
    ("CUDA error: an illegal memory access was encountered", False), ("shapes cannot be multiplied", False),
])  # fmt: skip
def test_other_errors_are_none_of_memory(words: str, full: bool) -> None:
    def fail() -> None:
        raise RuntimeError(words)

    if full:
        assert isinstance(found := unless_full(fail), WillNotFit)
        assert found.why == words.splitlines()[0]
        assert too_long(found, "a", 9).what == "CUDA out of memory with a single example: a, 9 tokens."
    else:
        with pytest.raises(RuntimeError, match=words):
            unless_full(fail)
