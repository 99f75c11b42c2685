"""What is said beside the report card of a finished run."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from disc_lite.cli.summary import remarks, show_card
from disc_lite.evaluation.card import ROWS, change, forgetting, report_card
from disc_lite.qa import Question


@pytest.mark.parametrize(("pairs", "line"), [
    ({"dropped": {"too long": 2, "unsure": 1}, "coverage": 0.5}, "9 pairs accepted, 3 drafts dropped (too long: 2, unsure: 1); 50% of the sentences have a pair."),
    ({"dropped": dict(zip("abcd", (1, 4, 3, 2), strict=True)), "coverage": 1.0, "kept": 5, "written": 4, "removed": 0},
     "9 pairs accepted, 10 drafts and earlier pairs dropped (b: 4, c: 3, d: 2 and 1 more); 100% of the new or changed sentences have a pair."),
    # Of pairs that were reused nobody knows which sentences they are about: that is not none of them.
    ({"dropped": {"held out for the evaluation": 4}, "coverage": None, "given": True}, "9 pairs taught, 4 left out (held out for the evaluation: 4)."),
    ({"given": True, "remarks": ["1 pair is odd."]}, "1 pair is odd."),
])  # fmt: skip
def test_what_became_of_the_pairs(pairs: dict[str, Any], line: str) -> None:
    summary = {
        "documents": {"read": 1, "refused": 0, "duplicate": 0, "damaged": 0}, "pairs": {"accepted": 9, **pairs}, "steps": 3,
        "seconds": 4.0, "peak_bytes": 0, "adapter": "a", "run": "r", "teachability": {"mean": None, "low": []},
        "skipped_steps": 0, "stopped_at": None, "card": {},
    }  # fmt: skip
    assert line in remarks(summary)
    assert remarks({**summary, "run": "runs/my docs"})[-1] == """Next: disc-lite ask 'runs/my docs' "…" --base"""


@pytest.mark.parametrize(("accepted", "advice"), [(0, "use method: prompt (or both)."), (9, "only pairs teach them.")])
def test_low_teachability_does_not_advise_the_method_in_use(accepted: int, advice: str) -> None:
    summary = {
        "documents": {"read": 1, "refused": 0, "duplicate": 0, "damaged": 0}, "pairs": {"accepted": accepted}, "steps": 1,
        "seconds": 4.0, "peak_bytes": 0, "adapter": "a", "run": "r", "teachability": {"low": ["a.md"]},
    }  # fmt: skip
    lines = remarks(summary)
    assert lines[0].startswith("1 step; the command that finished the run took 4 s")
    assert next(line for line in lines if "Low" in line).endswith(advice)


def test_a_row_by_choice_of_the_questions_has_no_interval() -> None:
    asked = [Question(f"Q{n}?", ("yes",), passage_index=0) for n in range(20)]
    rows = {**dict.fromkeys(ROWS, ["no"] * 20), "ceiling": ["yes"] * 20, "adapted": ["yes"] * 15 + ["no"] * 5}
    followed = ([True] * 8 + [False] * 2, [True] * 6 + [False] * 3 + [True], range(10))
    card = report_card(asked, rows, [""] * 20, (), "exact", 0.8) | {
        "completions": {}, "retained": {"instructions": change(*followed)}, "forgetting": forgetting([followed]),
        "drift": {"general": 0.1, "self_generated": 0.2}, "fit": {}, "advice": {"pairs": "more pairs"}, "update": {},
    }  # fmt: skip
    console = Console(width=80, record=True, file=StringIO())
    show_card(card, console)
    lines = console.export_text().splitlines()
    of_row = {
        name: next(line for line in lines if name in line) for name in ("right passage", "adapted, closed", "instr")
    }
    assert " to " not in of_row["right passage"] and " to " in of_row["adapted, closed"]
    assert of_row["instr"].split()[-3:] == ["2", "of", "8"]
    assert all(len(line) <= 80 for line in lines)
    words = " ".join(" ".join(lines).split())
    assert "adapted, closed book minus base, closed book: +75.0 points (95% interval: " in words
    assert "The base wrote these questions" in words and "minus base + right passage" not in words
    assert "The adapted model lost 2 of 8 answers that should stay right" in words


def _card(asked: list[Question], rows: dict[str, list[str]]) -> dict[str, Any]:
    followed = ([True] * 640, [True] * 640, range(640))
    return report_card(asked, rows, [""] * len(asked), (), "exact", 0.8) | {
        "completions": {}, "retained": {"instructions": change(*followed)}, "forgetting": forgetting([followed]),
        "drift": {"general": 0.1, "self_generated": 0.2}, "fit": {}, "advice": {"pairs": "more pairs"}, "update": {},
    }  # fmt: skip


def test_of_many_documents_the_least_known_are_shown() -> None:
    asked = [Question(f"Q{n}?", ("yes",), f"{n:03}.md") for n in range(50)]
    rows = {name: ["yes"] * 48 + ["no"] * 2 for name in ROWS}
    console = Console(width=80, record=True, file=StringIO())
    show_card(_card(asked, rows), console, documents=True)
    table = console.export_text().partition("By document")[2]
    assert re.findall(r"^ *(\d{3})\.md", table, re.MULTILINE) == ["048", "049", *(f"{n:03}" for n in range(38))]
    assert "… and 10 more (--json lists them)" in table
    assert "\nWrong answers, closed book: 2 of 2\nQ48?" in table
    show_card(_card([], {name: [] for name in ROWS}), console, documents=True)
    assert "By document" not in console.export_text()


def test_a_wrong_answer_stands_beside_the_place_that_has_the_right_one() -> None:
    """Lines go on below their own beginning, and a passage begins where it gives the answer."""
    passage = "Much is told of what nobody asked. " * 20 + "Ada Brink runs the hall."
    asked, wrong = [Question("Who runs the hall?", ("Ada Brink",), "a.md")], "It is run by somebody with a name. " * 4
    rows = {row: [wrong] for row in ROWS}
    card = _card(asked, rows) | {"misses": report_card(asked, rows, [passage], (), "contains", 0.8)["misses"]}
    console = Console(width=60, record=True, file=StringIO())
    show_card(card, console, documents=True)
    expected, *lines = console.export_text(clear=False).partition("Who runs the hall?")[2].splitlines()[1:5]
    assert expected.rstrip() == "  expected Ada Brink"
    assert lines[0].startswith("  answer   It is run") and all(line.startswith(" " * 11) for line in lines[1:])
    assert "  passage  … Ada Brink runs the hall." in console.export_text()


@pytest.mark.parametrize("width", [80, 60])
def test_names_of_documents_and_figures_are_whole(width: int) -> None:
    """A name is what `inspect` takes."""
    names = ["projects/planning/summer-2026.docx", "people/office.md"]
    asked = [Question(f"Q{n}?", ("yes",), names[n % 2]) for n in range(200)]
    rows = {name: ["yes"] * 200 for name in ("floor", "rag", "ceiling", "adapted", "adapted_rag")}
    console = Console(width=width, record=True, file=StringIO())
    show_card(_card(asked, rows), console, documents=True)
    text = console.export_text()
    assert "people/office.md" in text and "…" not in text
    assert text.count("100.0% (200/200)") == 5 and text.count("100.0% (640/640)") == 2
    table = text.partition("By document")[2]
    first_column = [re.split(r"\s+\d+/\d+", line)[0].strip() for line in table.splitlines()]
    assert "projects/planning/summer-2026.docx" in "".join(first_column)
