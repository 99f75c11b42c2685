"""What is asked before and after training, and the report card made of the answers.

Only what the model answered is saved in the run folder; every figure is computed from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from disc_lite.evaluation.asking import answer, generate_answers, probes_of, right_passages, right_places
from disc_lite.evaluation.card import ROWS, change, forgetting, report_card, row_of
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.evaluation.grading import grade_all
from disc_lite.evaluation.instructions import Instruction, follows, load_instructions, neutral_prompts
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.evaluation.thinking import MOST, thinking_answers
from disc_lite.models import Base
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Recipe
from disc_lite.run.changes import STATES
from disc_lite.run.folder import Answers, Drift, Retained, RunFolder, When
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject
from disc_lite.synthesis.retention import RetentionExample

Tell = Callable[[str, int, int], None]  # name of the part, prompts done, prompts in all
FARTHEST = 10  # neutral prompts in the card: those with the largest drift


@dataclass(frozen=True)
class EvalSet:
    """Everything that is asked, the same before and after."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: tuple[tuple[str, str], ...]  # (document, text) of all passages
    probes: dict[str, list[Question]]
    self_generated: tuple[RetentionExample, ...]  # held-out prompts that the base generated
    removed: tuple[Question, ...] = ()  # about passages that are gone since the run that is updated

    @cached_property
    def right(self) -> list[str]:
        """The right passage of each question."""
        return right_passages(self.questions, self.passages)


def eval_set_of(
    questions: Sequence[Question], passages: Sequence[tuple[str, str]], probes: JsonObject,
    self_generated: Sequence[RetentionExample], removed: Sequence[Question] = (),
) -> EvalSet:  # fmt: skip
    """These questions and statements, and the probes of a model folder."""
    return EvalSet(
        tuple(q for q in questions if q.kind == "question"), tuple(q for q in questions if q.kind == "completion"),
        tuple(passages), probes_of(dict(probes)), tuple(self_generated), tuple(removed),
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


def measure_answers(
    opened: Callable[[], Base], recipe: Recipe, eval_set: EvalSet, folder: RunFolder, when: When, tell: Tell
) -> Answers:
    """Answers of the base (before) or the adapted model (after) to the questions and statements; generated once.

    `opened` returns the model; it is called only if answers are missing in the folder.
    """
    saved = folder.read_answers(when)
    if saved:
        return saved
    base, adapter = opened(), when == "after"
    searched = best_passages(
        [text for _, text in eval_set.passages], [q.text for q in eval_set.questions], recipe.evaluation.rag_passages
    )
    shown: dict[str, Sequence[Sequence[str]]] = {"adapted" if adapter else "floor": [[]] * len(eval_set.questions)}
    shown["adapted_rag" if adapter else "rag"] = searched
    if not adapter:
        shown["ceiling"] = [[p] if p else [] for p in eval_set.right]
    max_tokens, number = recipe.evaluation.answer_tokens, len(eval_set.questions)
    progress = Progress(tell, len(shown) * number + len(eval_set.completions) + len(eval_set.removed) * adapter)
    by_row = {}
    for row, passages in shown.items():
        on_finished = progress.part(f"{when}: {counted(number, 'question')}, {ROWS[row]}", number)
        by_row[row] = answer(base, eval_set.questions, adapter, max_tokens, passages, on_finished=on_finished)
    on_finished = progress.part(f"{when}: {counted(len(eval_set.completions), 'statement')}", len(eval_set.completions))
    completions = answer(base, eval_set.completions, adapter, max_tokens, on_finished=on_finished)
    removed = []
    if adapter and eval_set.removed:
        on_finished = progress.part(
            f"{when}: {counted(len(eval_set.removed), 'question')} about what is gone", len(eval_set.removed)
        )
        removed = answer(base, eval_set.removed, adapter, max_tokens, on_finished=on_finished)
    found = Answers(by_row, completions, removed)
    folder.write_answers(when, found)
    return found


def measure_retained(
    opened: Callable[[], Base], recipe: Recipe, eval_set: EvalSet, folder: RunFolder, when: When, tell: Tell
) -> Retained:
    """Answers where nothing should change (probes, instructions, neutral prompts), and the drift from the base."""
    saved = folder.read_retained(when)
    if saved and folder.neutral.is_file():
        return saved
    base, adapter = opened(), when == "after"
    tokens, max_tokens = base.tokens, recipe.evaluation.long_answer_tokens
    instructions, prompts = [i.prompt for i in load_instructions()], neutral_prompts()
    drifting = {}
    if adapter:
        drifting = {"general": folder.read_examples("neutral"), "self_generated": list(eval_set.self_generated)}
    thinking = [i.prompt for i in thinking_instructions()] if tokens.thinks else []
    parts: list[Sequence[object]] = [*eval_set.probes.values(), instructions, thinking, prompts, *drifting.values()]
    progress = Progress(tell, sum(map(len, parts)))
    probes = {}
    for name, probe in eval_set.probes.items():
        on_finished = progress.part(f"{when}: probe {name}, {counted(len(probe), 'question')}", len(probe))
        probes[name] = answer(base, probe, adapter, recipe.evaluation.answer_tokens, on_finished=on_finished)
    on_finished = progress.part(f"{when}: {len(instructions)} instructions", len(instructions))
    followed = generate_answers(base, instructions, max_tokens, adapter, on_finished)
    on_finished = progress.part(f"{when}: {len(thinking)} instructions, thinking", len(thinking))
    thought = thinking_answers(base, thinking, max_tokens, adapter, on_finished) if thinking else []
    on_finished = progress.part(f"{when}: {len(prompts)} neutral prompts", len(prompts))
    neutral = generate_answers(base, prompts, max_tokens, adapter, on_finished)
    # A little longer than before is no loss: what ended within half of the limit has to end within all of it.
    limit = max_tokens if adapter else max_tokens // 2
    stopped = [e.answer_ids[-1] in tokens.stop_ids and len(e.answer_ids) <= limit for e in neutral]
    drifts = {}
    for name, examples in drifting.items():
        on_finished = progress.part(f"{when}: drift on {len(examples)} answers", len(examples))
        nats = drift(base, examples, on_finished)
        drifts[name] = Drift(mean_drift(nats, examples), nats)
    retained = Retained(
        probes, [tokens.decode(e.answer_ids).strip() for e in followed],
        [tokens.decode(e.answer_ids).strip() for e in neutral], stopped, drifts, thought,
    )  # fmt: skip
    if not adapter:
        folder.write_examples("neutral", neutral)
    folder.write_retained(when, retained)
    return retained


def card_of(
    eval_set: EvalSet, pairs: Sequence[Pair], recipe: Recipe, answers: Mapping[When, Answers],
    retained: Mapping[When, Retained],
) -> JsonObject:  # fmt: skip
    """The whole report card, of what was answered before and after."""
    grading = recipe.evaluation.grading
    by_row = {**answers["before"].questions, **answers["after"].questions}
    card = report_card(eval_set.questions, by_row, eval_set.right, pairs, grading, recipe.prompt.near_duplicate)
    card["completions"] = {
        when: row_of(grade_all(eval_set.completions, found.completions), grading) for when, found in answers.items()
    }
    card["retained"] = _retained(eval_set, grading, retained["before"], retained["after"])
    card["forgetting"] = forgetting(card["retained"])
    drifts = retained["after"].drift
    card["drift"] = {name: round(found.mean, 5) for name, found in drifts.items()}
    nats, prompts = drifts["general"].by_prompt, neutral_prompts()
    card["farthest"] = [
        {"prompt": prompts[i], "nats": round(nats[i], 4), **{when: retained[when].neutral[i] for when in retained}}
        for i in sorted(range(len(nats)), key=lambda i: -nats[i])[:FARTHEST]
    ]
    return card


def by_state(eval_set: EvalSet, folder: RunFolder, recipe: Recipe, answers: Mapping[When, Answers]) -> JsonObject:
    """Of an update: recall of what was unchanged, changed, new and gone, now and by the earlier run's adapter."""
    record = folder.read_update()
    if not record:
        return {}
    states, grading = folder.read_states(), recipe.evaluation.grading
    own = answers["after"].questions["adapted"]
    places = right_places(eval_set.questions, eval_set.passages)
    groups: dict[str, list[tuple[Question, str]]] = {state: [] for state in (*STATES, "removed")}
    for question, said, at in zip(eval_set.questions, own, places, strict=True):
        if at is not None:
            groups[states[at]].append((question, said))
    groups["removed"] = list(zip(eval_set.removed, answers["after"].removed, strict=True))
    rows = {}
    for state, group in groups.items():
        now = grade_all([question for question, _ in group], [said for _, said in group])
        again = [(q, grade) for (q, _), grade in zip(group, now, strict=True) if q.text in record["answers"]]
        before = grade_all([q for q, _ in again], [record["answers"][q.text] for q, _ in again])
        since = change([each.right(grading) for each in before], [grade.right(grading) for _, grade in again])
        rows[state] = {
            "earlier": row_of(before, grading), "adapted": row_of(now, grading),
            "lost": since["lost"], "gained": since["gained"],  # of the same questions
        }  # fmt: skip
    return {"run": record["run"], "removed": record["removed"], "passages": record["passages"], "rows": rows}


def thinking_instructions() -> list[Instruction]:
    """Those that are asked with thinking on too, from all over the list."""
    instructions = load_instructions()
    return list(instructions[:: -(-len(instructions) // MOST)])


def _retained(eval_set: EvalSet, grading: str, before: Retained, after: Retained) -> JsonObject:
    """The rows of what should not change, item by item; those that nobody was asked are left out."""

    def right(name: str, found: Retained) -> list[bool]:
        return [each.right(grading) for each in grade_all(eval_set.probes[name], found.probes[name])]

    ended = [i for i, stopped in enumerate(before.stopped) if stopped]
    rows = {
        **{name: change(right(name, before), right(name, after)) for name in eval_set.probes},
        "instructions": change(*(_followed(load_instructions(), found.instructions) for found in (before, after))),
        "instructions, thinking": change(
            *(_followed(thinking_instructions(), found.thinking) for found in (before, after))
        ) if before.thinking and after.thinking else None,
        "answers that stop": change([True] * len(ended), [after.stopped[i] for i in ended]) if ended else None,
    }  # fmt: skip
    return {name: row for name, row in rows.items() if row}


def _followed(instructions: Sequence[Instruction], answers: Sequence[str]) -> list[bool]:
    return [follows(i, a) for i, a in zip(instructions, answers, strict=True)]
