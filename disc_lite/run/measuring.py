"""What is asked before and after training. Only what the models answered is saved, every figure follows from that."""

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
    """Everything that is asked, the same before and after."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: Passages
    probes: Mapping[str, Sequence[Question]]  # of the model folder, by name
    removed: tuple[Question, ...] = ()  # about passages that are gone since the run that is updated

    @cached_property
    def places(self) -> list[int | None]:
        """Which passage answers each question, if any does."""
        return right_places(self.questions, self.passages)

    @property
    def right(self) -> list[str]:
        """The passage that answers each question, or ""."""
        return ["" if at is None else self.passages[at][1] for at in self.places]


def eval_set_of(questions: Sequence[Question], run: RunFolder, probes: Probes, removed: Sequence[Question]) -> EvalSet:
    """These questions and statements about the passages of a run, and the probes of a model folder."""
    return EvalSet(*by_kind(questions), run.read_passages(), probes.questions, tuple(removed))


@dataclass
class Progress:
    """Prompts that are done, counted over all parts, so that the time left can be estimated for the whole."""

    tell: Tell
    total: int
    started: int = 0  # prompts of the parts that have begun

    def part(self, text: str, prompts: int) -> Callable[[int], None]:
        """Begin a part; the callback takes how many of its prompts are done."""
        first, self.started = self.started, self.started + prompts

        def on_finished(done: int) -> None:
            self.tell(text, first + done, self.total)

        if prompts:
            on_finished(0)
        return on_finished


@dataclass(frozen=True)
class Measurement:
    """Asks base and adapted model the same, each once: what they answered is saved."""

    opened: Callable[[], Base]  # called where an answer is missing
    recipe: Recipe
    asked: EvalSet
    run: RunFolder
    tell: Tell
    own: RunFolder | None = None  # where the answers to other questions are than those of the run
    output: RunFolder | None = None  # where new answers are saved if the run may only be read

    @property
    def _places(self) -> list[RunFolder]:
        """Where the answers to what the run asks are looked for; in the last one new ones are saved."""
        return [self.run, *([self.output] if self.output else [])]

    def ask(self, when: When) -> None:
        """Ask the base (before) or the adapted model (after) everything that is not answered yet."""
        self.answers(when)
        self.retained(when)

    def answers(self, when: When) -> Answers:
        """To the questions and statements."""
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
        """To what no document is about, and of the adapted model the drift from the base."""
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
        # A little longer than before is no loss: what ended within half of the limit has to end within all of it.
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
