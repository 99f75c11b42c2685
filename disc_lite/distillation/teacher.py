"""Cached teacher hidden states at every compared position: computed once, used in all epochs.

The last hidden state (after the final norm) is cached, not the logits: 2·H bytes per token in bf16, from which the
lm_head computes exactly the teacher's distribution again. The states are in files, one per shard of the corpus. If the
disk or the recipe has no room for all shards, the teacher reads the lessons of the others again when training comes
to them, in the same batches, so that their states are the same to the bit.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from math import inf
from pathlib import Path

import torch
from torch import Tensor

from disc_lite.distillation.examples import Lesson, halves, together, within
from disc_lite.distillation.shards import shards_of
from disc_lite.losses import log_probabilities
from disc_lite.models import Base
from disc_lite.models.device import device_name
from disc_lite.models.halving import halved_if_full
from disc_lite.packing import shared
from disc_lite.planning.amounts import SCRATCH_SHARDS, kept_shards
from disc_lite.planning.sizes import READING_TOKENS
from disc_lite.storage import (
    atomic_folder,
    free_disk,
    key_of,
    no_room,
    once,
    read_into,
    reserved_file,
    seal,
    sweep,
    verify,
)
from disc_lite.storage.disk import remove

STATES = "teacher.states"  # the file of a shard: [positions, H]
FORMAT = 1
KEY_DIGITS = 32


class TeacherStates:
    """Hidden states `[N, H]` of all compared positions, in the order of the lessons and their examples."""

    def __init__(
        self, base: Base, lessons: Sequence[Lesson], folder: Path, limit_bytes: float, spare_bytes: int,
        reading_tokens: int = 0,
    ) -> None:  # fmt: skip
        """Prepare the cache in `folder`: reuse states of the same lessons, remove those of others.

        All states stay on disk if they take at most `limit_bytes` and leave `spare_bytes` free; with no limit (inf) all
        have to. Raises WillNotFit if they cannot, or if not even the shards in use fit. `reading_tokens` is the size of
        one pass; a longer lesson is read in parts.
        """
        self.base, self.lessons = base, lessons
        self.reading_tokens = reading_tokens or READING_TOKENS
        self.examples = [example for lesson in lessons for example in lesson.examples]
        self.shards = shards_of(lessons)
        self._row_bytes = base.head.weight.shape[1] * base.state_dtype.itemsize
        self._sizes = [positions * self._row_bytes for positions in self.shards.positions]  # bytes of each shard
        self.total_bytes = sum(self._sizes)
        self.folder = folder / _key(base, lessons)
        self._cached = self._prepare(folder, limit_bytes, spare_bytes)
        self._ready: list[int] = []  # complete shards, the last used one at the end

    # -- what stays on the disk --------------------------------------------------------------------------

    @property
    def tokens_again(self) -> int:
        """Number of tokens that the teacher reads again in every epoch."""
        return sum(self.lessons[i].tokens for shard in self.shards.lessons[self._cached :] for i in shard)

    def _prepare(self, folder: Path, limit_bytes: float, spare_bytes: int) -> int:
        """Remove what is not of these lessons or does not stay; return the number of shards that stay."""
        for path in folder.glob("[0-9a-f]" * KEY_DIGITS):
            if path != self.folder:
                remove(path)
        if self.folder.is_dir():
            sweep(self.folder)
        sizes = self._sizes
        there = sum(size for shard, size in enumerate(sizes) if self._path(shard).is_dir())
        free = free_disk(folder) + there - spare_bytes
        in_use = sum(sorted(sizes)[-SCRATCH_SHARDS:])
        if free < in_use:
            raise no_room(self.folder, in_use + spare_bytes - there)
        cached = kept_shards(sizes, min(limit_bytes, free))
        if cached < len(sizes) and limit_bytes == inf:  # steps use states of any shard: they would read each every time
            raise no_room(self.folder, sum(sizes) + spare_bytes - there)
        for shard in range(cached, len(sizes)):
            remove(self._path(shard))
        return cached

    def _path(self, shard: int) -> Path:
        return self.folder / f"shard-{shard:04d}"

    # -- reading -------------------------------------------------------------------------------------------

    def fill_cache(self, on_batch: Callable[[int], None] = lambda tokens: None) -> None:
        """Compute the states of all shards that stay; `on_batch` is called with the number of tokens read."""
        for shard in range(self._cached):
            self._load(shard, on_batch)

    def load(self, indices: Iterable[int], should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Make sure that the states of these examples are on disk; False if that was stopped."""
        needed = {self.shards.place[i][0] for i in indices}
        for shard in sorted(needed):
            scratch = [old for old in self._ready if old >= self._cached and old not in needed]
            full = len(scratch) + len(needed) > SCRATCH_SHARDS
            if scratch and full and shard not in self._ready and shard >= self._cached:
                self._ready.remove(scratch[0])
                remove(self._path(scratch[0]))
            try:
                self._load(shard, should_stop=should_stop)
            except _Stopped:
                return False
        return True

    def _load(
        self, shard: int, on_batch: Callable[[int], None] = lambda tokens: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        if shard in self._ready:
            self._ready.remove(shard)
        elif self._path(shard).is_dir() and not verify(self._path(shard)):
            on_batch(sum(self.lessons[i].tokens for i in self.shards.lessons[shard]))
        else:
            remove(self._path(shard))
            self._write(shard, on_batch, should_stop)
        self._ready.append(shard)

    def _write(self, shard: int, on_batch: Callable[[int], None], should_stop: Callable[[], bool]) -> None:
        """Write the states of a shard, from one forward pass of the frozen base, adapter off, over its lessons."""
        most = self.reading_tokens
        lessons = [part for i in self.shards.lessons[shard] for part in within(self.lessons[i], most)]

        def read(batch: list[Lesson]) -> Tensor:
            places = [(n, *place) for n, lesson in enumerate(batch) for place in lesson.teacher_at]
            with self.base.frozen(adapter=False):
                hidden = self.base.hidden_at(*shared([lesson.sequence for lesson in batch], places))
            return hidden.to("cpu", self.base.state_dtype).contiguous()

        batches = halved_if_full(lessons, lambda lesson: lesson.tokens, most, read, lambda lesson: lesson.name, halves)
        with atomic_folder(self._path(shard)) as folder:
            with reserved_file(folder / STATES, self._sizes[shard]) as write:
                for batch, hidden in batches:
                    if should_stop():
                        raise _Stopped
                    write(_bytes_of(hidden))
                    on_batch(sum(lesson.tokens for lesson in batch))
            seal(folder)

    def rows(self, indices: Sequence[int]) -> Tensor:
        """Return the states of these examples, in this order: [number of their compared positions, H]."""
        self.load(indices)
        sizes = [len(self.examples[i].compared) for i in indices]
        states = torch.empty(sum(sizes), self.base.head.weight.shape[1], dtype=self.base.state_dtype)
        pieces: dict[int, list[tuple[int, memoryview]]] = {}
        buffer, done = _bytes_of(states), 0
        for i, size in zip(indices, sizes, strict=True):
            (shard, row), end = self.shards.place[i], done + size * self._row_bytes
            pieces.setdefault(shard, []).append((row * self._row_bytes, buffer[done:end]))
            done = end
        for shard, found in pieces.items():
            read_into(self._path(shard) / STATES, found)
        return states


class _Stopped(Exception):
    """The computation of a shard was stopped."""


def _bytes_of(states: Tensor) -> memoryview:
    """Return the memory of a CPU tensor as bytes."""
    return states.flatten().view(torch.uint8).numpy().data


def _key(base: Base, lessons: Sequence[Lesson]) -> str:
    """Return a hash of all that the states depend on within a run, whose model is always the same."""
    digest = sha256(repr((FORMAT, device_name(base.device), base.state_dtype, torch.__version__)).encode())
    for lesson in lessons:
        for segment in lesson.sequence:
            digest.update(array("q", (segment.parent, len(segment.input_ids), *segment.input_ids)).tobytes())
        digest.update(array("q", (-2, *(n for place in lesson.teacher_at for n in place))).tobytes())
    return digest.hexdigest()[:KEY_DIGITS]


def read_lessons(base: Base, lessons: Sequence[Lesson], folder: Path) -> TeacherStates:
    """Return the states of these lessons, all computed."""
    states = TeacherStates(base, lessons, folder, float("inf"), 0)
    states.fill_cache()
    return states


def teachability(
    base: Base, states: TeacherStates, indices: Sequence[int],
    on_batch: Callable[[int], None] = lambda tokens: None,
) -> dict[str, float]:  # fmt: skip
    """Return per document the mean of log p_teacher - log p_student on the examples' target tokens, in nats.

    This is how much better the context lets the teacher predict the document. It is zero for a fact that the document
    states only once, which the teacher cannot predict either. `on_batch` is called with the number of tokens read; it
    is not called if an earlier start of the run has finished this, which takes an hour for a large corpus.
    """
    key = key_of("teachability", states.folder.name, list(indices))
    found: dict[str, float] = once(base.journal, key, lambda: _teachability(base, states, indices, on_batch))
    return found


def _teachability(
    base: Base, states: TeacherStates, indices: Sequence[int], on_batch: Callable[[int], None]
) -> dict[str, float]:
    sums: dict[str, list[float]] = {}
    sizes = [len(e.input_ids) for e in states.examples]

    def gain(batch: list[int]) -> Tensor:
        examples = [states.examples[i] for i in batch]
        ids = torch.tensor([t for e in examples for t in e.target_ids], device=base.device)
        with base.frozen(adapter=False):
            student = base.hidden_at(*together(examples))
            teacher = log_probabilities(states.rows(batch).to(base.device), ids, base.head)
            return (teacher - log_probabilities(student, ids, base.head)).cpu()

    by_shard = sorted(indices, key=lambda i: states.shards.place[i])
    batches = halved_if_full(
        by_shard, sizes.__getitem__, states.reading_tokens, gain, lambda i: states.examples[i].name
    )
    for batch, gains in batches:
        examples = [states.examples[i] for i in batch]
        for example, run in zip(examples, gains.split([len(e.compared) for e in examples]), strict=True):
            total = sums.setdefault(example.document, [0.0, 0.0])
            total[0] += float(run.sum())
            total[1] += len(run)
        on_batch(sum(len(example.input_ids) for example in examples))
    return {document: total / count for document, (total, count) in sums.items()}
