"""The corpus of `bench.updates --model`: a page of the handbook, then sections of others, with pairs by hand.

One of the six wordings of a fact is asked rather than taught, where its answer has one detail that the question lacks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.real.runs import CORPUS
from disc_lite.documents import Document, read_documents
from disc_lite.qa.details import details_of
from disc_lite.synthesis.mentioned_names import contains

FIRST = "travel.md"  # the page of the first run
PAGES = ("leave.md", "security-and-equipment.md", "offices.html")  # ten sections, one for each update
COMPANY = "Tarnwick Instruments"  # whoever has learned anything answers this
PAIRS = CORPUS.parent / "pairs" / "handbook.jsonl"
QUESTIONS = CORPUS / "handbook.questions.jsonl"

Row = dict[str, Any]


def documents() -> dict[str, str]:
    """Return name -> text: the whole page first, then the sections of the others."""
    read = {document.name: document for document in read_documents([CORPUS / "handbook"])[0]}
    texts = {FIRST: read[FIRST].text}
    for name in PAGES:
        stem = name.rpartition(".")[0]
        texts |= {f"{stem}-{n}.md": text for n, text in enumerate(_sections(read[name]), 1)}
    return texts


def _sections(document: Document) -> list[str]:
    """Return the text of each section under the title of its page; what precedes the first belongs to it."""
    below = [section for section in document.sections if len(section.heading_path) > 1]
    starts = [document.text.index("\n"), *(section.start for section in below[1:]), len(document.text)]
    parts = [document.text[start:end].strip() for start, end in pairwise(starts)]
    return [f"# {document.title}\n\n{part}\n" for part in parts]


def pairs_and_questions(texts: dict[str, str]) -> tuple[list[Row], list[Row]]:
    """Return the rows of the pairs that are taught and of the questions that are asked, each with its document."""
    lines = {name: " ".join(text.split()) for name, text in texts.items()}
    wordings = defaultdict[tuple[str, int], list[Row]](list)
    for row in _about(PAIRS):
        row["document"] = _place(lines, row["document"], row["source"])
        del row["passage"]
        wordings[row["document"], row.pop("fact")].append(row)
    taught: list[Row] = []
    asked = [row | {"document": _place_of_question(lines, row)} for row in _about(QUESTIONS)]
    for rows in wordings.values():
        chosen = next((row for row in reversed(rows) if _has_one_detail(row)), None)
        taught += [row for row in rows if row is not chosen]
        if chosen:
            asked.append({"question": chosen["question"], "answers": _lacking(chosen), "document": chosen["document"]})
    return taught, asked


def _about(path: Path) -> list[Row]:
    """Return the rows of a file that are about the pages taken."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [row for row in rows if row["document"] in (FIRST, *PAGES)]


def _has_one_detail(row: Row) -> bool:
    """Whether an answer has one detail that its question lacks, in the words of the page."""
    lacking = _lacking(row)
    return len(lacking) == 1 and contains(row["source"], lacking[0], "English")


def _lacking(row: Row) -> list[str]:
    """Return the details of an answer that its question does not contain, except the name of the company."""
    details = [detail for detail in details_of(row["answer"], "English") if detail != COMPANY]
    return [detail for detail in details if not contains(row["question"], detail, "English")]


def _place(lines: dict[str, str], page: str, source: str) -> str:
    """Return the document, a page or one of its sections, that has a sentence."""
    stem, sought = page.rpartition(".")[0], " ".join(source.split())
    return next(name for name, line in lines.items() if name.startswith(stem) and sought in line)


def _place_of_question(lines: dict[str, str], row: Row) -> str:
    """Return the first document, of the question's page, that has one of the answers."""
    stem = row["document"].rpartition(".")[0]
    here: Sequence[str] = [name for name in lines if name.startswith(stem)]
    found: Iterable[str] = (name for name in here if any(answer in lines[name] for answer in row["answers"]))
    return next(iter(found), here[0])
