"""The report and the inspection of a run: everything in it, all of it escaped, the same bytes every time."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from disc_lite.cli import main
from disc_lite.errors import UsageError
from disc_lite.evaluation.card import counted, report_card, row_of
from disc_lite.evaluation.grading import grade
from disc_lite.qa import Pair, Question
from disc_lite.report import inspect_document, write_report
from disc_lite.report.answers import chosen
from disc_lite.report.charts import Line, line_chart, smoothed, thinned
from disc_lite.report.reading import read_run
from disc_lite.run.folder import FORMAT
from disc_lite.storage import write_json, write_jsonl

EVIL = "<script>alert(1)</script>"
SHARP = "\"'&<>` onload=alert(1) --><!--"
ARABIC = "من يدير الورشة؟ \u202eabc"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
NUL = "bell\x07 nul\x00 lone\ud800"
NAMES = ("a.md", f"{EVIL}.md", "b/دليل.md", f"{LONG}.md", "clean.txt")
STEPS = 60
SKIPPED = 7


def rows_of(before: int, after: int, of: int = 40) -> dict[str, Any]:
    given = {"before": before, "after": after}
    return {w: row_of([grade("a" if i < n else "b", ["a"]) for i in range(of)], "exact") for w, n in given.items()}


def questions() -> list[Question]:
    found = []
    for k, name in enumerate(NAMES):
        found += [Question(f"Question {i} about {k}, {text}?", (f"answer {k} {i}",), name)
                  for i, text in enumerate((EVIL, SHARP, ARABIC, LONG))]  # fmt: skip
    return found


def given_to(asked: list[Question]) -> dict[str, list[str]]:
    """The base knows nothing; the adapted model has three of four right, with the passage all are."""
    right = [q.answers[0] for q in asked]
    return {
        "floor": [f"{EVIL} {SHARP}" for _ in asked], "rag": [a if i % 2 else LONG for i, a in enumerate(right)],
        "ceiling": right, "adapted": [ARABIC + EVIL if i % 4 == 3 else a for i, a in enumerate(right)],
        "adapted_rag": right,
    }  # fmt: skip


def metrics(steps: int) -> list[dict[str, Any]]:
    return [
        {"step": n, "steps": STEPS, "loss": None if n == SKIPPED else 3.0 / n, "retention": 0.001 * n,
         "gradient_norm": 1.0, "learning_rate": 3e-4 * (1 - n / STEPS), "tokens": 1000, "target_tokens": 200,
         "seconds": 0.5, "skipped": n == SKIPPED}
        for n in range(1, steps + 1)
    ]  # fmt: skip


def make_run(folder: Path, **changes: Any) -> Path:
    """A finished run, as the stages write it; `changes` replace parts of its summary."""
    asked = questions()
    given = given_to(asked)
    completion = Question(f"The workshop {SHARP} opens at", ("eight",), "a.md", "completion")
    pairs = [Pair(name, 0, f"Question 0 about {k}?", f"answer {k} 0") for k, name in enumerate(NAMES[:4])]
    card = report_card(asked, given, [f"passage {EVIL}" for _ in asked], pairs, "contains", 0.8)
    card["completions"] = rows_of(1, 9, 10)
    card["retained"] = {
        "world": rows_of(38, 37), "open_book": rows_of(20, 12),
        "instructions": {"before": counted([1, 1, 0]), "after": counted([1, 0, 0])},
        "answers that stop": {"before": counted([1, 1]), "after": counted([1, 1])},
    }  # fmt: skip
    card["drift"] = {"general": 0.0123, "self_generated": 0.0456}
    card["farthest"] = [{"prompt": f"{EVIL} {NUL}", "nats": 1.25, "before": f"{SHARP}\n\nsecond line", "after": ARABIC}]
    teachability = {name: [0.05, 1.25, 2.5, -0.3, 0.7][k] for k, name in enumerate(NAMES)}
    summary = {
        "run": "/home/somebody/secret/run", "model": "/home/somebody/secret/tiny", "method": "both", "recipe": "pocket",
        "documents": {"read": 5, "refused": 1, "duplicate": 1}, "passages": 5, "examples": {"disc": 20, "prompt": 4},
        "pairs": {"accepted": 4, "dropped": {"not a question": 2}, "coverage": 0.5},
        "teachability": {"mean": 1.0, "documents": teachability, "low": ["a.md", NAMES[3]]},
        "teacher_tokens": {"disc": 500, "prompt": 900}, "steps": 40, "stopped_at": None, "skipped_steps": 1,
        "loss": {"first": 3.0, "last": 0.1}, "card": card, "adapter": "/home/somebody/secret/run/adapter",
        "seconds": 4321.0, "peak_bytes": 3 * 2**30, "versions": {"disc_lite": "0.1.0", "torch": EVIL}, **changes,
    }  # fmt: skip
    ledger = [{"name": name, "outcome": "read", "reason": ""} for name in NAMES]
    ledger += [{"name": f"broken {SHARP}.pdf", "outcome": "refused", "reason": f"not text {EVIL}"},
               {"name": "copy.md", "outcome": "duplicate", "reason": f"same text as {NAMES[1]}"}]  # fmt: skip
    identity = {"format": FORMAT, "documents": dict.fromkeys(NAMES, "0")}
    write_json(folder / "run.json", {"identity": identity, "model": {"name": summary["model"], "reference": "x"}})
    (folder / "recipe.yaml").write_text(f"# resolved recipe\nname: pocket  # {SHARP}\nmethod: both\n")
    write_jsonl(folder / "ledger.jsonl", [{**row, "bytes": 1234, "sha256": "0", "characters": 1200} for row in ledger])
    write_jsonl(folder / "passages.jsonl", [
        {"document": name, "passage": p, "tokens": 30, "text": f"It says {k}. It is answer {k} {p}. {EVIL}",
         "sentences": [f"It says {k}.", f"It is answer {k} {p}.", f"\x1b[31m[bold]{EVIL}"]}
        for k, name in enumerate(NAMES) for p in range(2)
    ])  # fmt: skip
    write_jsonl(folder / "questions.jsonl", [
        {"text": q.text, "answers": list(q.answers), "document": q.document, "kind": q.kind, "passage": "", "choices": []}
        for q in (completion, *asked)
    ])  # fmt: skip
    write_jsonl(folder / "pairs.jsonl", [
        {"document": p.document, "passage": p.passage, "question": p.question, "answer": p.answer, "sentence": 1,
         "with_passage": -0.25, "without_passage": -4.5, "hash": "0"} for p in pairs
    ])  # fmt: skip
    by_row = {when: {row: given[row] for row in rows} for when, rows in
              (("before", ("floor", "rag", "ceiling")), ("after", ("adapted", "adapted_rag")))}  # fmt: skip
    write_json(folder / "before.json", {"questions": by_row["before"], "completions": ["nine"]})
    write_json(folder / "after.json", {"questions": by_row["after"], "completions": ["eight"]})
    write_jsonl(folder / "metrics.jsonl", metrics(40))
    write_jsonl(folder / "resumes.jsonl", [{"after_step": 12}, {"after_step": 31}])
    write_json(folder / "stopped.json", {"step": 40, "kl": 0.1234, "max_kl": 0.1, "adapter_step": 36})
    write_json(folder / "benchmarks.json", {f"arc {EVIL} (20)": {"before": {"acc": 0.5}, "after": {"acc": 0.4567}}})
    write_json(folder / "summary.json", summary)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


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


# -- what the page holds ---------------------------------------------------------------------------------


def test_the_page_has_its_parts_in_their_order_and_says_what_the_run_says(run: Path) -> None:
    page = page_of(run)
    assert page.sections == [
        "card", "retained", "documents", "training", "teachability", "answers", "neutral", "ledger", "recipe", "costs",
    ]  # fmt: skip
    assert "tiny after 5 documents" in page.text[""]
    assert "Not read: 1 refused, 1 duplicate" in page.text[""]
    assert "retrieval (RAG) answers 50%, the adapted model 75% without any passage" in page.text[""]
    assert "33.3 points: instructions" in page.text[""]
    for said in ("15 of 20", "75.0%", "53.1% to 88.8%", "contains", "against base, closed book", "+75.0"):
        assert said in page.text["card"], said
    for said in ("world", "open book", "50.0% → 30.0%", "statements finished", "0.0123 on neutral prompts", "0.4567"):
        assert said in page.text["retained"], said
    assert page.text["documents"].count("0 → 3 of 4, ceiling 4") >= len(NAMES)
    for said in (
        "40 of 60 planned steps",
        "whose loss or gradient was not finite (7)",
        "at step 40",
        "step 36",
        "step 12, 31",
    ):
        assert said in page.text["training"], said
    assert page.text["teachability"].count("(low)") == 2
    assert "same text as" in page.text["ledger"] and "not text" in page.text["ledger"]
    assert "method: both" in page.text["recipe"]
    for said in ("3.0 GiB", "72 min", "40,000", "disc: 500, prompt: 900", "version of torch", "2 (not a question: 2)"):
        assert said in page.text["costs"], said


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
    for said in (EVIL, SHARP, ARABIC.replace("\u202e", "\ufffd"), LONG):
        assert said in text
    assert "\u202e" not in text
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    foreign = [a for name, a in page.elements if a.get("class") == "foreign"]
    assert foreign and all(a["dir"] == "auto" for a in foreign)


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


def test_a_run_of_next_token_has_no_teachability_and_no_pairs(tmp_path: Path) -> None:
    empty = {"mean": None, "documents": {}, "low": []}
    run = make_run(
        tmp_path, method="next_token", teachability=empty, pairs={"accepted": 0}, teacher_tokens={}, examples={}
    )
    (run / "pairs.jsonl").unlink()
    (run / "stopped.json").unlink()
    (run / "resumes.jsonl").unlink()
    page = page_of(run)
    assert "continued" not in page.text["training"]
    assert "teachability" not in page.sections
    assert "Dashed" not in page.text["training"]
    assert "pairs" not in page.text["costs"]


def test_without_their_files_parts_are_left_out(run: Path) -> None:
    for name in (
        "pairs.jsonl", "passages.jsonl", "metrics.jsonl", "ledger.jsonl", "recipe.yaml", "stopped.json", "before.json",
        "benchmarks.json",
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
    card.update(completions={"before": counted([]), "after": counted([])}, retained={}, drift={}, farthest=[])
    write_json(run / "summary.json", {**summary, "card": card})
    write_jsonl(run / "questions.jsonl", [])
    said = {"floor": [], "rag": [], "ceiling": [], "adapted": [], "adapted_rag": []}
    for when in ("before", "after"):
        write_json(run / f"{when}.json", {"questions": said, "completions": []})
    page = page_of(run)
    assert page.sections == ["card", "training", "teachability", "ledger", "recipe", "costs"]
    assert "has no questions" in page.text["card"]
    assert "RAG" not in page.text[""]


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


def test_no_run_an_unfinished_run_and_an_old_run_are_told(run: Path, tmp_path: Path) -> None:
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


# -- lines -----------------------------------------------------------------------------------------------


def test_long_lines_are_thinned_by_their_means() -> None:
    values = [(n, float(n) if n % 2 else None) for n in range(1, 100_001)]
    found = thinned(values)
    assert len(found) <= 400
    assert sum(v for _, v in found if v is not None) / len(found) == pytest.approx(50_000, rel=1e-3)
    assert thinned(values[:400]) == values[:400]
    assert smoothed([(1, 1.0), (2, None), (3, 3.0)], 1) == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_line_is_lifted_where_a_value_is_missing() -> None:
    drawn = line_chart("x", [Line([(1, 1.0), (2, None), (3, 2.0), (4, 2.0)], "strong")], [], 5).text
    assert 'd="M0,500L0,500M500,0L750,0"' in drawn


# -- inspection ------------------------------------------------------------------------------------------


def test_an_inspection_says_which_passage_taught_what(run: Path) -> None:
    found = inspect_document(run, "a.md")
    assert (found["outcome"], found["teachability"], found["recall"]["adapted"]["right"]) == ("read", 0.05, 3)
    assert [len(p["pairs"]) for p in found["passages"]] == [1, 0]
    assert found["passages"][0]["pairs"][0]["without_passage"] == -4.5
    assert found["passages"][1]["sentences"][1] == "It is answer 0 1."
    assert [q["stands_in"] for q in found["questions"]] == [[0], [1], [], [], []]
    assert [(q["kind"], q["right_before"], q["right_after"]) for q in found["questions"]] == [
        *[("question", False, True)] * 3, ("question", False, False), ("completion", False, True),
    ]  # fmt: skip
    assert found["questions"][0]["nearest_pair"]["question"] == "Question 0 about 0?"
    assert found["questions"][4]["nearest_pair"] is None  # no word is shared
    json.dumps(found)
    without = inspect_document(run, "clean.txt")
    assert without["questions"][0]["nearest_pair"] is None


def test_an_unknown_document_is_told_with_the_nearest_name(run: Path) -> None:
    for typed, meant in (("A.mdd", "a.md"), ("دليل.md", "b/دليل.md"), ("clean", "clean.txt")):
        with pytest.raises(UsageError) as told:
            inspect_document(run, typed)
        assert told.value.exit_code == 2
        assert told.value.remedy == f"Did you mean {meant}?"


def call(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_commands(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "report", run) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert call(monkeypatch, "report", run.parent) == 2
    assert call(monkeypatch, "inspect", run, "a.md", "--json") == 0
    assert json.loads("".join(capsys.readouterr().out))["document"] == "a.md"
    for name in NAMES:
        assert call(monkeypatch, "inspect", run, name) == 0
    out = capsys.readouterr().out
    assert "[bold]<script>" in out and "nearest pair" in out and "\x1b" not in out
    assert call(monkeypatch, "inspect", run, "copy.md") == 0
    assert "duplicate: same text as" in capsys.readouterr().out


def test_neither_loads_torch(run: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom disc_lite.report import inspect_document, write_report\n"
        f"write_report(Path({str(run)!r})); inspect_document(Path({str(run)!r}), 'a.md')\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'bs4') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
