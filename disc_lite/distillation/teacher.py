"""Cached teacher hidden states at every compared position: computed once, used in all epochs.

The last hidden state (after the final norm) is cached, not the logits: 2·H bytes a token in bf16, from which the
lm_head computes exactly the teacher's distribution again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import torch
from torch import Tensor

from disc_lite.distillation.examples import Lesson, alone
from disc_lite.errors import WillNotFit
from disc_lite.losses import log_probabilities
from disc_lite.models import Base
from disc_lite.models.halving import READING_TOKENS, halved_if_full

GIB = 1 << 30
MEMORY_SHARE = 0.25  # of the free memory; more than that goes to disk


class TeacherStates:
    """Hidden states `[N, H]` of all compared positions, the lessons' examples one after another."""

    def __init__(self, lessons: Sequence[Lesson], states: Tensor) -> None:
        self.states = states
        self.examples = [example for lesson in lessons for example in lesson.examples]
        sizes = [len(example.compared) for example in self.examples]
        self.first = torch.tensor([0, *sizes]).cumsum(0).tolist()

    def rows(self, indices: Sequence[int]) -> Tensor:
        """The states of these examples, in this order: [number of their compared positions, H]."""
        return torch.cat([self.states[:0], *(self.states[self.first[i] : self.first[i + 1]] for i in indices)])


def allocate_states(shape: tuple[int, int], dtype: torch.dtype, limit_gib: float, folder: Path) -> Tensor:
    """An empty tensor for the states: in memory, or in a file in `folder`. Raises WillNotFit above the limit."""
    needed = shape[0] * shape[1] * dtype.itemsize
    if needed > limit_gib * GIB:
        raise WillNotFit(
            f"The cached teacher hidden states need {needed / GIB:.1f} GiB.",
            f"The recipe allows {limit_gib:g} GiB (execution.teacher_cache_gib) for {shape[0]:,} positions.",
            "Raise it, adapt to fewer documents at once, or lower prompt.questions_per_sentence.",
        )
    if needed < psutil.virtual_memory().available * MEMORY_SHARE:
        return torch.empty(shape, dtype=dtype)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "teacher.states"
    flat = torch.from_file(str(path), shared=True, size=shape[0] * shape[1], dtype=dtype)
    return flat.view(shape)


def read_lessons(
    base: Base,
    lessons: Sequence[Lesson],
    limit_gib: float,
    folder: Path,
    on_batch: Callable[[int], None] = lambda tokens: None,
) -> TeacherStates:
    """One forward pass of the frozen base, adapter off, over all lessons; `on_batch` is called with the tokens read."""
    positions = sum(len(lesson.teacher_at) for lesson in lessons)
    hidden_size = base.head.weight.shape[1]
    states = allocate_states((positions, hidden_size), base.state_dtype, limit_gib, folder)
    done = 0
    sizes = [lesson.tokens for lesson in lessons]

    def read(indices: list[int]) -> Tensor:
        batch = [lessons[i] for i in indices]
        places = [(n, *place) for n, lesson in enumerate(batch) for place in lesson.teacher_at]
        with base.frozen(adapter=False):
            hidden = base.hidden_at([lesson.sequence for lesson in batch], places)
        return hidden.to("cpu", base.state_dtype)

    batches = halved_if_full(range(len(lessons)), sizes, READING_TOKENS, read, lambda i: lessons[i].name)
    for indices, hidden in batches:
        states[done : done + len(hidden)] = hidden
        done += len(hidden)
        on_batch(sum(sizes[i] for i in indices))
    return TeacherStates(lessons, states)


def teachability(
    base: Base, states: TeacherStates, indices: Sequence[int],
    on_batch: Callable[[int], None] = lambda tokens: None,
) -> dict[str, float]:  # fmt: skip
    """Per document: mean of log p_teacher - log p_student on the target tokens of these examples, in nats.

    How much better the context lets the teacher predict the document. A fact that the document states only once has
    none: the teacher cannot predict it either. `on_batch` is called with the tokens read.
    """
    sums: dict[str, list[float]] = {}
    sizes = [len(e.input_ids) for e in states.examples]

    def gain(batch: list[int]) -> Tensor:
        examples = [states.examples[i] for i in batch]
        ids = torch.tensor([t for e in examples for t in e.target_ids], device=base.device)
        with base.frozen(adapter=False):
            student = base.hidden_at(*alone(examples))
            teacher = log_probabilities(states.rows(batch).to(base.device), ids, base.head)
            return (teacher - log_probabilities(student, ids, base.head)).cpu()

    batches = halved_if_full(indices, sizes, READING_TOKENS, gain, lambda i: states.examples[i].name)
    for batch, gains in batches:
        examples = [states.examples[i] for i in batch]
        for example, run in zip(examples, gains.split([len(e.compared) for e in examples]), strict=True):
            total = sums.setdefault(example.document, [0.0, 0.0])
            total[0] += float(run.sum())
            total[1] += len(run)
        on_batch(sum(len(example.input_ids) for example in examples))
    return {document: total / count for document, (total, count) in sums.items()}
