"""Whether training has taught what it teaches: trained questions are asked closed book while it goes on.

A mean loss does not tell: most tokens of an answer are its frame, which is learned long before the
fact in it. What this decides is a pure function of the run, so a resumed run decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from disc_lite.distillation.schedule import last_step
from disc_lite.errors import Interrupted
from disc_lite.evaluation.asking import answer
from disc_lite.qa import Pair, Question
from disc_lite.run.context import Workshop
from disc_lite.run.folder import RunFolder
from disc_lite.storage import read_jsonl, write_jsonl
from disc_lite.synthesis.screening import content_words, facts_of

ASKED = 64  # trained questions; 0.95 of them is 61
CHECKS = 20  # over a whole training
FACTS = 0.75  # of an answer's facts, at least, for it to count as given
STALE = 5  # checks in a row without a new best: more of the same teaches no more


class FitWatch:
    """Asks a sample of the trained questions now and then; says after which step enough was learned."""

    def __init__(self, shop: Workshop, pairs: Sequence[Pair], steps: int) -> None:
        self.shop, self.steps, self.every = shop, steps, max(1, steps // CHECKS)
        self.limit = shop.recipe.train.enough
        gradable = [p for p in pairs if facts_of(p.question, p.answer)]
        drawn = Random(f"{shop.recipe.seed} fit").sample(gradable, min(ASKED, len(gradable)))
        self.pairs = drawn if self.limit else []
        self.path = shop.folder.fit
        self.rows: list[dict[str, Any]] = read_jsonl(self.path, missing_ok=True)

    def learned_at(self, step: int) -> int | None:
        """The step after which enough was learned, if so; asked after `step`, which it measures where that is due.

        A signal ends the measurement, which is then made when the run is continued.
        """
        last = last_step(self.steps, self._learned(), self.shop.recipe)
        due = step > 0 and (step % self.every == 0 or step == last)
        if self.pairs and due and all(row["step"] < step for row in self.rows):
            with suppress(Interrupted), self.shop.interrupts.answered():
                self.rows.append({"step": step, "share": self._share_answered()})
                write_jsonl(self.path, self.rows)
        return self._learned()

    def _learned(self) -> int | None:
        """The step of the first row at which enough was answered, or nothing new had been for a while."""
        shares: list[float] = []
        for row in self.rows:
            shares.append(row["share"])
            best = max(shares)
            # While hardly anything is known one waits on.
            stale = best >= self.limit / 2 and len(shares) - 1 - shares.index(best) >= STALE
            if best >= self.limit or stale:
                return int(row["step"])
        return None

    def _share_answered(self) -> float:
        questions = [Question(pair.question, (pair.answer,)) for pair in self.pairs]
        most = max(self.shop.recipe.evaluation.answer_tokens, self.shop.recipe.prompt.answer_tokens)
        given = answer(self.shop.base, questions, True, most)
        known = [answered_again(pair, text) for pair, text in zip(self.pairs, given, strict=True)]
        return round(sum(known) / len(known), 4)


def last_measured(folder: RunFolder) -> dict[str, Any]:
    """The last share of trained questions that were answered in a run, and after which step; empty where none were."""
    rows = read_jsonl(folder.fit, missing_ok=True)
    return dict(rows[-1]) if rows else {}


def answered_again(pair: Pair, given: str) -> bool:
    """Whether an answer says what the pair's answer says: most of the words that its question does not have."""
    facts = facts_of(pair.question, pair.answer)
    return len(facts & content_words(given)) >= FACTS * len(facts)
