"""Document and token offsets -> passages: cut at headings, paragraphs, list items and rows, then sentences.

Everything is cut in characters and counted in tokens. A token belongs where its first visible
character stands: one that holds a full stop and the line break after it (Qwen has such) stays with
the sentence that the stop ends. So with the places of all tokens in order, the tokens before a cut
are found by bisection.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, chain, pairwise, takewhile
from typing import NamedTuple

from disc_lite.documents.grouping import Mark, group_ends, mark_of
from disc_lite.documents.openings import RULE_BELOW, Openings
from disc_lite.documents.records import Document, Passage, Section
from disc_lite.documents.sentences import sentences_in_lines
from disc_lite.documents.tokens import Offsets

_Offsets = Offsets | Sequence[tuple[int, int]]


class _Sentence(NamedTuple):  # a line of 50 MB has a million of them
    """A run of tokens, with the characters that it covers."""

    start: int
    end: int
    char_start: int
    char_end: int
    is_heading: bool
    opens_paragraph: bool
    opens_unit: bool  # a list item, the row of a table, a block of code, or what is behind one
    header: str  # of the table that it is a row of; empty for the first row, and where the table has none
    names_columns: bool  # the header of a table, above a rule: no statement


@dataclass(frozen=True)
class _Block:
    """Sections taken together: their sentences, and what their heading paths share."""

    sentences: tuple[_Sentence, ...]
    heading_path: tuple[str, ...]
    alone: bool  # never joined with another


def cut_passages(document: Document, offsets: _Offsets, passage_tokens: int) -> tuple[Passage, ...]:
    """Passages of at most `passage_tokens` tokens that tile the tokens of a document.

    Small neighbouring sections are merged where they fit together. A section that does not fit
    is cut between paragraphs, a paragraph between list items, rows and blocks of code, these
    between sentences, a sentence between tokens; a heading stays with the text below it where
    that is possible. Which of the places that would do is taken is said by the text around them
    (see `grouping`). A passage that begins in the midst of a table has the table's header at
    the end of its heading path.

    Args:
        document: As `read_documents` gives it.
        offsets: Character range of each token of `document.text`, no special tokens. Ranges
            may overlap or be empty, as those of byte tokens are.
        passage_tokens: The limit, at least 1.

    Raises:
        ValueError: The limit is below 1.
    """
    if passage_tokens < 1:
        raise ValueError(f"passage_tokens must be at least 1, not {passage_tokens}")
    # Byte tokens may report a place before that of their predecessor; bisection needs order.
    # As an array: a line of 50 MB has ten million tokens.
    token_places = array("i", accumulate(_places(document.text, offsets), max))
    blocks = _sections_with_text(document, token_places)
    runs = [
        (run, block.heading_path)
        for block in _merged(blocks, document.text, passage_tokens)
        for run in _packed(block.sentences, document.text, offsets, passage_tokens)
    ]
    # A sentence without tokens leaves no passage behind, but its characters go to the next.
    char_cuts = [0, *(run[-1].char_end for run, _ in runs[:-1]), len(document.text)]
    return tuple(
        Passage(
            document=document.name,
            index=index,
            start=run[0].start,
            end=run[-1].end,
            char_start=char_cuts[index],
            char_end=char_cuts[index + 1],
            heading_path=(*path, *filter(None, [run[0].header])),
            sentences=tuple((sentence.start, sentence.end) for sentence in run),
            headings=frozenset(sentence.start for sentence in run if sentence.is_heading or sentence.names_columns),
        )
        for index, (run, path) in enumerate(runs)
    )


def _sections_with_text(document: Document, token_places: Sequence[int]) -> list[_Block]:
    blocks: list[_Block] = []
    bare: list[_Sentence] = []
    for section in document.sections:
        sentences = list(_sentences(document, section, token_places))
        bare += sentences
        # A heading right above another heading has no text: it is joined with the next section.
        if not all(sentence.is_heading for sentence in sentences):
            blocks.append(_Block(tuple(bare), section.heading_path, section.alone))
            bare = []
    if bare:
        blocks.append(_Block(tuple(bare), document.sections[-1].heading_path, alone=False))
    return blocks


def _sentences(document: Document, section: Section, token_places: Sequence[int]) -> Iterator[_Sentence]:
    text = document.text
    openings = Openings(text)
    for char_start, char_end, line in sentences_in_lines(text, section.start, section.end, document.markup):
        start = bisect_left(token_places, char_start) if char_start else 0
        is_last = char_end == len(text)
        end = len(token_places) if is_last else bisect_left(token_places, char_end)
        kind = line.kind if line else ""
        opens_paragraph, opens_unit, header = openings.read(char_start, line) if line else (False, False, "")
        if start < end:
            names = kind == "row" and not header and RULE_BELOW.match(text, char_end) is not None
            is_heading = kind == "heading"
            yield _Sentence(
                start, end, char_start, char_end, is_heading, opens_paragraph, opens_unit, header, names
            )  # fmt: skip


def _places(text: str, offsets: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The offset of each token's first visible character; of white space, its last character."""
    for start, end in offsets:
        while start < end - 1 and text[start].isspace():
            start += 1
        yield start if start < end else end - 1


def _merged(blocks: Sequence[_Block], text: str, limit: int) -> Iterator[_Block]:
    """Blocks that fit together as one, cut before the highest headings."""
    sizes = [limit if block.alone else _tokens(block.sentences) for block in blocks]
    marks = [_mark(len(block.heading_path), block.sentences, text) for block in blocks]
    for start, end in pairwise([0, *group_ends(sizes, marks, limit)]):
        group = blocks[start:end]
        path = reduce(_common_prefix, (block.heading_path for block in group))
        yield _Block(tuple(chain.from_iterable(block.sentences for block in group)), path, group[0].alone)


def _packed(sentences: Sequence[_Sentence], text: str, offsets: _Offsets, limit: int) -> Iterator[list[_Sentence]]:
    """Runs of whole paragraphs where they fit, else of whole sentences, else of tokens."""
    if _tokens(sentences) <= limit:
        yield list(sentences)
        return
    pieces = list(_pieces(sentences, offsets, limit))
    befores = [None, *pieces]
    marks = [_mark(_rank(piece, before), piece, text) for before, piece in zip(befores, pieces, strict=False)]
    for start, end in pairwise([0, *group_ends(list(map(_tokens, pieces)), marks, limit)]):
        yield list(chain.from_iterable(pieces[start:end]))


def _rank(piece: Sequence[_Sentence], before: Sequence[_Sentence] | None) -> int:
    """How bad a place the beginning of a piece is for a cut: a heading stays with what follows it."""
    if before and before[-1].is_heading:
        return 3
    return 0 if piece[0].opens_paragraph else 1 if piece[0].opens_unit else 2


def _mark(rank: int, piece: Sequence[_Sentence], text: str) -> Mark:
    return mark_of(rank, text, piece[0].char_start, piece[-1].char_end)


def _pieces(sentences: Sequence[_Sentence], offsets: _Offsets, limit: int) -> Iterator[list[_Sentence]]:
    starts = [i for i, sentence in enumerate(sentences) if sentence.opens_paragraph or i == 0]
    for first, last in pairwise([*starts, len(sentences)]):
        paragraph = list(sentences[first:last])
        if _tokens(paragraph) <= limit:
            yield paragraph
        else:
            yield from _units(paragraph, offsets, limit)


def _units(paragraph: list[_Sentence], offsets: _Offsets, limit: int) -> Iterator[list[_Sentence]]:
    """Whole list items, rows and blocks of code where they fit, else whole sentences, else tokens."""
    starts = [i for i, sentence in enumerate(paragraph) if sentence.opens_unit or i == 0]
    for first, last in pairwise([*starts, len(paragraph)]):
        unit = paragraph[first:last]
        # Above the first unit there may be prose.
        if _tokens(unit) <= limit and unit[0].opens_unit:
            yield unit
        else:
            for sentence in unit:
                yield from ([part] for part in _parts(sentence, offsets, limit))


def _parts(sentence: _Sentence, offsets: _Offsets, limit: int) -> Iterator[_Sentence]:
    char_start = sentence.char_start
    for start in range(sentence.start, sentence.end, limit):
        end = min(start + limit, sentence.end)
        char_end = sentence.char_end if end == sentence.end else max(char_start, offsets[end - 1][1])
        yield sentence._replace(start=start, end=end, char_start=char_start, char_end=char_end)
        char_start = char_end


def _tokens(sentences: Sequence[_Sentence]) -> int:
    return sentences[-1].end - sentences[0].start


def _common_prefix(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    pairs = zip(first, second, strict=False)
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
