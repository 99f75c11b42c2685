"""Near-duplicates, right answers, errors in files of questions and pairs, and which pairs are trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.distillation.examples import AnsweredPrompt, tokenise
from disc_lite.errors import DocumentsError, UsageError
from disc_lite.evaluation.retrieval import right_places
from disc_lite.qa import NearDuplicates, Pair, Question, is_right, read_questions, word_set
from disc_lite.qa.similarity import jaccard
from disc_lite.qa.stems import are_forms
from disc_lite.run import synthesis, training
from disc_lite.run.events import Event, Teller, silent
from disc_lite.run.gathering import Arguments, gather
from disc_lite.run.inputs import Inputs
from disc_lite.run.interrupts import Interrupts
from disc_lite.storage import read_jsonl, write_jsonl
from disc_lite.synthesis.retention import without_document_names
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS

words = st.lists(st.sampled_from("who runs the RunContext? key saw hall, is a Ada".split()), max_size=9).map(" ".join)


@given(st.lists(words, max_size=12), words, st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_near_by_jaccard_is_what_has_no_word_in_place_of_another(known: list[str], question: str, limit: float) -> None:
    def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
        return len(a & b) / len(a | b) if a & b else 0.0

    asked = word_set(question)
    alike = [k for k in map(word_set, known) if jaccard(asked, k) >= limit]
    near = NearDuplicates(known, limit).near(question)
    assert alike or not near
    assert near or not any(asked < k or k < asked for k in alike)


@pytest.mark.parametrize("limit", [0.1, 0.5, 0.6, 0.8, 1.0])
def test_the_index_finds_what_comparing_with_each_finds(limit: float) -> None:
    rng, words = Random(0), ["run", "open", "close", "harbour", "station", "market", "old", "new", "north", "keep"]
    asked = [" ".join(rng.sample(words, rng.randint(1, 9))) for _ in range(300)]
    index = NearDuplicates(asked, limit)
    for question in [" ".join(rng.sample(words, rng.randint(1, 9))) for _ in range(100)]:
        alike = [other for other in asked if jaccard(word_set(question), word_set(other)) >= limit]
        assert index.near(question) == any(NearDuplicates([other], 1e-6).near(question) for other in alike)


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("police", "policy", False), ("contract", "contrast", False), ("journal", "journey", False),
        ("station", "stationery", False), ("Karl", "Karla", False), ("fees", "fee", True), ("cities", "city", True),
        ("parking", "parked", True), ("Adams", "Adam", True), ("-o", "-O", False),
    ],
)  # fmt: skip
def test_near_takes_another_form_of_a_word_and_no_other_word(first: str, second: str, near: bool) -> None:
    asked = "What does the guide of Holm say about the {} at the old town hall?"
    assert NearDuplicates([asked.format(first)], 0.8).near(asked.format(second)) == near


def test_where_no_stems_are_known_a_word_may_end_otherwise() -> None:
    assert are_forms("Nowak", "Nowakiem", "")
    assert are_forms("muzeum", "muzeach", "")
    assert not are_forms("Nowak", "Novak", "")
    assert not are_forms("dom", "domy", "")
    assert are_forms("музей", "музеем", "Cyrillic")
    assert not are_forms("Нина", "Нинель", "Cyrillic")


def test_near_sees_what_is_added_and_ignores_case_and_marks() -> None:
    nearness = NearDuplicates(["Who runs the old workshop?"], 0.8)
    assert nearness.near("who runs: the OLD workshop")
    assert nearness.near("Who now runs the old workshop?")  # 5 of 6
    assert not nearness.near("Who runs the workshop now?")  # 4 of 6
    assert not nearness.near("Which key?")
    nearness.add("Which key?")
    assert nearness.near("Which key?")
    assert not nearness.near("")


@pytest.mark.parametrize(
    ("given_", "answers", "exact", "contains"),
    [
        ("The  Ada Brink.", ["ada brink"], True, True),
        ("It is run by Ada Brink.", ["Ada Brink"], False, True),
        ("Adabrinks", ["Ada"], False, False),  # whole words only
        ("north hall", ["hall north"], False, False),
        ("eight", ["8", "Eight!"], True, True),
        ("“café”", ["café"], True, True),
        ("cafe\u0301", ["caf\u00e9"], True, True),  # the same letters, with a separate accent
        ("", ["x"], False, False),
        ("ten, twenty", ["twenty"], False, True),
        ("5.30", ["5.30"], True, True),
        ("差旅费由部门主管批准。", ["部门主管"], False, True),
        ("差旅费由部门主管批准。", ["主管部门"], False, False),
        ("ห้องสมุดเปิดเก้าโมง", ["เก้าโมง"], False, True),
    ],
)
def test_right_answers(given_: str, answers: list[str], exact: bool, contains: bool) -> None:
    assert is_right(given_, answers, "exact") == exact
    assert is_right(given_, answers, "contains") == contains


# -- files ---------------------------------------------------------------------------------------------

GOOD = '{"question": "Who?", "answers": ["Ada"], "document": "guide.md"}'


def test_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    rows = [GOOD, '{"completion": " Ada \u2028runs ", "answers": ["it", "all"]}', "", GOOD.replace("Who", "How")]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())  # as an editor on Windows writes it
    first = Question("Who?", ("Ada",), "guide.md")
    assert read_questions(path) == (
        first,
        Question("Ada \u2028runs", ("it", "all"), "", "completion"),
        replace(first, text="How?"),
    )


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "null", '{"question": "Who?"}', '{"question": "Who?", "answers": []}', '{"answers": ["x"]}',
     '{"question": "Who?", "answers": {"Ada": 1}}', '{"question": " ", "answers": ["x"]}',
     '{"question": 3, "answers": ["x"]}', '{"question": "Who?", "answers": [" "]}', '{"question": "Who?", "answers": ["x"], "document": 1}'],
)  # fmt: skip
def test_a_broken_line_of_questions_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n{GOOD}\n")
    with pytest.raises(UsageError, match=r"^Line 3 of ") as caught:
        read_questions(path)
    assert len(caught.value.lines()) == 3


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_questions_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "q.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="questions file"):
        read_questions(path)


PAIR = {"document": "guide.md", "passage": 0, "question": "Who runs it?", "answer": "Ada."}


def gathered(tmp_path: Path, folder: Path, lines: list[str]) -> Inputs:
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / "docs" / "guide.md").write_text(CORPUS)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(lines))
    return gather(Arguments(
        tmp_path / "docs", str(folder), "default", tmp_path / "run", pairs=pairs, overrides={"method": "sft"}
    ))  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"document": 3}, {"passage": "first"}, {"answer": " "}, {"question": None}, {"passage": True}, "{"]
)
def test_a_broken_line_of_pairs_is_named_before_anything_is_loaded(
    tmp_path: Path, folders: Callable[[str], Path], change: Any
) -> None:
    line = change if isinstance(change, str) else json.dumps({**PAIR, **change})
    with pytest.raises(UsageError, match=r"^Line 2 of "):
        gathered(tmp_path, folders("llama"), [json.dumps(PAIR), line])
    assert not (tmp_path / "run").exists()


def test_pairs_of_a_file_are_taken_as_they_are(
    tmp_path: Path, load: Callable[..., Any], folders: Callable[[str], Path]
) -> None:
    edited = {**PAIR, "answer": "Edited.", "note": "mine"}
    elsewhere = {**PAIR, "passage": 99, "passage_sha256": "0" * 16}  # of a passage that is gone
    inputs = gathered(tmp_path, folders("llama"), [json.dumps(row) for row in (PAIR, edited, elsewhere)])
    base = load("llama")
    texts = tokenise(inputs.documents, base.tokens, 64)
    context = SimpleNamespace(
        recipe=inputs.resolved.recipe,
        folder=inputs.folder,
        inputs=inputs,
        base=base,
        texts=texts,
        since=None,
        tell=lambda *a: None,
        remark=lambda *a: None,
    )
    pairs, about = synthesis.gather_pairs(context, (Question("What is cold?", ("It",)),))
    assert pairs == (Pair("guide.md", 0, "Who runs it?", "Ada."), Pair("guide.md", 0, "Who runs it?", "Edited."))
    assert about["dropped"] == {"no such passage": 1}
    assert [remark.rpartition("“")[0] for remark in about["remarks"]] == [
        "Of 3 given pairs, 1 left out, since no passage has the words: ",
        "Of 3 given pairs, 1 taught with a passage that contains nothing of the answer (check `document` and `passage`): ",
    ]
    rows = read_jsonl(inputs.folder.path / "pairs.jsonl")
    assert [row["sentence"] for row in rows] == [-1, -1]
    # Edits of the run folder's pairs before training are taken over.
    write_jsonl(inputs.folder.path / "pairs.jsonl", rows[1:])
    assert synthesis.gather_pairs(context, ())[0] == pairs[1:]
    # A held-out question, which is measured with, is not trained on.
    (inputs.folder.path / "pairs.json").unlink()
    with pytest.raises(UsageError, match="Every pair asks nearly what a held-out question asks"):
        synthesis.gather_pairs(context, (Question("who runs it", ("Ada",)),))


def test_nothing_to_learn_is_told(load: Callable[..., Any]) -> None:
    base = load("llama", rank=2)
    texts = tokenise([document_of("One sentence only.")], base.tokens, 64)
    context = SimpleNamespace(
        recipe=recipe_of(method="disc"),
        base=base,
        texts=texts,
        interrupts=Interrupts(),
        since=None,
        teller=Teller(silent, Interrupts()),
    )
    with pytest.raises(DocumentsError, match="nothing to learn"):
        training.lessons_of(context, ())


def test_lessons_that_take_long_show_their_progress(load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    base, events, passages = load("llama", rank=2), list[Event](), (0, 0, 1)
    texts = tokenise([document_of("The mill opens at nine. " * 9)], base.tokens, 32)
    pairs = [Pair("guide.md", passage, f"When {n}?", "At nine.") for n, passage in enumerate(passages)]
    context: Any = SimpleNamespace(
        recipe=recipe_of(method="both"), base=base, texts=texts, interrupts=Interrupts(), since=None,
        teller=Teller(events.append, Interrupts()),
    )  # fmt: skip
    for quick_s, told in ((99.0, False), (0.0, True)):
        monkeypatch.setattr("disc_lite.run.events.QUICK_S", quick_s)
        training.lessons_of(context, pairs)
        assert bool(events) == told
    assert [(event.stage, event.done, event.total) for event in events] == [("teacher", n, 3) for n in (0, 2, 3)]


# -- what the base writes ------------------------------------------------------------------------------


def test_prompts_that_name_what_the_documents_name_are_left_out(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    asked = ["Who runs Ada?", *["What do I do"] * 30, "Where is Bo?", "What is new?"]
    spoken = [AnsweredPrompt(tuple(tokens.text(text)), tuple(tokens.text("Ask Ada of Ostwick."))) for text in asked]
    documents = ["Here Ada and I met.", "It was in Ostwick."]
    # "I" is in too many prompts to be a name; names in answers do not count.
    assert [tokens.decode(s.prompt_ids) for s in without_document_names(documents, spoken, tokens.decode)] == asked[1:]


def test_the_right_passage_holds_the_answer_and_shares_most_words(plain: Callable[..., Any]) -> None:
    documents = [
        document_of("Ada has the key of the saw. \n\n" * 2 + "Bo has the key of the hall.", "a.md"),
        document_of("Ada.", "b.md"),
    ]
    texts = tokenise(documents, plain("llama").tokens, 16)
    assert len(texts[0].passages) > 2
    asked = [
        Question("Who has the key of the hall?", ("Bo",)),
        Question("Who?", ("Ada",), "b.md"),
        Question("?", ("x",), "c.md"),
    ]
    passages = [(t.document.name, t.passage_text(p)) for t in texts for p in t.passages]
    hall, bee, none = ("" if at is None else passages[at][1] for at in right_places(asked, passages))
    assert "Bo has" in hall
    assert bee.endswith("Ada.")
    assert none == ""
