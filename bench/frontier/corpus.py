"""The corpus of the frontier: facts stated once, facts restated in other words, and facts that contradict the base.

The facts are drawn from pocket's world with seeds of their own. A contradicting fact gives another value to an
entity that pocket knows by heart, but never to one that the held-out world asks about.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "pocket"))

from world import KINDS, KNOWN, RESERVED_NAMES, Style, fresh_entity, make_entity, write_document  # noqa: E402

PAGES = 12
STYLES = (
    Style("## ", 0.0, "- ", 0.3, 0.5, False, False), Style("## ", 1.0, "- ", 0.2, 0.5, True, False),
    Style("", 0.0, "- ", 0.2, 0.5, False, False), Style("### ", 0.5, "* ", 0.2, 0.5, True, False),
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """The documents, the questions, and the kind of fact that each question asks for."""

    documents: Path
    questions: Path
    kinds: dict[str, str]  # question or statement -> once | restated | update


def write_corpus(folder: Path, seed: int) -> Corpus:
    """Write twelve pages about two new entities each; every second page adds a known entity with changed facts."""
    rng = Random(f"frontier {seed}")
    open_names = sorted(e.name for e in KNOWN if e.name not in RESERVED_NAMES)
    changed = rng.sample(open_names, PAGES // 2)
    rows, kinds = [], {}
    for number in range(PAGES):
        kind = list(KINDS)[number % len(KINDS)]
        entities = [fresh_entity(rng, kind), fresh_entity(rng, kind)]
        if number % 2:
            known = next(e for e in KNOWN if e.name == changed[number // 2])
            entities.append(make_entity(rng, known.kind, known.name))
        w = write_document(rng, entities, STYLES[number % len(STYLES)], f"Page {number + 1}")
        name = f"page-{number + 1:02d}.md"
        (folder / "documents").mkdir(parents=True, exist_ok=True)
        (folder / "documents" / name).write_text(w.text)
        said = [fact for fact, _ in w.said]
        for fact in dict.fromkeys(said):
            restated = said.count(fact) > 1
            what = "update" if fact.entity in changed else "restated" if restated else "once"
            asked = [{"question": fact.ask(form)} for form in fact.attribute.reserved_questions]
            if restated:
                before = fact.attribute.reserved_statement.split("{v}")[0].format(e=fact.entity).rstrip()
                asked.append({"completion": before})
            rows += [{**q, "answers": [fact.value], "document": name} for q in asked]
            kinds.update({next(iter(q.values())): what for q in asked})
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return Corpus(folder / "documents", path, kinds)
