"""Files of questions and of pairs: every format that is read, and the errors for the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from disc_lite.errors import UsageError
from disc_lite.qa import Pair, Question, read_pairs, read_questions
from disc_lite.run.folder import RunFolder
from tests.counting import calls_in

WHO = Question("Who approves?", ("the head",))
PAYS = Question("Who pays?", ("nobody", "no one"), "travel.md")


def written(tmp_path: Path, name: str, content: str | bytes | Any) -> Path:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8", newline="")
    return path


def test_answers_may_be_one_text_a_number_or_as_in_squad(tmp_path: Path) -> None:
    rows = [
        '{"question": "Who?", "answer": "the head"}', '{"question": "Who?", "answers": "the head"}',
        '{"question": "Who?", "answers": {"text": ["the head", "the head"], "answer_start": [3, 9]}}',
        '{"question": "Who?", "answers": [{"text": "the head", "answer_start": 3}]}',
        '{"question": "Who?", "answer": ["the head"], "document": null, "choices": []}',
    ]  # fmt: skip
    for number, row in enumerate(rows):
        assert read_questions(written(tmp_path, f"q{number}.jsonl", row)) == (Question("Who?", ("the head",)),)
    numbers = '{"question": "How many?", "answers": [42, -7]}\n{"question": "How much?", "answer": 3.50}'
    assert [q.answers for q in read_questions(written(tmp_path, "n.jsonl", numbers))] == [("42", "-7"), ("3.50",)]


def test_an_answer_may_be_a_mark(tmp_path: Path) -> None:
    path = written(tmp_path, "q.jsonl", '{"question": "Which mark?", "answers": ["#"]}')
    assert read_questions(path)[0].answers == ("#",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", "question,answers,document\nWho approves?,the head,\nWho pays?,nobody|no one,travel.md\n"),
        (
            "q.csv",
            "Question;Answers;Document\r\nWho approves?;the head;\r\n;;\r\nWho pays?;nobody|no one;travel.md\r\n",
        ),
        ("q.csv", '\ufeffquestion,answers,document\n"Who approves?",the head\nWho pays?,nobody;no one,./travel.md\n'),
        ("q.tsv", "document\tanswers\tquestion\n\tthe head\tWho approves?\ntravel.md\tnobody; no one\tWho pays?\n"),
        ("q.txt", "id,question,answers,document\n1,Who approves?,the head,\n2,Who pays?,nobody|no one,travel.md\n"),
    ],
)
def test_csv_with_a_header(tmp_path: Path, name: str, content: str) -> None:
    assert read_questions(written(tmp_path, name, content)) == (WHO, PAYS)


def test_csv_keeps_a_single_answer_whole_and_reads_quoted_cells(tmp_path: Path) -> None:
    content = 'question,answer\n"Who, in Varn,\napproves?","Ada; or ""Bo"""\n'
    assert read_questions(written(tmp_path, "q.csv", content)) == (
        Question("Who, in Varn,\napproves?", ('Ada; or "Bo"',)),
    )
    content = "completion,answers,document\nIt opens at,nine|9,\n"
    assert read_questions(written(tmp_path, "q.csv", content)) == (
        Question("It opens at", ("nine", "9"), "", "completion"),
    )
    content = "question,answer,choices\nWhich?,ox,ox|owl\n"
    assert read_questions(written(tmp_path, "q.csv", content))[0].choices == ("ox", "owl")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_files_of_other_programs_are_decoded_by_their_mark(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path, "q.csv", "question,answer\r\nQuel café ?,Ça\r\n".encode(codec))
    assert read_questions(path) == (Question("Quel café ?", ("Ça",)),)


ROWS = [
    {"question": "Who approves?", "answers": ["the head"]},
    {"question": "Who pays?", "answers": ["nobody", "no one"], "document": "travel.md"},
]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("whole", [ROWS, {"questions": ROWS}, {"data": ROWS}])
def test_a_json_array_and_a_list_in_an_object(tmp_path: Path, whole: Any, indent: int | None) -> None:
    assert read_questions(written(tmp_path, "q.json", json.dumps(whole, indent=indent))) == (WHO, PAYS)


def test_a_first_line_may_be_longer_than_a_cell_of_csv(tmp_path: Path) -> None:
    rows = [{"question": f"Who is number {n}?", "answer": f"Ada {n}"} for n in range(3000)]
    assert len(read_questions(written(tmp_path, "q.json", rows))) == 3000
    row = json.dumps({**rows[0], "context": "word " * 50_000})
    assert read_questions(written(tmp_path, "q.jsonl", row)) == (Question("Who is number 0?", ("Ada 0",)),)


def test_one_question_over_several_lines(tmp_path: Path) -> None:
    assert read_questions(written(tmp_path, "q.json", json.dumps(ROWS[1], indent=2))) == (PAYS,)


def squad(*questions: dict[str, Any]) -> dict[str, Any]:
    halves = questions[:1], questions[1:]
    articles = [{"title": "t", "paragraphs": [{"context": "c", "qas": list(half)}]} for half in halves]
    return {"version": "1.1", "data": articles}


def test_squad(tmp_path: Path) -> None:
    answers = [{"text": text, "answer_start": 0} for text in ("nobody", "no one", "nobody")]
    whole = squad(
        {"id": "1", "question": "Who approves?", "answers": [{"text": "the head", "answer_start": 0}]},
        {"id": "2", "question": "Who pays?", "answers": answers, "is_impossible": False, "document": "travel.md"},
    )
    assert read_questions(written(tmp_path, "train.json", whole)) == (WHO, PAYS)


def test_the_questions_of_a_run(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_questions(
        [
            Question("Who approves?", ("the head",), passage_index=7),
            Question("It opens at", ("nine",), "", "completion"),
        ]
    )
    found = read_questions(tmp_path / "questions.jsonl")
    # The index of a passage is not read: it counts that run's passages, and another run may cut them differently.
    assert found == (WHO, Question("It opens at", ("nine",), "", "completion"))


def test_choices_are_compared_as_answers_are(tmp_path: Path) -> None:
    path = written(
        tmp_path, "q.jsonl", '{"question": "Who?", "answers": ["the head"], "choices": ["The head", "nobody"]}'
    )
    assert read_questions(path)[0].choices == ("The head", "nobody")


CHAT = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "the head"}]}
IMPOSSIBLE = {"id": "a7", "question": "Who?", "answers": [], "is_impossible": True}
REFUSED = [
    ("q.jsonl", {"instruction": "Who?", "input": "", "output": "the head"}, r"Line 1 of .* is not a question", "Alpaca"),
    ("q.jsonl", CHAT, r"Line 1 of .* is not a question", "a chat"),
    ("q.jsonl", {"prompt": "Who?", "completion": "the head"}, r"Line 1 of .* is not a question", "prompt with its completion"),
    ("q.jsonl", {"q": "Who?", "a": "the head"}, r"Line 1 of .* is not a question", "it has `q`, `a`"),
    ("q.json", [*ROWS, {"question": "Who?"}], r"Question 3 of .* is not a question", "`answer`, a text"),
    ("q.json", [*ROWS, "Who?"], r"Question 3 of .* is not a question", "object"),
    ("q.jsonl", {"question": "Who?", "answers": ["the head", ""]}, r"Line 1 of .* is not a question", "none may be blank"),
    ("q.jsonl", {"question": "Who?", "answers": [True]}, r"Line 1 of .* is not a question", "a list of texts"),
    ("q.jsonl", {"question": "Who?", "answers": []}, r"Line 1 of .* is not a question", "no answer"),
    ("q.jsonl", {"completion": "It is", "answers": ["a"], "choices": ["a", "b"]}, r"Line 1 of .* is not a question", "choices"),
    ("dev.json", squad(IMPOSSIBLE), r"Question 1 \(id a7\) of .* is not a question", "SQuAD 2.0"),
    ("q.json", '[{"question": "Who?", "answers": ["x"]},\n{"question"', r"invalid JSON", "line 2"),
    ("q.json", '{\n  "data": [\n', r"invalid JSON", "line 3"),
    ("q.json", "[" * 100_000, r"invalid JSON", "nested too deeply"),
    ("q.csv", "Who approves?,the head\n", r"no header", "Who approves"),
    ("q.csv", "question,answer\nWho, really?,the head\n", r"Line 2 of .* is not a question", "more cells"),
    ("q.csv", "question,answer\nWho?,\n", r"Line 2 of .* is not a question", "`answer`"),
    ("q.csv", 'question,answer\n"Who?,x\n', r"invalid CSV", "unexpected end"),
    ("q.csv", "question,answer\n", r"has no question", ""),
    ("q.csv", b"question,answer\nCaf\xe9?,x\n", r"cannot be read", "utf-8"),
    ("q.xlsx", b"PK\x03\x04rest", r"is not text", "Excel"),
    ("q.parquet", b"PAR1rest", r"is not text", "Parquet"),
    ("q.md", "# Questions\n\nWho approves?\n", r"Line 1 of .* is not a question", "not JSON"),
    ("q.json", {"data": []}, r"has no question", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "what", "why"), REFUSED, ids=range(len(REFUSED)))
def test_another_shape_is_told_by_what_it_is_and_what_to_change(
    tmp_path: Path, name: str, content: Any, what: str, why: str
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        read_questions(written(tmp_path, name, content))
    assert caught.value.exit_code == 2
    assert why in caught.value.why
    assert caught.value.remedy


def test_a_file_that_is_missing_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_questions(tmp_path / "none.jsonl")
    assert (caught.value.why, caught.value.remedy) == ("No such file or directory", "Check its path.")


def test_a_question_that_is_there_twice_is_one_and_that_is_said(tmp_path: Path) -> None:
    rows = [
        "Who pays?,the head,travel.md", "who  pays?,The head,./travel.md", "Who pays?,the head,", "Who pays?,nobody,travel.md",
    ]  # fmt: skip
    told: list[str] = []
    path = written(tmp_path, "q.csv", "\n".join(["question,answer,document", *rows]))
    found = read_questions(path, told.append)
    assert [(q.text, q.answers, q.document) for q in found] == [
        ("Who pays?", ("the head",), "travel.md"), ("Who pays?", ("the head",), ""), ("Who pays?", ("nobody",), "travel.md"),
    ]  # fmt: skip
    assert told == [
        f"1 of the 4 questions in {path} repeat another: each counts once.",
        f"1 of the questions in {path} ask the same as another but accept other answers.",
    ]
    told.clear()
    read_questions(written(tmp_path, "q.csv", "question,answer\nWho?,x\nWhen?,x\n"), told.append)
    assert not told


PAIR_FILES = [
    ("p.csv", 'question;answer;document;passage\n"Who; really?";Ada.;a\\b.md;2\n'),
    ("p.tsv", "document\tquestion\tanswers\tpassage\n./a/b.md\tWho; really?\tAda.\t2\n"),
    ("p.json", [{"question": "Who; really?", "answers": ["Ada."], "document": "a/b.md", "passage": 2}]),
    ("p.json", {"pairs": [{"question": "Who; really?", "answer": "Ada.", "document": "a/b.md", "passage": 2}]}),
]


@pytest.mark.parametrize(("name", "content"), PAIR_FILES, ids=range(len(PAIR_FILES)))
def test_pairs_come_in_the_formats_of_questions(tmp_path: Path, name: str, content: Any) -> None:
    assert read_pairs(written(tmp_path, name, content)) == (Pair("a/b.md", 2, "Who; really?", "Ada."),)


NO_PAIRS = [
    ("p.jsonl", {"instruction": "Who?", "input": "", "output": "Ada."}, "Line 1", "Alpaca"),
    ("p.jsonl", {"conversations": [{"from": "human", "value": "Who?"}]}, "Line 1", "a chat (`conversations`)"),
    ("p.json", [{"question": "Who?", "answers": ["Ada", "Ada Lind"], "document": "a.md"}], "Pair 1", "accepts 2 answers"),
    ("p.csv", "question,answer,passage\nWho?,Ada.,first\n", "Line 2", "number of a passage"),
    ("p.csv", "question,answer\n,Ada.\n", "Line 2", "`question`"),
    ("p.json", ["Who?"], "Pair 1", "object"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "place", "why"), NO_PAIRS, ids=range(len(NO_PAIRS)))
def test_what_is_no_pair_is_told_by_what_it_is(
    tmp_path: Path, name: str, content: Any, place: str, why: str
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match=rf"^{place} of .* is not a pair") as caught:
        read_pairs(written(tmp_path, name, content))
    assert why in caught.value.why and '"document": "guide.md"' in caught.value.remedy


def test_a_pair_by_hand_needs_no_passage(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"question": "Who?", "answer": "Ada.", "document": "a.md"}]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {**rows[0], "passage": 3}]))
    assert [pair.passage for pair in read_pairs(tmp_path / "pairs.jsonl")] == [-1, 3]
    for change, why in (
        ({"answer": None}, "`answer`"),
        ({"passage": "x"}, "number of a passage"),
        ({"question": ""}, "`question`"),
    ):
        (tmp_path / "pairs.jsonl").write_text(json.dumps({**rows[0], **change}))
        with pytest.raises(UsageError) as caught:
            read_pairs(tmp_path / "pairs.jsonl")
        assert why in caught.value.why and '"document": "guide.md"' in caught.value.remedy


def test_long_answers_are_not_normalised_when_pairs_are_read(tmp_path: Path) -> None:
    """A file of 25,000 pairs took 16 s, half of them for `plan` before it shows anything."""

    def calls(answer: str) -> int:
        rows = [{"question": "Who?", "answer": answer, "document": "a.md"}] * 5
        return calls_in(read_pairs, written(tmp_path, "pairs.json", rows))

    assert calls("Ada runs the northern mill. " * 20) < calls("Ada runs it.") + 5 * 100
