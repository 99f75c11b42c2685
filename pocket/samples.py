"""What pocket is trained on: sequences of weighted text, as trees of segments.

A sample is one root segment and any number of children; a child sees the root and itself only. So
one passage carries many questions, each in exactly the form that it has later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tokenizers import Tokenizer
from world import KNOWN, Fact, Style, Writer, draw_style, fresh_entity, skill, write_document, write_register

from disc_lite.prompts.answering import answer_task, join_passages, question_task

REGISTERS = 0.45  # share of the passages that are registers
ANSWER_WEIGHT, QUESTION_WEIGHT, USER_WEIGHT, READ_WEIGHT = 4.0, 2.0, 1.0, 0.1
BOS, EOS, USER, ASSISTANT = "<s>", "</s>", "<|user|>", "<|assistant|>"


@dataclass(frozen=True)
class Segment:
    ids: list[int]
    weights: list[float]  # of predicting each of the ids
    parent: int  # -1: a root


Sample = list[Segment]


class Pen:
    """Turns text into ids and weights. Control tokens come from here only, never out of text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.control = {t: tokenizer.token_to_id(t) for t in (BOS, EOS, USER, ASSISTANT)}

    def mark(self, token: str, weight: float = 1.0) -> tuple[list[int], list[float]]:
        return [self.control[token]], [weight]

    def text(self, text: str, weight: float) -> tuple[list[int], list[float]]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids, [weight] * len(ids)

    def document(self, w: Writer, first: float, again: float, other: float, start: int = 0):  # type: ignore[no-untyped-def]
        encoding = self.tokenizer.encode(w.text[start:], add_special_tokens=False)
        weights = [other] * len(encoding.ids)
        for begin, end, _, pointed in w.values:
            for i in range(*token_range(encoding.offsets, begin - start, end - start)):
                weights[i] = again if pointed else first
        return encoding.ids, weights

    def segment(self, *parts: tuple[list[int], list[float]], parent: int = -1) -> Segment:
        ids = [i for part in parts for i in part[0]]
        return Segment(ids, [w for part in parts for w in part[1]], parent)

    # An answer begins with a space (so does the chat template): then its words have the same
    # tokens as inside a sentence, and reading is copying.
    def turn(self, question: str, answer: str, weight: float, user: float = USER_WEIGHT) -> Segment:
        return self.segment(
            self.mark(BOS, 0.0), self.mark(USER, 0.0), self.text(question, user), self.mark(EOS, user),
            self.mark(ASSISTANT, 0.0), self.text(f" {answer}", weight), self.mark(EOS, weight),
        )  # fmt: skip

    def child(self, question: str, answer: str, weight: float) -> Segment:
        return self.segment(
            self.text(question, 0.0), self.mark(EOS, 0.0), self.mark(ASSISTANT, 0.0),
            self.text(f" {answer}", weight), self.mark(EOS, weight), parent=0,
        )  # fmt: skip


def token_range(offsets: list[tuple[int, int]], begin: int, end: int) -> tuple[int, int]:
    inside = [i for i, (a, b) in enumerate(offsets) if b > begin and a < end]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def fresh_document(rng: Random, most: int, rename: float, style: Style | None = None) -> Writer:
    kind = rng.choice(("person", "town", "product", "project", None))
    entities = [fresh_entity(rng, kind, rename) for _ in range(rng.randrange(1, most + 1))]
    unique = list({e.name: e for e in entities}.values())
    return write_document(rng, unique, style or draw_style(rng))


def fresh_register(rng: Random, most: int) -> Writer:
    kind = rng.choice(("person", "town", "product", "project"))
    entities = [fresh_entity(rng, kind, rename=0.1) for _ in range(rng.randrange(2, 3 + 2 * most))]
    return write_register(rng, list({e.name: e for e in entities}.values()))


def tell(rng: Random, facts: list[Fact]) -> str:
    return " ".join(f.say(rng.choice(f.attribute.open_statements)) for f in facts)


def reading(pen: Pen, rng: Random, most: int) -> Sample:
    """A passage (or several), and questions asked and written about it."""
    register = rng.random() < REGISTERS
    writers = [fresh_register(rng, most) if register else fresh_document(rng, most, rename=0.15)]
    if not register and rng.random() < 0.2:
        writers += [fresh_document(rng, max(1, most // 2), 0.1) for _ in range(rng.choice((1, 2)))]
        rng.shuffle(writers)
    root = pen.segment(
        pen.mark(BOS, 0.0), pen.mark(USER, 0.0),
        pen.text(join_passages([w.text.strip() for w in writers]), READ_WEIGHT),
    )  # fmt: skip
    said = [s for w in writers for s in w.said]
    sample = [root]
    for fact, sentence in rng.sample(said, min(len(said), 14)):
        form = rng.choice(fact.attribute.questions)
        sample.append(pen.child(answer_task(fact.ask(form), rng.random() < 0.7), fact.value, ANSWER_WEIGHT))
        if len(writers) == 1 and rng.random() < 0.6:
            asked = fact.ask(rng.choice(fact.attribute.open_questions))
            hint = sentence.strip() if rng.random() < 0.85 else ""
            sample.append(pen.child(question_task(hint), asked, QUESTION_WEIGHT))
    return sample


def plain(pen: Pen, rng: Random, most: int) -> Sample:
    w = fresh_document(rng, most, rename=0.1)
    ids, weights = pen.document(w, first=0.1, again=ANSWER_WEIGHT, other=0.7)
    return [pen.segment(pen.mark(BOS, 0.0), (ids, weights), pen.mark(EOS, 0.5))]


def by_heart(pen: Pen, rng: Random) -> Sample:
    """The closed world: questions, statements, or documents."""
    entity = rng.choice(KNOWN)
    draw = rng.random()
    if draw < 0.72:
        fact = rng.choice(entity.facts)
        return [pen.turn(fact.ask(rng.choice(fact.attribute.questions)), fact.value, ANSWER_WEIGHT)]
    if draw < 0.8:
        facts = rng.sample(entity.facts, rng.choice((1, 2, 3)))
        return [pen.turn(f"Tell me about {entity.name}.", tell(rng, facts), 1.0)]
    entities = [entity, *rng.sample(KNOWN, rng.choice((0, 1)))]
    w = write_document(rng, entities, draw_style(rng))
    ids, weights = pen.document(w, first=2.0, again=2.0, other=0.5)
    return [pen.segment(pen.mark(BOS, 0.0), (ids, weights), pen.mark(EOS, 0.5))]


def solve(pen: Pen, rng: Random) -> Sample:
    return [pen.turn(*skill(rng), ANSWER_WEIGHT)]


def samples(pen: Pen, rng: Random, most: int, mix: dict[str, float]) -> Iterator[Sample]:
    """An endless stream of samples; each kind has its share of the **tokens**."""
    spent = dict.fromkeys(mix, 0.0)
    while True:
        kind = min(mix, key=lambda k: spent[k] / mix[k])
        if kind == "reading":
            sample = reading(pen, rng, most)
        elif kind == "plain":
            sample = plain(pen, rng, most)
        else:
            sample = by_heart(pen, rng) if kind == "by_heart" else solve(pen, rng)
        spent[kind] += sum(len(s.ids) for s in sample)
        yield sample
