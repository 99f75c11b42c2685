"""What is asked before and after training, and the report card made of the answers.

Only what the model answered is saved in the run folder; every figure is computed from that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from disc_lite.evaluation.asking import answer, generate_answers, probes_of, right_passages, right_places
from disc_lite.evaluation.card import ROWS, STOPPING, Items, change, forgetting, report_card, row_of
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.evaluation.grading import grade_all
from disc_lite.evaluation.instructions import Instruction, follows, load_instructions, neutral_prompts
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.evaluation.thinking import MOST, thinking_answers
from disc_lite.evaluation.wordings import facts_of
from disc_lite.models import Base
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Recipe
from disc_lite.run.advice import advice_on
from disc_lite.run.answers import BEFORE_AND_AFTER, Answers, Drift, Retained, When
from disc_lite.run.changes import STATES
from disc_lite.run.fit import last_measured
from disc_lite.run.folder import Measured, RunFolder
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject

Tell = Callable[[str, int, int], None]  # name of the part, prompts done, prompts in all
DRIFTING: dict[str, Measured] = {"general": "neutral", "self_generated": "self_generated"}  # in the card, in the folder
FARTHEST = 10  # neutral prompts in the card: those with the largest drift


@dataclass(frozen=True)
class EvalSet:
    """Everything that is asked, the same before and after."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: tuple[tuple[str, str], ...]  # (document, text) of all passages
    probes: dict[str, list[Question]]
    removed: tuple[Question, ...] = ()  # about passages that are gone since the run that is updated

    @cached_property
    def right(self) -> list[str]:
        """The right passage of each question."""
        return right_passages(self.questions, self.passages)


def eval_set_of(
    questions: Sequence[Question], run: RunFolder, probes: JsonObject, removed: Sequence[Question]
) -> EvalSet:
    """These questions and statements about the passages of a run, and the probes of a model folder."""
    return EvalSet(
        tuple(q for q in questions if q.kind == "question"), tuple(q for q in questions if q.kind == "completion"),
        tuple(run.read_passages()), probes_of(dict(probes)), tuple(removed),
    )  # fmt: skip


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
    """Asks base and adapted model the same, each once: what they answered is saved, and the report card made of it."""

    opened: Callable[[], Base]  # called where an answer is missing
    recipe: Recipe
    asked: EvalSet
    run: RunFolder
    tell: Tell
    own: RunFolder | None = None  # where the answers to other questions are than those of the run

    def ask(self, when: When) -> None:
        """Ask the base (before) or the adapted model (after) everything that is not answered yet."""
        self.answers(when)
        self.retained(when)

    def answers(self, when: When) -> Answers:
        """To the questions and statements."""
        folder = self.own or self.run
        saved = folder.read_answers(when)
        if saved is None:
            saved = self._answers(self.opened(), when)
            folder.write_answers(when, saved)
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
            return answer(base, questions, adapter, settings.answer_tokens, passages, on_finished)

        of_questions = counted(number, "question")
        return Answers(
            {row: said(asked.questions, f"{of_questions}, {ROWS[row]}", passages) for row, passages in shown.items()},
            said(asked.completions, counted(len(asked.completions), "statement")),
            said(removed, f"{counted(len(removed), 'question')} about what is gone") if removed else [],
        )

    def retained(self, when: When) -> Retained:
        """To what no document is about, and of the adapted model the drift from the base."""
        saved = self.run.read_retained(when)
        if saved is None or not self.run.neutral.is_file():
            saved = self._retained(self.opened(), when)
            self.run.write_retained(when, saved)
        return saved

    def _retained(self, base: Base, when: When) -> Retained:
        tokens, settings, adapter = base.tokens, self.recipe.evaluation, when == "after"
        max_tokens, probes = settings.long_answer_tokens, self.asked.probes
        instructions, prompts = [i.prompt for i in load_instructions()], neutral_prompts()
        thinking = [i.prompt for i in thinking_instructions()] if tokens.thinks else []
        drifting = {}
        if adapter:
            drifting = {kind: self.run.read_examples(of) for kind, of in DRIFTING.items()}
        parts: list[Sequence[object]] = [*probes.values(), instructions, thinking, prompts, *drifting.values()]
        progress = Progress(self.tell, sum(map(len, parts)))

        def part(what: str, asked: Sequence[object]) -> Callable[[int], None]:
            return progress.part(f"{when}: {what}", len(asked))

        by_probe = {}
        for name, probe in probes.items():
            on_finished = part(f"probe {name}, {counted(len(probe), 'question')}", probe)
            by_probe[name] = answer(base, probe, adapter, settings.answer_tokens, on_finished=on_finished)
        on_finished = part(f"{len(instructions)} instructions", instructions)
        followed = generate_answers(base, instructions, max_tokens, adapter, on_finished)
        on_finished = part(f"{len(thinking)} instructions, thinking", thinking)
        thought = thinking_answers(base, thinking, max_tokens, adapter, on_finished) if thinking else []
        neutral = generate_answers(base, prompts, max_tokens, adapter, part(f"{len(prompts)} neutral prompts", prompts))
        # A little longer than before is no loss: what ended within half of the limit has to end within all of it.
        limit = max_tokens if adapter else max_tokens // 2
        stopped = [e.answer_ids[-1] in tokens.stop_ids and len(e.answer_ids) <= limit for e in neutral]
        drifts = {}
        for kind, examples in drifting.items():
            nats = drift(base, examples, part(f"drift on {len(examples)} answers", examples))
            drifts[kind] = Drift(mean_drift(nats, examples), nats)
        if not adapter:
            self.run.write_examples("neutral", neutral)
        of_instructions, of_prompts = (
            [tokens.decode(e.answer_ids).strip() for e in said] for said in (followed, neutral)
        )
        return Retained(by_probe, of_instructions, of_prompts, stopped, drifts, thought)

    def card(self, pairs: Sequence[Pair]) -> JsonObject:
        """The whole report card; what is not answered yet is asked."""
        answers = {when: self.answers(when) for when in BEFORE_AND_AFTER}
        retained = {when: self.retained(when) for when in BEFORE_AND_AFTER}
        asked, grading = self.asked, self.recipe.evaluation.grading
        by_row = {**answers["before"].questions, **answers["after"].questions}
        card = report_card(asked.questions, by_row, asked.right, pairs, grading, self.recipe.prompt.near_duplicate)
        card["completions"] = {
            when: _row(list(zip(asked.completions, found.completions, strict=True)), grading)
            for when, found in answers.items()
        }
        rows = _retained_rows(asked, grading, retained["before"], retained["after"])
        card["forgetting"] = forgetting(rows.values())
        card["retained"] = {name: change(*row) for name, row in rows.items()}
        ended = [now for was, now in zip(retained["before"].stopped, retained["after"].stopped, strict=True) if was]
        if ended:  # no part of what was forgotten: a model that says next to nothing stops too
            card["retained"][STOPPING] = change([True] * len(ended), ended)
        drifts = retained["after"].drift
        card["drift"] = {name: round(found.mean, 5) for name, found in drifts.items()}
        nats, prompts = drifts["general"].by_prompt, neutral_prompts()
        card["farthest"] = [
            {"prompt": prompts[i], "nats": round(nats[i], 4), **{when: retained[when].neutral[i] for when in retained}}
            for i in sorted(range(len(nats)), key=lambda i: -nats[i])[:FARTHEST]
        ]
        card["fit"] = last_measured(self.run)
        card["advice"] = advice_on(self.run, self.recipe)
        card["update"] = _by_state(asked, self.run, grading, answers["after"], by_row.get("ceiling", ()))
        return card


def _by_state(
    asked: EvalSet, run: RunFolder, grading: str, answers: Answers, with_passage: Sequence[str]
) -> JsonObject:
    """Of an update: recall of what was unchanged, changed, new and gone, now and by the earlier run's adapter.

    `ceiling` is what the base answers with the right passage, of the same questions; of what is gone nobody asked that.
    """
    record = run.read_update()
    if not record:
        return {}
    states, places = run.read_states(), right_places(asked.questions, asked.passages)
    groups: dict[str, list[tuple[Question, str]]] = {state: [] for state in (*STATES, "removed")}
    read: dict[str, list[tuple[Question, str]]] = {state: [] for state in groups}
    for question, said, at in zip(asked.questions, answers.questions["adapted"], places, strict=True):
        if at is not None:
            groups[states[at]].append((question, said))
    for question, said, at in zip(asked.questions, with_passage, places, strict=bool(with_passage)):
        if at is not None:
            read[states[at]].append((question, said))
    groups["removed"] = list(zip(asked.removed, answers.removed, strict=True))
    rows = {}
    for state, group in groups.items():
        again = [(question, said) for question, said in group if question.text in record["answers"]]
        before = [(question, record["answers"][question.text]) for question, _ in again]
        since = change(_right(before, grading), _right(again, grading))
        rows[state] = {
            "earlier": _row(before, grading), "adapted": _row(group, grading), "ceiling": _row(read[state], grading),
            "lost": since["lost"], "gained": since["gained"],  # of the same questions
        }  # fmt: skip
    return {"run": record["run"], "removed": record["removed"], "passages": record["passages"], "rows": rows}


def _right(answered: Sequence[tuple[Question, str]], grading: str) -> list[bool]:
    grades = grade_all([question for question, _ in answered], [said for _, said in answered])
    return [grade.right(grading) for grade in grades]


def _row(answered: Sequence[tuple[Question, str]], grading: str) -> JsonObject:
    questions = [question for question, _ in answered]
    return row_of(grade_all(questions, [said for _, said in answered]), grading, facts_of(questions))


def thinking_instructions() -> list[Instruction]:
    """Those that are asked with thinking on too, from all over the list."""
    instructions = load_instructions()
    return list(instructions[:: -(-len(instructions) // MOST)])


def _retained_rows(asked: EvalSet, grading: str, before: Retained, after: Retained) -> dict[str, Items]:
    """The rows of what should not change, item by item; those that nobody was asked are left out."""

    def right(name: str, found: Retained) -> list[bool]:
        return [each.right(grading) for each in grade_all(asked.probes[name], found.probes[name])]

    followed, thought = load_instructions(), thinking_instructions() if before.thinking and after.thinking else []
    rows: dict[str, Items] = {
        **{name: (right(name, before), right(name, after), facts_of(probe)) for name, probe in asked.probes.items()},
        "instructions": (_followed(followed, before.instructions), _followed(followed, after.instructions), followed),
        "instructions, thinking": (_followed(thought, before.thinking), _followed(thought, after.thinking), thought),
    }
    return {name: row for name, row in rows.items() if row[0]}


def _followed(instructions: Sequence[Instruction], answers: Sequence[str]) -> list[bool]:
    return [follows(i, a) for i, a in zip(instructions, answers, strict=True)]
