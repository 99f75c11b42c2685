"""Warnings of the ledger: a text that looks damaged or teaches nothing has one, and good text of any kind has none."""

import pytest

from disc_lite.documents import read_documents
from disc_lite.documents.doubts import damage

PROSE = "The northern market opens at six in the morning. It closes at noon, but for the harvest festival. Ada keeps the key. "
STATUTE = "Das Bundesausbildungsförderungsgesetz und die Wohnungsbauprämiengesetzgebung sind Steuervergünstigungsabbaugesetze. "


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ((PROSE + "It costs the cus- quay toms house the ton- and its nes mas- need a pilot. ") * 4, "lines look interleaved (cus- quay)"),
        (" ".join("The bell rings at six and at noon.") * 30, "letters are separated by spaces"),
        ("BrÃ¼cke und TÃ¼r, fÃ¼r die MÃ¤nner. " * 20, "look wrongly decoded"),
        ("The di\x1berence of the e\x1bect is not signi\x1ccant. " * 20, "look wrongly decoded"),
        ("\n".join(f"{n} {n * 7} {n}.5 {n + 1911}" for n in range(40)), "mostly numbers"),
        ("\n".join(["Home", "Our shop", "Contact us", "Opening hours", "Terms of use"] * 20), "mostly short entries"),
        ("the northern market opens at six in the morning and closes at noon and so on and on " * 20, "hardly any sentence ends"),
    ],
)  # fmt: skip
def test_what_looks_damaged_is_named_with_a_remedy(text, warning):
    found = damage(text)
    assert warning in found and ": " in found


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 5,
        STATUTE * 10,
        "Vor- und Nachteile der pre- and post-war Zeit. " * 20,
        "# Prices\n\n" + "\n".join(f"Apple {n} | {n} crowns | by the sack" for n in range(40)),
        "\n".join(f"- Home: town {n}\n- Trade: tailor" for n in range(40)),
        "桥在七点开。他叫林先生。" * 40,
        "पुल सात बजे खुलता है। टिकट 3 रुपये का है। " * 20,
        "Use it.\n\n```\n" + "1 2 3 4 5 6 7 8\n" * 90 + "```\n" + PROSE,
        "Home\nOur shop\n" * 5,
        "",
    ],
)
def test_good_text_of_any_kind_gets_no_warning(text):
    assert damage(text) == ""


def test_the_warning_is_in_the_ledger(tmp_path):
    (tmp_path / "a.txt").write_text(PROSE * 5)
    (tmp_path / "b.txt").write_text("\n".join(["Home", "Our shop", "Contact us"] * 40))
    _, ledger = read_documents([tmp_path])
    assert [(one.outcome, bool(one.warning)) for one in ledger] == [("read", False), ("read", True)]
    assert ledger[1].as_dict()["warning"].startswith("mostly short entries")
