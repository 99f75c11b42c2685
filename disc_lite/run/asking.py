"""Asks the base or the adapted model everything that is measured: questions, and prompts that no document is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from disc_lite.evaluation.asking import answer, generate_answers, thinking_answers
from disc_lite.evaluation.card import ROWS
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.evaluation.instructions import load_instructions, neutral_prompts, thinking_instructions
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.models import Base
from disc_lite.qa import Question
from disc_lite.recipe.schema import Evaluation
from disc_lite.run.answers import Answers, Drift, EvalSet, Retained, When
from disc_lite.run.events import Tell
from disc_lite.run.wording import counted
from disc_lite.synthesis.retention import read_examples, write_examples


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


def ask_questions(base: Base, asked: EvalSet, settings: Evaluation, when: When, tell: Tell) -> Answers:
    """Ask the questions with each kind of prompt of the report card, and the statements."""
    adapter, number = when == "after", len(asked.questions)
    texts = [text for _, text in asked.passages]
    searched = best_passages(texts, [q.text for q in asked.questions], settings.rag_passages)
    shown: dict[str, Sequence[Sequence[str]]] = {"adapted" if adapter else "floor": [[]] * number}
    shown["adapted_rag" if adapter else "rag"] = searched
    if not adapter:
        shown["ceiling"] = [[p] if p else [] for p in asked.right]
    removed = asked.removed if adapter else ()
    progress = Progress(tell, len(shown) * number + len(asked.completions) + len(removed))

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


def ask_retained(
    base: Base, probes: Mapping[str, Sequence[Question]], settings: Evaluation, when: When, neutral: Path,
    self_generated: Path, tell: Tell,
) -> Retained:  # fmt: skip
    """Ask what training should not change. The base's answers to neutral prompts are written to the file `neutral`.

    After training, the drift is measured on them and on the answers in the file `self_generated`.
    """
    tokens, max_tokens, adapter = base.tokens, settings.long_answer_tokens, when == "after"
    instructions, prompts = [i.prompt for i in load_instructions()], neutral_prompts()
    thinking = [i.prompt for i in thinking_instructions()] if tokens.thinks else []
    files = {"general": neutral, "self_generated": self_generated} if adapter else {}
    drifting = {kind: read_examples(path) for kind, path in files.items()}
    parts: list[Sequence[object]] = [*probes.values(), instructions, thinking, prompts, *drifting.values()]
    progress = Progress(tell, sum(map(len, parts)))

    def part(what: str, asked: Sequence[object]) -> Callable[[int], None]:
        return progress.part(f"{when}: {what}", len(asked))

    by_probe = {}
    for name, probe in probes.items():
        on_finished = part(f"probe {name}, {counted(len(probe), 'question')}", probe)
        by_probe[name] = answer(base, probe, settings.answer_tokens, adapter=adapter, on_finished=on_finished)
    on_finished = part(f"{len(instructions)} instructions", instructions)
    followed = generate_answers(base, instructions, max_tokens, adapter=adapter, on_finished=on_finished)
    on_finished = part(f"{len(thinking)} instructions, thinking", thinking)
    thought = thinking_answers(base, thinking, max_tokens, adapter=adapter, on_finished=on_finished) if thinking else []
    on_finished = part(f"{len(prompts)} neutral prompts", prompts)
    answered = generate_answers(base, prompts, max_tokens, adapter=adapter, on_finished=on_finished)
    if not adapter:
        write_examples(neutral, answered)
    # A slightly longer answer is no loss: an answer of the base that ended within half of the limit has to end
    # within the whole limit after training.
    limit = max_tokens if adapter else max_tokens // 2
    stopped = [e.answer_ids[-1] in tokens.stop_ids and len(e.answer_ids) <= limit for e in answered]
    drifts = {}
    for kind, examples in drifting.items():
        nats = drift(base, examples, part(f"drift on {len(examples)} answers", examples))
        drifts[kind] = Drift(mean_drift(nats, examples), nats)
    of_instructions, of_prompts = ([tokens.decode(e.answer_ids).strip() for e in said] for said in (followed, answered))
    return Retained(by_probe, of_instructions, of_prompts, stopped, drifts, thought)
