"""The training stage: lessons, one pass of the teacher, the loop, the adapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from math import inf
from pathlib import Path

from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.examples import AnsweredPrompt, Lesson, retention_lesson
from disc_lite.distillation.methods import Lessons, build_lessons
from disc_lite.distillation.schedule import last_step
from disc_lite.distillation.shards import shards_of
from disc_lite.distillation.teacher import TeacherStates, teachability
from disc_lite.distillation.training import Callbacks, Step, train
from disc_lite.errors import RunFailed
from disc_lite.hub.adapters import CONFIG, TRAINED_ON, TrainedOn
from disc_lite.hub.identity import weights_digest
from disc_lite.models import Base
from disc_lite.models.embedding import embedding_on_host
from disc_lite.planning.amounts import saved_bytes
from disc_lite.planning.sizes import GIB
from disc_lite.qa import Pair
from disc_lite.recipe.methods import DISC, METHODS, PAIRS
from disc_lite.run.context import RunContext, peak_bytes
from disc_lite.run.events import Teller, adding_up, only_if_slow
from disc_lite.run.gathering import nothing_to_learn
from disc_lite.run.stopping import DriftLimit, FitCheck
from disc_lite.run.update import asked_pairs, lessons_of_update, pairs_to_unlearn
from disc_lite.storage import (
    JsonLines,
    append_jsonl,
    atomic_folder,
    bytes_below,
    read_json,
    read_log,
    write_json,
    write_jsonl,
)


def make_adapter(
    context: RunContext, lessons: Lessons, retention: Sequence[AnsweredPrompt], pairs: Sequence[Pair]
) -> None:
    """Attach an adapter, train it and save it in the run folder."""
    attach_adapter(context)
    with embedding_on_host(context.base.causal, context.recipe.execution.embedding == "host"):
        learn(context, prepare(context, lessons, retention), pairs)
    save_adapter(context.base, context.inputs.model.reference, context.folder.adapter)


def lessons_of(context: RunContext, pairs: Sequence[Pair]) -> Lessons:
    """The lessons of the recipe's method; tells the progress if it takes more than a second (30,000 pairs: 20 s).

    Raises RunFailed if the method needs pairs and none was accepted, DocumentsError if there is no example.
    """
    teller = Teller(only_if_slow(context.teller.listener), context.interrupts)
    on_pairs = adding_up(teller.tell, "teacher", "prompts of the pairs", len(pairs))
    with context.interrupts.at_once():
        if context.since:
            lessons = lessons_of_update(context, context.since.changes, pairs, on_pairs)
        else:
            lessons = build_lessons(context.texts, pairs, context.base.tokens, context.recipe, on_pairs=on_pairs)
    if METHODS[context.recipe.method].needs_pairs and not lessons.by_kind[PAIRS]:
        raise _no_pairs(context)
    if not lessons.examples:
        raise nothing_to_learn(context.recipe.method)
    return lessons


def _no_pairs(context: RunContext) -> RunFailed:
    dropped = Counter(read_json(context.folder.pair_drafts)["dropped"])
    most = ", ".join(f"{reason} ({number:,})" for reason, number in dropped.most_common(3) if number)
    return RunFailed(
        f"No question-answer pair was accepted, and the method `{context.recipe.method}` learns from them.",
        f"Most drafts were dropped for these reasons: {most}." if most else "The model wrote none.",
        "Use another model or pairs of your own (--pairs FILE), or learn without pairs (--set method=disc), "
        "with another --output.",
    )  # fmt: skip


def prepare(context: RunContext, lessons: Lessons, retention: Sequence[AnsweredPrompt]) -> TrainingData:
    """Run the teacher once over lessons and retention examples, and write what it measures to `teacher.json`."""
    recipe = context.recipe
    retention_task = Task((), None)
    if recipe.retention.weight > 0 and retention:
        # Every step uses some of these, so all of them stay on the disk.
        retention_task = Task.of(_teacher_states(context, list(map(retention_lesson, retention)), "retention", inf))
    if not METHODS[recipe.method].has_teacher:
        _record(context, lessons, {}, {})
        return TrainingData(Task(lessons.examples, None, shards_of(lessons.all).examples), retention_task)
    states = _teacher_states(context, lessons.all, "documents", recipe.execution.teacher_cache_gib)
    tokens = {kind: sum(lesson.tokens for lesson in found) for kind, found in lessons.by_kind.items()}
    _record(context, lessons, _teachability(context, states), tokens)
    return TrainingData(Task.of(states), retention_task)


def _record(context: RunContext, lessons: Lessons, nats: dict[str, float], tokens: dict[str, int]) -> None:
    """Write what the summary needs from the teacher's pass: examples and tokens by kind, teachability by document."""
    examples = Counter(example.kind for example in lessons.examples)
    about = {"examples": dict(sorted(examples.items())), "teachability": nats, "tokens": tokens}
    write_json(context.folder.teacher, about)


def _teacher_states(context: RunContext, lessons: Sequence[Lesson], what: str, limit_gib: float) -> TeacherStates:
    states = TeacherStates(
        context.base, lessons, context.folder.cache / what, limit_gib * GIB, _spare(context),
        context.recipe.execution.reading_tokens,
    )  # fmt: skip
    again = states.tokens_again
    if again:
        context.tell(
            "teacher", f"hidden states of {what}: {states.total_bytes / GIB:.1f} GiB; there is no room for them all, "
            f"so the teacher reads {again:,} tokens again in every epoch",
        )  # fmt: skip
    tokens = sum(lesson.tokens for lesson in lessons) - again
    states.fill_cache(adding_up(context.tell, "teacher", f"reads {what}", tokens))
    return states


def _spare(context: RunContext) -> int:
    """Bytes of disk that training will still need, without those that a continued run has written already."""
    adapter = sum(4 * parameter.numel() for parameter in context.base.adapter_parameters().values())
    saved = saved_bytes(adapter, context.execution.optimizer_bits, context.recipe)
    return max(0, saved - bytes_below(context.folder.checkpoints, context.folder.within))


def _teachability(context: RunContext, states: TeacherStates) -> dict[str, float]:
    """Document -> teachability in nats per target token; empty without DiSC."""
    chosen = [i for i, e in enumerate(states.examples) if e.kind == DISC and not e.rehearsed]
    if not chosen:
        return {}
    tokens = sum(len(states.examples[i].input_ids) for i in chosen)
    on_batch = adding_up(context.tell, "teacher", "compared with the student", tokens)
    return teachability(context.base, states, chosen, on_batch)


def learn(context: RunContext, data: TrainingData, pairs: Sequence[Pair]) -> None:
    """Train from the newest checkpoint until enough is learned or the drift exceeds its limit.

    Every step adds a line to the metrics. A sample of the trained `pairs` is asked at intervals; for an update that
    continues an adapter, a sample of the pairs about new and changed passages, and of those that it unlearns.
    """
    steps = len(data.batches(context.recipe))
    drift_limit = DriftLimit(context, steps)
    if not drift_limit.reached:
        fit = FitCheck(context, asked_pairs(context, pairs), steps, pairs_to_unlearn(context))
        with context.interrupts.postponed():  # the loop stops by itself, after a step and a save
            _train(context, data, drift_limit, fit)
    if drift_limit.reached:
        drift_limit.restore()
    context.interrupts.check()


def _train(context: RunContext, data: TrainingData, drift_limit: DriftLimit, fit: FitCheck) -> None:
    path, folder = context.folder.metrics, context.folder.checkpoints
    metrics: JsonLines | None = None  # opened at the first step that is made now

    def measure(step: int) -> int | None:
        """Measure what is due after `step`; if a signal interrupts that, the continued run repeats it first."""
        learned = fit.learned_at(step)
        drift_limit.check(step, last_step(fit.steps, learned, context.recipe))
        return learned

    def note(step: Step) -> None:
        nonlocal metrics
        if metrics is None:  # steps after the checkpoint are repeated, so their lines are dropped
            write_jsonl(path, [row for row in read_log(path) if row["step"] < step.step], may_differ=True)
            if step.step > 1:
                append_jsonl(context.folder.resumes, {"after_step": step.step - 1})
            metrics = JsonLines(path)
        metrics.append(asdict(step))

    def should_stop() -> bool:
        return context.interrupts.stop_requested() or drift_limit.reached

    callbacks = Callbacks(should_stop, measure, context.limit_micro_batches, note)
    with closing(train(context.base, data, context.recipe, folder, callbacks)) as steps:
        for step in steps:
            taken = peak_bytes(context.base)
            context.tell("training", done=step.step, total=step.steps, peak_bytes=taken, **asdict(step))


def attach_adapter(context: RunContext) -> None:
    """Attach the adapter to train: a new one, or that of the earlier run."""
    recipe, earlier = context.recipe, context.inputs.earlier
    again, on_host = recipe.execution.recomputed_layers, recipe.execution.layer_checkpoints == "host"
    context.base.attach(recipe.lora.rank, recipe.lora.alpha, recipe.seed, again, on_host)
    if earlier and recipe.update.start == "adapter":
        context.base.start_from(earlier.folder.adapter)


def save_adapter(base: Base, reference: str, target: Path) -> None:
    """Write the adapter in PEFT's format, without access to a hub, and which base it has in which precision."""
    if target.is_dir():
        return
    config = {**base.adapter_config(), "base_model_name_or_path": reference, "inference_mode": True}
    config["target_modules"] = sorted(config["target_modules"])
    with atomic_folder(target) as temporary:
        base.save_adapter(temporary)
        write_json(temporary / CONFIG, config)
        write_json(temporary / TRAINED_ON, asdict(TrainedOn(weights_digest(base.folder), base.quantize)))
