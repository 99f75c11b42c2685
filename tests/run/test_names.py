"""Questions and pairs can name documents as people and other programs do."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from disc_lite.errors import UsageError
from disc_lite.qa import Pair, Question, read_pairs, read_questions
from disc_lite.run.names import as_named, is_called, pairs_as_named
from disc_lite.run.preview import preview
from tests.counting import calls_in

KNOWN = ("office.md", "people/office.md", "archive/travel.md")


@pytest.mark.parametrize(("typed", "name"), [
    ("office.md", "office.md"), ("people/office.md", "people/office.md"),
    ("Meine Akten/people/office.md", "people/office.md"), ("docs/office.md", "office.md"),
])  # fmt: skip
def test_a_path_means_the_document_that_it_ends_with(typed: str, name: str) -> None:
    assert as_named([Question("Who?", ("Ada",), typed)], KNOWN, "questions")[0].document == name
    assert pairs_as_named([Pair(typed, 0, "Who?", "Ada.")], KNOWN)[0].document == name


def test_another_document_is_refused_with_the_one_that_is_called_alike() -> None:
    with pytest.raises(UsageError, match=r"questions name a document that was not read: travel\.md") as caught:
        as_named([Question("Who?", ("Ada",), "travel.md")], KNOWN, "questions")
    assert caught.value.remedy == "Did you mean archive/travel.md?"
    with pytest.raises(UsageError, match="The pairs name"):
        pairs_as_named([Pair("ffice.md", 0, "Who?", "Ada.")], KNOWN)
    moved = Pair("gone.md", 0, "Who?", "Ada.", passage_sha256="0" * 64)  # its passage is found by its words
    assert pairs_as_named([moved], KNOWN) == (moved,)


def test_the_rows_about_documents_that_were_not_read_are_named(tmp_path: Path) -> None:
    names = ["office.md", "gone.md", "gone.md", "", "./left.md", "gone.md", "docs/office.md"]
    rows = [{"question": f"Who {n}?", "answer": "Ada", "document": name} for n, name in enumerate(names)]
    for name, text, places in (
        ("q.jsonl", "\n".join(map(json.dumps, rows)), "Lines 2 to 3, 5 to 6"),
        ("q.json", json.dumps(rows), "Questions 2 to 3, 5 to 6"),
        ("q.csv", "question,answer,document\n" + "".join(f"Who {n}?,Ada,{x}\n" for n, x in enumerate(names)), "Lines 3 to 4, 6 to 7"),
    ):  # fmt: skip
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(UsageError) as caught:
            as_named(read_questions(path), KNOWN, "questions", [path])
        assert caught.value.what == (
            f"The questions name documents that were not read: gone.md, left.md ({places} of {path})."
        )
        assert caught.value.remedy == "Remove these, or use questions about these documents."
    known = [{**rows[1], "passage_sha256": "0" * 64}, rows[4], {**rows[0], "document": "travel.md"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, known)))
    with pytest.raises(UsageError, match=r"left\.md, travel\.md \(Lines 2 to 3 of ") as caught:
        pairs_as_named(read_pairs(path), KNOWN, [path])
    assert caught.value.remedy.startswith("Did you mean archive/travel.md? Remove these")


def test_thousands_of_names_are_not_each_compared_with_thousands() -> None:
    """This holds for names that are found and names that are not. The error lists the first of the latter."""
    known = {f"part-{n}.md" for n in range(400)}
    asked = [Question("Who?", ("Ada",), f"docs/part-{n}.md") for n in range(400)]
    assert calls_in(as_named, asked, known, "questions") < 40 * len(asked)
    others = [replace(question, document=f"other-{n}.md") for n, question in enumerate(asked)]

    def refused() -> None:
        with pytest.raises(UsageError, match=r"other-4\.md and 395 more"):
            as_named(others, known, "questions")

    assert calls_in(refused) < 80 * len(asked)


def test_of_one_document_pairs_need_no_name() -> None:
    pair = Pair("", -1, "Who pays?", "Ada.")
    assert pairs_as_named([pair], ["a.md"])[0].document == "a.md"
    with pytest.raises(UsageError, match=r"A pair names no document: Who pays\?"):
        pairs_as_named([pair], KNOWN)


def test_a_name_of_a_mac_is_the_same_name(tmp_path: Path) -> None:
    composed = "Kündigung.md"
    decomposed = unicodedata.normalize("NFD", composed)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / decomposed).write_text("The notice is three months. It ends in May.")
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "How long?", "answer": "3", "document": decomposed}))
    seen = preview(tmp_path / "docs", show=decomposed)
    assert [view.name for view in seen.documents] == [composed]
    assert read_questions(tmp_path / "q.jsonl")[0].document == composed
    assert is_called(f"letters/{composed}", decomposed)
