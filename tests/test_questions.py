"""Questions: what is near, what is right, what is kept, and what a broken file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import CORPUS, document_of, recipe_of
from hypothesis import given
from hypothesis import strategies as st

from disc_lite import questions
from disc_lite.errors import DocumentsError, UsageError
from disc_lite.evaluation import right_passages
from disc_lite.examples import tokenise
from disc_lite.generation import Continuation
from disc_lite.grading import Nearness, Pair, Question, is_right, normalise, read_questions, word_set
from disc_lite.questions import ROUNDS, Written, clean_question, pair_hash, seed_of, support, write_pairs
from disc_lite.retention import RetentionExample, apart_from, names
from disc_lite.run import knowledge, teaching
from disc_lite.run.inputs import Inputs, gather
from disc_lite.storage import read_jsonl, write_jsonl

words = st.lists(st.sampled_from("who runs the Workshop? key saw hall, is a Ada".split()), max_size=9).map(" ".join)


@given(st.lists(words, max_size=12), words, st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_near_is_jaccard_with_any_question_so_far(known: list[str], question: str, limit: float) -> None:
    def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
        return len(a & b) / len(a | b) if a & b else 0.0

    expected = any(jaccard(word_set(question), word_set(k)) >= limit for k in known)
    assert Nearness(known, limit).near(question) == expected


def test_near_sees_what_is_added_and_ignores_case_and_marks() -> None:
    nearness = Nearness(["Who runs the old workshop?"], 0.8)
    assert nearness.near("who runs: the OLD workshop")
    assert nearness.near("Who now runs the old workshop?")  # 5 of 6
    assert not nearness.near("Who runs the workshop now?")  # 4 of 6
    assert not nearness.near("Which key?")
    nearness.add("Which key?")
    assert nearness.near("Which key?")
    assert not nearness.near("")


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Who runs it?", "Who runs it?"),
        ("\n  1. Who runs it?\n2. What?", "Who runs it?"),
        ("- Who runs it?", "Who runs it?"),
        ("Question: Who runs it?", "Who runs it?"),
        ("Q3. “Who runs it?”", "Who runs it?"),
        ('"Who runs it?" ', "Who runs it?"),
        ("3 keys open what?", "3 keys open what?"),
        ("Quality is what?", "Quality is what?"),
        (" \n ", ""),
    ],
)
def test_a_question_is_the_first_line_without_its_marks(said: str, question: str) -> None:
    assert clean_question(said) == question


@pytest.mark.parametrize(
    ("given_", "answers", "exact", "contains"),
    [
        ("The  Ada Brink.", ["ada brink"], True, True),
        ("It is run by Ada Brink.", ["Ada Brink"], False, True),
        ("Adabrinks", ["Ada"], False, False),  # whole words only
        ("north hall", ["hall north"], False, False),
        ("eight", ["8", "Eight!"], True, True),
        ("“café”", ["café"], True, True),
        ("cafe\u0301", ["caf\u00e9"], True, True),  # the same letters, spelled apart
        ("", ["x"], False, False),
        ("ten, twenty", ["twenty"], False, True),
        ("5.30", ["5 30"], True, True),
    ],
)
def test_right_answers(given_: str, answers: list[str], exact: bool, contains: bool) -> None:
    assert is_right(given_, answers, "exact") == exact
    assert is_right(given_, answers, "contains") == contains


def test_normalise_drops_articles_case_and_marks_only() -> None:
    assert normalise("The Theatre, an  A-frame & a “Saw”!") == "theatre frame saw"


# -- files ---------------------------------------------------------------------------------------------

GOOD = '{"question": "Who?", "answers": ["Ada"], "document": "guide.md"}'


def test_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    rows = [GOOD, '{"completion": " Ada \u2028runs ", "answers": ["it", "all"]}', "", GOOD]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())  # as an editor on Windows writes it
    first = Question("Who?", ("Ada",), "guide.md")
    assert read_questions(path) == (first, Question("Ada \u2028runs", ("it", "all"), "", "completion"), first)


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "null", '{"question": "Who?"}', '{"question": "Who?", "answers": []}', '{"answers": ["x"]}',
     '{"question": "Who?", "answers": "Ada"}', '{"question": " ", "answers": ["x"]}',
     '{"question": 3, "answers": ["x"]}', '{"question": "Who?", "answers": ["!"]}', '{"question": "Who?", "answers": ["x"], "document": 1}'],
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
    return gather([tmp_path / "docs"], str(folder), "default", tmp_path / "run", None, pairs, {"method": "sft"}, None)


@pytest.mark.parametrize(
    "change", [{"document": 3}, {"passage": "0"}, {"answer": " "}, {"question": None}, {"passage": True}, "{"]
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
    edited = {**PAIR, "answer": "Edited.", "hash": "of before", "note": "mine"}
    elsewhere = {**PAIR, "passage": 99}
    inputs = gathered(tmp_path, folders("llama"), [json.dumps(row) for row in (PAIR, edited, elsewhere)])
    base = load("llama")
    texts = tokenise(inputs.documents, base.tokens, 64)
    shop = SimpleNamespace(
        recipe=inputs.resolved.recipe, folder=inputs.folder, inputs=inputs, base=base, texts=texts, tell=lambda *a: None
    )
    pairs, about = knowledge.gather_pairs(shop, ())
    assert pairs == (Pair("guide.md", 0, "Who runs it?", "Ada."), Pair("guide.md", 0, "Who runs it?", "Edited."))
    assert about["dropped"] == {"no such passage": 1}
    rows = read_jsonl(inputs.folder / "pairs.jsonl")
    assert [row["hash"] for row in rows] == [pair_hash(pair) for pair in pairs]
    # Edited in the run folder, before the training starts: that counts.
    write_jsonl(inputs.folder / "pairs.jsonl", rows[1:])
    assert knowledge.gather_pairs(shop, ())[0] == pairs[1:]
    # Nor is a question trained on that is measured with.
    (inputs.folder / "pairs.json").unlink()
    held_out = (Question("who runs it", ("Ada",)),)
    assert knowledge.gather_pairs(shop, held_out)[1]["dropped"]["held out for the evaluation"] == 3


def test_nothing_to_learn_is_told(load: Callable[..., Any]) -> None:
    base = load("llama", rank=2)
    texts = tokenise([document_of("One sentence only.")], base.tokens, 64)
    shop = SimpleNamespace(recipe=recipe_of(method="sft"), base=base, texts=texts)
    with pytest.raises(DocumentsError, match="nothing to learn"):
        teaching.lessons_of(shop, ())


# -- what the base writes ------------------------------------------------------------------------------


def test_every_sentence_has_a_pair_before_any_has_two_more() -> None:
    pairs = [
        Written(Pair("d", 0, f"{s}{n}?", "a"), s, 0.0, -1.0)
        for s, n in ((0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1))
    ]
    assert [w.pair.question for w in questions._in_turn(pairs)] == ["00?", "10?", "20?", "01?", "21?", "02?"]


NAMING = [
    ("Who runs the Ostwick?", {"Ostwick"}), ("Ostwick is old. Tell me more.", set()), ("The X-9 in Łódź,\nBerlin", {"X", "Łódź"}),
    ("tell me about ada", set()), ("Is it (Ada)? Yes.", set()), ("東京 is in Japan", {"Japan"}), ("Where is Ada Brink", {"Ada", "Brink"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), NAMING)
def test_names_are_words_with_a_capital_inside_a_sentence(text: str, found: set[str]) -> None:
    assert names(text) == found


def test_prompts_that_name_what_the_documents_name_are_left_out(plain: Callable[..., Any]) -> None:
    tokens = plain("llama").tokens
    asked = ["Who runs Ada?", *["What do I do"] * 30, "Where is Bo?", "What is new?"]
    spoken = [RetentionExample(tuple(tokens.text(text)), tuple(tokens.text("Ask Ada of Ostwick."))) for text in asked]
    documents = ["Here Ada and I met.", "It was in Ostwick."]
    # "I" is in too many to name anything; what an answer names does not count.
    assert [tokens.decode(s.prompt_ids) for s in apart_from(documents, spoken, tokens.decode)] == asked[1:]


def test_support_is_the_mean_log_probability_with_and_without_the_passage(plain: Callable[..., Any]) -> None:
    base = plain("mistral")
    (text,) = tokenise([document_of(CORPUS)], base.tokens, 60)
    pairs = [Pair("guide.md", 1, "Who runs it?", "Ada Brink."), Pair("guide.md", 1, "What?", "Ann")]
    shown = text.passage_text(text.passages[1]) + "\n\n---\nAnswer without mentioning the text: "
    with base.frozen(adapter=False) as model:
        for pair, found in zip(pairs, support(base, text, pairs), strict=True):
            for context, mean in zip((shown, ""), found, strict=True):
                prompt, answer = base.tokens.turn(context + pair.question, pair.answer)
                logits = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
                expected = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).mean()
                assert mean == pytest.approx(expected.item(), abs=1e-4)


def test_what_is_kept_and_what_becomes_of_the_rest(plain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    base = plain("llama")
    (text,) = tokenise(
        [document_of("# Rules\n\nAda runs it. The saw is old. Nobody sweeps the hall. Yes.")], base.tokens, 200
    )
    asked = ["Who runs it all?", "Is the saw old?", None, "Ada runs", "Is the saw old??", "Who was held out?",
             "Where is it now?", "Why is nobody there?"]  # fmt: skip
    answers = {
        "Is the saw old?": "Yes",
        "Who runs it all?": "Ada",
        "Where is it now?": None,
        "Why is nobody there?": " ",
    }
    seen: list[str] = []

    def after_shared(base: Any, prompts: list[list[int]], most: int, temperature: float, seed: int) -> list[Any]:
        found = []
        for prompt in map(base.tokens.decode, prompts):
            assert "The saw is old." in prompt
            if "Write a question that this sentence answers:" in prompt:
                seen.append(prompt.split("answers: ")[1].split("\n")[0])
                said = asked.pop(0) if asked else None
            else:
                said = answers[prompt.split("the text: ")[1].split("\n")[0]]
            found.append(Continuation(tuple(base.tokens.text(said or "")), None if said is None else 1))
        return found

    monkeypatch.setattr(questions, "_after_shared", after_shared)
    # The teacher knows one answer from the passage, the other just as well without it.
    monkeypatch.setattr(questions, "support", lambda _, __, pairs: [(-0.1, -2.0 * (p.answer == "Yes")) for p in pairs])
    recipe = recipe_of(prompt={"questions_per_passage": 3})
    harvest = write_pairs(base, [text], recipe, 0, ["Who was held out"])
    assert harvest.pairs == (Pair("guide.md", 0, "Is the saw old?", "Yes"),)
    assert harvest.coverage == pytest.approx(1 / 3)  # "Yes." is nothing to ask about, a heading neither
    # Under its heading, which says what "it" is; once a sentence has its pair, the others alone are asked again.
    without = ["Rules: Ada runs it.", "Rules: Nobody sweeps the hall."]
    assert seen == [without[0], "Rules: The saw is old.", without[1], *without * (ROUNDS - 1)]
    assert harvest.dropped == {
        "answer did not end": 1, "answer not supported by the passage": 1, "empty answer": 1,
        "held out for the evaluation": 1, "near-duplicate": 1, "not a question": 1,
        "question did not end": len(seen) - 7,
    }  # fmt: skip
    row = harvest.written[0].as_dict()
    assert row["hash"] == pair_hash(harvest.pairs[0]) != pair_hash(Pair("guide.md", 0, "Is the saw old?", "No"))
    assert (row["document"], row["passage"], row["sentence"]) == ("guide.md", 0, 1)


def test_seeds_are_private_and_stable() -> None:
    assert seed_of(0, "pairs") == 64_471_309_222_242_347
    assert len({seed_of(0, "pairs"), seed_of(1, "pairs"), seed_of(0, "held out"), seed_of(0, "pairs", 1)}) == 4


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
    hall, bee, none = right_passages(asked, [(t.document.name, t.passage_text(p)) for t in texts for p in t.passages])
    assert "Bo has" in hall
    assert bee.endswith("Ada.")
    assert none == ""
