"""Early stopping: training ends when a sample of the questions it trains on is answered closed book.

A mean loss does not show that: most tokens of an answer are its frame, which is learned long before the fact in it.
A student that learns only its teacher's distributions recalls no more than the teacher, who has the passage: then
training ends at a share of the teacher's recall. Decisions are a pure function of the run, so a resumed run decides
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from disc_lite.distillation.examples import teacher_prompts
from disc_lite.distillation.schedule import last_step
from disc_lite.errors import Interrupted
from disc_lite.evaluation.asking import answer
from disc_lite.models import Base
from disc_lite.models.generation import generate
from disc_lite.planning.amounts import FIT_CHECKS, FIT_SAMPLE
from disc_lite.qa import Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run.context import RunContext
from disc_lite.run.folder import RunFolder
from disc_lite.storage import read_jsonl, write_jsonl
from disc_lite.synthesis.facts import recalls, says_something

SLACK = 16  # tokens that an answer may have more than the longest of the pairs
PATIENCE = 5  # checks in a row without a new best share, after which training ends too


class FitCheck:
    """Asks a sample of the trained questions at intervals; decides after which step enough was learned."""

    def __init__(self, context: RunContext, pairs: Sequence[Pair], steps: int) -> None:
        self.context, self.steps, self.every = context, steps, max(1, -(-steps // FIT_CHECKS))
        self.enough = context.recipe.train.enough
        gradable = [p for p in pairs if says_something(p.question, p.answer)]
        drawn = Random(f"{context.recipe.seed} fit").sample(gradable, min(FIT_SAMPLE, len(gradable)))
        self.pairs = drawn if self.enough else []
        self.path = context.folder.fit
        self.rows: list[dict[str, Any]] = read_jsonl(self.path, missing_ok=True)

    def learned_at(self, step: int) -> int | None:
        """The step after which enough was learned, None so far; measures after `step` where a check is due.

        A signal ends the measurement, which is then repeated when the run is continued.
        """
        last = last_step(self.steps, self._learned(), self.context.recipe)
        due = step > 0 and (step % self.every == 0 or step == last)
        if self.pairs and due and all(row["step"] < step for row in self.rows):
            with suppress(Interrupted), self.context.interrupts.not_postponed():
                self._measure(step, last)
        return self._learned()

    def _measure(self, step: int, last: int) -> None:
        tell = partial(self._tell, step, last)
        teacher = self.rows[0]["teacher"] if self.rows else self._share(
            teacher_answers(self.context, self.pairs, partial(tell, "with the passage"))
        )  # fmt: skip
        share = self._share(self._answers(partial(tell, "closed book")))
        self.rows.append({"step": step, "share": share, "teacher": teacher})
        write_jsonl(self.path, self.rows)

    def _tell(self, step: int, last: int, how: str, answers: int) -> None:
        self.context.tell("training", f"trained questions, {how}: {answers} of {len(self.pairs)}", step, last)

    def _learned(self) -> int | None:
        """The step of the first check with a share above the limit, or without a new best for PATIENCE checks."""
        shares: list[float] = []
        for row in self.rows:
            shares.append(row["share"])
            best, limit = max(shares), self.enough * (row["teacher"] if self._is_bound_to_teacher else 1)
            # As long as hardly anything is known, training goes on; also where the teacher recalls nothing.
            stale = best >= limit / 2 and len(shares) - 1 - shares.index(best) >= PATIENCE
            if limit and (best >= limit or stale):
                return int(row["step"])
        return None

    @property
    def _is_bound_to_teacher(self) -> bool:
        recipe = self.context.recipe
        return METHODS[recipe.method].has_teacher and not recipe.loss.label_share

    def _answers(self, on_finished: Callable[[int], None]) -> list[str]:
        """Of the student, closed book."""
        questions = [Question(pair.question, (pair.answer,)) for pair in self.pairs]
        max_tokens = _max_tokens(self.context.base, self.pairs)
        return answer(self.context.base, questions, True, max_tokens, on_finished=on_finished)

    def _share(self, answers: Sequence[str]) -> float:
        recalled = [recalls(pair.question, pair.answer, text) for pair, text in zip(self.pairs, answers, strict=True)]
        return round(sum(recalled) / len(recalled), 4)


def teacher_answers(
    context: RunContext, pairs: Sequence[Pair], on_finished: Callable[[int], None] = lambda answers: None
) -> list[str]:
    """Greedy answers to the questions of `pairs`, with the prompts that the teacher has in training."""
    base, most = context.base, _max_tokens(context.base, pairs)
    prompts = teacher_prompts(context.texts, pairs, base.tokens, context.recipe.prompt.worked_examples)
    with base.frozen(adapter=False) as model:
        completions = generate(
            model, prompts, stop_ids=base.tokens.stop_ids, max_new_tokens=most, on_finished=on_finished,
            known=base.known(adapter=False),
        )  # fmt: skip
    return [base.tokens.decode(completion.ids) for completion in completions]


def _max_tokens(base: Base, pairs: Sequence[Pair]) -> int:
    """A model that knows an answer needs about as many tokens for it; one that rambles is not waited for."""
    return SLACK + max(len(base.tokens.text(pair.answer)) for pair in pairs)


def last_measured(folder: RunFolder) -> dict[str, Any]:
    """The last row: the share of trained questions that were answered, after which step, and the teacher's share."""
    rows = read_jsonl(folder.fit, missing_ok=True)
    return dict(rows[-1]) if rows else {}
