"""What the documents no longer say is rehearsed, unlearned or recorded as neither; only that is called unlearned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.documents import LedgerEntry
from disc_lite.evaluation.retrieval import places_of
from disc_lite.prompts.texts import Text, shown_passages
from disc_lite.run import update
from disc_lite.run.about_pairs import about_pairs
from disc_lite.run.changes import compare
from disc_lite.run.folder import RunFolder
from disc_lite.run.since import Since, _Texts, _words, nothing_to_teach, steps_before, taught_before, versions_before
from disc_lite.run.update import removed_pairs
from disc_lite.storage import JsonObject, write_json, write_jsonl
from tests.counting import Counted, names_compared
from tests.made import document_of, recipe_of
from tests.run.earlier_runs import BOATS, earlier_of, pair_of, since_of

OLD = "The Dunden costs 86 crowns. It is made of oak. Solward keeps the keys of the hall."
NOW = "The Dunden costs 91 crowns. It is made of oak and comes in green."
PRICED = pair_of("a.md", 0, "How much is a Dunden?", "The Dunden costs 86 crowns.")
KEYS = pair_of("a.md", 0, "Who keeps the keys?", "Solward keeps the keys of the hall.")
ROWS = pair_of("b.md", 0, "Who rows?")
LONG_GONE = {**pair_of("c.md", 0, "Who?"), "shown": "Nobody."}


def policy(removed: str, start: str = "adapter") -> Any:
    return recipe_of(update={"removed": removed, "start": start})


@pytest.fixture
def case(tmp_path: Path, plain: Callable[[str], Any]) -> tuple[Since, tuple[Text, ...]]:
    """One page has lost a sentence, another is removed; a third was removed earlier and is rehearsed."""
    texts = tokenise([document_of(NOW, "a.md")], plain("llama").tokens, 256)
    (shown,) = (t.passage_text(p) for t in texts for p in t.passages)
    write_jsonl(tmp_path / "ledger.jsonl", [{"name": n, "sha256": n[0], "outcome": "read"} for n in ("a.md", "b.md")])
    passages = [("a.md", shown.replace(NOW, OLD)), ("b.md", BOATS)]
    earlier = earlier_of(tmp_path, [PRICED, KEYS, ROWS], passages, removed=(LONG_GONE,))
    since = since_of(earlier, [("a.md", shown)])
    assert (list(since.changes.changed), since.changes.removed) == ([("a.md", 0)], (("b.md", 0),))
    return since, texts


def asked(rows: list[JsonObject]) -> list[str]:
    return [row["question"] for row in rows]


@pytest.mark.parametrize(("recipe", "taught", "known"), [
    (policy("rehearse"), ["Who?", "Who rows?"], ["Who keeps the keys?"]),
    (policy("drop"), [], ["Who?", "Who rows?", "Who keeps the keys?"]),
    (policy("unlearn"), ["Who?", "Who rows?", "Who keeps the keys?"], []),
    (policy("rehearse", "new"), ["Who?", "Who rows?"], []),  # a new adapter was never taught it
    (policy("unlearn", "new"), [], []),
])  # fmt: skip
def test_what_is_taken_out_is_taught_or_written_down_as_still_known(
    case: tuple[Since, tuple[Text, ...]], recipe: Any, taught: list[str], known: list[str]
) -> None:
    since, texts = case
    found = removed_pairs(since, texts, [], recipe)
    assert [asked(rows) for rows in found] == [taught, known]
    every = {row["question"]: row for rows in found for row in rows}
    if "Who keeps the keys?" in every:
        assert every["Who keeps the keys?"] == {**KEYS, "shown": since.earlier.passages[0][1], "sha256": "a"}


def test_what_is_asked_otherwise_or_said_again_is_not_gone(
    case: tuple[Since, tuple[Text, ...]], tmp_path: Path
) -> None:
    since, texts = case
    # Not if a new pair asks the same, since it teaches the new answer.
    here = [pair_of("a.md", 0, "Who keeps the keys now?")]
    assert asked(removed_pairs(since, texts, here, policy("unlearn"))[0]) == ["Who?", "Who rows?"]
    # But if the passage said so before: a list of similar lines has lost one.
    for source, taken in (("It is made of oak", True), ("", False), ("Ada has them.", False)):
        alike = [pair_of("a.md", 0, "Who keeps the hall?", source)]
        found = asked(removed_pairs(since, texts, alike, policy("unlearn"))[0])
        assert ("Who keeps the keys?" in found) == taken, source
    # Nor a question about removed text that a pair about another passage now answers.
    elsewhere = [pair_of("d.md", 0, "Who rows?")]
    for removed in ("rehearse", "unlearn"):
        assert "Who rows?" not in asked(removed_pairs(since, texts, elsewhere, policy(removed))[0])
    # Nor what has come back: the passage or the sentence, under any headings.
    (shown,) = (t.passage_text(p) for t in texts for p in t.passages)
    for back, is_back in (
        ({**LONG_GONE, "shown": f" {shown}"}, True),
        ({**LONG_GONE, "shown": shown.replace(NOW, OLD), "source": "It is made of oak"}, True),
        ({**LONG_GONE, "shown": "# Chairs\n\nIt is made of oak.", "source": "It is made of oak"}, True),
        ({**LONG_GONE, "shown": f"# Chairs\n\n{NOW}"}, True),
        ({**LONG_GONE, "shown": "Oak is sawn.", "question": "What is sawn?", "answer": "Oak."}, False),
        ({**LONG_GONE, "shown": "Oak it is.", "question": "What is it of?", "answer": "Oak."}, True),
        ({**LONG_GONE, "shown": "It is made of ash.", "source": "It is made of ash."}, False),
    ):
        again = earlier_of(tmp_path, [], list(since.earlier.passages), dropped=(back,))
        assert bool(since_of(again, [("a.md", shown)]).gone.dropped) is not is_back


def test_what_is_still_known_can_be_unlearned_though_nothing_has_changed(
    case: tuple[Since, tuple[Text, ...]], tmp_path: Path
) -> None:
    since, texts = case
    (shown,) = (t.passage_text(p) for t in texts for p in t.passages)
    later = earlier_of(tmp_path, [], [("a.md", shown)], dropped=({**KEYS, "shown": since.earlier.passages[0][1]},))
    same = since_of(later, later.passages)
    assert nothing_to_teach(same, policy("unlearn")) == ""
    for removed in ("rehearse", "drop"):
        said = nothing_to_teach(same, policy(removed))
        assert "1 pair about text that was removed from the documents: neither rehearsed nor unlearned" in said
        assert "update.removed=unlearn" in said
    assert asked(removed_pairs(same, texts, [], policy("unlearn"))[0]) == ["Who keeps the keys?"]
    assert about_pairs({"not_unlearned": 0}) == []


@pytest.mark.parametrize(("recipe", "expected"), [
    (policy("rehearse"), {"a.md": (True, "drop"), "b.md": (False, "rehearse"), "c.md": (False, "drop")}),
    (policy("drop"), {"a.md": (True, "drop"), "b.md": (False, "drop"), "c.md": (False, "drop")}),
    (policy("unlearn"), {"a.md": (True, "unlearn"), "b.md": (False, "unlearn"), "c.md": (False, "drop")}),
    (policy("rehearse", "new"), {"b.md": (False, "rehearse")}),
    (policy("drop", "new"), {}),
])  # fmt: skip
def test_a_file_is_called_unlearned_only_where_pairs_about_it_were(
    case: tuple[Since, tuple[Text, ...]], recipe: Any, expected: dict[str, tuple[bool, str]]
) -> None:
    """c.md was removed earlier and no pair was about it; u.md was unlearned then; d.md is b.md under another name."""
    since, texts = case
    before = [{"name": f"{n}.md", "sha256": n, "replaced": False, "removed": removed}
              for n, removed in (("c", "rehearse"), ("u", "unlearn"), ("d", "drop"))]  # fmt: skip
    write_json(since.earlier.folder.update, {"removed": "rehearse", "taught_before": before})
    rows = taught_before(since, [LedgerEntry("moved.md", "read", "", 1, "d", 1)], recipe)
    now = RunFolder(since.earlier.folder.path / "now")
    write_json(now.update, {"removed": recipe.update.removed, "taught_before": rows})
    removed, dropped = removed_pairs(since, texts, [], recipe)
    write_jsonl(now.removed, removed)
    write_jsonl(now.dropped, dropped)
    more = {"u.md": (False, "unlearn")} if recipe.update.start == "adapter" else {}
    found = {row["name"]: (row["replaced"], row["removed"]) for row in versions_before(now)}
    assert found == {**expected, **more}


def test_the_steps_of_all_runs_before_are_known(tmp_path: Path) -> None:
    earlier = earlier_of(tmp_path, [], [])
    write_json(earlier.folder.summary, {"steps": 13, "stopped_at": {"adapter_step": 10}})
    assert steps_before(earlier, policy("drop")) == [10]
    write_json(earlier.folder.update, {"steps_before": [65]})
    assert steps_before(earlier, policy("drop")) == [65, 10]
    assert steps_before(earlier, policy("drop", "new")) == []


def test_of_a_list_whose_lines_are_alike_one_can_be_taken_out(tmp_path: Path, plain: Callable[[str], Any]) -> None:
    lines = [f"The {name} costs {price} crowns." for name, price in (("Belka", 20), ("Dunden", 86), ("Ostra", 31))]
    texts = tokenise([document_of(" ".join([lines[0], lines[2]]), "a.md")], plain("llama").tokens, 256)
    (now,) = ((text.document.name, text.passage_text(p)) for text in texts for p in text.passages)
    rows = [pair_of("a.md", 0, f"What does the {line.split()[1]} cost?", line) for line in lines]
    earlier = earlier_of(tmp_path, rows, [("a.md", now[1].replace(lines[0], " ".join(lines[:2])))])
    since = since_of(earlier, [now])
    assert list(since.changes.changed) == [("a.md", 0)]
    taught = [rows[0], rows[2]]
    assert removed_pairs(since, texts, taught, policy("rehearse")) == (
        [], [{**rows[1], "shown": earlier.passages[0][1], "sha256": ""}],
    )  # fmt: skip


@pytest.mark.parametrize(("was", "now"), [
    ("# Office 2025\n\n{}", "# Office 2026\n\n{}"),
    ("# Office\n\n## Rooms\n\n{}", "# Office\n\n## Rooms and keys\n\n{}"),
    ("# Office\n\n{}", "# Office\n\nAll that holds here:\n{} Travel is approved by Ada."),
])  # fmt: skip
def test_what_stands_under_other_headings_is_neither_unlearned_nor_called_known(
    tmp_path: Path, plain: Callable[[str], Any], was: str, now: str
) -> None:
    texts = tokenise([document_of(now.format(OLD), "a.md")], plain("llama").tokens, 256)
    gone = pair_of("a.md", 0, "Who sweeps?", "Bo sweeps the hall.")
    earlier = earlier_of(tmp_path, [PRICED, KEYS, gone], [("a.md", was.format(f"Bo sweeps the hall. {OLD}"))])
    since = since_of(earlier, shown_passages(texts))
    assert list(since.changes.changed) == [("a.md", 0)]
    asks = [pair_of("a.md", 0, "What is a Dunden sold at?", PRICED["source"])]
    for removed in ("rehearse", "drop", "unlearn"):
        found = removed_pairs(since, texts, asks, policy(removed))
        assert asked([*found[0], *found[1]]) == ["Who sweeps?"]


def test_what_a_moved_or_deleted_page_said_is_looked_for_in_every_passage(tmp_path: Path) -> None:
    """Few passages are read: each has all the words of the others, and one of its own."""
    lines = [f"Item {n} of the shelf weighs {n} grams." for n in range(300)]
    pairs = [pair_of("a.md", n, f"What weighs {n} grams?", line) for n, line in enumerate(lines)]
    earlier = earlier_of(tmp_path, pairs, [("a.md", f"# Shelf\n\n{line}") for line in lines])
    shown = [("b.md", f"# Store\n\nMoved. {line}") for line in lines[:200]]
    found = since_of(earlier, shown, replace(compare(earlier.passages, shown), removed=places_of(earlier.passages)))
    assert [row["source"] for row in found.gone.passages] == lines[200:]
    texts = _Texts([("a.md", line) for line in lines])
    assert max(len(texts.with_rarest(_words(line))) for line in lines) == 1


def test_an_update_that_has_nothing_left_to_unlearn_is_idle(tmp_path: Path) -> None:
    """Two pages say the same and one is deleted; or what is still asked was dropped before."""
    twice = [(name, f"# Office\n\n{text}") for name, text in (("a.md", OLD), ("b.md", f"{OLD} Bo rows."))]
    for more, idle in (([KEYS], True), ([KEYS, pair_of("b.md", 0, "Who rows?", "Bo rows.")], False)):
        earlier = earlier_of(tmp_path, [{**row, "document": "b.md"} for row in more], twice, dropped=(
            {**PRICED, "shown": f"# Shop\n\n{OLD}"},
        ))  # fmt: skip
        for shown, number in ((twice[:1], 1), (twice, 0)):
            since = since_of(earlier, shown)
            assert (len(since.changes.removed), since.changes.changed, since.changes.new) == (number, {}, ())
            said = nothing_to_teach(since, policy("unlearn"))
            assert bool(said) == (idle or not number)
            assert "neither rehearsed nor unlearned" not in said
    asks = earlier_of(tmp_path, [KEYS], twice[:1], dropped=({**KEYS, "shown": "Ada.", "source": "Ada."},))
    assert nothing_to_teach(since_of(asks, asks.passages), policy("unlearn"))


def test_a_table_that_is_gone_is_rehearsed_in_the_language_of_its_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    table = "| Artikel | Preis |\n| --- | --- |\n| Radiergummi | 0,90 € |"
    row = {**pair_of("a.md", 0, "Was kostet ein Radiergummi in der Verwaltung?"), "shown": table}
    languages = list[str]()
    monkeypatch.setattr(update, "lessons_about", lambda shown, language, *_: languages.append(language) or [])
    context = SimpleNamespace(prompts=None)
    update._lessons_about_removed(context, [row])  # type: ignore[arg-type]
    assert languages == ["German"]


def test_thousands_of_pairs_are_not_each_compared_with_thousands(tmp_path: Path, plain: Callable[[str], Any]) -> None:
    names = [Counted(f"{n}.md") for n in range(60)]
    texts = tokenise([document_of(f"{NOW} This is {name}.", name) for name in names], plain("llama").tokens, 256)
    shown = [(name, text) for name, (_, text) in zip(names, shown_passages(texts), strict=True)]
    passages = [(name, text.replace(NOW, OLD)) for name, text in shown]
    pairs = [
        pair_of(name, 0, f"Who keeps the keys of {name}?", "Solward keeps the keys of the hall.") for name in names
    ]
    earlier = earlier_of(tmp_path, pairs, passages)
    changes = compare(passages, shown)
    assert len(changes.changed) == len(names)
    taught = [pair_of(name, 0, "How much is a Dunden?", "The Dunden costs 91 crowns.") for name in names * 9]
    assert names_compared(
        lambda: removed_pairs(since_of(earlier, shown, changes), texts, taught, policy("unlearn"))
    ) < 10 * len(taught)
