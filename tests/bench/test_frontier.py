"""The frontier: its corpus is tagged rightly, its rule is the papers', its picture is one."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.frontier.__main__ import best, forgetting, line, save, share
from bench.frontier.arms import ARMS, Point
from bench.frontier.corpus import write_corpus
from bench.frontier.picture import draw
from disc_lite.qa import read_questions
from disc_lite.recipe import load_recipe


def test_the_corpus_contains_the_answers_of_its_tags(tmp_path: Path) -> None:
    from world import KNOWN, RESERVED_NAMES

    corpus = write_corpus(tmp_path, 0)
    texts = {p.name: p.read_text() for p in corpus.documents.iterdir()}
    asked = read_questions(corpus.questions)
    known = {e.name: e for e in KNOWN}
    seen = dict.fromkeys(("once", "restated", "update"), 0)
    for question in asked:
        text, (value,) = texts[question.document], question.answers
        kind = corpus.kinds[question.text]
        seen[kind] += 1
        assert value in text
        named = [name for name in known if f" {name}" in question.text]
        assert bool(named) == (kind == "update")
        assert not set(named) & set(RESERVED_NAMES)
        if question.kind == "completion":
            assert question.text not in text  # in words that no document uses
    assert min(seen.values()) > 20
    again = write_corpus(tmp_path / "again", 0)
    assert again.questions.read_bytes() == corpus.questions.read_bytes()
    assert write_corpus(tmp_path / "other", 1).questions.read_bytes() != corpus.questions.read_bytes()


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_is_a_valid_recipe(arm: str) -> None:
    assert load_recipe("pocket", ARMS[arm]).recipe.method == ARMS[arm]["method"]


def point(arm: str, rate: float, right: int, world: int, seed: int = 0) -> Point:
    recall = dict.fromkeys(("all", "once", "restated", "update", "statements"), (right, 100))
    recall |= {"floor": (4, 100), "rag": (80, 100), "ceiling": (95, 100)}
    kept = {"world": (world, 100), "skills": (100, 100), "open_book": (99, 100)}
    return Point(arm, rate, seed, recall, kept, dict.fromkeys(kept, (100, 100)), 0.01, 1000, 60.0)


def test_the_best_is_chosen_among_rates_that_keep_enough(tmp_path: Path) -> None:
    points = [
        point("a", 1e-3, 70, 100),
        point("a", 2e-3, 90, 97),
        point("a", 6e-3, 99, 50),
        point("a", 2e-3, 80, 97, 1),
    ]
    assert share([points[1], points[3]], "recall", "all") == 0.85
    assert forgetting(points[:1]) == 0
    assert best(points, 0.01) == "70.0% at 0.001"
    assert best(points, 0.05) == "85.0% at 0.002"
    assert best([points[2]], 0.05) == "none"
    assert line("a", 1e-3, points[:1]).count("|") == line("a", 2e-3, points[1:3]).count("|")
    save([*points, point("b & <c>", 1e-3, 20, 99)], tmp_path, "frontier", jobs=2)
    page = (tmp_path / "frontier.md").read_text()
    assert "| a | 70.0% at 0.001 | 85.0% at 0.002 |" in page
    assert "ceiling 95.0%" in page


def test_the_picture_has_every_point() -> None:
    curves = {"a & <b>": [(0.0, 50.0, "1e-3"), (3.0, 90.0, "2e-3")], "c": [(80.0, 10.0, "1e-3")]}
    tree = ElementTree.fromstring(draw(curves, {"floor": 4.0}))
    circles = [e for e in tree.iter() if e.tag.endswith("circle")]
    assert len(circles) == 3
    across = [float(c.get("cx", "0")) for c in circles]
    assert across == sorted(across)
    assert max(across) <= 900 - 210


def test_a_first_point_that_forgot_nothing_has_a_picture_too() -> None:
    tree = ElementTree.fromstring(draw({"a": [(0.0, 50.0, "1e-3")]}, {}))
    assert [e.get("cx") for e in tree.iter() if e.tag.endswith("circle")] == ["60.0"]
