"""What a plan chooses for the available memory: card, passes, recomputed layers, and what goes to the host."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from disc_lite.cli.plan import show_plan
from disc_lite.errors import UsageError, WillNotFit
from disc_lite.hub.aliases import ALIASES
from disc_lite.planning import choice
from disc_lite.planning.cards import OF_SIZE, usable_bytes
from disc_lite.planning.choice import choose
from disc_lite.planning.cpu import process_bytes
from disc_lite.planning.estimate import Budget, by_size, on_smallest_card, plan_run
from disc_lite.planning.memory import ALL_LAYERS, CUDA, Footprint, TrainingSetup
from disc_lite.planning.shapes import shape_of_alias, shape_of_folder
from disc_lite.planning.sizes import GIB, READING_TOKENS, TREE_TOKENS
from disc_lite.run.budget import require_room
from disc_lite.run.plan import plan

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"


def test_the_same_run_on_cards_of_every_size() -> None:
    made = plan(HANDBOOK, "mistral-7b")
    rows = by_size(made)
    assert [size for size, _, _ in rows] == list(OF_SIZE)
    eight, *larger = (it.choice for _, _, it in rows)
    assert eight is not None
    assert eight.setup == TrainingSetup(2048, 31, 32, host_checkpoints=True, host_embedding=True, passes=2)
    twelve, *largest = (found.setup for found in larger if found)
    assert (twelve.optimizer_bits, twelve.host_checkpoints) == (32, False) and 0 < twelve.recomputed < 16
    assert all((w.optimizer_bits, w.recomputed, w.host_checkpoints, w.host_embedding) == (32, 0, False, False)
               for w in largest)  # fmt: skip
    for size, _, it in rows:
        assert it.choice is not None
        assert it.choice.peak <= usable_bytes(size * GIB)
        assert it.choice.generation_rows > 1
    times = [sum(it.minutes(card).values()) for _, card, it in rows]
    assert times[0] > times[-1] > 1
    assert [sum(it.minutes(card.name).values()) for _, card, it in rows] == times
    with pytest.raises(UsageError, match="The speed of a card 'rtx-4091' is not known"):
        made.minutes("rtx-4091")


def test_without_a_card_the_smallest_is_assumed_on_which_the_run_fits() -> None:
    made = plan(HANDBOOK, "mistral-7b")
    assert (made.budget.assumed_gib, made.budget.card_bytes) == (8, usable_bytes(8 * GIB))
    assert made.choice == plan(HANDBOOK, "mistral-7b", max_vram="8GB").choice
    assert plan(HANDBOOK, "mistral-7b", overrides={"memory.quantize": "none"}).budget.assumed_gib == 24
    assert plan(HANDBOOK, "mistral-7b", max_vram="24GB").budget.assumed_gib is None
    assert plan(HANDBOOK, "pocket", device="cpu").budget.assumed_gib is None


def test_what_fits_on_no_card_is_planned_for_the_largest_and_does_not_fit() -> None:
    made = plan(HANDBOOK, "qwen2.5-14b")
    vast = replace(made.shape, kinds=tuple(replace(kind, count=100 * kind.count) for kind in made.shape.kinds))
    largest = on_smallest_card(plan_run(vast, made.recipe, made.corpus, made.workload, Budget(None, None, None, None)))
    assert (largest.choice, largest.budget.assumed_gib) == (None, 141)
    with pytest.raises(WillNotFit, match=r"does not fit into the 13\d\.\d GiB"):
        require_room(largest)
    show_plan(largest, console := Console(record=True, width=120))
    assert "For a GPU of 141 GB, the largest that is known" in console.export_text()


def test_the_cheapest_way_that_fits_is_taken_and_nothing_else_changes() -> None:
    chosen = [plan(HANDBOOK, "qwen3-8b", max_vram=f"{size}GB") for size in (80, 24, 14, 12, 10, 9)]
    costs = [choice._cost(it.choice.setup, it.footprint) for it in chosen if it.choice]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(chosen)
    assert all(it.workload == chosen[0].workload for it in chosen)
    for it in chosen:
        execution = require_room(it)
        whole = it.choice.setup.passes == 1  # type: ignore[union-attr]
        assert (execution.micro_batch_tokens == 0) == whole


@pytest.mark.parametrize("size", [16, 14, 12, 10])
def test_as_few_layers_are_computed_again_as_fit(size: int) -> None:
    found = plan(HANDBOOK, "mistral-7b", max_vram=f"{size}GB")
    assert found.choice
    way, least = found.choice.setup, usable_bytes(size * GIB)
    cheaper = [
        replace(way, recomputed=again, micro_batch_tokens=tokens, passes=-(-4096 // tokens))
        for again in range(33) for tokens in (1024, 1366, 2048, 4096)
    ]  # fmt: skip
    cost = choice._cost(way, found.footprint)
    cheaper = [each for each in cheaper if choice._cost(each, found.footprint) < cost]
    assert cheaper
    assert found.choice.stages[-1].peak <= least
    longest = max(TREE_TOKENS, found.workload.longest_student)
    assert all(found.footprint.training(each, row_tokens=longest).peak > least for each in cheaper)


def test_as_many_layers_are_computed_again_as_are_named() -> None:
    for named, taken in ((7, 7), (1000, 32)):
        overrides = {"execution.recomputed_layers": named}
        found = plan(HANDBOOK, "mistral-7b", overrides=overrides, max_vram="24GB")
        assert found.choice and found.choice.setup.recomputed == taken
        assert require_room(found).recomputed_layers == taken
        whole = plan(HANDBOOK, "mistral-7b", max_vram="24GB")
        more = found.operations["training"] / whole.operations["training"]
        assert 1.4 < (more - 1) / taken * 32 + 1 < 1.5  # a third of the work, except for the head and the adapter


def test_a_micro_batch_that_is_named_smaller_than_an_example_holds_that_example() -> None:
    found = [
        plan(HANDBOOK, "mistral-7b", overrides={"execution.micro_batch_tokens": tokens}, max_vram="24GB")
        for tokens in (16, plan(HANDBOOK, "mistral-7b").workload.longest_student)
    ]
    (small, longest) = (it.choice for it in found)
    assert small and longest and small.setup.micro_batch_tokens == 16
    assert small.stages[-1].peak == longest.stages[-1].peak


@pytest.mark.parametrize(("model", "most"), [("mistral-7b", 5.3), ("llama-3.1-8b", 5.8), ("qwen3-8b", 6.0)])
def test_the_aims_of_rank_16(model: str, most: float) -> None:
    """A student of 4,096 tokens and a teacher of 8,192, by arithmetic. `bench/gpu.sh` measures it."""
    footprint = Footprint(shape_of_alias(ALIASES[model]), "nf4", 16, CUDA)
    way = TrainingSetup(4096, ALL_LAYERS, 8, host_checkpoints=True, host_embedding=True)
    assert footprint.training(way).peak < most * GIB
    assert footprint.reading(8192, 0, True).peak < most * GIB
    assert footprint.on_host(way) > footprint.training(replace(way, host_checkpoints=False)).peak / 10


def test_what_goes_to_the_host_is_named_or_needed() -> None:
    def way(vram: str, **settings: str) -> TrainingSetup:
        overrides = {f"execution.{key}": value for key, value in settings.items()}
        found = plan(HANDBOOK, "llama-3.1-8b", overrides=overrides, max_vram=vram)
        assert found.choice is not None
        execution = require_room(found)
        wanted = ("host" if found.choice.setup.host_checkpoints else "device"), (
            "host" if found.choice.setup.host_embedding else "device")  # fmt: skip
        assert (execution.layer_checkpoints, execution.embedding) == wanted
        return found.choice.setup

    assert not way("24GB").host_checkpoints
    small = way("8GB")
    assert small.host_checkpoints
    assert small.host_embedding
    assert way("24GB", layer_checkpoints="host", recomputed_layers="9").host_checkpoints
    assert way("24GB", embedding="host").host_embedding
    tied = plan(HANDBOOK, "llama-3.2-1b", overrides={"execution.embedding": "host"}, max_vram="8GB").choice
    assert not tied.setup.host_embedding  # type: ignore[union-attr]
    for setting in ("auto", "host"):
        named = {"execution.layer_checkpoints": setting, "execution.embedding": setting}
        on_cpu = plan(HANDBOOK, "mistral-7b", overrides=named, device="cpu", host_ram="64GB").choice
        assert not (on_cpu.setup.host_checkpoints or on_cpu.setup.host_embedding)  # type: ignore[union-attr]


def test_the_teacher_reads_what_was_planned() -> None:
    found = plan(HANDBOOK, "mistral-7b", overrides={"execution.embedding": "device"}, max_vram="24GB")
    assert require_room(found).reading_tokens == READING_TOKENS
    path = found.workload.longest_path
    assert path < READING_TOKENS < found.workload.longest_lesson  # which is read in parts
    stage = found.footprint.reading(READING_TOKENS, READING_TOKENS)
    assert stage.parts["mask"] == CUDA.value_bytes * READING_TOKENS**2
    # The card is so small that all other stages take as little as possible.
    for size in (READING_TOKENS, path):
        less = found.footprint.reading(size, size).peak - 1
        given = (found.footprint, found.workload, found.recipe, less, TrainingSetup(256, ALL_LAYERS, 8))
        read = choice._reading(*given)
        assert (read is None) if size == path else path <= read[0] < READING_TOKENS  # type: ignore[index]
    for tokens in (path + 1, path - 1):
        execution = found.recipe.execution.model_copy(update={"reading_tokens": tokens})
        named = found.recipe.model_copy(update={"execution": execution})
        chosen = choose(found.footprint, found.workload, named, None)
        assert chosen.reading_tokens == max(tokens, path)  # type: ignore[union-attr]


GEMMA_2_9B = {
    "model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42, "num_attention_heads": 16,
    "num_key_value_heads": 8, "intermediate_size": 14336,
}  # fmt: skip


def test_a_teacher_that_caps_its_scores_reads_less_at_once(tmp_path: Path) -> None:
    """Gemma 2 9B on 12 GB: scores of a tree of 8,192 tokens would take 10 GiB."""
    (tmp_path / "config.json").write_text(json.dumps(GEMMA_2_9B))
    gemma = shape_of_folder(tmp_path)
    assert gemma is not None
    made = plan(HANDBOOK, "mistral-7b", max_vram="12GB")
    capped, plain = (
        plan_run(shape, made.recipe, made.corpus, made.workload, made.budget)
        for shape in (gemma, replace(gemma, capped=False))
    )
    assert require_room(plain).reading_tokens == READING_TOKENS
    assert made.workload.longest_path <= require_room(capped).reading_tokens < READING_TOKENS
    whole = capped.footprint.reading(READING_TOKENS, READING_TOKENS)
    assert whole.parts["scores"] == pytest.approx(16 * 10 * READING_TOKENS**2, rel=0.02)


def test_named_settings_are_kept() -> None:
    fixed = {"execution.micro_batch_tokens": "512", "execution.optimizer_bits": "32"}
    way = plan(HANDBOOK, "mistral-7b", overrides=fixed, max_vram="24GB").choice.setup  # type: ignore[union-attr]
    assert (way.micro_batch_tokens, way.optimizer_bits) == (512, 32)
    assert plan(HANDBOOK, "mistral-7b", overrides={**fixed, "lora.rank": "256"}, max_vram="8GB").choice is None


def test_no_more_waits_on_the_host_than_there_is_room_for() -> None:
    """Passes are smaller then; only what the recipe requires on the host is refused."""

    def way(host_ram: str | None, **named: str) -> TrainingSetup:
        made = plan(HANDBOOK, "mistral-7b", overrides=named, max_vram="8GB", host_ram=host_ram)
        assert made.choice
        require_room(made)
        return made.choice.setup

    for ample in (None, "4.3GB"):
        assert way(ample) == TrainingSetup(2048, 31, 32, host_checkpoints=True, host_embedding=True, passes=2)
    assert way("3.9GB") == TrainingSetup(1366, 31, 32, host_checkpoints=False, host_embedding=True, passes=3)
    assert not way("3.1GB").host_embedding
    named = {"execution.layer_checkpoints": "host"}
    assert way("3.9GB", **named).micro_batch_tokens < 2048
    with pytest.raises(WillNotFit, match="memory of this machine"):
        way("3.01GB", **named)


def test_eight_bits_are_planned_where_they_can_be_had() -> None:
    """They are not available on Apple's GPUs, so they are neither chosen nor recommended there."""
    ram = f"{process_bytes() / GIB + 0.81}GB"  # PyTorch's CUDA build needs more than its CPU build
    on_cpu, on_mps = (plan(HANDBOOK, "smollm2-360m", device=device, host_ram=ram) for device in ("cpu", "mps"))
    assert on_cpu.choice and on_cpu.choice.setup.optimizer_bits == 8
    with pytest.raises(WillNotFit) as caught:
        require_room(on_mps)
    assert "lora.rank=" in caught.value.remedy
