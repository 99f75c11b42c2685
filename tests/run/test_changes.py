"""Passages are recognised as unchanged by their text, not by their file."""

import pytest

from disc_lite.evaluation.retrieval import places_of
from disc_lite.run.changes import Changes, compare
from tests.counting import Counted, names_compared

LAMPS = "# Lamps\n\nThe Dunden costs 86 crowns. It is made of oak and comes in green."
TOWNS = "# Towns\n\nIn Ularic the market is on Friday. The mayor of Ularic is Wickaric Mosshurst."
OFFICE = "# Office\n\nSolward Stanbert keeps the keys. On Monday nobody is there before nine."
DEAR = LAMPS.replace("86", "91")
BEFORE = [("lamps.md", LAMPS), ("towns.md", TOWNS), ("towns.md", OFFICE)]


def shorthand(found: Changes) -> tuple[list[str], dict[str, str], list[str], list[str]]:
    """The unchanged, changed, new and removed places as text."""

    def name(place: tuple[str, int]) -> str:
        return f"{place[0]}#{place[1]}"

    return (
        sorted(map(name, found.unchanged)), {name(a): name(b) for a, b in found.changed.items()},
        sorted(map(name, found.new)), sorted(map(name, found.removed)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE, (["lamps.md#0", "towns.md#0", "towns.md#1"], {}, [], [])),
        # White space does not count, and neither does the name of the file.
        ([("shop/lamps.md", LAMPS.replace(" ", "\n")), *BEFORE[1:]],
         (["shop/lamps.md#0", "towns.md#0", "towns.md#1"], {}, [], [])),
        # A number in the text and the heading above it count.
        ([("lamps.md", DEAR), *BEFORE[1:]], (["towns.md#0", "towns.md#1"], {"lamps.md#0": "lamps.md#0"}, [], [])),
        ([("lamps.md", LAMPS.replace("# Lamps", "# Chairs")), *BEFORE[1:]],
         (["towns.md#0", "towns.md#1"], {"lamps.md#0": "lamps.md#0"}, [], [])),
        # Moved and changed at once.
        ([("shop.md", DEAR), *BEFORE[1:]], (["towns.md#0", "towns.md#1"], {"shop.md#0": "lamps.md#0"}, [], [])),
        ([*BEFORE, ("new.md", "# Boats\n\nTwo boats lie in the harbour of Brink.")],
         (["lamps.md#0", "towns.md#0", "towns.md#1"], {}, ["new.md#0"], [])),
        (BEFORE[:1], (["lamps.md#0"], {}, [], ["towns.md#0", "towns.md#1"])),
        # A new passage comes first: the passages after it have other numbers, but are unchanged.
        ([("lamps.md", LAMPS), ("towns.md", "# Boats\n\nTwo boats lie here."), *BEFORE[1:]],
         (["lamps.md#0", "towns.md#1", "towns.md#2"], {}, ["towns.md#0"], [])),
    ],
    ids="same moved number heading moved-and-changed added removed inserted".split(),
)  # fmt: skip
def test_passages_are_matched_by_their_text(now: list[tuple[str, str]], expected: object) -> None:
    assert shorthand(compare(BEFORE, now)) == expected


def test_pairs_of_a_passage_that_has_moved_go_with_it() -> None:
    found = compare(BEFORE, [("towns.md", OFFICE), ("lamps.md", LAMPS)])
    assert found.now == {("towns.md", 1): ("towns.md", 0), ("lamps.md", 0): ("lamps.md", 0)}


def test_a_text_that_comes_twice_is_unchanged_as_long_as_it_comes_once() -> None:
    twice = [("a.md", LAMPS), ("b.md", LAMPS)]
    assert shorthand(compare(twice, [("b.md", LAMPS)])) == (["b.md#0"], {}, [], [])
    assert shorthand(compare([("b.md", LAMPS)], twice)) == (["a.md#0", "b.md#0"], {}, [], [])
    assert compare([("b.md", LAMPS)], twice).now == {("b.md", 0): ("b.md", 0)}


def test_every_place_of_a_text_that_is_gone_is_gone() -> None:
    """The pairs of the second place used to be lost: in no file, neither rehearsed nor unlearned."""
    twice = [("v1/a.md", LAMPS), ("v2/a.md", LAMPS), ("v2/a.md", TOWNS)]
    assert shorthand(compare(twice, twice[2:])) == (["v2/a.md#0"], {}, [], ["v1/a.md#0", "v2/a.md#0"])
    changed = {"v1/a.md#0": "v1/a.md#0", "v2/a.md#0": "v2/a.md#0"}
    assert shorthand(compare(twice, [(name, text.replace("86", "91")) for name, text in twice]))[1] == changed
    found = compare(twice, [("c.md", DEAR), ("d.md", DEAR), ("e.md", DEAR)])
    assert shorthand(found)[1:] == ({"c.md#0": "v1/a.md#0", "d.md#0": "v2/a.md#0"}, ["e.md#0"], ["v2/a.md#1"])
    many = [(f"{n}.md", LAMPS) for n in range(300)]
    assert len(compare(many, [(name, DEAR) for name, _ in many]).changed) == 300


def test_a_passage_takes_the_place_of_the_one_that_is_most_alike() -> None:
    other = LAMPS.replace("Dunden", "Ulden").replace("oak", "glass")
    found = compare([("a.md", other), ("b.md", LAMPS)], [("c.md", DEAR)])
    assert found.changed == {("c.md", 0): ("b.md", 0)}
    assert found.removed == (("a.md", 0),)


@pytest.mark.parametrize(
    ("now", "file", "unchanged"),
    [
        ("holiday-2026.txt", "holiday 2026", ["holiday-2026.txt#0", "holiday-2026.txt#1"]),
        ("lib/holiday.txt", "", []),  # its title comes from its text
        ("holiday.txt", "holidays", []),  # it is the same file, so its title has changed
    ],
)
def test_the_name_of_a_file_is_nothing_that_it_says(now: str, file: str, unchanged: list[str]) -> None:
    texts = ["# {}\n\nThe hall is closed in May.", "# {}\n## Fees\n\nThe fee is 84 euros."]
    before = [("holiday.txt", text.format("holiday")) for text in texts]
    after = [(now, text.format(file or "Holidays")) for text in texts]
    found = compare(before, after, ({"holiday.txt": "holiday"}, {now: file} if file else {}))
    assert shorthand(found)[0] == unchanged
    assert list(found.now) == [("holiday.txt", 0), ("holiday.txt", 1)] * bool(unchanged)
    # Two files that swap places are not renamed.
    other = [("other.txt", text.format("other").replace("84", "97")) for text in texts]
    swapped = [("holiday.txt", text.replace("other", "holiday")) for _, text in other]
    titles = {"holiday.txt": "holiday", "other.txt": "other"}
    swapped += [("other.txt", text.replace("# holiday", "# other")) for _, text in before]
    assert shorthand(compare([*before, *other], swapped, (titles, titles)))[0] == ["holiday.txt#0", "other.txt#0"]


def test_counts_in_words() -> None:
    found = compare(BEFORE, [("lamps.md", DEAR), ("towns.md", TOWNS), ("new.md", "# Boats\n\nTwo boats.")])
    assert str(found) == "1 passage unchanged, 1 changed, 1 new, 1 gone"
    assert [found.state(place) for place in places_of([("lamps.md", ""), ("towns.md", ""), ("new.md", "")])] == [
        "changed", "unchanged", "new",
    ]  # fmt: skip


def test_thousands_of_passages_are_not_each_compared_with_thousands() -> None:
    before = [
        (Counted(f"{n}.md"), f"# {n}\n\nThe market of town{n} is on Friday, the fair{n} in May.") for n in range(300)
    ]
    now = [(name, text.replace("Friday", "Monday")) for name, text in before]
    found = compare(before, now[:250])
    assert (len(found.changed), len(found.removed)) == (250, 50)
    assert names_compared(compare, before, now[:250]) < 100 * len(before)
