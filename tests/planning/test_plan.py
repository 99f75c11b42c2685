"""The plan of a run: what is counted, what is chosen for the memory there is, and what does not fit."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from disc_lite.cli.plan import show_plan
from disc_lite.distillation.examples import tokenise, within
from disc_lite.distillation.prompting import AnswerPrompts, prompt_lessons
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.errors import EnvironmentNotReady, UsageError, WillNotFit
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts
from disc_lite.hub.aliases import ALIASES
from disc_lite.models import Tokens
from disc_lite.planning import choice, corpus, workload
from disc_lite.planning.amounts import details_asked
from disc_lite.planning.cards import CARDS, OF_SIZE, card_named, card_of_device, usable_bytes
from disc_lite.planning.choice import choose
from disc_lite.planning.corpus import OwnPairs, TakenOver, corpus_of
from disc_lite.planning.estimate import Budget, as_json, by_size, on_smallest_card, plan_run
from disc_lite.planning.memory import ALL_LAYERS, CUDA, Footprint, TrainingSetup
from disc_lite.planning.shapes import known_shapes, shape_of_alias, shape_of_folder
from disc_lite.planning.sizes import GIB, READING_TOKENS, TREE_TOKENS
from disc_lite.qa import Pair
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.overhead import overhead_of
from disc_lite.run.plan import plan
from disc_lite.run.room import bytes_of, require_room
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "examples" / "handbook"
POCKET = ROOT / "disc_lite" / "pocket"


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
    with pytest.raises(UsageError, match="There is no card 'rtx-4091' whose speed is known"):
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


def test_what_does_not_fit_on_a_cpu_is_not_sent_to_one() -> None:
    made = plan(HANDBOOK, "pocket", device="cpu", host_ram="0.3GB")
    with pytest.raises(WillNotFit) as caught:
        require_room(made)
    assert "a machine with more memory" in caught.value.remedy and "cpu" not in caught.value.remedy


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
        assert 1.4 < (more - 1) / taken * 32 + 1 < 1.5  # a third of the work, but for the head and the adapter


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
    """A student of 4,096 tokens and a teacher of 8,192, by arithmetic; `bench/gpu.sh` measures it."""
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
    assert stage.parts["mask"] == CUDA.mask_bytes * READING_TOKENS**2
    # A card so small that all other stages take as little as they can.
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


@pytest.mark.parametrize("worked", [True, False])
def test_no_lesson_is_longer_than_its_plan_says(worked: bool) -> None:
    """With the longest questions and answers that the recipe allows, about the longest passage."""
    recipe = recipe_of(prompt={"worked_examples": worked})
    tokens, document = Tokens(POCKET), document_of(CORPUS * 4)
    (text,) = tokenise([document], tokens, recipe.documents.passage_tokens)
    corpus = corpus_of([document], 0, tokenizer_of(POCKET), recipe)
    planned = workload.workload_of(corpus, recipe, overhead=overhead_of(POCKET))
    word = next(w for w in ("a", "x", "7") if len(tokens.text(f" {w}" * 9)) == 9)
    long = [f" {word}" * (most - 2) for most in (recipe.prompt.question_tokens, recipe.prompt.answer_tokens)]
    passage = max(text.passages, key=lambda p: p.end - p.start)
    source = max((text.sentence_text(*s) for s in passage.sentences), key=len)
    pairs = [Pair(document.name, passage.index, f"{n}{long[0]}?", f"{n}{long[1]}", source) for n in range(70)]
    lessons = prompt_lessons([text], pairs, AnswerPrompts(tokens, worked))
    assert max(lesson.tokens for lesson in lessons) <= planned.longest_lesson
    assert max(lesson.tokens for lesson in lessons) > 0.7 * planned.longest_lesson
    assert max(part.tokens for lesson in lessons for part in within(lesson, 1)) <= planned.longest_path


def test_named_settings_are_kept() -> None:
    fixed = {"execution.micro_batch_tokens": "512", "execution.optimizer_bits": "32"}
    way = plan(HANDBOOK, "mistral-7b", overrides=fixed, max_vram="24GB").choice.setup  # type: ignore[union-attr]
    assert (way.micro_batch_tokens, way.optimizer_bits) == (512, 32)
    assert plan(HANDBOOK, "mistral-7b", overrides={**fixed, "lora.rank": "256"}, max_vram="8GB").choice is None


@pytest.mark.parametrize(
    ("model", "vram", "overrides", "remedy"),
    [
        ("mistral-7b", "8GB", {"lora.rank": "256"}, "lora.rank=32"),
        ("mistral-7b", "16GB", {"memory.quantize": "none"}, "memory.quantize=nf4"),
        ("mistral-7b", "8GB", {"execution.optimizer_bits": "32", "lora.rank": "96"}, "execution.optimizer_bits=8"),
        ("qwen2.5-14b", "8GB", {}, "--model "),
        ("pocket", "0.8GB", {}, "--device cpu"),
    ],
)
def test_what_does_not_fit_says_the_cheapest_change_that_fits(
    model: str, vram: str, overrides: dict[str, str], remedy: str
) -> None:
    made = plan(HANDBOOK, model, overrides=overrides, max_vram=vram, recipe="default")
    assert made.choice is None
    with pytest.raises(WillNotFit) as caught:
        require_room(made)
    assert remedy in caught.value.remedy
    assert len(caught.value.lines()) == 3


def test_host_memory_and_disk_are_checked_too() -> None:
    with pytest.raises(WillNotFit, match="memory of this machine") as full:
        require_room(plan(HANDBOOK, "mistral-7b", max_vram="24GB", host_ram="2GB"))
    assert "documents" not in full.value.remedy  # that is the process, whatever it is taught
    made = plan(HANDBOOK, "pocket", device="cpu", host_ram="1GB")
    assert made.choice is not None
    assert made.host_bytes > made.choice.peak
    with pytest.raises(WillNotFit, match=r"needs about [1-9]\d* MiB of disk") as error:
        require_room(replace(made, budget=replace(made.budget, host_bytes=None, disk_bytes=3 * 2**20)))
    assert "There are 3 MiB." in str(error.value.lines())
    assert plan(HANDBOOK, "smollm2-360m", device="cpu", host_ram="1GB").choice is None


def test_no_more_waits_on_the_host_than_there_is_room_for() -> None:
    """Passes are smaller then; only what the recipe wants there is refused."""

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
    """On Apple's GPUs they cannot: neither chosen nor advised."""
    on_cpu, on_mps = (plan(HANDBOOK, "smollm2-360m", device=device, host_ram="1.4GB") for device in ("cpu", "mps"))
    assert on_cpu.choice and on_cpu.choice.setup.optimizer_bits == 8
    with pytest.raises(WillNotFit) as caught:
        require_room(on_mps)
    assert "lora.rank=" in caught.value.remedy


def test_what_the_host_has_no_room_for_does_not_fit() -> None:
    assert as_json(plan(HANDBOOK, "mistral-7b", max_vram="24GB", host_ram="2GB"))["fits"] is False
    made = plan(HANDBOOK, "llama-3.1-8b", host_ram="3.01GB")  # on 8 GB it needs 2.9 GiB beside the process
    assert (made.budget.assumed_gib, made.fits) == (10, True)
    eight, *larger = as_json(made)["by_size"].values()
    assert (eight["fits"], eight["minutes"]) == (False, None) and all(row["fits"] for row in larger)
    show_plan(made, console := Console(record=True, width=120))
    assert "8 GB   does not fit" in console.export_text()


def test_what_does_not_fit_has_no_time() -> None:
    told = as_json(plan(HANDBOOK, "mistral-7b", max_vram="4GB", card="rtx-4060"))
    assert told["fits"] is False and told["minutes"] is None
    assert all((row["minutes"] is None) != row["fits"] for row in told["by_size"].values())
    with pytest.raises(UsageError, match="--cpu plans without a GPU"):
        plan(HANDBOOK, "pocket", device="cpu", card="rtx-4060")


def test_documents_are_counted_as_a_run_counts_them() -> None:
    recipe = recipe_of(documents={"passage_tokens": 64}, prompt={"kinds": "plain"})
    documents = [document_of(CORPUS), document_of("Ada keeps the keys. Nobody sweeps the hall.", "b.md")]
    tokenizer = tokenizer_of(POCKET)
    exact, about = corpus_of(documents, 1, tokenizer, recipe), corpus_of(documents, 1, None, recipe)
    assert tokenizer is not None
    assert exact.tokens == sum(len(tokenizer(d.text)) for d in documents)
    assert (exact.counted, about.counted) == (True, False)
    assert exact.pairs == recipe.prompt.questions_per_sentence * exact.sentences
    assert (exact.documents, exact.refused) == (2, 1)
    assert about.sentences == pytest.approx(exact.sentences, rel=0.1)
    assert corpus_of(documents, 0, None, recipe, [Pair("b.md", 0, "Who?", "Ada.")] * 7).pairs == 7


def test_details_that_are_asked_for_have_pairs_of_their_own() -> None:
    document = document_of("Anna Vind has led Mill 7 since 4 May. It is cold there.")  # three details, and none
    assert corpus_of([document], 0, None, recipe_of()).pairs == 6 * (3 + 1) / 2 + 6
    for without in ({"kinds": "plain, rephrased"}, {"worked_examples": False}):
        assert corpus_of([document], 0, None, recipe_of(prompt=without)).pairs == 12
    assert corpus_of([document], 0, None, recipe_of(prompt={"questions_per_passage": 9})).pairs == 9


def test_details_are_those_of_the_language_that_a_passage_has_under_its_heading() -> None:
    """ "Miete" is a noun in German and would be a name elsewhere; the document is English."""
    english = "# Who pays\n\n" + "It is for the house, and that is all there is to say of it. " * 30
    small, heading = recipe_of(documents={"passage_tokens": 32}), "# Was wird von wem und für das Haus gezahlt"
    pairs = [
        corpus_of(
            [document_of(f"{english}\n\n{heading}\n\n" + f"Anna Brink zahlt {word}. " * 20)], 0, None, small
        ).pairs
        for word in ("Miete", "miete")
    ]
    assert pairs[0] == pairs[1]


def test_the_details_of_many_passages_are_counted_in_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(documents={"passage_tokens": 64})
    documents = [document_of(f"Anna Vind has led Mill {n} since 4 May. It is cold there.", f"{n}.md") for n in range(9)]
    every = corpus_of(documents, 0, None, recipe)
    read = list[str]()

    def counted(sentence: str, language: str, recipe: Recipe) -> tuple[str, ...]:
        read.append(sentence)
        return details_asked(sentence, language, recipe)

    monkeypatch.setattr(corpus, "details_asked", counted)
    monkeypatch.setattr(corpus, "SAMPLED", 4)
    some = corpus_of(documents, 0, None, recipe)
    assert len(read) == 2 * 3  # of the first, fourth and seventh
    assert (some.pairs, some.sentences) == (every.pairs, every.sentences)


def test_an_update_is_planned_with_what_it_teaches_and_rehearses() -> None:
    documents = [document_of(CORPUS), document_of("Ada keeps the keys. Nobody sweeps the hall.", "b.md")]
    recipe = recipe_of(documents={"passage_tokens": 32}, retention={"weight": 0}, update={"rehearse": 2.0})
    whole = corpus_of(documents, 0, None, recipe)
    known = {("guide.md", n) for n in range(whole.passages - 1)}
    since = {"unchanged": len(known), "changed": 0, "new": 1, "removed": 0}
    pairs = [Pair("guide.md", 0, "Who keeps the keys of the hall?", "Ada Brink keeps them.")] * 100

    def of(number: int, asked: int = 0) -> Any:
        gone = [f"Who runs mill {n}?" for n in range(asked)]
        return replace(corpus_of(documents, 0, None, recipe, (), TakenOver(known, pairs[:number], gone)), since=since)

    def planned(corpus: Any) -> Any:
        return workload.workload_of(corpus, recipe)

    taught = of(100)
    assert (taught.documents, taught.passages) == (2, 1)
    assert taught.pairs == recipe.prompt.questions_per_sentence * 2
    alone, made = planned(replace(taught, since=None, rehearsed=None)), planned(taught)
    taken = taught.rehearsed.own_pairs
    each = workload.ASSUMED.turn + taken.question + taken.answer
    rehearsed = recipe.train.epochs * 2 * taught.pairs * each
    assert made.student_tokens == pytest.approx(alone.student_tokens + rehearsed, abs=3)
    assert made.teacher_tokens > 2 * alone.teacher_tokens
    assert made.examples == alone.examples
    # Questions to measure with are written about what is new alone, as many pairs as without an update.
    assert 0 < alone.generated_tokens - made.generated_tokens < 2 * recipe.evaluation.questions * 40
    given = replace(taught, own_pairs=OwnPairs(20, 40, 80))  # nothing is drafted
    assert planned(given).generated_tokens < made.generated_tokens
    few = planned(of(3))  # there is no more to rehearse
    assert few.student_tokens == pytest.approx(alone.student_tokens + recipe.train.epochs * 3 * each, abs=3)
    # What is unlearned is taught, and rehearsed for too.
    both = planned(of(100, 5))
    assert both.examples == {"prompt": taught.pairs + 5}
    assert both.teacher_tokens > made.teacher_tokens and both.generated_tokens > made.generated_tokens


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_has_a_workload(method: Any) -> None:
    recipe = recipe_of(method=method, retention={"weight": 0}, train={"least_steps": 0})
    corpus = corpus_of([document_of(CORPUS)], 0, None, recipe)
    work = workload.workload_of(corpus, recipe)
    assert set(work.examples) == set(METHODS[method].lessons)
    assert work.steps >= math.ceil(work.student_tokens / recipe.train.tokens_per_batch)
    assert (work.teacher_tokens > 0) == METHODS[method].has_teacher == (work.state_positions > 0)
    kept = workload.workload_of(corpus, recipe_of(method=method, retention={"share": 3.0, "max_reads": 5}))
    assert kept.student_tokens == pytest.approx(4 * work.student_tokens, rel=0.01)
    assert kept.retention_prompts >= 200


def test_as_many_instructions_and_prompts_are_planned_as_there_are() -> None:
    assert len(load_instructions()) == workload.INSTRUCTIONS
    assert len(neutral_prompts()) == workload.NEUTRAL_PROMPTS


def test_cards_and_sizes_by_their_names() -> None:
    assert card_named("NVIDIA GeForce RTX 4090".replace("GeForce ", "")).name == "rtx-4090"
    with pytest.raises(UsageError, match="rtx-4090"):
        card_named("rtx-4091")
    assert {CARDS[name].memory_gib for name in OF_SIZE.values()} == set(OF_SIZE)
    assert bytes_of("8GB", "--x") == bytes_of(" 8 gib", "--x") == 8 * GIB
    for wrong in ("8MB", "eight", "0", "-1GB", ""):
        with pytest.raises(UsageError, match="--max-vram"):
            bytes_of(wrong, "--max-vram")


@pytest.mark.parametrize(("device", "card"), [
    ("NVIDIA GeForce RTX 4090", "rtx-4090"), ("NVIDIA GeForce RTX 4060 Ti", "rtx-4060-ti"),
    ("NVIDIA GeForce RTX 4070 Ti SUPER", "rtx-4070-ti-super"), ("NVIDIA L40S", "l40s"), ("NVIDIA L4", "l4"),
    ("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA A100-SXM4-80GB", "a100"), ("NVIDIA RTX A6000", "rtx-a6000"),
    ("NVIDIA H200", "h200"), ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada-generation"),
    # Others than those that they begin like, and slower.
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None), ("NVIDIA GeForce RTX 4090 D", None), ("NVIDIA H100 PCIe", None),
    ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None), ("AMD Instinct MI300X", None), ("", None),
])  # fmt: skip
def test_a_device_is_the_card_whose_whole_name_it_has(device: str, card: str | None) -> None:
    assert getattr(card_of_device(device), "name", None) == card


def test_a_model_whose_sizes_are_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="not known here"):
        plan(HANDBOOK, "nobody/nothing")
    for text in ('{"hidden_size": "large"}', "[]", "{", '{"n_embd": 64}'):
        (tmp_path / "config.json").write_text(text)
        assert shape_of_folder(tmp_path) is None


def test_more_of_anything_needs_more_memory() -> None:
    for shape in known_shapes():
        one, two = (Footprint(shape, "nf4", rank, CUDA) for rank in (16, 64))
        assert one.generation(8, 500).peak > one.generation(4, 500).peak
        assert one.rows(500, 80 * GIB) >= one.rows(500, 12 * GIB) >= two.rows(500, 12 * GIB) >= 1
        assert two.reading(8192).peak > two.reading(4096).peak > one.reading(4096).peak


def test_the_command_loads_no_torch_and_prints_json() -> None:
    code = "import sys\nfrom disc_lite.cli import main\n"
    arguments = [
        "disc-lite",
        "plan",
        str(HANDBOOK),
        "--model",
        "mistral-7b",
        "--max-vram",
        "8GB",
        "--card",
        "rtx-4060",
        "--json",
    ]
    code += f"sys.argv = {arguments!r}\ntry:\n    main()\nexcept SystemExit as leaving:\n"
    code += "    print('torch' in sys.modules, leaving.code, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False 0"
    found = json.loads(done.stdout)
    assert found["chosen"]["optimizer_bits"] == 32
    assert found["chosen"]["host_embedding"]
    assert set(found["by_size"]) == {"8 GB", "12 GB", "16 GB", "24 GB"}
    assert found["stages"]["training"]["peak"] <= found["card_bytes"]
    assert set(found["minutes"]) == {"generation", "teacher", "training"}
    assert found == json.loads(json.dumps(as_json(plan(HANDBOOK, "mistral-7b", max_vram="8GB", card="rtx-4060"))))


def test_the_plan_says_what_the_teacher_reads_again() -> None:
    whole = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides={"prompt.questions_per_sentence": "400"})
    assert whole.state_bytes > 16 * GIB  # of more than three shards
    assert (whole.read_again, whole.cache_bytes) == (0, pytest.approx(whole.state_bytes, abs=99))
    overrides = {"prompt.questions_per_sentence": "400", "execution.teacher_cache_gib": "13"}
    part = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides=overrides)
    assert 0 < part.read_again < 1
    assert part.cache_bytes <= 13 * GIB
    again = 2.0 * part.shape.linear_parameters * part.workload.teacher_tokens * 10 * part.read_again
    assert part.operations["teacher"] == pytest.approx(whole.operations["teacher"] + again)
    little = replace(part, budget=replace(part.budget, disk_bytes=part._saved_bytes))
    assert little.read_again == 1
    with pytest.raises(WillNotFit, match="of disk"):
        require_room(little)
    require_room(replace(part, budget=replace(part.budget, disk_bytes=9 * GIB + part._saved_bytes)))


def test_a_teacher_that_reads_in_later_epochs_has_the_state_of_adamw_beside_it() -> None:
    for gib, again in (("99", False), ("13", True)):
        overrides = {"prompt.questions_per_sentence": "400", "execution.teacher_cache_gib": gib}
        made = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides=overrides)
        assert made.choice and (made.read_again > 0) == again
        stages = {stage.name: stage.parts for stage in made.choice.stages}
        assert stages["teacher"].get("optimizer", 0) == stages["training"]["optimizer"] * again
