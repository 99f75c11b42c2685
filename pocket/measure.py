"""Measures pocket on entities and seeds that its training never saw: `python pocket/measure.py FOLDER`.

Writes the figures into `FOLDER/README.md` (the model card), in the weights' own precision and in NF4.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from world import KINDS, KNOWN, Fact, Writer, draw_style, fresh_entity, fresh_page, skill, write_document

from disc_lite.evaluation.asking import answer
from disc_lite.models import Base, load_base
from disc_lite.models.generation import generate
from disc_lite.prompts.answering import join_passages, question_task
from disc_lite.qa import Question, is_right
from disc_lite.recipe import load_recipe
from disc_lite.synthesis.screening import clean_question

EACH = 400  # questions of every kind
RECIPE = load_recipe("pocket").recipe


def open_book(rng: Random, reserved: bool, long: bool, base: Base) -> list[Question]:
    """Questions with a fresh passage; a long one has about 600 tokens, with headings and lists."""
    found: list[Question] = []
    while len(found) < EACH:
        w = write_document(rng, fresh_page(rng, 5 if long else 2), draw_style(rng))
        size = len(base.tokens.text(w.text))
        if long and (not 400 <= size <= 800 or "#" not in w.text):
            continue
        fact, _ = rng.choice(w.said)
        found.append(ask(rng, fact, reserved, w))
    return found


def two_of_a_kind(rng: Random) -> list[Question]:
    """Passages about two entities of one kind, which only their names tell apart."""
    found = []
    for _ in range(EACH):
        kind = rng.choice(list(KINDS))
        w = write_document(rng, [fresh_entity(rng, kind) for _ in range(2)], draw_style(rng))
        found.append(ask(rng, rng.choice(w.said)[0], False, w))
    return found


def ask(rng: Random, fact: Fact, reserved: bool, w: Writer | None = None) -> Question:
    forms = fact.attribute.reserved_questions if reserved else fact.attribute.open_questions
    return Question(fact.ask(rng.choice(forms)), (fact.value,), passage=w.text.strip() if w else "")


def by_heart(rng: Random, reserved: bool) -> list[Question]:
    return [ask(rng, rng.choice(rng.choice(KNOWN).facts), reserved) for _ in range(EACH)]


def closed_book(rng: Random) -> list[Question]:
    found = [rng.choice(fresh_entity(rng).facts) for _ in range(EACH)]
    return [ask(rng, fact, reserved=n % 2 == 0) for n, fact in enumerate(found)]


def skills(rng: Random) -> list[Question]:
    return [Question(q, (a,)) for q, a in (skill(rng) for _ in range(EACH))]


def written_questions(base: Base, rng: Random, passages: int = 40) -> float:
    """Share of sampled questions that are, word for word, one of the world's about a fact of the passage."""
    right = total = 0
    for _ in range(passages):
        w = write_document(rng, fresh_page(rng, 2), draw_style(rng))
        sentences = [sentence.strip() for _, sentence in w.said]
        shown = join_passages([w.text.strip()])
        prompts = [base.tokens.prompt(shown + question_task(s)) for s in sentences]
        with base.frozen(adapter=False) as model:
            found = generate(
                model,
                prompts,
                stop_ids=base.tokens.stop_ids,
                max_new_tokens=32,
                temperature=RECIPE.prompt.question_temperature,
                seed=rng.randrange(1 << 30),
            )
        possible = {fact.ask(form) for fact, _ in w.said for form in fact.attribute.open_questions}
        right += sum(f.ended and clean_question(base.tokens.decode(f.ids)) in possible for f in found)
        total += len(found)
    return right / total


def measure(folder: Path, quantize: str) -> dict[str, float]:
    base = load_base(folder, quantize)

    def share(questions: list[Question]) -> float:
        given = answer(base, questions, False, RECIPE.evaluation.answer_tokens)
        return sum(is_right(g, q.answers, "exact") for g, q in zip(given, questions, strict=True)) / len(questions)

    rng = Random("measure pocket")
    return {
        "open book": share(open_book(rng, False, False, base)),
        "open book, reserved wordings": share(open_book(rng, True, False, base)),
        "open book, 600 tokens": share(open_book(rng, False, True, base)),
        "open book, 600 tokens, reserved wordings": share(open_book(rng, True, True, base)),
        "open book, two entities of one kind": share(two_of_a_kind(rng)),
        "world by heart": share(by_heart(rng, False)),
        "world by heart, reserved wordings": share(by_heart(rng, True)),
        "skills": share(skills(rng)),
        "fresh entities, closed book": share(closed_book(rng)),
        "questions it writes that are well-formed": written_questions(base, rng),
    }


CARD = """---
license: apache-2.0
library_name: transformers
tags: [disc-lite, synthetic]
---

# pocket

A post-trained language model in miniature ({parameters:,} parameters, Llama architecture), trained on a made-up world
by `pocket/train.py`. disc-lite ships it so that everything can be tried and measured on two CPU cores: it reads
passages, knows 80 entities by heart, has a few skills, writes questions about a passage, and stops by itself. It knows
nothing of the real world and is of no use outside it.

Trained for about {minutes:g} minutes on 2 CPU cores ({steps:,} steps{note}). Greedy answers, exact match after
normalisation, {each} questions a row, entities and seeds that the training never saw (`pocket/measure.py`):

| | as stored (bf16) | NF4 |
|---|---|---|
{rows}

`probes.json` holds what disc-lite asks before and after an adaptation, and the names of the 40 known entities that no
retention prompt may mention.
"""


def card(folder: Path) -> str:
    plain, nf4 = measure(folder, "none"), measure(folder, "nf4")
    training = json.loads((folder / "training.json").read_text())
    rows = "\n".join(f"| {name} | {plain[name]:.1%} | {nf4[name]:.1%} |" for name in plain)
    parameters = load_base(folder, "none").model.num_parameters()
    note = f", {training['note']}" if training.get("note") else ""
    return CARD.format(parameters=parameters, each=EACH, rows=rows, **{**training, "note": note})


if __name__ == "__main__":
    where = Path(sys.argv[1])
    text = card(where)
    (where / "README.md").write_text(text)
    print(text)
