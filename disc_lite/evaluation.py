"""What a model knows: closed-book recall, statements finished, its ceiling, its probes, its drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from disc_lite.generation import generate
from disc_lite.grading import Question, word_set
from disc_lite.losses import token_divergence
from disc_lite.models import Base
from disc_lite.packing import Segment, lone, pack
from disc_lite.prompts import answer_task, join_passages
from disc_lite.retention import RetentionExample
from disc_lite.training import KEEP


def answer(
    base: Base, questions: Sequence[Question], adapter: bool, most: int, shown: Sequence[Sequence[str]] = (),
    on_finished: Callable[[int], None] = lambda questions: None,
) -> list[str]:  # fmt: skip
    """What the model says to each question, greedily, in at most `most` tokens.

    `on_finished` gets the number of questions answered so far.
    `shown` are the passages in front of each question; without them each question's own, if any.
    A completion is raw text, up to the end of its sentence; of choices, the likeliest is the answer.
    """
    tokens = base.tokens
    shown = shown or [[q.passage] if q.passage else [] for q in questions]
    asked = [join_passages(p) + (answer_task(q.text) if p else q.text) for q, p in zip(questions, shown, strict=True)]
    open_ended = [i for i, q in enumerate(questions) if not q.choices]
    prompts = [
        [*tokens.bos, *tokens.text(questions[i].text.rstrip())] if questions[i].kind == "completion"
        else tokens.prompt(asked[i]) for i in open_ended
    ]  # fmt: skip
    with base.frozen(adapter=adapter) as model:
        found = generate(model, prompts, stop_ids=tokens.stop_ids, max_new_tokens=most, on_finished=on_finished)
    given = {i: tokens.decode(f.ids) for i, f in zip(open_ended, found, strict=True)}
    for i, question in enumerate(questions):
        if question.choices:
            given[i] = _likeliest(base, asked[i], question.choices, adapter)
            on_finished(len(given))
    return [_first_sentence(given[i]) if q.kind == "completion" else given[i].strip() for i, q in enumerate(questions)]


def _likeliest(base: Base, asked: str, choices: Sequence[str], adapter: bool) -> str:
    """The choice with the highest log-probability, its end included, after the question, which is read once."""
    turns = [base.tokens.turn(asked, choice) for choice in choices]
    prompt = turns[0][0]
    tree = (Segment(tuple(prompt)), *(Segment(tuple(answer[:-1]), 0) for _, answer in turns))
    places = []
    for number, (_, answer) in enumerate(turns, 1):
        places += [(0, 0, len(prompt) - 1), *((0, number, p) for p in range(len(answer) - 1))]
    found = base.log_probabilities([tree], places, [answer for _, answer in turns], adapter)
    totals = [float(run.sum()) for run in found]
    return choices[totals.index(max(totals))]


def _first_sentence(text: str) -> str:
    line = text.strip().split("\n")[0]
    return line.split(". ")[0].rstrip(".").strip()


def right_passages(questions: Sequence[Question], passages: Sequence[tuple[str, str]]) -> list[str]:
    """For each question its own passage, where it has one; else that (of its document, if named) with the answer.

    `passages` are (name of the document, text). Among several: the one that shares most words.
    """
    known = _by_place(passages)
    words = [word_set(text) for _, text in passages]
    chosen = []
    for question in questions:
        place = (question.document, question.passage_index)
        if place in known:
            chosen.append(known[place])
            continue
        asked = word_set(question.text)
        ranked = [
            (any(a.lower() in text.lower() for a in question.answers), len(asked & words[i]), -i)
            for i, (name, text) in enumerate(passages)
            if question.document in ("", name)
        ]
        chosen.append(passages[-max(ranked)[2]][1] if ranked else "")
    return chosen


def _by_place(passages: Sequence[tuple[str, str]]) -> dict[tuple[str, int], str]:
    """(document, number of the passage in it) -> text."""
    found: dict[tuple[str, int], str] = {}
    number: Counter[str] = Counter()
    for name, text in passages:
        found[name, number[name]] = text
        number[name] += 1
    return found


def probes_of(spec: dict[str, Any]) -> dict[str, list[Question]]:
    """Name -> questions of a model folder's `probes.json`."""
    return {
        name: [Question(q["question"], tuple(q["answers"]), passage=q.get("passage", "")) for q in rows]
        for name, rows in spec.get("probes", {}).items()
    }


def drift(
    base: Base, examples: Sequence[RetentionExample], tokens_per_batch: int,
    on_finished: Callable[[int], None] = lambda prompts: None,
) -> list[float]:  # fmt: skip
    """KL(base || adapted) of each prompt, in nats per token of the answer that the base gave to it.

    `on_finished` gets the number of prompts measured so far.
    """
    found: list[float] = []
    for batch in _batches(examples, tokens_per_batch):
        packed = pack([lone((*s.prompt_ids, *s.answer_ids)) for s in batch])
        runs = [range(len(s.prompt_ids) - 1, len(s.prompt_ids) + len(s.answer_ids) - 1) for s in batch]
        places = [packed.starts[i][0] + p for i, run in enumerate(runs) for p in run]
        at = torch.tensor(places, device=base.device)
        with base.frozen(adapter=False):
            before = base.hidden(packed)[at]
        with base.frozen(adapter=True):
            after = base.hidden(packed)[at]
        nats = token_divergence(after, before, base.head, KEEP).cpu()
        found += [float(part.mean()) for part in nats.split([len(run) for run in runs])]
        on_finished(len(found))
    return found


def mean_drift(nats: Sequence[float], spoken: Sequence[RetentionExample]) -> float:
    """The mean over all tokens, of what `drift` says by prompt."""
    tokens = [len(s.answer_ids) for s in spoken]
    return sum(n * t for n, t in zip(nats, tokens, strict=True)) / max(1, sum(tokens))


def _batches(spoken: Sequence[RetentionExample], tokens_per_batch: int) -> list[list[RetentionExample]]:
    batches: list[list[RetentionExample]] = [[]]
    size = 0
    for s in spoken:
        tokens = len(s.prompt_ids) + len(s.answer_ids)
        if batches[-1] and size + tokens > tokens_per_batch:
            batches.append([])
            size = 0
        batches[-1].append(s)
        size += tokens
    return [batch for batch in batches if batch]
