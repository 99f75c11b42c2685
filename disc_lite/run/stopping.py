"""Ends training before its last step if enough is learned, or if the drift exceeds its limit (`retention.max_kl`).

Whether enough is learned is measured on a sample of the trained questions, asked closed book. A mean loss does not show
it, because most tokens of an answer are its wording, which is learned long before the fact in it. A student that is
trained only on its teacher's distributions recalls no more than the teacher, which has the passage: then training ends
at a share of the teacher's recall. Questions to unlearn are asked too, and training goes on while the student answers
more of them as it was taught than the base does.

All decisions are a pure function of the run, so a resumed run makes the same ones. A signal ends a measurement, which
is repeated when the run is continued.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from disc_lite.distillation.prompting import prompts_of
from disc_lite.distillation.schedule import last_step
from disc_lite.errors import EnvironmentNotReady, Interrupted, RunFailed
from disc_lite.evaluation.asking import answer, continued
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.models import Base
from disc_lite.planning.amounts import FIT_CHECKS, FIT_SAMPLE
from disc_lite.qa import Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run.context import RunContext
from disc_lite.storage import atomic_folder, read_json, read_log, seal, verify, write_json, write_jsonl
from disc_lite.storage.disk import remove
from disc_lite.synthesis.facts import recalls, says_something
from disc_lite.synthesis.retention import read_examples

SLACK = 16  # tokens that an answer may have beyond the longest answer of the pairs
FASTEST = 1 / 3  # most questions, as a share, that are learned between two checks; real models learned a sixth
PATIENCE = 5  # checks in a row without a new best share, after which training ends
DRIFT_CHECKS = 20  # per training, so at most a twentieth of it is lost


class FitCheck:
    """Asks a sample of the trained questions at intervals, and decides after which step enough was learned.

    `unlearned` are the pairs that the student is to unlearn.
    """

    def __init__(self, context: RunContext, pairs: Sequence[Pair], steps: int, unlearned: Sequence[Pair] = ()) -> None:
        self.context, self.steps, self.every = context, steps, max(1, -(-steps // FIT_CHECKS))
        self.enough = context.recipe.train.enough
        self.pairs, self.unlearned = self._sample(pairs, "fit"), self._sample(unlearned, "unlearned")
        self.path = context.folder.fit
        self.rows: list[dict[str, Any]] = read_log(self.path)

    def _sample(self, pairs: Sequence[Pair], what: str) -> list[Pair]:
        if not self.enough:
            return []
        shuffled = Random(f"{self.context.recipe.seed} {what}").sample(pairs, len(pairs))
        gradable = (pair for pair in shuffled if says_something(pair.question, pair.answer))
        return list(islice(gradable, FIT_SAMPLE))

    def learned_at(self, step: int) -> int | None:
        """The step after which enough was learned, or None so far; measures after `step` if a check is due."""
        learned = self._learned()
        last = last_step(self.steps, learned, self.context.recipe)
        due = step > 0 and (step == last or (learned is None and step % self.every == 0 and self._may_decide(step)))
        if (self.pairs or self.unlearned) and due and all(row["step"] < step for row in self.rows):
            with suppress(Interrupted), self.context.interrupts.postponed(False):
                self._measure(step, last)
        return self._learned()

    def _may_decide(self, step: int) -> bool:
        """Whether enough may have been learned by now; while little is known, checks are skipped."""
        if not self.rows or not self.pairs or self.unlearned:
            return True
        row = self.rows[-1]
        checks = max(1, int((self._limit(row) - row["share"]) / FASTEST))
        return step >= int(row["step"]) + checks * self.every

    def _limit(self, row: dict[str, Any]) -> float:
        """The share of questions that is enough; without labels it is relative to the teacher's recall."""
        is_bound = METHODS[self.context.recipe.method].has_teacher and not self.context.recipe.loss.label_share
        return float(self.enough * (row["teacher"] if is_bound else 1))

    def _measure(self, step: int, last: int) -> None:
        first = self.rows[0] if self.rows else {}
        row: dict[str, Any] = {"step": step, "share": None, "teacher": None}

        def progress(what: str, pairs: Sequence[Pair]) -> Callable[[int], None]:
            return lambda done: self.context.tell("training", f"{what}: {done} of {len(pairs)} answered", step, last)

        if self.pairs:
            with_passage = progress("trained questions, with the passage", self.pairs)
            closed_book = progress("trained questions, closed book", self.pairs)
            row["teacher"] = first["teacher"] if first else self._share(
                teacher_answers(self.context, self.pairs, with_passage)
            )  # fmt: skip
            row["share"] = self._share(self._answers(self.pairs, True, closed_book))
        if self.unlearned:
            before, of_base = first.get("unlearned"), progress("questions to unlearn, the base", self.unlearned)
            base = before["base"] if before else self._known(False, of_base)
            known = self._known(True, progress("questions to unlearn, closed book", self.unlearned))
            row["unlearned"] = {"known": known, "base": base, "of": len(self.unlearned)}
        self.rows.append(row)
        write_jsonl(self.path, self.rows, may_differ=True)

    def _learned(self) -> int | None:
        """The step of the first check that reached the limit, or had no new best share for PATIENCE checks.

        None while something to unlearn is known, and if there is nothing to learn: then all steps are made.
        """
        shares: list[float] = []
        for row in self.rows if self.pairs else ():
            shares.append(row["share"])
            best, limit = max(shares), self._limit(row)
            # Training goes on while hardly anything is known, and if the teacher recalls nothing.
            stale = best >= limit / 2 and len(shares) - 1 - shares.index(best) >= PATIENCE
            if limit and (row["share"] >= limit or stale) and is_unlearned(row):
                return int(row["step"])
        return None

    def _answers(self, pairs: Sequence[Pair], adapter: bool, on_finished: Callable[[int], None]) -> list[str]:
        """Closed-book answers of the student (`adapter`) or of the base to the questions of `pairs`."""
        questions = [Question(pair.question, (pair.answer,)) for pair in pairs]
        max_tokens = _max_tokens(self.context.base, pairs)
        return answer(self.context.base, questions, max_tokens, adapter=adapter, on_finished=on_finished)

    def _share(self, answers: Sequence[str]) -> float:
        return round(_recalled(self.pairs, answers) / len(answers), 4)

    def _known(self, adapter: bool, on_finished: Callable[[int], None]) -> int:
        """The number of questions to unlearn that are answered as they were taught."""
        return _recalled(self.unlearned, self._answers(self.unlearned, adapter, on_finished))


def _recalled(pairs: Sequence[Pair], answers: Sequence[str]) -> int:
    return sum(recalls(pair.question, pair.answer, text) for pair, text in zip(pairs, answers, strict=True))


def is_unlearned(row: dict[str, Any]) -> bool:
    """Whether the student knows no more of what is to be unlearned than the base does."""
    return "unlearned" not in row or row["unlearned"]["known"] <= row["unlearned"]["base"]


def teacher_answers(
    context: RunContext, pairs: Sequence[Pair], on_finished: Callable[[int], None] = lambda answers: None
) -> list[str]:
    """Greedy answers to the questions of `pairs`, with the prompts that the teacher has in training."""
    base, prompts = context.base, prompts_of(context.texts, pairs, context.prompts)
    completions = continued(base, prompts, _max_tokens(base, pairs), adapter=False, on_finished=on_finished)
    return [base.tokens.decode(completion.ids) for completion in completions]


def _max_tokens(base: Base, pairs: Sequence[Pair]) -> int:
    """Token limit: a model that knows an answer needs about as many tokens as the pairs' longest one."""
    return SLACK + max(len(base.tokens.text(pair.answer)) for pair in pairs)


class DriftLimit:
    """Measures the drift on held-out prompts; ends training with the last adapter whose drift is within the limit."""

    def __init__(self, context: RunContext, steps: int) -> None:
        self.context, self.every = context, max(1, steps // DRIFT_CHECKS)
        self.prompts = read_examples(context.folder.self_generated)
        self.limit = context.recipe.retention.max_kl
        self.within, self.stopped = context.folder.within, context.folder.stopped

    @property
    def reached(self) -> bool:
        """Whether the limit ended this training, in this call or an earlier one."""
        return self.stopped.is_file()

    def check(self, step: int, last: int) -> None:
        """If a check is due after `step` of `last`: save the adapter if its drift is within the limit, else stop."""
        target = self.within / f"step-{step:08d}"  # exists if an earlier call checked this step
        due = step > 0 and (step % self.every == 0 or step == last)
        if not (self.limit and self.prompts and due) or target.exists() or self.reached:
            return
        with suppress(Interrupted), self.context.interrupts.postponed(False):
            self._measure(step, last, target)

    def _measure(self, step: int, last: int, target: Path) -> None:
        base = self.context.base
        nats = mean_drift(drift(base, self.prompts, partial(self._tell, step, last)), self.prompts)
        if nats > self.limit:
            adapter_step = self._newest_before(step)
            write_json(self.stopped, {"step": step, "kl": nats, "max_kl": self.limit, "adapter_step": adapter_step})
            return
        with atomic_folder(target) as temporary:
            base.save_adapter(temporary)
            seal(temporary)
        for old in sorted(self.within.glob("step-*"))[:-2]:
            remove(old)

    def _tell(self, step: int, last: int, prompts: int) -> None:
        text = f"drift on self-generated prompts: {prompts} of {len(self.prompts)}"
        self.context.tell("training", text, step, last)

    def _newest_before(self, step: int) -> int:
        whole = [p for p in sorted(self.within.glob("step-*")) if p.name < f"step-{step:08d}" and not verify(p)]
        if not whole:
            raise RunFailed(
                f"The drift from the base passed {self.limit} nats per token at the first check.",
                "Every adapter of this training exceeds retention.max_kl.",
                "Lower train.learning_rate or raise retention.max_kl, with another --output.",
            )
        return int(whole[-1].name.removeprefix("step-"))

    def restore(self) -> None:
        """Load the last adapter within the limit onto the base. Raises EnvironmentNotReady if it is damaged."""
        stopped = read_json(self.stopped)
        folder = self.within / f"step-{stopped['adapter_step']:08d}"
        if problems := verify(folder):
            raise EnvironmentNotReady(
                f"{folder} is damaged.", f"{problems[0]}.",
                "Restore it from a copy, or adapt again with another --output.",
            )  # fmt: skip
        self.context.base.start_from(folder)
