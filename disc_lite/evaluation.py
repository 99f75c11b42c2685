"""What a model knows: closed-book recall, statements finished, its ceiling, its probes, its drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from disc_lite.examples import Text
from disc_lite.generation import generate
from disc_lite.grading import Question, is_right, word_set
from disc_lite.losses import token_divergence
from disc_lite.models import Base
from disc_lite.packing import lone, pack
from disc_lite.prompts import answer_task, join_passages
from disc_lite.questions import write_pairs
from disc_lite.recipe import Recipe
from disc_lite.retention import Spoken
from disc_lite.training import KEEP


@dataclass(frozen=True)
class Score:
    """How many of how many were right, and what was answered."""

    right: int
    total: int
    given: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.right / self.total if self.total else 0.0


def score(
    base: Base, questions: Sequence[Question], adapter: bool, recipe: Recipe, passages: Sequence[str] = ()
) -> Score:
    """Ask, greedily, closed book or (where given) with one passage in front of each question."""
    if not questions:
        return Score(0, 0)
    given = answer(base, questions, adapter, recipe.evaluation.answer_tokens, passages)
    grading = recipe.evaluation.grading
    right = sum(is_right(g, q.answers, grading) for g, q in zip(given, questions, strict=True))
    return Score(right, len(questions), tuple(given))


def answer(
    base: Base, questions: Sequence[Question], adapter: bool, most: int, passages: Sequence[str] = ()
) -> list[str]:
    """What the model says to each question; a completion is raw text, up to the end of its sentence."""
    tokens = base.tokens
    shown = passages or [q.passage for q in questions]
    prompts = []
    for question, passage in zip(questions, shown, strict=True):
        if question.kind == "completion":
            prompts.append([*tokens.bos, *tokens.text(question.text.rstrip())])
        elif passage:
            prompts.append(tokens.prompt(join_passages([passage]) + answer_task(question.text)))
        else:
            prompts.append(tokens.prompt(question.text))
    with base.frozen(adapter=adapter) as model:
        found = generate(model, prompts, stop_ids=tokens.stop_ids, max_new_tokens=most)
    texts = [tokens.decode(f.ids) for f in found]
    return [_first_sentence(t) if q.kind == "completion" else t.strip() for t, q in zip(texts, questions, strict=True)]


def _first_sentence(text: str) -> str:
    line = text.strip().split("\n")[0]
    return line.split(". ")[0].rstrip(".").strip()


def right_passages(questions: Sequence[Question], texts: Sequence[Text]) -> list[str]:
    """For each question the passage (of its document, if named) that holds the answer, if any does.

    Among several: the one that shares most words with the question.
    """
    passages = [(t.document.name, t.passage_text(p)) for t in texts for p in t.passages]
    words = [word_set(text) for _, text in passages]
    chosen = []
    for question in questions:
        asked = word_set(question.text)
        ranked = [
            (any(a.lower() in text.lower() for a in question.answers), len(asked & words[i]), -i)
            for i, (name, text) in enumerate(passages)
            if question.document in ("", name)
        ]
        chosen.append(passages[-max(ranked)[2]][1] if ranked else "")
    return chosen


def own_questions(base: Base, texts: Sequence[Text], recipe: Recipe, seed: int) -> list[Question]:
    """Questions for the evaluation, from a draw of their own, with the base's supported answers."""
    number = sum(len(t.passages) for t in texts)
    each = -(-recipe.evaluation.questions // max(1, number))
    harvest = write_pairs(base, texts, recipe, seed, per_passage=each)
    found = [Question(p.question, (p.answer,), p.document) for p in harvest.pairs]
    stride = max(1, len(found) // recipe.evaluation.questions)
    return found[::stride][: recipe.evaluation.questions]


def probes_of(spec: dict[str, Any]) -> dict[str, list[Question]]:
    """Name -> questions of a model folder's `probes.json`."""
    return {
        name: [Question(q["question"], tuple(q["answers"]), passage=q.get("passage", "")) for q in rows]
        for name, rows in spec.get("probes", {}).items()
    }


def drift(base: Base, spoken: Sequence[Spoken], tokens_per_batch: int) -> float:
    """Mean KL(base || adapted) per token, in nats, on answers that the base gave to neutral prompts."""
    total, count = 0.0, 0
    for batch in _batches(spoken, tokens_per_batch):
        sequences = [lone((*s.prompt_ids, *s.answer_ids)) for s in batch]
        packed = pack(sequences)
        at = torch.tensor(
            [
                packed.starts[i][0] + p
                for i, s in enumerate(batch)
                for p in range(len(s.prompt_ids) - 1, len(s.prompt_ids) + len(s.answer_ids) - 1)
            ],
            device=base.device,
        )
        with base.frozen(adapter=False):
            before = base.hidden(packed)[at]
        with base.frozen(adapter=True):
            after = base.hidden(packed)[at]
        total += float(token_divergence(after, before, base.head, KEEP).sum())
        count += len(at)
    return total / max(1, count)


def _batches(spoken: Sequence[Spoken], tokens_per_batch: int) -> list[list[Spoken]]:
    batches: list[list[Spoken]] = [[]]
    size = 0
    for s in spoken:
        tokens = len(s.prompt_ids) + len(s.answer_ids)
        if batches[-1] and size + tokens > tokens_per_batch:
            batches.append([])
            size = 0
        batches[-1].append(s)
        size += tokens
    return [batch for batch in batches if batch]
