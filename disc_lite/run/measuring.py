"""The exam: what is asked before and after training, and the report card that comes of it.

Only what the model said is kept (`before.json`, `kept_before.json`, …); every figure is computed from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disc_lite.evaluation.asking import answer, generate_answers, probes_of, right_passages
from disc_lite.evaluation.card import counted, report_card, row_of
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.evaluation.grading import Grade, grade
from disc_lite.evaluation.instructions import follows, load_instructions, neutral_prompts
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.models import Base
from disc_lite.qa import Pair, Question
from disc_lite.recipe import Recipe
from disc_lite.storage import read_json, read_jsonl, write_json
from disc_lite.synthesis.retention import RetentionExample, read_examples, write_examples

Tell = Callable[[str, int, int], None]  # which part, how many prompts are done, of how many
FARTHEST = 10  # neutral prompts named in the card: those whose answers changed most


@dataclass(frozen=True)
class Exam:
    """Everything that is asked, the same before and after."""

    questions: tuple[Question, ...]
    completions: tuple[Question, ...]
    passages: tuple[tuple[str, str], ...]  # (document, text) of all passages
    probes: dict[str, list[Question]]
    own_words: tuple[RetentionExample, ...]  # neutral prompts that the base made up, none trained on

    @property
    def right(self) -> list[str]:
        """The right passage of each question."""
        return right_passages(self.questions, self.passages)


def compose(
    asked: Sequence[Question], passages: Sequence[tuple[str, str]], probes: Mapping[str, Any],
    own_words: Sequence[RetentionExample],
) -> Exam:  # fmt: skip
    """An exam of these questions and statements, and of the probes of a model folder."""
    return Exam(
        tuple(q for q in asked if q.kind == "question"), tuple(q for q in asked if q.kind == "completion"),
        tuple(passages), probes_of(dict(probes)), tuple(own_words),
    )  # fmt: skip


def saved_passages(folder: Path) -> list[tuple[str, str]]:
    """(document, text) of the passages of a run."""
    return [(row["document"], row["text"]) for row in read_jsonl(folder / "passages.jsonl")]


@dataclass
class Progress:
    """Prompts that are done, counted over all parts, so that the time left can be told for the whole."""

    tell: Tell
    total: int
    started: int = 0  # prompts of the parts that have begun

    def part(self, text: str, prompts: int) -> Callable[[int], None]:
        """Begin a part; what comes back is called with how many of its prompts are done."""
        first, self.started = self.started, self.started + prompts

        def on_finished(done: int) -> None:
            self.tell(text, first + done, self.total)

        if prompts:
            on_finished(0)
        return on_finished


def ask_all(
    opened: Callable[[], Base], recipe: Recipe, exam: Exam, folder: Path, adapter: bool, tell: Tell
) -> dict[str, Any]:
    """Answers to the questions and completions, of the base or of the adapted model; asked once per folder.

    `opened` gives the model, which is loaded only if something is still to be asked.
    """
    when = "after" if adapter else "before"
    path = folder / f"{when}.json"
    if path.is_file():
        found: dict[str, Any] = read_json(path)
        return found
    base = opened()
    searched = best_passages(
        [text for _, text in exam.passages], [q.text for q in exam.questions], recipe.evaluation.rag_passages
    )
    shown: dict[str, Sequence[Sequence[str]]] = {"adapted" if adapter else "floor": [[]] * len(exam.questions)}
    shown["adapted_rag" if adapter else "rag"] = searched
    if not adapter:
        shown["ceiling"] = [[p] if p else [] for p in exam.right]
    most, number = recipe.evaluation.answer_tokens, len(exam.questions)
    progress = Progress(tell, len(shown) * number + len(exam.completions))
    given = {}
    for row, passages in shown.items():
        on_finished = progress.part(f"{when}: {number} questions, {row.replace('_', ' + ')}", number)
        given[row] = answer(base, exam.questions, adapter, most, passages, on_finished=on_finished)
    on_finished = progress.part(f"{when}: {len(exam.completions)} statements", len(exam.completions))
    told = {
        "questions": given, "completions": answer(base, exam.completions, adapter, most, on_finished=on_finished),
    }  # fmt: skip
    write_json(path, told)
    return told


def keep_all(
    opened: Callable[[], Base], recipe: Recipe, exam: Exam, folder: Path, adapter: bool, tell: Tell
) -> dict[str, Any]:
    """What should have stayed: probes, instructions, answers that stop, and the drift from the base."""
    when = "after" if adapter else "before"
    path = folder / f"kept_{when}.json"
    if path.is_file():
        found: dict[str, Any] = read_json(path)
        return found
    base, told = opened(), {"probes": {}}  # type: Base, dict[str, Any]
    tokens, most = base.tokens, recipe.evaluation.long_answer_tokens
    instructions, prompts = [i.prompt for i in load_instructions()], neutral_prompts()
    drifting = {}
    if adapter:
        drifting = {"general": read_examples(folder / "neutral.jsonl"), "own_words": list(exam.own_words)}
    parts: list[Sequence[Any]] = [*exam.probes.values(), instructions, prompts, *drifting.values()]
    progress = Progress(tell, sum(map(len, parts)))
    for name, probe in exam.probes.items():
        on_finished = progress.part(f"{when}: probe {name}, {len(probe)} questions", len(probe))
        told["probes"][name] = answer(base, probe, adapter, recipe.evaluation.answer_tokens, on_finished=on_finished)
    on_finished = progress.part(f"{when}: {len(instructions)} instructions", len(instructions))
    followed = generate_answers(base, instructions, most, adapter, on_finished)
    told["instructions"] = [tokens.decode(s.answer_ids).strip() for s in followed]
    on_finished = progress.part(f"{when}: {len(prompts)} neutral prompts", len(prompts))
    general = generate_answers(base, prompts, most, adapter, on_finished)
    told["neutral"] = [tokens.decode(s.answer_ids).strip() for s in general]
    told["stopped"] = [s.answer_ids[-1] in tokens.stop_ids for s in general]
    for name, spoken in drifting.items():
        on_finished = progress.part(f"{when}: drift on {len(spoken)} answers", len(spoken))
        nats = drift(base, spoken, recipe.train.tokens_per_batch, on_finished)
        told[f"drift_{name}"] = {"mean": mean_drift(nats, spoken), "by_prompt": nats}
    if not adapter:
        write_examples(folder / "neutral.jsonl", general)
    write_json(path, told)
    return told


def card_of(
    exam: Exam, pairs: Sequence[Pair], recipe: Recipe, told: Mapping[str, Any], kept: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole report card; `told` and `kept` hold what was said `before` and `after`."""
    grading = recipe.evaluation.grading
    given = {**told["before"]["questions"], **told["after"]["questions"]}
    card = report_card(exam.questions, given, exam.right, pairs, grading, recipe.prompt.near_duplicate)
    card["completions"] = {
        when: row_of(_grades(exam.completions, said["completions"]), grading) for when, said in told.items()
    }
    card["kept"] = {
        **{name: {when: row_of(_grades(probe, said["probes"][name]), grading) for when, said in kept.items()}
           for name, probe in exam.probes.items()},
        "instructions": {when: counted(_followed(said["instructions"])) for when, said in kept.items()},
        "answers that stop": {when: counted(said["stopped"]) for when, said in kept.items()},
    }  # fmt: skip
    after = kept["after"]
    card["drift"] = {name: round(after[f"drift_{name}"]["mean"], 5) for name in ("general", "own_words")}
    nats, prompts = after["drift_general"]["by_prompt"], neutral_prompts()
    card["farthest"] = [
        {"prompt": prompts[i], "nats": round(nats[i], 4), **{when: kept[when]["neutral"][i] for when in kept}}
        for i in sorted(range(len(nats)), key=lambda i: -nats[i])[:FARTHEST]
    ]
    return card


def _followed(answers: Sequence[str]) -> list[bool]:
    return [follows(i, a) for i, a in zip(load_instructions(), answers, strict=True)]


def _grades(asked: Sequence[Question], given: Sequence[str]) -> list[Grade]:
    return [grade(g, q.answers) for g, q in zip(given, asked, strict=True)]
