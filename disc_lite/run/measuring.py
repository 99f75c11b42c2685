"""The answers of a run: saved ones, or asked now and saved. All figures are computed from them.

Does not import torch unless an answer is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from disc_lite.hub.probes import Probes
from disc_lite.qa import Question
from disc_lite.recipe import Recipe
from disc_lite.run.answers import Answers, EvalSet, Retained, When
from disc_lite.run.events import Tell
from disc_lite.run.folder import RunFolder, by_kind

if TYPE_CHECKING:
    from disc_lite.models import Base


def eval_set_of(questions: Sequence[Question], run: RunFolder, probes: Probes, removed: Sequence[Question]) -> EvalSet:
    """The questions and statements with the passages of a run and the probes of a model folder."""
    return EvalSet(*by_kind(questions), run.read_passages(), probes.questions, tuple(removed))


@dataclass(frozen=True)
class Measurement:
    """Asks the base and the adapted model the same prompts, once; the answers are saved."""

    opened: Callable[[], Base]  # loads the model; called only if an answer is missing
    recipe: Recipe
    asked: EvalSet
    run: RunFolder
    tell: Tell
    own: RunFolder | None = None  # the folder for the answers, if the questions are not the run's own
    output: RunFolder | None = None  # the folder for new answers, if the run is read-only

    @property
    def _places(self) -> list[RunFolder]:
        """Folders that are searched for answers to the run's own questions; new ones are saved in the last."""
        return [self.run, *([self.output] if self.output else [])]

    def ask(self, when: When) -> None:
        """Ask the base (before) or the adapted model (after) everything that is not answered yet."""
        self.answers(when)
        self.retained(when)

    def answers(self, when: When) -> Answers:
        """Answers to the questions and statements: saved ones, else asked now and saved."""
        places = [self.own] if self.own else self._places
        saved = next(filter(None, (place.read_answers(when) for place in places)), None)
        if saved is None:
            from disc_lite.run.asking import ask_questions

            saved = ask_questions(self.opened(), self.asked, self.recipe.evaluation, when, self.tell)
            places[-1].write_answers(when, saved)
        return saved

    def retained(self, when: When) -> Retained:
        """Answers to prompts about no document (saved ones, else asked now), with the adapted model's drift."""
        places = [place for place in self._places if place.neutral.is_file()]
        saved = next(filter(None, (place.read_retained(when) for place in places)), None)
        if saved is None:
            from disc_lite.run.asking import ask_retained

            neutral = (places[0] if when == "after" else self._places[-1]).neutral
            saved = ask_retained(
                self.opened(), self.asked.probes, self.recipe.evaluation, when, neutral, self.run.self_generated,
                self.tell,
            )  # fmt: skip
            self._places[-1].write_retained(when, saved)
        return saved
