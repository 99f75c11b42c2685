"""The bench of a changing folder: what it teaches and asks, and its table; the runs themselves take hours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import updates
from bench.real import sections
from bench.real.runs import CORPUS
from disc_lite.documents import read_documents
from disc_lite.qa import is_right

POCKETS = "projects/running.md"
TEXTS = sections.documents()


@pytest.fixture(scope="module")
def corpus() -> updates.Corpus:
    return updates.corpus_for("a-real-model")


def test_sections_have_every_word_of_their_pages() -> None:
    assert len(TEXTS) == len(sections.FIRST) + 11
    documents = [CORPUS / "handbook" / name for name in (*sections.FIRST, *sections.PAGES)]
    for document in read_documents(documents)[0]:
        stem = document.name.rpartition(".")[0]
        parts = [text.partition("\n")[2] for name, text in TEXTS.items() if name.startswith(stem)]
        assert " ".join(" ".join(parts).split()) == " ".join(document.text.split()).removeprefix(
            f"# {document.title} "
        ).removeprefix(f"{document.title} ")


def test_every_document_is_asked_about_and_has_an_answer(corpus: updates.Corpus) -> None:
    assert {row["document"] for row in corpus.questions} == {*TEXTS}
    for row in corpus.questions:
        page = " ".join(TEXTS[row["document"]].split())
        assert row["tag"] in ("two", "name", "number") or is_right(page, row["answers"], "contains"), row


def test_only_what_is_about_the_documents_is_written(corpus: updates.Corpus, tmp_path: Path) -> None:
    names = list(TEXTS)[:3]
    documents, questions = corpus.write(names, tmp_path)
    assert sorted(path.name for path in documents.iterdir()) == sorted(names)
    expected = sum(row["document"] in names for row in corpus.questions)
    assert len(questions.read_text().splitlines()) == expected > 27
    documents, questions = updates.corpus_for("pocket").write([POCKETS], tmp_path / "pocket")
    assert (documents / POCKETS).is_file() and questions.read_text()


@pytest.mark.parametrize(
    ("retention", "cells"),
    [
        ({"world": {"after": {"share": 0.5}}, "skills": {"after": {"share": 1.0}}}, "50.0% | 100.0%"),
        ({"instructions": {"before": {"right": 9}, "after": {"right": 7}}, "kl_general": 0.1234}, "9 → 7 | 0.123"),
    ],
)
def test_the_table_counts_the_first_documents_and_all(retention: dict[str, Any], cells: str) -> None:
    recall = {"a": {"right": 1, "of": 2}, "b": {"right": 2, "of": 2}, "c": {"right": 0, "of": 4}}
    row = {
        "name": "update 1", "documents": 3, "steps": 7, "total": 30.0, "recall": recall,
        "all": {"right": 3, "of": 8}, "retention": retention,
    }  # fmt: skip
    last = updates.table([row], ["a", "b"], row | {"total": 60.0}).splitlines()[-1]
    assert last == f"| update 1 | 3 | 7 | 30 | 0.50 | 75.0% (3/4) | 37.5% (3/8) | {cells} |"
