"""Sentences and passages: both tile the text that they cut, for any text and any tokens."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.documents import Document, cut_passages, read_documents, sentence_spans
from disc_lite.documents.headings import cut_sections, find_headings, title_of
from disc_lite.documents.openings import RULE_BELOW
from tests.counting import calls_in

PIECES = st.sampled_from(
    ["# Head", "## Sub", "Title\n=====", "A", "b", "Dr. ", "e.g. ", ". ", "! ", "?\" ", "…", "\n",
     "\n\n", "\n \n", " ", "\u2003", "- ", "1. ", "| a | b |", "---", "你好。", "3.14", "🙂", "word "]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text, 0, len(text))]


def document_of(text, markup="markdown"):
    headings = find_headings(text, markup)
    title = title_of(headings, "T")
    return Document("a.md", title, text, cut_sections(text, headings, title), "")


def words(text):
    """Token offsets of a tokeniser that joins a space to the word after it."""
    ends = [i for i in range(1, len(text)) if text[i].isspace() and not text[i - 1].isspace()]
    return list(zip([0, *ends], [*ends, len(text)], strict=True))


# --- sentences ------------------------------------------------------------------------------------


def test_a_stop_before_a_line_break_is_one_cut():
    text = "你好。\n# Head\n\nOne."
    assert [text[a:b] for a, b in sentence_spans(text, 0, len(text))] == ["你好。", "\n# Head", "\n\nOne."]


@given(TEXTS, st.data())
def test_spans_tile_the_range_and_each_shows_something(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spans = sentence_spans(text, start, end)
    assert [span[0] for span in spans] == ([start, *(b for _, b in spans[:-1])] if spans else [])
    assert (spans[-1][1] == end) if start < end else spans == []
    if text[start:end].strip():
        assert all(text[a:b].strip() for a, b in spans)
        assert not any(text[a - 1].isspace() for a, _ in spans[1:])


@pytest.mark.parametrize(
    "expected",
    [
        ["One.", " Two!", ' "Three?"', " (Four.)", " 5 is next…", " “Six.”", " Done\n"],
        ["He met Dr. Smith, Mrs. Jones vs. Mr. Wu, e.g. J. R. Tolkien, etc.", " Then he left."],
        ["See Fig. A, No. 5 and approx. 3.14 of the U.S. Army."],
        ["Did he?", " No.", " He did so in 2019.", " All saw it."],
        ['"Stop!" he said.', " Phones rang. mobile ones."],
        ["# A title. With a stop", "\n\nText runs\nover lines.", "\nNext"],
        ["Title. One\n=====", "\nText", "\n\nSub\n---", "\nMore"],
        [
            "Intro:",
            "\n- one\n  goes on",
            "\n- two.",
            " Two b",
            "\n1. First",
            "\n2. Second",
            "\n\nEnd",
        ],
        ["| a. B | c |", "\n|---|---|", "\n| d | e |", "\nAfter"],
        ["no stop", "\n \nblank line"],
        ["你好。", "我是。", "「他！」", "她"],
        [" \n lead.", " Tail \n "],
        [" \n "],
    ],
)
def test_sentences(expected):
    assert sentences("".join(expected)) == expected


# --- passages -------------------------------------------------------------------------------------


@st.composite
def offsets(draw, text):
    """Token ranges in order of their ends: overlapping, empty, and astride every boundary."""
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=60)))
    ends = [*ends, len(text)]
    return [(max(0, end - draw(st.integers(0, 3))), end) for end in ends]


@given(TEXTS, st.integers(1, 20), st.data())
def test_passages_tile_the_tokens_and_sentences_tile_the_passages(text, limit, data):
    document = document_of(text)
    tokens = data.draw(offsets(text))
    passages = cut_passages(document, tokens, limit)
    place = 0
    for index, passage in enumerate(passages):
        assert (passage.index, passage.start) == (index, place)
        assert 0 < passage.end - passage.start <= limit
        for start, end in passage.sentences:
            assert start == place < end
            place = end
        assert place == passage.end
        assert passage.heading_path[0] == document.title
    assert place == (len(tokens) if text else 0)
    chars = [0, *(passage.char_end for passage in passages)]
    assert [passage.char_start for passage in passages] == chars[:-1]
    assert chars[-1] == (len(text) if passages else 0)


@given(TEXTS)
def test_the_sections_of_a_document_tile_its_text(text):
    sections = document_of(text).sections
    assert [section.start for section in sections] == [0, *(one.end for one in sections[:-1])]
    assert sections[-1].end == len(text)


GUIDE = """# Guide

## Markets

One two three. Four five six.

Seven eight nine.

## Prices

### Grain

Ten eleven.

### Wool

Twelve.

## Roads

A b c d e f g h i j k l.
"""


def cut(limit):
    found = cut_passages(document_of(GUIDE), words(GUIDE), limit)
    return [(" ".join(GUIDE[one.char_start : one.char_end].split()), one.heading_path[1:]) for one in found]


def test_passages_are_cut_at_headings_then_paragraphs_then_sentences_then_tokens():
    assert [path for _, path in cut(100)] == [()]
    assert cut(16) == [
        ("# Guide ## Markets One two three. Four five six. Seven eight nine.", ("Markets",)),
        ("## Prices ### Grain Ten eleven. ### Wool Twelve.", ("Prices",)),
        ("## Roads A b c d e f g h i j k l.", ("Roads",)),
    ]
    assert cut(10)[:3] == [
        ("# Guide ## Markets One two three. Four five six.", ("Markets",)),
        ("Seven eight nine.", ("Markets",)),
        ("## Prices ### Grain Ten eleven. ### Wool Twelve.", ("Prices",)),
    ]
    assert cut(8)[:2] == [
        ("# Guide ## Markets One two three.", ("Markets",)),
        ("Four five six. Seven eight nine.", ("Markets",)),
    ]
    assert [text for text, _ in cut(8)][-2:] == ["A b c d e f g h", "i j k l."]


def test_no_passage_ends_with_a_heading_that_could_stay_with_its_text():
    for first in "One Two Three Four Five Six".split():  # whatever the checksums are
        text = f"# A heading of five words\n\n{first} of the boats. Every gate. Good halls. It is.\n"
        assert "boats." in pieces(text, 12)[0][0]


def test_a_heading_is_a_sentence_of_its_own():
    first = cut_passages(document_of(GUIDE), words(GUIDE), 100)[0]
    assert first.sentences[:3] == ((0, 2), (2, 4), (4, 7))
    (none,) = cut_passages(document_of(text := "He left. ## A name.\n"), words(text), 100)
    assert none.headings == frozenset()  # in the middle of a line it is text


def test_a_token_belongs_where_it_is_first_seen_and_bytes_of_one_character_stay_in_order():
    text = "One.\n\n🙂 two."
    tokens = [(0, 4), (3, 7), (6, 6), (6, 7), (7, 11)]
    (passage,) = cut_passages(document_of(text), tokens, 9)
    assert passage.sentences == ((0, 2), (2, 5))
    with pytest.raises(ValueError, match="at least 1"):
        cut_passages(document_of(text), tokens, 0)


def test_the_fixture_is_what_reading_gives(tmp_path):
    (tmp_path / "a.md").write_text(GUIDE)
    (document,), _ = read_documents([Path(tmp_path)])
    assert document.sections == document_of(GUIDE).sections


def test_a_stop_and_a_line_break_in_one_token_end_the_sentence_before():
    """Qwen's tokenizer has `.\\n\\n` as one token; a token `\\n\\n#` belongs to its heading."""
    text = "It is old.\n\nAsk Ada.\n\n# Rules\n\nNo saw."
    cuts = [0, 2, 5, 9, 12, 15, 19, 20, 23, 29, 31, 33, 37, 38]
    tokens = list(pairwise(cuts))
    assert [text[a:b] for a, b in tokens][3] == ".\n\n"
    (passage,) = cut_passages(document_of(text), tokens, 100)
    found = [text[tokens[a][0] : tokens[b - 1][1]] for a, b in passage.sentences]
    assert found == ["It is old.\n\n", "Ask Ada.", "\n\n# Rules", "\n\nNo saw."]


ITEMS = "# Rules\n\n- Open the gate. Then wave the boat in.\n- Close it. Lock it. Go home.\n- Rest.\n"
ROWS = "# Prices\n\nGoods | Small | Large\nFine apples | 4 | 8\nOld pears | 3 |\nRed plums | 2 | 5\n\nAll in crowns.\n"
PIPES = "# Prices\n\n| Goods | Price |\n|---|---|\n| Fine apples | 4 |\n| Old pears | 3 |\n| Red plums | 2 |\n"
CODE = "# Use\n\nRun this now, please do:\n```\nopen --door\n\nring --bell\n```\nThen go. Then rest.\n"


def pieces(text, limit):
    document = document_of(text)
    return [
        (text[one.char_start : one.char_end].strip(), one.heading_path[1:])
        for one in cut_passages(document, words(text), limit)
    ]


def test_list_items_and_blocks_of_code_are_not_cut_where_they_fit():
    assert [text for text, _ in pieces(ITEMS, 11)] == [
        "# Rules\n\n- Open the gate. Then wave the boat in.", "- Close it. Lock it. Go home.\n- Rest.",
    ]  # fmt: skip
    assert [text for text, _ in pieces(CODE, 9)] == [
        "# Use\n\nRun this now, please do:", "```\nopen --door\n\nring --bell\n```", "Then go. Then rest.",
    ]  # fmt: skip
    assert [text for text, _ in pieces(ITEMS, 6)][:2] == ["# Rules\n\n- Open the gate.", "Then wave the boat in."]


def test_the_header_of_a_table_goes_with_every_piece_of_it():
    assert pieces(ROWS, 12) == [
        ("# Prices\n\nGoods | Small | Large", ()),
        ("Fine apples | 4 | 8\nOld pears | 3 |", ("Goods | Small | Large",)),
        ("Red plums | 2 | 5\n\nAll in crowns.", ("Goods | Small | Large",)),
    ]
    assert pieces(PIPES, 12)[1:] == [
        ("| Fine apples | 4 |", ("Goods | Price",)), ("| Old pears | 3 |", ("Goods | Price",)),
        ("| Red plums | 2 |", ("Goods | Price",)),
    ]  # fmt: skip
    assert pieces(ROWS, 100) == [(ROWS.strip(), ())]
    two = "Goods | Small\nPears | 3\n\nTown | Road\nHill | Low road\nDale | High road\n"
    assert pieces(two, 8)[-1][1] == ("Town | Road",)


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ("Year | 2019 | 2020\nVisitors | 300 | 410\nDays | 90 | 95", "Year | 2019 | 2020"),
        ("Room | 1st floor\nAda | 7\nBen | 9", "Room | 1st floor"),
        ("Road | 5km | 9km\nHigh | 3km | 6km\nLow | 4km | 7km", "Road | 5km | 9km"),
        ("Load | 5 kN\nSize | 10 mm\nPrice | 30 euros", "Load | 5 kN"),
        ("Country | 2023\nOslo | 12\nRome | 13", "Country | 2023"),
        ("Key | 7.\n--- | ---\nBell | 9.\nLamp | 3.", "Key | 7."),
        ("Manager: | Ada Berg\nKeeper: | Ben Rau\nClerk: | Cy Orr", ""),
        ("Latin | U+0020..U+007E\nGreek | U+0370..U+03FF\nThai | U+0E00..U+0E7F", ""),
        ("Ada | 1,300 crowns\nBen | 84 crowns\nCy | 9 crowns", ""),
        ("Base | It holds what each of the others needs.\nStats | It counts what each of them draws.\nGrid | It draws.", ""),
    ],
)  # fmt: skip
def test_a_first_row_of_values_is_no_header(rows, header):
    assert {path for _, path in pieces(rows, 5)[1:]} == {(header,) if header else ()}


def test_white_space_below_a_line_is_not_tried_as_the_rule_of_a_table() -> None:
    padded = [" " * 20_000, "\n" + " " * 20_000, "\n|" + " " * 20_000, "\n|---|" + " " * 20_000]
    assert not any(RULE_BELOW.match(text + "x") for text in padded)  # took years once, and now takes seconds
    rows = ("\n|---|---|\n", "\n---|---\n", "\n| :-- | --: |\n", " \n  |---|  \nx", "\n|--|--")
    assert all(RULE_BELOW.match(text) for text in rows)


@pytest.mark.parametrize("part", ["# Head\n\n", "{}) It "], ids=["headings without text", "items of one line"])
def test_no_text_takes_quadratic_time(part):
    def cut(number):
        text = "".join(part.format(n) for n in range(1, number))
        cut_passages(document_of(text), words(text), 64)

    cut(1200)  # compiles the patterns
    assert calls_in(cut, 1200) < 6 * calls_in(cut, 300)
