"""Pairs of a file find their passages, and their owner is told of those that do not, or not as they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from disc_lite.distillation.examples import tokenise
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair, language_of
from disc_lite.qa.words import read_words
from disc_lite.synthesis.places import Places, placed
from disc_lite.synthesis.terms import terms_of
from tests.counting import calls_in
from tests.made import document_of

TEXT = "# Rules\n\nAda runs the mill. The saw is old. Nobody sweeps the hall. Yes."


def test_pairs_find_their_passage_where_it_was_cut_otherwise(plain: Callable[..., Any]) -> None:
    (text,) = tokenise(
        [document_of("Ada runs the mill here. " * 30 + "The last saw is blue.")], plain("llama").tokens, 60
    )
    assert len(text.passages) > 2
    last, source = text.passages[-1], "The last saw is blue."
    digest = text.passage_sha256(last)
    asked = [
        Pair("guide.md", 0, "Who?", "Ada.", source), Pair("guide.md", 0, "What?", "Ada."),
        Pair("guide.md", 0, "Where?", "Here.", "", digest), Pair("guide.md", 0, "When?", "Now.", source, "other words"),
        Pair("guide.md", 0, "Why?", "So.", "", "other words"), Pair("guide.md", 0, "Whose?", "Ours.", "Not there.", "x"),
    ]  # fmt: skip
    found = placed([text], asked)
    places = {pair.question: pair.passage for pair in found.pairs}
    assert places == {"What?": 0, "Who?": last.index, "Where?": last.index, "When?": last.index}
    assert found.lost == (*asked[4:],)
    assert {pair.passage_sha256 for pair in found.pairs if pair.question != "What?"} == {digest}


def test_pairs_by_hand_find_their_passage_by_their_words(plain: Callable[[str], Any]) -> None:
    """Those without the number of a passage, and those with a number that no passage has."""
    parts = ("mill opens at nine and Ada runs the mill", "bakery opens at six", "boat leaves at noon")
    text = document_of("\n\n".join(f"# The {p.split()[0]}\n\nThe {p}." for p in parts))
    places = Places(tokenise([text], plain("llama").tokens, 40))
    for number in (-1, 99):
        asked = [
            ("When does the bakery open?", "At six."),
            ("Who is at the mill?", "Ada."),
            ("What leaves?", "A boat."),
        ]
        found = [places.find(Pair("guide.md", number, *one)) for one in asked]
        assert [pair.passage for pair in found if pair] == [1, 0, 2]
    assert places.find(Pair("guide.md", 2, "Who?", "Ada.")) == Pair("guide.md", 2, "Who?", "Ada.")
    assert places.find(Pair("guide.md", -1, "Why?", "So.")) is None
    # Articles and prepositions say nothing about a passage.
    assert places.find(Pair("guide.md", -1, "What is the price of a tram?", "At the door.")) is None
    assert places.find(Pair("other.md", 0, "Who?", "Ada.")) is None


def test_their_owner_is_told_of_pairs_that_are_not_where_they_say(plain: Callable[[str], Any]) -> None:
    texts = tokenise(
        [document_of("# The mill\n\nAda runs the mill. The saw is old and red.")], plain("llama").tokens, 99
    )
    right, elsewhere, foreign, lost, whether, of_a_run = (
        Pair("guide.md", 0, "Who runs the mill?", "It is run by Ada."), Pair("guide.md", 7, "Is the saw new?", "It is old."),
        Pair("guide.md", 0, "Which is the capital of France?", "Paris is its capital."),
        Pair("guide.md", -1, "Which is the capital of France?", "Paris."), Pair("guide.md", 0, "Is the saw new?", "No."),
        Pair("guide.md", 0, "Who?", "Otto.", "", texts[0].passage_sha256(texts[0].passages[0])),
    )  # fmt: skip
    found = placed(texts, [right, elsewhere, foreign, lost, whether, of_a_run])
    assert len(found.pairs) == 5
    assert (found.lost, found.moved, found.unstated) == ((lost,), (elsewhere,), (foreign,))


def test_pairs_of_several_runs_find_their_passages_in_files_of_other_names(plain: Callable[[str], Any]) -> None:
    """Two folders have a guide.md each; read together one of them has another name."""
    base = plain("llama")
    mill, boats = (tokenise([document_of(t, "guide.md")], base.tokens, 60)[0] for t in (TEXT, "Two boats lie here."))
    texts = tokenise(
        [document_of(TEXT, "guide.md"), document_of("Two boats lie here.", "wiki/guide.md")], base.tokens, 60
    )
    asked = [
        Pair("guide.md", 0, f"Who, {n}?", "Ada.", "", text.passage_sha256(text.passages[0]))
        for n, text in enumerate((mill, boats))
    ]
    found_at = [(pair.document, pair.question) for pair in placed(texts, asked).pairs]
    assert found_at == [("guide.md", "Who, 0?"), ("wiki/guide.md", "Who, 1?")]


def test_passages_are_read_once_for_all_pairs_of_a_document(
    plain: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """200,000 pairs beside a document of 10,000 passages took hours."""
    (text,) = tokenise(
        [document_of("Ada runs the mill here. " * 30 + "The last saw is blue.")], plain("llama").tokens, 60
    )
    places, read, original = Places([text]), list[int](), Text.passage_text
    monkeypatch.setattr(Text, "passage_text", lambda self, p: (read.append(p.index), original(self, p))[1])
    last, number = text.passages[-1].index, len(text.passages)
    for source in ("The last saw is blue.", ""):
        asked = [Pair("guide.md", -1, f"Which saw is it, {n}?", "The blue one.", source) for n in range(5)]
        assert {pair.passage for each in asked if (pair := places.find(each))} == {last}
        assert len(read) == number
        read.clear()


def test_mixed_pairs_cost_no_more_than_pairs_in_order(plain: Callable[[str], Any]) -> None:
    """There are more documents than the caches of languages and terms hold."""
    said = "The saw is in the hall, and the key of it is with the man who is here. " * 2
    documents = [document_of(f"Mill{n} is run by Ada{n}. {said}", f"{n}.md") for n in range(80)]
    texts = tokenise(documents, plain("llama").tokens, 999)
    in_order = [Pair(f"{n}.md", -1, f"Who runs Mill{n}?", f"Ada{n} {m}.") for n in range(80) for m in range(3)]

    def calls(pairs: list[Pair]) -> int:
        for cached in (language_of, terms_of, read_words):
            cached.cache_clear()
        return calls_in(placed, texts, pairs)

    mixed = [pair for m in range(3) for pair in in_order[m::3]]
    assert calls(mixed) < 1.1 * calls(in_order)
    assert placed(texts, mixed).pairs == tuple(pair for m in range(3) for pair in placed(texts, in_order).pairs[m::3])
