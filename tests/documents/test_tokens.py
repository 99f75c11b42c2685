"""Token offsets without a model: stored compactly, in order, and equal to those of the tokenizer itself."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

import disc_lite
from disc_lite.documents import tokens
from disc_lite.documents.tokens import Offsets, TokenPlaces, estimated_tokens, tokenizer_of

POCKET = Path(disc_lite.__file__).parent / "pocket"
TEXT = "The door opens at nine.\n\nÜber 12 Türen — 開く。 " * 40


def test_offsets_are_a_sequence_of_ranges():
    ranges = [(0, 3), (3, 3), (2, 7)]
    offsets = Offsets(ranges)
    assert (len(offsets), list(offsets)) == (3, ranges)
    assert (offsets[0], offsets[-1]) == (ranges[0], ranges[-1])
    with pytest.raises(IndexError):
        offsets[3]


def test_a_token_stands_where_its_first_visible_character_is():
    text = "One.\n\n  Two 開"
    #            "One", ".\n", " \n" as bytes out of order, white space across the cut, "Two", " ", two bytes, nothing
    offsets = Offsets([(0, 3), (3, 5), (5, 6), (4, 6), (5, 8), (6, 11), (11, 12), (12, 13), (12, 13), (13, 13)])
    places = TokenPlaces(text, offsets)
    assert [places.before(at) for at in (0, 4, 6, 8, 11, 12, 13)] == [0, 2, 4, 5, 6, 7, 10]
    assert [places.before(at, 4, 6) for at in (8, 11)] == [5, 6]


def test_estimated_tokens_tile_the_text():
    offsets = list(estimated_tokens(TEXT))
    assert [TEXT[start:end] for start, end in offsets if start == end] == []
    assert "".join(TEXT[start:end] for start, end in offsets) == TEXT


def test_a_tokenizer_reads_long_texts_in_blocks(monkeypatch):
    expected = Tokenizer.from_file(str(POCKET / "tokenizer.json")).encode(TEXT, add_special_tokens=False).offsets
    assert list(tokenizer_of(POCKET)(TEXT)) == expected
    monkeypatch.setattr(tokens, "_BLOCK_CHARS", 100)
    in_blocks = list(tokenizer_of(POCKET)(TEXT))
    assert in_blocks == expected
    assert [TEXT[start:end] for start, end in tokens.blocks(TEXT)][1].startswith(" ")
    assert [end - start for start, end in tokens.blocks("x" * 450)] == [200, 200, 50]
    assert tokenizer_of(POCKET / "nowhere") is None
