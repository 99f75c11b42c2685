"""The teacher's support for question-answer pairs: log-probabilities of answers with and without the passage."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, replace

import torch

from disc_lite.distillation.examples import Lesson, within
from disc_lite.distillation.prompting import AnswerPrompts, by_passage, lessons_about
from disc_lite.errors import WillNotFit
from disc_lite.models import Base
from disc_lite.models.halving import too_long, unless_full
from disc_lite.planning.sizes import READING_TOKENS
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair
from disc_lite.storage import JsonObject, key_of, once
from disc_lite.synthesis.contradictions import CONTRADICTED, is_stated
from disc_lite.synthesis.drafting import DraftedPair
from disc_lite.synthesis.requests import Request

UNKNOWN = -1  # sentence number of a pair from a file


@dataclass(frozen=True)
class ScoredPair:
    """A pair, the sentence it is about, and the teacher's log-probabilities of its answer."""

    drafted: DraftedPair
    with_passage: float  # mean log-probability of the answer, nats per token
    without_passage: float
    gain: float  # log-probability of the whole answer with the passage minus without it, nats

    @property
    def pair(self) -> Pair:
        return self.drafted.pair

    @property
    def sentence(self) -> int:
        return self.drafted.request.sentence

    def as_dict(self) -> JsonObject:
        """Return the pair as a line of `pairs.jsonl`."""
        row = {**asdict(self.pair), "sentence": self.sentence, "kind": self.drafted.request.kind}
        figures = {"with_passage": self.with_passage, "without_passage": self.without_passage, "gain": self.gain}
        return {**row, **{name: round(value, 4) for name, value in figures.items()}}


@dataclass(frozen=True)
class PairSet:
    """The accepted pairs of all passages, and the number of drafts that were dropped."""

    scored: tuple[ScoredPair, ...]
    dropped: dict[str, int]  # reason -> number
    sentences: int | None  # number of sentences to ask about in all passages; None if not known
    remarks: tuple[str, ...] = ()  # about pairs from a file

    @property
    def coverage(self) -> float | None:
        """The share of sentences that state the answer of a pair about them; None if their number is 0 or unknown."""
        if not self.sentences:
            return None
        stated = {(s.pair.document, s.pair.passage, s.sentence) for s in self.scored if is_stated(s.pair)}
        return round(len(stated) / self.sentences, 4)

    def without_contradicted(self, numbers: Container[int]) -> PairSet:
        """Return the set without these pairs, which another passage contradicts."""
        remaining = tuple(s for number, s in enumerate(self.scored) if number not in numbers)
        contradicted = {CONTRADICTED: len(self.scored) - len(remaining)} if len(remaining) < len(self.scored) else {}
        return replace(self, scored=remaining, dropped=dict(sorted({**self.dropped, **contradicted}.items())))


def score_pairs(
    base: Base, texts: Sequence[Text], pairs: Sequence[Pair], worked_examples: bool, dropped: dict[str, int],
    on_passage: Callable[[int], None] = lambda pairs: None,
) -> PairSet:  # fmt: skip
    """Return pairs of a file, at their passages (`places.placed`), scored by the teacher."""
    scored: list[ScoredPair] = []
    of_passage = by_passage(pairs)
    for text in texts:
        for passage in text.passages:
            pairs_here = of_passage.get((text.document.name, passage.index), [])
            scores = support(base, text, pairs_here, worked_examples) if pairs_here else []
            scored += [
                ScoredPair(DraftedPair(pair, Request(UNKNOWN, "")), *score)
                for pair, score in zip(pairs_here, scores, strict=True)
            ]
            on_passage(len(pairs_here))
    return PairSet(tuple(scored), {reason: n for reason, n in dropped.items() if n}, None)


def support(
    base: Base, text: Text, pairs: Sequence[Pair], worked_examples: bool, sampled: Sequence[Sequence[float]] = ()
) -> list[tuple[float, float, float]]:
    """Return for each pair of a passage: mean log p of its answer with the passage, without it, and the gain.

    The gain is the difference of the sums. "Without" means after the same worked examples and task (`AnswerPrompts`):
    after the bare question, most of the gain would come from the form of an answer, which the worked examples show.

    `sampled` are the log-probabilities of each answer's tokens with the passage, or empty if not known: an answer is
    sampled with the teacher's prompt, so they equal what another pass would give, up to rounding. If CUDA runs out of
    memory the pairs are read in halves. Raises WillNotFit if a single one does not fit.
    """
    sampled = sampled or [()] * len(pairs)
    scores = unless_full(lambda: _support(base, text, pairs, worked_examples, sampled))
    if not isinstance(scores, WillNotFit):
        return scores
    if len(pairs) == 1:
        shown = text.passage_text(text.passage(pairs[0].passage))
        raise too_long(scores, f"a pair of {pairs[0].document}", len(base.tokens.text(shown)))
    half = len(pairs) // 2
    parts = (slice(half), slice(half, None))
    return [score for p in parts for score in support(base, text, pairs[p], worked_examples, sampled[p])]


def _support(
    base: Base, text: Text, pairs: Sequence[Pair], worked_examples: bool, sampled: Sequence[Sequence[float]]
) -> list[tuple[float, float, float]]:
    unknown = [pair for pair, log_ps in zip(pairs, sampled, strict=True) if not log_ps]
    of_teacher, unaided_ones = (AnswerPrompts(base.tokens, worked_examples, shown) for shown in (True, False))
    with_passage = iter(_log_ps(base, text, unknown, of_teacher))
    scores = []
    for log_ps, without in zip(sampled, _log_ps(base, text, pairs, unaided_ones), strict=True):
        known = torch.tensor(log_ps or next(with_passage), dtype=torch.float64)
        unaided = torch.tensor(without, dtype=torch.float64)
        scores.append((float(known.mean()), float(unaided.mean()), float((known - unaided).sum())))
    return scores


def _log_ps(base: Base, text: Text, pairs: Sequence[Pair], prompts: AnswerPrompts) -> list[list[float]]:
    """Return log p of the tokens of each answer after its prompt, for pairs of one passage."""
    log_ps = list[list[float]]()
    if not pairs:
        return log_ps
    passage = text.passage(pairs[0].passage)
    lessons = lessons_about(text.passage_text(passage), text.language(passage), pairs, prompts)
    for lesson in (part for whole in lessons for part in within(whole, READING_TOKENS)):
        log_ps += _lesson_log_ps(base, lesson)
    return log_ps


def _lesson_log_ps(base: Base, lesson: Lesson) -> list[list[float]]:
    """Like `_log_ps`, for one lesson, by a forward pass of the teacher; a continued run reads it from the journal."""
    places = [(0, *place) for place in lesson.teacher_at]
    answers = [example.target_ids for example in lesson.examples]
    key = key_of("support", [[segment.input_ids for segment in lesson.sequence]])
    log_ps: list[list[float]] = once(
        base.journal, key, lambda: [run.tolist() for run in base.log_probabilities([lesson.sequence], places, answers)]
    )
    return log_ps
