"""Whether training has taught what it teaches: trained questions are asked closed book while it goes on.

A mean loss does not tell: most tokens of an answer are its frame, which is learned long before the
fact in it. What this decides is a pure function of the run, so a resumed run decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from disc_lite.errors import Interrupted
from disc_lite.evaluation import answer
from disc_lite.grading import Pair, Question
from disc_lite.run.workshop import Workshop
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl
from disc_lite.synthesis.screening import content_words, facts_of

ROWS = "fit.jsonl"
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
        self.rows_path, self.learned_path = shop.folder / ROWS, shop.folder / "learned.json"
        self.rows: list[dict[str, Any]] = list(read_jsonl(self.rows_path)) if self.rows_path.is_file() else []

    def learned_at(self, step: int) -> int | None:
        """The step after which enough was learned, if so; asked after `step`, which it measures where that is due.

        A signal ends the measurement, which is then made when the run is continued.
        """
        due = step > 0 and (step % self.every == 0 or step >= self.steps)
        if self.pairs and due and all(row["step"] < step for row in self.rows):
            with suppress(Interrupted), self.shop.interrupts.answered():
                self._measure(step)
        return int(read_json(self.learned_path)["step"]) if self.learned_path.is_file() else None

    def _measure(self, step: int) -> None:
        share = self._share_answered()
        self.rows.append({"step": step, "share": share})
        write_jsonl(self.rows_path, self.rows)
        if not self.learned_path.is_file() and (share >= self.limit or self._stale()):
            write_json(self.learned_path, {"step": step, "share": share, "enough": share >= self.limit})

    def _stale(self) -> bool:
        """Whether the last checks brought nothing new; while hardly anything is known, one waits on."""
        shares = [row["share"] for row in self.rows]
        best = max(shares)
        return best >= self.limit / 2 and len(shares) - 1 - shares.index(best) >= STALE

    def _share_answered(self) -> float:
        questions = [Question(pair.question, (pair.answer,)) for pair in self.pairs]
        given = answer(self.shop.base, questions, True, self.shop.recipe.evaluation.answer_tokens)
        known = [answered_again(pair, text) for pair, text in zip(self.pairs, given, strict=True)]
        return round(sum(known) / len(known), 4)


def last_measured(folder: Path) -> dict[str, Any]:
    """The last share of trained questions that were answered in a run, and after which step; empty where none were."""
    path = folder / ROWS
    rows = list(read_jsonl(path)) if path.is_file() else []
    return dict(rows[-1]) if rows else {}


def answered_again(pair: Pair, given: str) -> bool:
    """Whether an answer says what the pair's answer says: most of the words that its question does not have."""
    facts = facts_of(pair.question, pair.answer)
    return len(facts & content_words(given)) >= FACTS * len(facts)
