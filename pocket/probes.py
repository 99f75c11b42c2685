"""Writes pocket's `probes.json`: questions about knowledge that no retention prompt names.

Half of the known entities are reserved names; only they are in the questions about the world. Skills come
from seeds that the training never saw, open-book passages from fresh entities.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from world import KNOWN, RESERVED_NAMES, draw_style, fresh_page, skill, write_document

WORLD, SKILLS, OPEN_BOOK = 640, 640, 320


def world(rng: Random) -> list[dict[str, object]]:
    asked = [
        {"question": fact.ask(form), "answers": [fact.value]}
        for entity in KNOWN if entity.name in RESERVED_NAMES
        for fact in entity.facts for form in fact.attribute.questions
    ]  # fmt: skip
    return rng.sample(asked, WORLD)


def skills(rng: Random) -> list[dict[str, object]]:
    found: dict[str, str] = {}
    while len(found) < SKILLS:
        found.update([skill(rng)])
    return [{"question": q, "answers": [a]} for q, a in found.items()]


def open_book(rng: Random) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number in range(OPEN_BOOK):
        w = write_document(rng, fresh_page(rng, 4 if number % 4 == 0 else 2), draw_style(rng))
        fact, _ = rng.choice(w.said)
        form = rng.choice(fact.attribute.questions)
        rows.append({"question": fact.ask(form), "answers": [fact.value], "passage": w.text.strip()})
    return rows


def write_probes(folder: Path) -> None:
    spec = {
        "recipe": "pocket",
        "reserved_names": list(RESERVED_NAMES),
        "probes": {
            "world": world(Random("probe world")),
            "skills": skills(Random("probe skills")),
            "open_book": open_book(Random("probe open book")),
        },
    }
    (folder / "probes.json").write_text(json.dumps(spec, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    write_probes(Path(sys.argv[1]))
