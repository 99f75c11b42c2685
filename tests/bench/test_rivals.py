"""The bench beside others: the same tokens for all, gradients that agree, and how its figures are made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench import memory, passes, reading
from bench.rivals import losses, one, setup, tables, tasks
from bench.rivals.variants import VARIANTS
from disc_lite.distillation.examples import Example, Lesson
from disc_lite.packing import Segment


def test_others_read_all_that_the_teacher_of_a_lesson_has_read() -> None:
    tree = (Segment((1, 2, 3)), Segment((4, 5, 6, 7), parent=0), Segment((8, 9), parent=0))
    examples = (Example("prompt", "d", (30, 5, 6, 7), (1, 2)), Example("prompt", "d", (40, 41, 9), (1,)))
    items = tasks.items_of(Lesson(tree, examples, ((1, 1), (1, 2), (2, 0))))
    assert items == [tasks.Item((1, 2, 3, 4, 5), (30, 5), (6, 7)), tasks.Item((1, 2, 3, 8), (40, 41), (9,))]
    assert tasks.batches_of(items * 2, 3) == [items + items[:1], items[1:]]


def test_random_lessons_of_a_shape_keep_their_completions() -> None:
    lessons = tasks.lessons_of("disc", "tiny:mistral-7b", 2)
    for lesson in lessons:
        window = lesson.sequence[0].input_ids
        for item in tasks.items_of(lesson):
            read = item.teacher_prompt + item.completion
            assert read == window[: len(read)]
    assert tasks.shape_of("/models/some") is None


def test_padding_is_where_it_was_asked_for() -> None:
    device = torch.device("cpu")
    left = setup.padded([[1, 2], [3, 4, 5]], device, left=True)
    assert left["input_ids"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert left["attention_mask"].tolist() == [[0, 1, 1], [1, 1, 1]]
    right = setup.padded([[1, 2], [3, 4, 5]], device)
    item = tasks.Item((9, 9), (1,), (2, 3))
    assert right["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert list(setup.compared([(1,), (1, 2, 3)], [item, item])) == [(0, slice(0, 2)), (1, slice(2, 4))]


def test_the_gradients_of_the_variants_agree(tmp_path: Path) -> None:
    """Of a model in 4 bits, whose separate teacher computes in another kernel: 1 %. One example: means are the same."""
    lessons = tasks.lessons_of("disc", "tiny:mistral-7b", 1)
    how = setup.Setup("tiny:mistral-7b", torch.device("cpu"), "nf4", 4, 1, 1, False, lessons, perturbed=True)
    found = {}
    for name in ("peft", "disc-lite", "authors"):
        one.gradient(VARIANTS[name], how, tmp_path / "g.pt")
        parts = torch.load(tmp_path / "g.pt")
        found[name] = torch.cat([parts[key].flatten() for key in sorted(parts)]).double()
    truth = found["peft"]
    assert float((found["disc-lite"] - truth).norm() / truth.norm()) < 1e-4
    assert float((found["authors"] - truth).norm() / truth.norm()) < 0.03


@pytest.mark.parametrize("kind", losses.BETAS)
def test_the_losses_agree_with_fp64(kind: str) -> None:
    student, teacher, head = losses.states(5, 40, 8, torch.device("cpu"))
    exact = losses.value_and_gradient(losses.whole(kind), student.double(), teacher.double(), head.double())
    for loss in (losses.ours(kind), losses.whole(kind)):
        for got, true in zip(losses.value_and_gradient(loss, student, teacher, head), exact, strict=True):
            assert float((got.double() - true).norm() / true.norm()) < 1e-3


def test_allocated_bytes() -> None:
    assert memory.highest([(2, 1, 5), (1, 0, 10), (3, 0, -10), (4, 2, 4), (5, 7, -8)]) == 15
    with memory.peak_allocated(torch.device("cpu")) as peak:
        first = torch.empty(1000)
        second = first + 1
        del first, second
        torch.empty(10)
    assert 8000 <= peak.allocated < 8100
    with memory.peak_allocated(torch.device("cpu")):
        before = torch.empty(5000)
    with memory.peak_allocated(torch.device("cpu")) as peak:
        del before
        torch.empty(1000)
    assert 4000 <= peak.allocated < 4100
    layer = torch.nn.Linear(4, 3)
    assert memory.bytes_of([layer, layer]) == 4 * (12 + 3)


def test_the_table_takes_medians_and_divides_by_ours() -> None:
    def variant(*epochs: list[float]) -> dict[str, object]:
        rounds = [{"cpu": cpu, "wall": cpu, "targets": 100, "resident": 3 << 20} for cpu in epochs]
        return {"above_weights": 5 << 20, "rounds": rounds}

    found = {
        "settings": {"device": "cpu"},
        "variants": {"authors": variant([4.0], [8.0], [6.0]), "disc-lite": variant([3.0, 1.0], [5.0, 2.0], [4.0, 1.5])},
    }  # fmt: skip
    table = tables.training_table(found)
    assert "| DiSC as its authors run it | 6.00 | 6.00 | 60.0 | 3.0 | 5 | 3 |" in table
    assert "| disc-lite | 4.00 | 1.50 | 20.0 | 1.0 | 5 | 3 |" in table  # (4 + 4 * 1.5) / 5


def test_passes_are_at_least_the_tokens_by_rows() -> None:
    assert passes.call([[3, 3], [3, 3]], rows=2, most=8, on_card=False) == (6, 2)
    assert passes.call([[3, 3], [3, 3]], rows=4, most=8, on_card=False) == (3, 1)
    drawn = passes.lengths(20_000, 60, 45, 10_000, passes.Random(1))
    assert abs(sum(drawn) / len(drawn) - 60) < 2


@pytest.mark.parametrize("kind", [*reading.CORPORA, *reading.FORMATS])
def test_corpora_are_read_whole(kind: str, tmp_path: Path) -> None:
    reading.write_corpus(kind, tmp_path, 120_000)
    found = reading.measure(tmp_path)
    assert found["documents"] == found["files"]
    assert 0.03 < found["text_megabytes"] < 0.2
    assert found["passages"] > 10
    sizes = f"{found['megabytes']:.1f} | {found['text_megabytes']:.1f}"
    assert f"| {kind} | {sizes} | {found['files']} |" in reading.table({kind: found})
