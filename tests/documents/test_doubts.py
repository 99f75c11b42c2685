"""Remarks on odd documents: each has a text that causes it, and good text causes none."""

from pathlib import Path

import pytest

from disc_lite.documents import LedgerEntry, cut_passages, read_documents
from disc_lite.documents.doubts import doubts_about
from disc_lite.documents.tokens import estimated_tokens
from tests.documents.written import document

ROOT = Path(__file__).resolve().parents[2]
GOOD = "The northern market opens at six in the morning. Traders come from all four valleys, and they know each other. "


def doubts(name, text, size=0):
    made = document(name, text)
    passages = cut_passages(made, estimated_tokens(made.text), 64)
    return doubts_about(made, LedgerEntry(name, "read", "", size or len(text), "", len(made.text)), passages)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "Hello there.", "only 12 characters"),
        ("a.txt", "Hello there.\n", "only 13 characters"),  # the count of `disc-lite documents --show`
        ("a.txt", f"{GOOD}\n\nTarn Instruments 2026\n\n" * 9, "the line “The northern market opens at six in the…” occurs 9 times"),
        ("a.txt", "northern market opens at six in the morning " * 60, "passages without the end of a sentence"),
    ],
)  # fmt: skip
def test_each_hint(name, text, words):
    assert words in "; ".join(doubts(name, text))


def test_the_warning_of_the_ledger_comes_first():
    made = document("a.txt", "Hello there.")
    entry = LedgerEntry("a.txt", "read", "", 12, "", 12, warning="its letters are separated")
    assert doubts_about(made, entry, ()) == ("its letters are separated", "only 12 characters")


def test_source_code_is_not_judged_as_prose(tmp_path):
    (tmp_path / "a.py").write_text("".join(f"a_rather_long_name_of_a_value_{n} = {n}\n" for n in range(200)))
    _, (entry,) = read_documents([tmp_path])
    assert entry.warning == ""


def test_pages_of_pictures():
    made = document("a.txt", GOOD)
    entry = LedgerEntry("a.pdf", "read", "", 5_000_000, "", len(made.text))
    doubt = "only 110 characters in 5.0 MB: are its pages pictures? Run OCR over it"
    assert doubts_about(made, entry, ()) == (doubt,)


def test_good_documents_raise_none():
    documents, ledger = read_documents([ROOT / "bench/real/corpus", ROOT / "examples"])
    entries = {entry.name: entry for entry in ledger}
    for one in documents:
        passages = cut_passages(one, estimated_tokens(one.text), 256)
        assert doubts_about(one, entries[one.name], passages) == (), one.name
    assert doubts("a.py", "def f(x):\n    return x[0]\n" * 40) == ()
