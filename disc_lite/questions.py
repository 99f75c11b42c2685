"""The base model writes questions about a passage and answers them with the passage in its prompt.

It is asked for a line, never for JSON, one sentence of the passage at a time, so that every
sentence gets its turn. A pair is kept if the teacher supports its answer: likely enough with the
passage in the prompt, and likelier than without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import ceil
from typing import Any

from disc_lite.documents import Passage, is_heading
from disc_lite.examples import Text, prompt_lessons
from disc_lite.generation import Continuation, generate
from disc_lite.grading import Nearness, Pair, normalise
from disc_lite.models import Base, common_prefix
from disc_lite.packing import Sequence as Tree
from disc_lite.packing import lone
from disc_lite.prompts import answer_task, join_passages, question_task
from disc_lite.recipe import Recipe

ROUNDS = 5  # how often a passage is asked for more questions before fewer are accepted
HELD_OUT = "held out for the evaluation"
MARKS = re.compile(r"^\s*(?:[-*•]|\d+[.)]|q(?:uestion)?\s*\d*\s*[:.])\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Written:
    """A pair with where it comes from and how the teacher stands to it (mean nats per token)."""

    pair: Pair
    sentence: int  # of the passage, -1: unknown
    with_passage: float
    without_passage: float

    def as_dict(self) -> dict[str, Any]:
        """A line of `pairs.jsonl`; the hash tells whether a line was edited since."""
        row = {**asdict(self.pair), "sentence": self.sentence}
        row["with_passage"] = round(self.with_passage, 4)
        row["without_passage"] = round(self.without_passage, 4)
        return {**row, "hash": pair_hash(self.pair)}


@dataclass(frozen=True)
class Harvest:
    """What was written about all passages, and what became of the rest."""

    written: tuple[Written, ...]
    dropped: dict[str, int]  # reason -> number
    coverage: float | None  # share of the passages' sentences with at least one kept pair, where known

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(w.pair for w in self.written)


def pair_hash(pair: Pair) -> str:
    text = "\x1f".join((pair.document, str(pair.passage), pair.question, pair.answer))
    return sha256(text.encode()).hexdigest()[:16]


def write_pairs(
    base: Base,
    texts: Sequence[Text],
    recipe: Recipe,
    seed: int,
    held_out: Iterable[str] = (),
    per_passage: int | None = None,
    on_passage: Callable[[int], None] = lambda pairs: None,
) -> Harvest:
    """Pairs about every passage; none whose question is (nearly) one of `held_out`."""
    dropped: Counter[str] = Counter()
    written: list[Written] = []
    covered = sentences = 0
    forbidden = Nearness(held_out, recipe.prompt.near_duplicate)
    for text in texts:
        for passage in text.passages:
            about = _sentences(text, passage)
            number = seed_of(seed, text.document.sha256, passage.index)
            found = _about_passage(
                base, text, passage, about, recipe, number, forbidden, dropped,
                per_passage or recipe.prompt.questions_per_passage,
            )  # fmt: skip
            written += found
            sentences += len(about)
            covered += len({w.sentence for w in found})
            on_passage(len(found))
    return Harvest(tuple(written), dict(sorted(dropped.items())), covered / max(1, sentences))


def score_pairs(
    base: Base, texts: Sequence[Text], pairs: Sequence[Pair], dropped: dict[str, int],
    on_passage: Callable[[int], None] = lambda pairs: None,
) -> Harvest:  # fmt: skip
    """Pairs from elsewhere, with how the teacher stands to them; those of no passage here are dropped."""
    written: list[Written] = []
    for text in texts:
        for passage in text.passages:
            own = [p for p in pairs if (p.document, p.passage) == (text.document.name, passage.index)]
            scored = support(base, text, own) if own else []
            written += [Written(pair, -1, *found) for pair, found in zip(own, scored, strict=True)]
            on_passage(len(own))
    dropped = {**dropped, "no such passage": len(pairs) - len(written)}
    return Harvest(tuple(written), {reason: n for reason, n in dropped.items() if n}, None)


def seed_of(*parts: object) -> int:
    """A private seed from (seed, purpose, place), the same in every process."""
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:7], "big")


def _sentences(text: Text, passage: Passage) -> list[str]:
    """What can be asked about: sentences with at least two words, no headings."""
    found = []
    for start, end in passage.sentences:
        sentence = text.sentence_text(start, end).strip()
        if len(sentence.split()) > 1 and not is_heading(sentence) and re.search(r"\w", sentence):
            # "Price: 26 crowns" alone does not say of what, and a passage may have it twice.
            above = text.heading_path(start)[-1:]
            found.append(": ".join((*above, sentence)) if above and above[0] not in sentence else sentence)
    return found


def _about_passage(
    base: Base, text: Text, passage: Passage, sentences: Sequence[str], recipe: Recipe, seed: int,
    forbidden: Nearness, dropped: Counter[str], wanted: int,
) -> list[Written]:  # fmt: skip
    """Ask for questions sentence by sentence, in rounds: those that have too few pairs are asked again."""
    if not sentences:
        return []
    shown = join_passages([text.passage_text(passage)])
    each = ceil(wanted / len(sentences))
    kept: list[Written] = []
    for attempt in range(ROUNDS):
        have = Counter(w.sentence for w in kept)
        sources = [i for i in range(len(sentences)) for _ in range(each - have[i])]
        if not sources:
            break
        questions = _questions(base, shown, [sentences[i] for i in sources], recipe, seed + attempt)
        asked = Nearness((w.pair.question for w in kept), recipe.prompt.near_duplicate)
        fresh: list[tuple[int, str]] = []
        for source, question in zip(sources, questions, strict=True):
            reason = _unusable(question, forbidden, asked)
            if reason:
                dropped[reason] += 1
            elif question is not None:
                asked.add(question)
                fresh.append((source, question))
        kept += _answered(base, text, passage, shown, fresh, recipe, seed + attempt, dropped)
    return _in_turn(kept)[:wanted]


def _in_turn(written: Sequence[Written]) -> list[Written]:
    """The first pair of every sentence, then the second of each, and so on."""
    turn: Counter[int] = Counter()
    places = []
    for w in written:
        places.append(turn[w.sentence])
        turn[w.sentence] += 1
    return [w for _, w in sorted(zip(places, written, strict=True), key=lambda place: place[0])]


def _questions(base: Base, shown: str, sentences: Sequence[str], recipe: Recipe, seed: int) -> list[str | None]:
    tokens, settings = base.tokens, recipe.prompt
    prompts = [tokens.prompt(shown + question_task(s)) for s in sentences]
    answers = _after_shared(base, prompts, settings.question_tokens, settings.question_temperature, seed)
    return [clean_question(tokens.decode(a.ids)) if a.ended else None for a in answers]


def _after_shared(
    base: Base, prompts: Sequence[list[int]], most: int, temperature: float, seed: int
) -> list[Continuation]:
    """Continue prompts that begin alike; what they share is read once."""
    prefix = common_prefix(prompts)
    with base.frozen(adapter=False) as model:
        return generate(
            model, [p[len(prefix) :] for p in prompts], stop_ids=base.tokens.stop_ids, max_new_tokens=most,
            temperature=temperature, seed=seed, prefix=prefix,
        )  # fmt: skip


def clean_question(text: str) -> str:
    """The first line that is not empty, without list marks and quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return MARKS.sub("", line).strip().strip('"“”').strip()


def _unusable(question: str | None, forbidden: Nearness, asked: Nearness) -> str:
    if question is None:
        return "question did not end"
    if not question.endswith("?") or len(question.split()) < 3:
        return "not a question"
    if forbidden.near(question):
        return HELD_OUT
    return "near-duplicate" if asked.near(question) else ""


def _answered(
    base: Base, text: Text, passage: Passage, shown: str, questions: Sequence[tuple[int, str]],
    recipe: Recipe, seed: int, dropped: Counter[str],
) -> list[Written]:  # fmt: skip
    """Answers sampled with the passage in the prompt; those that the teacher does not support go."""
    settings, tokens = recipe.prompt, base.tokens
    repeated = [q for q in questions for _ in range(settings.answers_per_question)]
    if not repeated:
        return []
    prompts = [tokens.prompt(shown + answer_task(question)) for _, question in repeated]
    answers = _after_shared(base, prompts, settings.answer_tokens, settings.answer_temperature, seed)
    unique: dict[tuple[str, str], tuple[int, Pair]] = {}
    for (sentence, question), answer in zip(repeated, answers, strict=True):
        said = tokens.decode(answer.ids).strip()
        if not answer.ended or not said:
            dropped["empty answer" if answer.ended else "answer did not end"] += 1
        else:
            pair = Pair(text.document.name, passage.index, question, said)
            unique[(question, normalise(said))] = (sentence, pair)
    kept = []
    pairs = [pair for _, pair in unique.values()]
    scored = support(base, text, pairs) if pairs else []
    for (sentence, pair), (open_book, closed_book) in zip(unique.values(), scored, strict=True):
        if open_book < settings.min_support or open_book <= closed_book:
            dropped["answer not supported by the passage"] += 1
        else:
            kept.append(Written(pair, sentence, open_book, closed_book))
    return kept


def support(base: Base, text: Text, pairs: Sequence[Pair]) -> list[tuple[float, float]]:
    """Mean log-probability of each answer with the passage in the prompt, and without it."""
    (lesson,) = prompt_lessons([text], pairs, base.tokens)
    targets = [list(example.target_ids) for example in lesson.examples]
    closed: list[Tree] = [lone(example.input_ids) for example in lesson.examples]
    at_closed = [(i, 0, p) for i, e in enumerate(lesson.examples) for p in e.compared]
    with_passage = base.log_probabilities([lesson.sequence], [(0, *at) for at in lesson.teacher_at], targets)
    without = base.log_probabilities(closed, at_closed, targets)
    return [(float(a.mean()), float(b.mean())) for a, b in zip(with_passage, without, strict=True)]
