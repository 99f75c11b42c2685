"""The stage of training: what is taught, one pass of the teacher, the loop, the adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from disc_lite.distillation.examples import Lesson
from disc_lite.distillation.methods import LESSON_KINDS, METHODS, Lessons, build_lessons
from disc_lite.distillation.schedule import plan
from disc_lite.distillation.teacher import TeacherStates, read_lessons, teachability
from disc_lite.distillation.training import Step, Task, train
from disc_lite.errors import DocumentsError
from disc_lite.hub.adapters import CONFIG, WEIGHTS
from disc_lite.models import Base
from disc_lite.qa import Pair
from disc_lite.run.context import Workshop
from disc_lite.run.drift_limit import DriftWatch
from disc_lite.run.fit import FitWatch
from disc_lite.storage import append_jsonl, atomic_folder, read_jsonl, write_json, write_jsonl
from disc_lite.synthesis.retention import RetentionExample, retention_lessons

TEACHER_TOKENS = 8192  # read at once by the teacher, which keeps nothing for a backward pass


@dataclass(frozen=True)
class Curriculum:
    """What is taught, and how the teacher stood to it."""

    task: Task
    keep: Task
    teachability: dict[str, float]  # by document
    teacher_tokens: dict[str, int]


def lessons_of(shop: Workshop, pairs: Sequence[Pair]) -> Lessons:
    """The lessons of the recipe's method. Raises DocumentsError where there are none."""
    lessons = build_lessons(shop.texts, pairs, shop.base.tokens, shop.recipe)
    if not lessons.examples:
        raise DocumentsError(
            f"There is nothing to learn with the method `{shop.recipe.method}`.",
            "No pair of question and answer was accepted, or no document has a second sentence.",
            "Add text to the documents, or choose another method (--set method=next_token).",
        )
    return lessons


def prepare(shop: Workshop, lessons: Lessons, retention: Sequence[RetentionExample]) -> Curriculum:
    """One pass of the teacher over the lessons, and over the retention examples."""
    recipe = shop.recipe
    keep_states = (
        _taught(shop, retention_lessons(retention), "retention") if recipe.retention.weight > 0 and retention else None
    )
    keep = Task(tuple(keep_states.examples) if keep_states else (), keep_states)
    if not METHODS[recipe.method].has_teacher:
        return Curriculum(Task(lessons.examples, None), keep, {}, {})
    states = _taught(shop, lessons.all, "documents")
    tokens = {kind: sum(lesson.tokens for lesson in found) for kind, found in lessons.by_kind.items()}
    return Curriculum(Task(tuple(states.examples), states), keep, _teachability(shop, states), tokens)


def _taught(shop: Workshop, lessons: Sequence[Lesson], what: str) -> TeacherStates:
    folder, limit_gib = shop.folder.cache / what, shop.recipe.memory.teacher_cache_gib
    on_batch = _telling(shop, f"reads {what}", sum(lesson.tokens for lesson in lessons))
    return read_lessons(shop.base, lessons, TEACHER_TOKENS, limit_gib, folder, on_batch)


def _teachability(shop: Workshop, states: TeacherStates) -> dict[str, float]:
    """By document; nothing where no kind of lessons measures it."""
    chosen = [i for i, e in enumerate(states.examples) if LESSON_KINDS[e.method].measures_teachability]
    if not chosen:
        return {}
    on_batch = _telling(shop, "compared with the student", sum(len(states.examples[i].input_ids) for i in chosen))
    return teachability(shop.base, states, chosen, shop.recipe.train.tokens_per_batch, on_batch)


def _telling(shop: Workshop, what: str, total: int) -> Callable[[int], None]:
    """Tells of every batch how many tokens of all are read."""
    read = 0

    def on_batch(tokens: int) -> None:
        nonlocal read
        read += tokens
        shop.tell("teacher", what, read, total)

    shop.tell("teacher", what, 0, total)
    return on_batch


def learn(
    shop: Workshop, curriculum: Curriculum, pairs: Sequence[Pair], neutral: Sequence[RetentionExample]
) -> list[Step]:
    """Train from the newest checkpoint on, one line of `metrics.jsonl` a step, until enough is learned.

    Within the limit on drift; `pairs` are those that are trained on, some of which are asked on the way.
    """
    path = shop.folder.metrics
    steps = len(plan(curriculum.task.examples, curriculum.keep.examples, shop.recipe, shop.recipe.seed))
    watch = DriftWatch(shop, neutral, steps)
    if not watch.ended:
        with shop.interrupts.postponed():  # the loop stops by itself, after a step and a save
            _train(shop, curriculum, watch, FitWatch(shop, pairs, steps), path)
    if watch.ended:
        watch.go_back()
    shop.interrupts.check()
    return [Step(**row) for row in read_jsonl(path)]


def _train(shop: Workshop, curriculum: Curriculum, watch: DriftWatch, fit: FitWatch, path: Path) -> None:
    rows = read_jsonl(path, missing_ok=True)
    steps = train(
        shop.base, curriculum.task, curriculum.keep, shop.recipe, shop.recipe.seed,
        shop.folder.checkpoints, shop.interrupts.asked, fit.learned_at,
    )  # fmt: skip
    for number, step in enumerate(steps):
        if number == 0:  # what was measured after the checkpoint is measured again
            rows = [row for row in rows if row["step"] < step.step]
            write_jsonl(path, rows)
            if step.step > 1:
                append_jsonl(shop.folder.resumes, {"after_step": step.step - 1})
        append_jsonl(path, asdict(step))
        shop.tell("training", done=step.step, total=step.steps, **asdict(step))
        if watch.exceeded(step):
            return


def save_adapter(base: Base, reference: str, target: Path) -> None:
    """Write the adapter as plain PEFT loads it: config and safetensors, nothing asked of a hub."""
    if target.is_dir():
        return
    config = base.model.peft_config["default"].to_dict()
    config.update(base_model_name_or_path=reference, inference_mode=True)
    config["target_modules"] = sorted(config["target_modules"])
    state = base.adapter_state()
    with atomic_folder(target) as temporary:
        save_file({n: t.detach().cpu().contiguous() for n, t in state.items()}, temporary / WEIGHTS)
        write_json(temporary / CONFIG, {k: _plain(v) for k, v in sorted(config.items())})


def _plain(value: Any) -> Any:
    """Enums and sets of a PEFT configuration as JSON has them."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return getattr(value, "value", value)
