"""The page of a run: everything in it, all of it escaped, the same bytes every time."""

import json
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import disc_lite
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.evaluation.card import forgetting, report_card, share_of
from disc_lite.report import write_report
from disc_lite.report.answers import chosen
from disc_lite.report.reading import read_run
from disc_lite.run.folder import RunFolder
from disc_lite.storage import read_json, read_jsonl, write_json, write_jsonl
from tests.report.example import (
    ARABIC,
    EVIL,
    LONG,
    NAMES,
    SHARP,
    make_run,
    metrics,
)


class Page(HTMLParser):
    """Elements with their attributes, visible text, and the text under each section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = ""
        self.text: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.section = str(dict(attrs)["id"])
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[self.section] = self.text.get(self.section, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def sections(self) -> list[str]:
        return [str(attributes["id"]) for attributes in self.all("section")]


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_an_update_is_shown_beside_the_run_before(tmp_path: Path) -> None:
    right, none = share_of([1, 1, 0, 0]), share_of([])
    rows = {
        "unchanged": {"earlier": share_of([1, 1, 1, 0]), "adapted": right, "ceiling": right, "lost": 1, "gained": 0},
        "changed": {"earlier": none, "adapted": right, "ceiling": right},
        "new": {"earlier": none, "adapted": none, "ceiling": none},
        "removed": {"earlier": share_of([1, 1]), "adapted": share_of([0, 0]), "ceiling": none},
    }
    nothing = {"earlier": none, "adapted": none}
    statements = {"earlier": share_of([1] * 9), "adapted": share_of([1] * 8 + [0]), "lost": 1, "gained": 0}
    finished = {"unchanged": statements, "changed": nothing, "new": nothing, "removed": nothing}
    folder = make_run(tmp_path / "run")
    summary = read_json(folder / "summary.json")
    passages = {"unchanged": 7, "changed": 2, "new": 1, "removed": 3}
    update = {
        "run": "/home/somebody/secret/<b>run",
        "removed": "unlearn",
        "passages": passages,
        "rows": rows,
        "completions": finished,
    }
    write_json(folder / "summary.json", {**summary, "card": {**summary["card"], "update": update}})
    page = page_of(folder)
    assert page.sections[:3] == ["card", "since", "retained"]
    text = page.text["since"]
    for wanted in (
        "3 of 4",
        "2 of 4",
        "gone, unlearned",
        "0 of 2",
        "not asked",
        "<b>run",
        "unchanged, statements",
        "8 of 9",
    ):
        assert wanted in text
    assert "secret" not in text and "new, statements" not in text
    assert "Of 12 answers about unchanged passages that were right before the update, 2 are wrong now." in page.text[""]


# -- what the page holds ---------------------------------------------------------------------------------


def test_the_page_has_its_parts_in_their_order_and_says_what_the_run_says(run: Path) -> None:
    page = page_of(run)
    assert page.sections == [
        "card", "retained", "documents", "training", "teachability", "answers", "neutral", "ledger", "recipe", "costs",
    ]  # fmt: skip
    assert "tiny after 5 documents" in page.text[""]
    assert "Not read: 1 refused, 1 duplicate" in page.text[""]
    assert "Closed book, it answers 15 of 20 questions (the base: 0). Retrieval alone" in page.text[""]
    assert "retrieval (RAG) answers 50%, the adapted model 75% without any passage" in page.text[""]
    assert (
        "The adapted model lost 11 of 60 answers that should stay right (18.3%; 95% interval: 10.6% to 29.9%):"
        in page.text[""]
    )
    assert "world 1 of 38, open book 9 of 20, instructions 1 of 2; 1 that was wrong is right now." in page.text[""]
    for text_wanted in ("15 of 20", "75.0%", "53.1% to 88.8%", "contains", "minus base, closed book", "+75.0"):
        assert text_wanted in page.text["card"], text_wanted
    for text_wanted in (
        "world",
        "open book",
        "50.0% → 30.0%",
        "statements finished",
        "0.0123 on neutral prompts",
        "0.4567",
        "answers at least half as long",
    ):
        assert text_wanted in page.text["retained"], text_wanted
    assert page.text["documents"].count("0 → 3 of 4 (passage: 4)") >= len(NAMES)
    for text_wanted in (
        "40 of 60 planned steps",
        "whose loss or gradient was not finite (7)",
        "at step 40",
        "step 36",
        "step 12, 31",
    ):
        assert text_wanted in page.text["training"], text_wanted
    assert page.text["teachability"].count("(low)") == 2
    assert "No question-answer pair is about clean.txt" in page.text[""]
    assert "(empty)" not in page.text["answers"]
    assert "no question-answer pair is about it" in page.text["ledger"]
    assert "same text as" in page.text["ledger"] and "not text" in page.text["ledger"]
    assert "method: both" in page.text["recipe"]
    for text_wanted in (
        "3.0 GiB",
        "72 min",
        "40,000",
        "disc: 500, prompt: 900",
        "version of torch",
        "2 (not a question: 2)",
    ):
        assert text_wanted in page.text["costs"], text_wanted


def test_questions_that_the_base_chose_are_said_to_be_so(run: Path) -> None:
    asked = [replace(one, passage_index=0) for one in RunFolder(run).read_questions() if one.kind == "question"]
    given = {**read_json(run / "before.json")["questions"], **read_json(run / "after.json")["questions"]}
    card = report_card(asked, given, [""] * len(asked), (), "contains", 0.8)
    summary = read_json(run / "summary.json")
    write_json(run / "summary.json", {**summary, "card": {**summary["card"], **card}})
    page = page_of(run)
    assert "The base wrote these questions" in page.text["card"]
    assert "base + right passage20 of 20100.0%" in page.text["card"]  # no interval
    assert "base + RAG10 of 2029.9% to 70.1%" in page.text["card"]
    assert "minus base + right passage" not in page.text["card"]


def test_a_choice_is_right_only_as_a_whole(run: Path) -> None:
    rows = [
        {**row, "answers": ["the head"], "choices": ["the head", "the deputy head"]}
        for row in read_jsonl(run / "questions.jsonl")
    ]
    write_jsonl(run / "questions.jsonl", rows)
    number = len([row for row in rows if "question" in row])
    write_json(
        run / "after.json",
        {"questions": {"adapted": ["the head", *["the deputy head"] * (number - 1)]}, "completions": ["x"]},
    )
    assert [one.right_after for one in read_run(run).questions if one.kind == "question"] == [True] + [False] * (
        number - 1
    )


def test_every_link_has_its_target_and_every_picture_a_name(run: Path) -> None:
    page = page_of(run)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(a["href"]).removeprefix("#") for a in page.all("a")} == set(page.sections)
    named = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert len(named) > 20
    titles = [
        page.elements[i + 1] for i, (name, attributes) in enumerate(page.elements) if attributes.get("role") == "img"
    ]
    assert [name for name, _ in titles] == ["title"] * len(named)
    assert "adapted, closed book: 75.0% (15 of 20)" in page.text["card"]
    assert len(page.all("svg")) - len(named) == 3  # the stretched part within each line chart


def test_the_most_instructive_answers_take_turns_by_document(run: Path) -> None:
    found = chosen(read_run(run))
    assert [one.right_after for one in found] == [True] * 7 + [False] * 3
    assert [one.document for one in found[:5]] == sorted(NAMES)
    assert found[0].text.startswith("Question 0") and found[5].text.startswith("Question 1")
    assert len({one.document for one in found[7:]}) == 3


# -- what the page must not hold -------------------------------------------------------------------------


def test_what_others_wrote_stays_text(run: Path) -> None:
    page = page_of(run)
    assert {name for name, _ in page.elements} <= set(
        "html head meta title style body header nav a main section h1 h2 h3 h4 p bdi span div ul li svg rect line circle "
        "text path table caption thead tbody tr th td figure figcaption article dl dt dd details summary pre code".split()
    )
    for name, attributes in page.elements:
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        assert not {"src", "style", "srcset", "action"} & set(attributes)
        assert str(attributes.get("href", "#")).startswith("#")
    text = "".join(page.text.values())
    for text_wanted in (EVIL, SHARP, ARABIC.replace("\u202e", "\ufffd"), LONG):
        assert text_wanted in text
    assert "\u202e" not in text
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    foreign = [a for name, a in page.elements if a.get("class") == "foreign"]
    assert foreign and all(a["dir"] == "auto" for a in foreign)


def test_the_page_of_a_run_that_is_only_read_goes_elsewhere(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert disc_lite.write_report(str(run), str(tmp_path / "new" / "page.html")).is_file()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_page_takes_the_place_of_no_pipe_and_no_device(run: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read_end, write_end = os.pipe()  # as /dev/stdout is in `| less`
    for path in (tmp_path / "pipe", Path(f"/dev/fd/{write_end}"), tmp_path):
        with pytest.raises(UsageError, match=f"{path} is not a file"):
            write_report(run, path)
    assert (tmp_path / "pipe").is_fifo()
    os.close(read_end)
    os.close(write_end)


def test_a_page_is_written_through_a_link_also_where_the_link_may_not_be_changed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /dev/stdout is one: /dev is root's."""
    (tmp_path / "closed").mkdir()
    link = tmp_path / "closed" / "latest.html"
    link.symlink_to("../page.html")
    real = os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and real(path, mode))
    assert write_report(run, link) == link
    assert link.is_symlink() and (tmp_path / "page.html").is_file()
    with pytest.raises(EnvironmentNotReady, match="Nothing can be written"):
        write_report(run, tmp_path / "closed" / "page.html")


def test_the_page_is_a_pure_function_of_the_run(run: Path, tmp_path: Path) -> None:
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    moved = Path(shutil.copytree(run, tmp_path / "elsewhere"))
    assert write_report(moved).read_bytes() == first
    assert str(tmp_path).encode() not in first
    assert b"somebody" not in first
    assert not re.search(rb"https?://|@import|url\(", first)
    assert b"\x07" not in first and b"\x00" not in first


# -- runs that lack something ----------------------------------------------------------------------------


def test_a_change_of_how_it_was_computed_is_told(tmp_path: Path) -> None:
    words = page_of(make_run(tmp_path)).text["training"]
    assert (
        "From step 18 on, computed on cpu in passes of at most 2,048 tokens, AdamW in 32 bits (CUDA out of memory)."
        in words
    )


def test_a_run_of_next_token_has_no_teachability_and_no_pairs(tmp_path: Path) -> None:
    empty = {"mean": None, "documents": {}, "low": []}
    run = make_run(
        tmp_path, method="next_token", teachability=empty, pairs={"accepted": 0}, teacher_tokens={}, examples={}
    )
    (run / "pairs.jsonl").unlink()
    (run / "stopped.json").unlink()
    (run / "resumes.jsonl").unlink()
    (run / "computed.jsonl").unlink()
    page = page_of(run)
    assert "continued" not in page.text["training"]
    assert "computed on" not in page.text["training"]
    assert "teachability" not in page.sections
    assert "Dashed" not in page.text["training"]
    assert "pairs" not in page.text["costs"]


def test_without_their_files_parts_are_left_out(run: Path) -> None:
    for name in (
        "questions.jsonl", "pairs.jsonl", "passages.jsonl", "metrics.jsonl", "ledger.jsonl", "recipe.yaml",
        "stopped.json", "before.json", "benchmarks.json",
    ):  # fmt: skip
        (run / name).unlink()
        page = page_of(run)
    assert page.sections == ["card", "retained", "documents", "teachability", "answers", "neutral", "costs"]
    assert page.text["answers"].count("✗ wrong") == 2 * 5  # misses are in the card


def test_a_run_without_questions_and_completions_has_a_page(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    card = report_card(
        [], {row: [] for row in ("floor", "rag", "ceiling", "adapted", "adapted_rag")}, [], (), "contains", 0.8
    )
    nothing = {
        "completions": {"before": share_of([]), "after": share_of([])},
        "retained": {},
        "forgetting": forgetting([]),
    }
    card.update({**nothing, "drift": {}, "farthest": [], "fit": {}, "update": {}})
    write_json(run / "summary.json", {**summary, "card": card})
    write_jsonl(run / "questions.jsonl", [])
    text_wanted = {"floor": [], "rag": [], "ceiling": [], "adapted": [], "adapted_rag": []}
    for when in ("before", "after"):
        write_json(run / f"{when}.json", {"questions": text_wanted, "completions": []})
    page = page_of(run)
    assert page.sections == ["card", "training", "teachability", "ledger", "recipe", "costs"]
    assert "has no questions" in page.text["card"]
    assert "RAG" not in page.text[""]


def test_an_answer_without_words_is_said_to_be_empty(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    summary["card"]["farthest"] = [{"prompt": "Hello", "nats": 1.25, "before": "", "after": "Good day."}]
    write_json(run / "summary.json", summary)
    assert "before(empty)afterGood day." in page_of(run).text["neutral"]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_short_training_is_drawn(run: Path, steps: int) -> None:
    rows = [{**row, "steps": steps} for row in metrics(steps)]
    write_jsonl(run / "metrics.jsonl", rows)
    assert "first 3, last" in page_of(run).text["training"]


def test_many_documents_fold(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    row = summary["card"]["documents"]["a.md"]
    summary["card"]["documents"] = {f"{n:03}.md": row for n in range(100)}
    write_json(run / "summary.json", summary)
    page = page_of(run)
    assert "70 more" in page.text["documents"]
    assert "099.md" in page.text["documents"]


def test_no_run_an_unfinished_run_and_an_old_run_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the folder of a run"):
        write_report(tmp_path)
    record = json.loads((run / "run.json").read_text())
    write_json(run / "run.json", {**record, "identity": {"format": 1}})
    with pytest.raises(UsageError, match="another version"):
        write_report(run)
    write_json(run / "run.json", record)
    (run / "summary.json").unlink()
    with pytest.raises(UsageError, match="not finished"):
        write_report(run)
    assert not (run / "report.html").exists()
