"""A plan counts what a run has: examples, tokens, steps and their size, for lessons as a run builds them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from disc_lite.distillation.examples import Example, tokenise
from disc_lite.distillation.methods import build_lessons
from disc_lite.distillation.schedule import batches
from disc_lite.documents import ReadingOptions, read_documents
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.models import Tokens
from disc_lite.packing import length, paths
from disc_lite.planning.amounts import rehearsed_examples
from disc_lite.planning.choice import choose
from disc_lite.planning.corpus import corpus_of
from disc_lite.planning.lessons import PromptOverhead
from disc_lite.planning.memory import APART_PADDING
from disc_lite.planning.workload import Workload, workload_of
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair
from disc_lite.recipe import load_recipe
from disc_lite.run.budget import require_room
from disc_lite.run.overhead import overhead_of
from disc_lite.run.plan import plan
from tests.tiny_families import make_family

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK, POCKET = ROOT / "examples" / "handbook", ROOT / "disc_lite" / "pocket"
GENERATED = 119  # tokens of a typical self-generated prompt with its answer
ASKED, ANSWERED = "What does the handbook say about number {} of {}?", "Nobody knows that, {} times."


@cache
def handbook(passage_tokens: int = 64) -> tuple[Text, ...]:
    documents, _ = read_documents([HANDBOOK], ReadingOptions("", False, ""), lambda done, total, name: None)
    return tokenise(documents, Tokens(POCKET), passage_tokens)


@cache
def some_pairs(passage_tokens: int = 64) -> tuple[Pair, ...]:
    """Four pairs for every passage."""
    return tuple(
        Pair(text.document.name, passage.index, ASKED.format(n, passage.index), ANSWERED.format(n))
        for text in handbook(passage_tokens) for passage in text.passages for n in range(4)
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "disc"},
        {"method": "disc", "disc.targets": "paper", "disc.targets_per_document": "3"},
        {"method": "disc", "disc.anchor": "mixed", "retention.weight": "0"},
        {"method": "prompt"},
        {"method": "both", "disc.share": "0.2"},
        {"method": "sft", "train.least_steps": "0"},
        {"method": "next_token"},
        {"method": "next_token", "documents.passage_tokens": "16"},
        {"method": "disc", "documents.passage_tokens": "16", "disc.anchor": "none"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_a_plan_counts_the_training_that_a_run_has(tmp_path: Path, settings: dict[str, str]) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(vars(pair)) for pair in some_pairs()))
    overrides = {"documents.passage_tokens": "64", **settings}
    made = plan(HANDBOOK, "pocket", recipe="default", pairs=path, overrides=overrides, device="cpu")
    recipe, work = made.recipe, made.workload
    examples = build_lessons(handbook(recipe.documents.passage_tokens), some_pairs(), Tokens(POCKET), recipe).examples
    generated = [Example("retention", "", tuple(range(GENERATED)), (1,))] * work.retention_prompts
    steps = batches(examples, generated, recipe)
    sizes = [sum(len(examples[i].input_ids) for i in step.task) + GENERATED * len(step.retention) for step in steps]
    taken = Counter(examples[i].kind for step in steps for i in step.task)
    assert work.examples == {kind: number / recipe.train.epochs for kind, number in taken.items()}
    assert work.student_tokens == pytest.approx(sum(sizes), rel=0.15)
    assert work.steps == pytest.approx(len(steps), rel=0.15)
    measured = [len(example.input_ids) for example in examples if example.kind == "disc"]
    assert work.measured_tokens == pytest.approx(sum(measured), rel=0.15)
    assert work.step_tokens == pytest.approx(max(sizes), abs=1.3 * GENERATED)
    assert work.longest_student >= max(len(example.input_ids) for example in examples)
    assert (require_room(made).micro_batch_tokens or recipe.train.tokens_per_batch + GENERATED) >= max(sizes)
    assert made.choice is not None
    assert made.choice.setup.passes == 1


def test_a_model_that_reads_one_text_a_row_reads_what_texts_share_with_each() -> None:
    recipe = load_recipe("default", {"prompt.worked_examples": "false", "retention.weight": "0"}).recipe
    texts, pairs = handbook(256), some_pairs(256)
    corpus = corpus_of([text.document for text in texts], 0, tokenizer_of(POCKET), recipe, pairs)
    lessons = build_lessons(texts, pairs, Tokens(POCKET), recipe).all
    sizes = [len(example.input_ids) for lesson in lessons for example in lesson.examples]
    read, _ = paths([lesson.sequence for lesson in lessons])

    def of(overhead: PromptOverhead) -> list[Workload]:
        return [workload_of(corpus, recipe, 1, replace(overhead, apart=apart)) for apart in (True, False)]

    alone, together = of(overhead_of(POCKET))
    assert alone.teacher_tokens == pytest.approx(sum(map(length, read)), rel=0.2)
    assert sum(lesson.tokens for lesson in lessons) <= together.teacher_tokens < 0.7 * alone.teacher_tokens
    assert alone.example_tokens == pytest.approx(sum(sizes) / len(sizes), rel=0.15)
    # The pairs are scored with their passage.
    more = (len(pairs) - corpus.passages) * alone.prompt_tokens
    assert alone.read_tokens - together.read_tokens == pytest.approx(more, abs=2)
    alone, together = of(PromptOverhead(system=100, turn=106))
    assert together.computed_tokens < 0.7 * together.student_tokens
    assert alone.computed_tokens == alone.student_tokens == together.student_tokens


def test_rows_of_one_text_are_planned_as_wide_as_the_texts_of_the_run(tmp_path: Path) -> None:
    """A recurrence computes whole chunks, to which short texts are padded."""
    folder = make_family(
        "qwen3_5_text", tmp_path, layer_types=["linear_attention", "full_attention"], max_position_embeddings=4096
    )
    made = plan(HANDBOOK, str(folder), recipe="default", device="cpu")
    assert made.shape.apart and made.choice is not None
    width = round(APART_PADDING * made.workload.example_tokens)
    assert made.choice.stages[-1] == made.footprint.training(made.choice.setup, row_tokens=width)
    assert made.workload.computed_tokens == made.workload.student_tokens
    rows, places = made.choice.generation_rows, made.workload.prompt_tokens + made.recipe.prompt.answer_tokens
    assert made.choice.stages[0] == made.footprint.generation(rows, places)  # every prompt has a row of its own
    short = replace(made.workload, example_tokens=20)
    assert choose(made.footprint, short, made.recipe, None).stages[-1].peak > made.choice.stages[-1].peak  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("disc", "others", "number", "found"),
    [(1000, 10, 200, (190, 10)), (1000, 10, 2000, (500, 10)), (40, 400, 60, (30, 30)), (0, 7, 5, (0, 5)),
     (7, 0, 5, (5, 0)), (1000, 1000, 1, (1, 0)), (0, 0, 5, (0, 0))],
)  # fmt: skip
def test_what_an_update_rehearses_is_mixed_as_in_an_epoch(
    disc: int, others: int, number: int, found: tuple[int, int]
) -> None:
    sizes = {"disc": disc, "prompt": others}
    assert tuple(rehearsed_examples(sizes, number, 0.5).values()) == found
