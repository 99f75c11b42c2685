"""Asks the questions before and after training. Only the answers are saved; all figures are computed from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from disc_lite.evaluation.asking import answer, generate_answers
from disc_lite.evaluation.card import ROWS
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts
from disc_lite.evaluation.retrieval import Passages, best_passages, right_places
from disc_lite.evaluation.thinking import thinking_answers, thinking_instructions
from disc_lite.hub.probes import Probes
from disc_lite.models import Base
from disc_lite.qa import Question
from disc_lite.recipe import Recipe
from disc_lite.run.answers import Answers, Drift, Retained, When
from disc_lite.run.folder import RunFolder, by_kind
from disc_lite.run.wording import counted
from disc_lite.synthesis.retention import read_examples, write_examples

Tell = Callable[[str, int, int], None]  # name of the part, prompts done, prompts in all


@dataclass(frozen=True)
class EvalSet:
    """Everything that is asked before and after training."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: Passages
    probes: Mapping[str, Sequence[Question]]  # by name, from the model folder
    removed: tuple[Question, ...] = ()  # for an update: about passages that were removed

    @cached_property
    def places(self) -> list[int | None]:
        """For each question the number of the passage that answers it, or None."""
        return right_places(self.questions, self.passages)

    @property
    def right(self) -> list[str]:
        """For each question the text of the passage that answers it, or ""."""
        return ["" if at is None else self.passages[at][1] for at in self.places]


def eval_set_of(questions: Sequence[Question], run: RunFolder, probes: Probes, removed: Sequence[Question]) -> EvalSet:
    """The questions and statements with the passages of a run and the probes of a model folder."""
    return EvalSet(*by_kind(questions), run.read_passages(), probes.questions, tuple(removed))


@dataclass
class Progress:
    """Counts finished prompts over all parts, so that the time left is estimated for the whole."""

    tell: Tell
    total: int
    started: int = 0  # prompts of the parts that have begun

    def part(self, text: str, prompts: int) -> Callable[[int], None]:
        """Begin a part; returns a callback for the number of its prompts that are done."""
        first, self.started = self.started, self.started + prompts

        def on_finished(done: int) -> None:
            self.tell(text, first + done, self.total)

        if prompts:
            on_finished(0)
        return on_finished


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
            saved = self._answers(self.opened(), when)
            places[-1].write_answers(when, saved)
        return saved

    def _answers(self, base: Base, when: When) -> Answers:
        asked, settings, adapter = self.asked, self.recipe.evaluation, when == "after"
        texts, number = [text for _, text in asked.passages], len(asked.questions)
        searched = best_passages(texts, [q.text for q in asked.questions], settings.rag_passages)
        shown: dict[str, Sequence[Sequence[str]]] = {"adapted" if adapter else "floor": [[]] * number}
        shown["adapted_rag" if adapter else "rag"] = searched
        if not adapter:
            shown["ceiling"] = [[p] if p else [] for p in asked.right]
        removed = asked.removed if adapter else ()
        progress = Progress(self.tell, len(shown) * number + len(asked.completions) + len(removed))

        def said(questions: Sequence[Question], what: str, passages: Sequence[Sequence[str]] = ()) -> list[str]:
            on_finished = progress.part(f"{when}: {what}", len(questions))
            return answer(
                base, questions, settings.answer_tokens, adapter=adapter, passages=passages, on_finished=on_finished
            )

        of_questions = counted(number, "question")
        return Answers(
            {row: said(asked.questions, f"{of_questions}, {ROWS[row]}", passages) for row, passages in shown.items()},
            said(asked.completions, counted(len(asked.completions), "statement")),
            said(removed, f"{len(removed):,} about what is gone") if removed else [],
        )

    def retained(self, when: When) -> Retained:
        """Answers to prompts about no document (saved ones, else asked now), with the adapted model's drift."""
        places = [place for place in self._places if place.neutral.is_file()]
        saved = next(filter(None, (place.read_retained(when) for place in places)), None)
        if saved is None:
            saved = self._retained(self.opened(), when)
            self._places[-1].write_retained(when, saved)
        return saved

    def _retained(self, base: Base, when: When) -> Retained:
        tokens, settings, adapter = base.tokens, self.recipe.evaluation, when == "after"
        max_tokens, probes = settings.long_answer_tokens, self.asked.probes
        instructions, prompts = [i.prompt for i in load_instructions()], neutral_prompts()
        thinking = [i.prompt for i in thinking_instructions()] if tokens.thinks else []
        drifting = {}
        if adapter:
            general = next(place.neutral for place in self._places if place.neutral.is_file())
            answered = {"general": general, "self_generated": self.run.self_generated}
            drifting = {kind: read_examples(path) for kind, path in answered.items()}
        parts: list[Sequence[object]] = [*probes.values(), instructions, thinking, prompts, *drifting.values()]
        progress = Progress(self.tell, sum(map(len, parts)))

        def part(what: str, asked: Sequence[object]) -> Callable[[int], None]:
            return progress.part(f"{when}: {what}", len(asked))

        by_probe = {}
        for name, probe in probes.items():
            on_finished = part(f"probe {name}, {counted(len(probe), 'question')}", probe)
            by_probe[name] = answer(base, probe, settings.answer_tokens, adapter=adapter, on_finished=on_finished)
        on_finished = part(f"{len(instructions)} instructions", instructions)
        followed = generate_answers(base, instructions, max_tokens, adapter=adapter, on_finished=on_finished)
        on_finished = part(f"{len(thinking)} instructions, thinking", thinking)
        thought = (
            thinking_answers(base, thinking, max_tokens, adapter=adapter, on_finished=on_finished) if thinking else []
        )
        on_finished = part(f"{len(prompts)} neutral prompts", prompts)
        neutral = generate_answers(base, prompts, max_tokens, adapter=adapter, on_finished=on_finished)
        # A slightly longer answer is no loss: an answer of the base that ended within half of the limit has to end
        # within the whole limit after training.
        limit = max_tokens if adapter else max_tokens // 2
        stopped = [e.answer_ids[-1] in tokens.stop_ids and len(e.answer_ids) <= limit for e in neutral]
        drifts = {}
        for kind, examples in drifting.items():
            nats = drift(base, examples, part(f"drift on {len(examples)} answers", examples))
            drifts[kind] = Drift(mean_drift(nats, examples), nats)
        if not adapter:
            write_examples(self._places[-1].neutral, neutral)
        of_instructions, of_prompts = (
            [tokens.decode(e.answer_ids).strip() for e in said] for said in (followed, neutral)
        )
        return Retained(by_probe, of_instructions, of_prompts, stopped, drifts, thought)
