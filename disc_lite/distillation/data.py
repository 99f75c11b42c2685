"""Training data: examples, with the cached teacher hidden states of their compared positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from disc_lite.distillation.examples import Example
from disc_lite.distillation.schedule import Batch, batches
from disc_lite.distillation.teacher import TeacherStates
from disc_lite.recipe import Recipe


@dataclass(frozen=True)
class Task:
    """Examples with their teacher hidden states (None: their own tokens are the targets)."""

    examples: tuple[Example, ...]
    states: TeacherStates | None
    shards: tuple[tuple[int, ...], ...] = ()  # indices of examples that an epoch takes together

    @classmethod
    def of(cls, states: TeacherStates) -> Task:
        return cls(tuple(states.examples), states, states.shards.examples)

    def ready(self, indices: Sequence[int], should_stop: Callable[[], bool]) -> bool:
        """Load the teacher's states of these examples, which it may have to compute again; False if stopped."""
        return self.states is None or self.states.load(indices, should_stop)


@dataclass(frozen=True)
class TrainingData:
    """The task, from which the documents are learned, and self-generated examples against forgetting."""

    task: Task
    retention: Task = Task((), None)

    def batches(self, recipe: Recipe) -> tuple[Batch, ...]:
        """Return the batches of all steps, in order."""
        return batches(self.task.examples, self.retention.examples, recipe, self.task.shards)

    def examples(self, batch: Batch) -> tuple[list[Example], list[Example]]:
        """Return the examples of a batch: those of the task, and those of the retention term."""
        return [self.task.examples[i] for i in batch.task], [self.retention.examples[i] for i in batch.retention]
