"""The corpus of `bench.updates --model`: two pages of the handbook, then sections of the others, and questions."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from bench.real.runs import CORPUS
from disc_lite.documents import Document, read_documents

FIRST = ("leave.md", "travel.md")  # the pages of the first run
PAGES = ("security-and-equipment.md", "offices.html", "expenses.txt")  # ten of their sections are added
QUESTIONS = (CORPUS / "handbook.questions.jsonl", CORPUS.parent / "reversed.questions.jsonl")

Row = dict[str, Any]


def documents() -> dict[str, str]:
    """Return name -> text: the whole pages first, then the sections of the others."""
    read = {document.name: document for document in read_documents([CORPUS / "handbook"])[0]}
    texts = {name: read[name].text for name in FIRST}
    for name in PAGES:
        texts |= {f"{_stem(name)}-{n}.md": text for n, text in enumerate(_sections(read[name]), 1)}
    return texts


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _sections(document: Document) -> list[str]:
    """Return the text of each section under the title of its page; what precedes the first belongs to it."""
    below = [section for section in document.sections if len(section.heading_path) > 1]
    starts = [document.text.index("\n"), *(section.start for section in below[1:]), len(document.text)]
    parts = [document.text[start:end].strip() for start, end in pairwise(starts)]
    return [f"# {document.title}\n\n{part}\n" for part in parts]


def questions(texts: dict[str, str]) -> list[Row]:
    """Return all questions about the handbook, each with the last of its page's documents that has an answer."""
    lines = [line for path in QUESTIONS for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [row | {"document": _place(texts, row)} for row in map(json.loads, lines) if "question" in row]


def _place(texts: dict[str, str], row: Row) -> str:
    here = [name for name in texts if name.startswith(_stem(row["document"]))]
    return next((name for name in reversed(here) if any(a in texts[name] for a in row["answers"])), here[-1])
