"""Measures the longest pass of a training step on this machine, for comparison with the plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import torch

from disc_lite.distillation.accumulation import accumulate, apply
from disc_lite.distillation.data import Task, TrainingData
from disc_lite.distillation.examples import AnsweredPrompt, retention_lesson
from disc_lite.distillation.optimizer import adamw
from disc_lite.distillation.schedule import Batch
from disc_lite.distillation.teacher import read_lessons
from disc_lite.hub.source import open_model
from disc_lite.models import Base, load_base
from disc_lite.models.device import device_of
from disc_lite.models.embedding import embedding_on_host
from disc_lite.planning.cpu import process_bytes
from disc_lite.planning.estimate import Plan
from disc_lite.recipe import Recipe
from disc_lite.recipe.execution import Execution
from disc_lite.run.budget import Limits, budget_of, limited_to_plan, require_room
from disc_lite.run.context import peak_bytes, reset_peak
from disc_lite.run.events import Listener
from disc_lite.run.gathering import Arguments
from disc_lite.run.plan import local_inputs, plan_within

USUAL_TOKENS = 60  # tokens of every example but the longest
ANCHOR_TOKENS = 12


@dataclass(frozen=True)
class Probe:
    """Planned and measured cost of the longest pass of a step with AdamW's update.

    If a step has several passes, the gradients of another one are in memory too.
    """

    planned_tokens: int
    tokens: int  # fewer than planned if CUDA ran out of memory
    planned_bytes: int
    measured_bytes: int  # allocated by PyTorch on the card; on a CPU, of the whole process
    seconds: float
    training_minutes: float  # at this speed


def probe_run(arguments: Arguments, limits: Limits, listener: Listener) -> tuple[Plan, Probe]:
    """The plan for this machine, and its probe. Raises WillNotFit if by the plan the run does not fit."""
    inputs = local_inputs(arguments, listener, in_folder=False)
    plan = plan_within(budget_of(limits, inputs.folder.path), inputs)
    execution = require_room(plan)
    where = device_of(limits.device)
    with limited_to_plan(limits, where):
        return plan, probe(plan, execution, open_model(inputs.model.name).folder, where)


def probe(plan: Plan, execution: Execution, folder: Path, device: torch.device) -> Probe:
    """Load the model, train on random tokens, and measure the last step."""
    choice, recipe = plan.choice, plan.recipe.model_copy(update={"execution": execution})
    assert choice is not None
    base = load_base(folder, recipe.memory.quantize, str(device))
    on_host = execution.layer_checkpoints == "host"
    base.attach(recipe.lora.rank, recipe.lora.alpha, recipe.seed, execution.recomputed_layers, on_host)
    with TemporaryDirectory() as scratch, embedding_on_host(base.causal, execution.embedding == "host"):
        task = _task(base, choice.setup.micro_batch_tokens, plan.workload.longest_student, Path(scratch))
        whole = sum(len(example.input_ids) for example in task.examples)
        tokens, per_token = _steady_step(base, task, recipe, whole, min(choice.setup.passes, 2))
    planned = choice.stages[-1].peak + (0 if plan.budget.cuda else process_bytes())
    minutes = plan.workload.computed_tokens * per_token / 60
    return Probe(whole, tokens, planned, peak_bytes(base), tokens * per_token, minutes)


def _steady_step(base: Base, task: Task, recipe: Recipe, whole: int, passes: int) -> tuple[int, float]:
    """(tokens of a pass, seconds per token) of the first step with AdamW's state that does not run out of memory.

    Every pass reads the whole task if that fits.
    """
    parameters = list(base.adapter_parameters().values())
    optimizer, batch = adamw(parameters, recipe), Batch(tuple(range(len(task.examples))) * passes, ())
    size, has_state = whole, False
    while True:
        reset_peak(base.device)
        begin = time.perf_counter()
        gradient = accumulate(base, TrainingData(task), recipe, batch, size)
        assert gradient is not None, "nothing stops it"
        apply(gradient, parameters, optimizer, 0.0, recipe.train.clip_norm)
        if base.device.type == "cuda":
            torch.cuda.synchronize(base.device)
        if has_state and gradient.max_tokens == size:
            return size, (time.perf_counter() - begin) / gradient.tokens
        size, has_state = gradient.max_tokens, True


def _task(base: Base, tokens: int, longest: int, scratch: Path) -> Task:
    """Examples of random tokens with their teacher states: the longest one and usual ones, about `tokens` in all."""
    rng, vocabulary = Random(0), base.head.weight.shape[0]
    sizes = [min(longest, tokens)]
    while sum(sizes) + USUAL_TOKENS <= tokens:
        sizes.append(USUAL_TOKENS)
    lessons = []
    for size in sizes:
        ids, anchor = [rng.randrange(vocabulary) for _ in range(size)], min(ANCHOR_TOKENS, size - 2) + 1
        lessons.append(retention_lesson(AnsweredPrompt(tuple(ids[:anchor]), tuple(ids[anchor:])), "disc"))
    states = read_lessons(base, lessons, scratch)
    return Task.of(states)
