"""The report card of a run, computed from the answers of the base and the adapted model. Does not import torch."""

from __future__ import annotations

from collections.abc import Sequence

from disc_lite.evaluation.card import LENGTH, STOPPING, Items, change, forgetting, report_card, row_of
from disc_lite.evaluation.grading import grade_all
from disc_lite.evaluation.instructions import (
    Instruction,
    follows,
    load_instructions,
    neutral_prompts,
    thinking_instructions,
)
from disc_lite.evaluation.retrieval import right_places
from disc_lite.evaluation.wordings import facts_of
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.run.answers import BEFORE_AND_AFTER, Answers, EvalSet, Retained
from disc_lite.run.changes import STATES
from disc_lite.run.folder import RunFolder
from disc_lite.run.measuring import Measurement
from disc_lite.storage import JsonObject, read_json

Answered = Sequence[tuple[Question, str]]
ByState = dict[str, list[tuple[Question, str]]]

# The first of these settings that is not 0 takes precedence.
NUMBERS = ("questions_per_passage", "questions_per_1000_tokens", "questions_per_sentence")
FARTHEST = 10  # neutral prompts in the card: those with the largest drift


def card_of(measured: Measurement, pairs: Sequence[Pair]) -> JsonObject:
    """The whole report card; asks what has no saved answer yet. `pairs` are those that were trained on."""
    answers = {when: measured.answers(when) for when in BEFORE_AND_AFTER}
    retained = {when: measured.retained(when) for when in BEFORE_AND_AFTER}
    asked, run, recipe = measured.asked, measured.run, measured.recipe
    grading = recipe.evaluation.grading
    by_row = {**answers["before"].questions, **answers["after"].questions}
    card = report_card(asked.questions, by_row, asked.right, pairs, grading, recipe.prompt.near_duplicate)
    card["completions"] = {
        when: _row(list(zip(asked.completions, found.completions, strict=True)), grading)
        for when, found in answers.items()
    }
    rows = _retained_rows(asked, grading, retained["before"], retained["after"])
    card["forgetting"] = forgetting(rows.values())
    card["retained"] = {name: change(*row) for name, row in rows.items()}
    ended = [now for was, now in zip(retained["before"].stopped, retained["after"].stopped, strict=True) if was]
    if ended:
        card["retained"][STOPPING] = change([True] * len(ended), ended)
    card["retained"][LENGTH] = _as_long(retained["before"].neutral, retained["after"].neutral)
    drifts = retained["after"].drift
    card["drift"] = {name: round(found.mean, 5) for name, found in drifts.items()}
    nats, prompts = drifts["general"].by_prompt, neutral_prompts()
    card["farthest"] = [
        {"prompt": prompts[i], "nats": round(nats[i], 4), **{when: retained[when].neutral[i] for when in retained}}
        for i in sorted(range(len(nats)), key=lambda i: -nats[i])[:FARTHEST]
    ]
    card["fit"] = run.read_last_fit()
    card["advice"] = advice_on(run, recipe)
    card["update"] = _by_state(asked, run, grading, answers["after"], by_row.get("ceiling", ()))
    return card


def _by_state(
    asked: EvalSet, run: RunFolder, grading: str, answers: Answers, with_passage: Sequence[str]
) -> JsonObject:
    """Recall of an update, now and by the earlier run's adapter, by what became of the passage; empty for other runs.

    The states are unchanged, changed, new and removed. `rows` counts questions, `completions` statements to finish.
    `ceiling` is the base with the right passage on the same questions; it is empty for removed passages.
    """
    record = run.read_update()
    if not record:
        return {}
    states = run.read_states()

    def grouped(questions: Sequence[Question], said: Sequence[str], places: Sequence[int | None]) -> ByState:
        groups: ByState = {state: [] for state in STATES}
        for question, answer, at in zip(questions, said, places, strict=bool(said)):
            if at is not None:
                groups[states[at]].append((question, answer))
        return groups

    def since(group: Answered) -> JsonObject:
        again = [(question, said) for question, said in group if question.text in record["answers"]]
        before = [(question, record["answers"][question.text]) for question, _ in again]
        changed = change(_right(before, grading), _right(again, grading))  # on the same questions
        rows = {"earlier": _row(before, grading), "adapted": _row(group, grading)}
        return {**rows, "lost": changed["lost"], "gained": changed["gained"]}

    read = grouped(asked.questions, with_passage, asked.places)
    now = grouped(asked.questions, answers.questions["adapted"], asked.places)
    finished = grouped(asked.completions, answers.completions, right_places(asked.completions, asked.passages))
    gone = list(zip(asked.removed, answers.removed, strict=True))
    for groups, kind in ((now, "question"), (finished, "completion")):
        groups["removed"] = [(question, said) for question, said in gone if question.kind == kind]
    read["removed"] = []
    return {
        "run": record["run"], "removed": record["removed"], "passages": record["passages"],
        "rows": {state: {**since(group), "ceiling": _row(read[state], grading)} for state, group in now.items()},
        "completions": {state: since(group) for state, group in finished.items()},
    }  # fmt: skip


def _right(answered: Answered, grading: str) -> list[bool]:
    grades = grade_all([question for question, _ in answered], [said for _, said in answered])
    return [grade.right(grading) for grade in grades]


def _row(answered: Answered, grading: str) -> JsonObject:
    questions = [question for question, _ in answered]
    return row_of(grade_all(questions, [said for _, said in answered]), grading, facts_of(questions))


def _retained_rows(asked: EvalSet, grading: str, before: Retained, after: Retained) -> dict[str, Items]:
    """Right or wrong per item, before and after, for the rows that should not change; empty rows are left out."""

    def right(name: str, found: Retained) -> list[bool]:
        return _right(list(zip(asked.probes[name], found.probes[name], strict=True)), grading)

    followed, thought = load_instructions(), thinking_instructions() if before.thinking and after.thinking else []
    rows: dict[str, Items] = {
        **{name: (right(name, before), right(name, after), facts_of(probe)) for name, probe in asked.probes.items()},
        "instructions": (_followed(followed, before.instructions), _followed(followed, after.instructions), followed),
        "instructions, thinking": (_followed(thought, before.thinking), _followed(thought, after.thinking), thought),
    }
    return {name: row for name, row in rows.items() if row[0]}


def _as_long(before: Sequence[str], after: Sequence[str]) -> JsonObject:
    """Counts the answers with at least half as many characters as the base's; both have the same token limit."""
    return change([True] * len(before), [2 * len(now) >= len(was) for was, now in zip(before, after, strict=True)])


def _followed(instructions: Sequence[Instruction], answers: Sequence[str]) -> list[bool]:
    return [follows(i, a) for i, a in zip(instructions, answers, strict=True)]


# -- advice for a run that learned too little: only settings that have an effect in such a run ------------------


def advice_on(folder: RunFolder, recipe: Recipe) -> JsonObject:
    """How to get more pairs and shorter passages; an update has to be adapted anew for either."""
    anew = "adapt again, without --update, with " if folder.read_update() else ""
    return {
        "pairs": _more_pairs(folder, recipe, anew),
        "passages": f"{anew}shorter passages (documents.passage_tokens)",
    }


def _more_pairs(folder: RunFolder, recipe: Recipe, anew: str) -> str:
    if not METHODS[recipe.method].needs_pairs:
        return f"{anew}question-answer pairs as well as the sentences (method=both)"
    about = read_json(folder.pair_drafts, missing_ok=True)
    if about.get("given"):
        return "more pairs in your --pairs that ask the same in other words"
    name = next(name for name in NUMBERS if getattr(recipe.prompt, name))
    what = "more pairs for each sentence" if name == NUMBERS[-1] else "more pairs"
    return f"{anew}{what} (prompt.{name}, which was {getattr(recipe.prompt, name):g})"
