"""Lessons -> shards: parts of the corpus whose teacher hidden states are cached, or computed again, together.

Training takes one shard after another, in a new order in every epoch, so that if the disk cannot hold all states, the
teacher reads every lesson once per epoch. A corpus of up to about 50,000 tokens is one shard. Shards follow from the
lessons alone: what is learned does not depend on how much fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from disc_lite.distillation.examples import Lesson
from disc_lite.planning.amounts import shards_needed


@dataclass(frozen=True)
class Shards:
    """The lessons and examples of each shard, and where the states of each example are."""

    lessons: tuple[tuple[int, ...], ...]  # per shard: indices of its lessons
    examples: tuple[tuple[int, ...], ...]
    positions: tuple[int, ...]
    place: tuple[tuple[int, int], ...]  # per example: its shard, and its first position there


def shards_of(lessons: Sequence[Lesson]) -> Shards:
    """Return shards of about the same size; lessons of one part of the documents stay together, whatever their kind."""
    sizes = [sum(len(example.compared) for example in lesson.examples) for lesson in lessons]
    number, total = shards_needed(sum(sizes)), max(1, sum(sizes))
    found: list[list[int]] = [[] for _ in range(number)]
    before = 0
    for i in _along_the_documents(lessons):
        found[min(number - 1, before * number // total)].append(i)
        before += sizes[i]
    ends = list(accumulate((len(lesson.examples) for lesson in lessons), initial=0))
    examples, positions, place = list[tuple[int, ...]](), list[int](), dict[int, tuple[int, int]]()
    for shard in (sorted(shard) for shard in found if shard):
        examples.append(tuple(e for i in shard for e in range(ends[i], ends[i + 1])))
        compared = [len(example.compared) for i in shard for example in lessons[i].examples]
        firsts = list(accumulate(compared, initial=0))
        place |= {e: (len(positions), first) for e, first in zip(examples[-1], firsts, strict=False)}
        positions.append(firsts[-1])
    of_lessons = tuple(tuple(sorted(shard)) for shard in found if shard)
    return Shards(of_lessons, tuple(examples), tuple(positions), tuple(place[e] for e in range(ends[-1])))


def _along_the_documents(lessons: Sequence[Lesson]) -> list[int]:
    """Return indices of the lessons, document by document; those of different kinds are merged in proportion."""
    kinds = [(lesson.examples[0].document, lesson.examples[0].kind) for lesson in lessons]
    documents = {document: number for number, document in enumerate(dict.fromkeys(d for d, _ in kinds))}
    totals, seen, places = Counter(kinds), Counter[tuple[str, str]](), []
    for kind in kinds:
        places.append((documents[kind[0]], seen[kind] / totals[kind]))
        seen[kind] += 1
    return sorted(range(len(lessons)), key=lambda i: (*places[i], i))
